/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/opened.h"

#include "tools/message.h"
#include "tools/verb.h"

#include <string.h>

int bfs_parse_reference(const char *verb, const char *text, struct bfs_reference *ret)
{
    struct bfs_error error = {0};
    if (bfs_reference_parse(text, ret, &error) == 0)
        return BFS_EXIT_OK;
    return bfs_message_usage(verb, "%s", error.what);
}

int bfs_opened_store(const char *path, struct bfs_opened *ret)
{
    struct bfs_error error = {0};
    if (bfs_store_open(path, &ret->store, &error) ||
        bfs_catalog_load(ret->store, &ret->catalog, &error))
        return bfs_message_error(&error);
    return BFS_EXIT_OK;
}

int bfs_opened_entry(const char *verb, const char *path, const char *reference,
                     struct bfs_opened *ret)
{
    struct bfs_reference parsed;
    int status = bfs_parse_any_reference(verb, reference, &parsed);
    if (status == BFS_EXIT_OK)
        status = bfs_opened_store(path, ret);
    return status ? status : bfs_opened_find(verb, reference, ret, &ret->entry);
}

int bfs_opened_open(const struct bfs_opened *opened, const struct bfs_catalog_entry *entry,
                    struct bfs_bundle **ret, struct bfs_error *error)
{
    char name[BFS_REFERENCE_MAX + 1];
    int r = bfs_bundle_open(opened->store, &entry->manifest, entry->manifest_size, ret, error);
    return r ? bfs_fail_context(error, r, "%s", bfs_reference_text(&entry->reference, name)) : 0;
}

int bfs_opened_bundle(const char *verb, const char *path, const char *reference,
                      struct bfs_opened *ret)
{
    struct bfs_error error = {0};
    int status = bfs_opened_entry(verb, path, reference, ret);
    if (status == BFS_EXIT_OK && bfs_opened_open(ret, ret->entry, &ret->bundle, &error))
        status = bfs_message_error(&error);
    return status;
}

void bfs_opened_done(struct bfs_opened *opened)
{
    (void)bfs_bundle_unref(opened->bundle);
    (void)bfs_policy_unref(opened->policy);
    (void)bfs_catalog_free(opened->catalog);
    (void)bfs_store_free(opened->store);
    memset(opened, 0, sizeof(*opened));
}
