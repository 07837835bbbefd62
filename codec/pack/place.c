/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/place.h"

#include "codec/store/aliases.h"
#include "codec/store/files.h"

#include <string.h>

/* Both are real paths. */
static bool is_inside(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (strcmp(folder, "/") == 0)
        return true;
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Packing a store into itself would never end well. */
static int check_apart(const char *store_path, const char *directory, struct bfs_error *error)
{
    bfs_autofree char *real = realpath(directory, NULL);
    if (!real)
        return bfs_fail(error, -errno, "%s: %s", directory, strerror(errno));
    if (is_inside(store_path, real) || is_inside(real, store_path))
        return bfs_fail(error, -EINVAL, "%s: the directory and the store must lie apart",
                        directory);
    return 0;
}

int bfs_place_check(const struct bfs_store *store, const struct bfs_catalog *catalog,
                    const struct bfs_reference *reference, const char *directory,
                    struct bfs_error *error)
{
    int r = check_apart(bfs_store_path(store), directory, error);
    if (r || bfs_catalog_find(catalog, reference))
        return r;
    if ((r = bfs_catalog_check_new(catalog, reference, NULL, error)) ||
        (r = bfs_aliases_check_new(store, catalog, reference, error)))
        return r;
    return 0;
}

int bfs_place_check_path(const char *store_path, const struct bfs_reference *reference,
                         const char *directory, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_store_cleanup) struct bfs_store *store = NULL;
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    const struct bfs_catalog empty = {0};
    int r = bfs_store_open(store_path, &store, NULL);
    if (r == -ENOMEM)
        return bfs_fail(error, r, "out of memory");
    if (r == 0) {
        r = bfs_catalog_load(store, &catalog, error);
        return r ? r : bfs_place_check(store, catalog, reference, directory, error);
    }
    /* bfs_store_create() says whether a store can be made here. */
    bfs_autofree char *path = bfs_resolve_new(store_path);
    if (!path)
        return bfs_fail(error, -errno, "%s: cannot make the store: %s", store_path,
                        strerror(errno));
    r = check_apart(path, directory, error);
    return r ? r : bfs_catalog_check_new(&empty, reference, NULL, error);
}
