/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/views_read.h"

#include "verify/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    LIST_SIZE_MAX = 1 << 20,
    KEY_SIZE_MAX = 64 << 10, /* a key with every word at its longest has 3 KiB */
};

int bfs_view_ids_add(struct bfs_view_ids *ids, const char *id, const char *what,
                     struct bfs_error *error)
{
    const struct bfs_profile *profile = bfs_profile_find(id);
    if (!profile)
        return bfs_fail(error, -EINVAL,
                        "%s%sthere is no profile \"%.100s\"; \"bundlefs views\" lists them",
                        what ? what : "", what ? ": " : "", id);
    for (size_t i = 0; i < ids->n; i++)
        if (ids->profiles[i] == profile)
            return 0;
    if (ids->n == BFS_VIEWS_MAX)
        return bfs_fail(error, -E2BIG, "more than %d views in one bundle", BFS_VIEWS_MAX);
    ids->profiles[ids->n++] = profile;
    return 0;
}

static int by_id(const void *left, const void *right)
{
    const struct bfs_profile *a = *(const struct bfs_profile *const *)left;
    const struct bfs_profile *b = *(const struct bfs_profile *const *)right;
    return strcmp(a->id, b->id);
}

void bfs_view_ids_sort(struct bfs_view_ids *ids)
{
    qsort(ids->profiles, ids->n, sizeof(ids->profiles[0]), by_id);
}

int bfs_view_ids_parse(const void *text, size_t size, struct bfs_view_ids *ids,
                       struct bfs_error *error)
{
    static const struct bfs_json_field fields[] = {
        {"schema_version", BFS_JSON_STRING, true},
        {"views", BFS_JSON_ARRAY, true},
        {NULL, 0, false},
    };
    static const char what[] = "bundle.json";
    bfs_autojson struct json_object *root = NULL;
    struct bfs_view_ids listed = {.n = 0}, all = *ids;
    int r;
    if ((r = bfs_json_parse(text, size, what, &root, error)) ||
        (r = bfs_json_check(root, fields, false, what, error)))
        return r;
    const char *version = bfs_json_string(root, "schema_version");
    if (strcmp(version, "1.0") != 0) {
        (void)bfs_fail(error, -EPROTONOSUPPORT, "%s: unknown schema_version", what);
        bfs_fail_values(error, "1.0", version);
        return -EPROTONOSUPPORT;
    }
    struct json_object *views = bfs_json_member(root, "views");
    for (size_t i = 0; i < json_object_array_length(views); i++) {
        struct json_object *value = json_object_array_get_idx(views, i);
        if (!json_object_is_type(value, json_type_string))
            return bfs_fail(error, -EBADMSG, "%s: \"views\" holds what is no id", what);
        const char *id = json_object_get_string(value);
        size_t before = listed.n;
        if ((r = bfs_view_ids_add(&listed, id, what, error)))
            return r;
        if (listed.n == before)
            return bfs_fail(error, -EBADMSG, "%s: \"%s\" stands twice", what, id);
        if ((r = bfs_view_ids_add(&all, id, what, error)))
            return r;
    }
    *ids = all;
    return 0;
}

/* A plan without a profile is enough for reading. */
static int read_text(const struct bfs_view_directory *directory, const char *path, uint64_t limit,
                     uint8_t **ret, size_t *ret_size, struct bfs_error *error)
{
    const struct bfs_view_plan plan = {.directory = directory};
    return bfs_view_plan_read(&plan, path, limit, ret, ret_size, error);
}

int bfs_view_read_list(const struct bfs_view_directory *directory, struct bfs_view_ids *ids,
                       struct bfs_error *error)
{
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    int r = read_text(directory, "bundle.json", LIST_SIZE_MAX, &text, &size, error);
    if (r == -ENOENT)
        return 0;
    return r ? r : bfs_view_ids_parse(text, size, ids, error);
}

int bfs_view_read_opaque(const struct bfs_view_directory *directory, const char *id,
                         struct bfs_view_config *ret, struct bfs_error *error)
{
    char path[BFS_VIEW_ID_MAX + sizeof("views//view.json")];
    bfs_autojson struct json_object *root = NULL;
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    struct bfs_view_config view = {.is_opaque = true};
    (void)snprintf(path, sizeof(path), "views/%s/view.json", id);
    int r = read_text(directory, path, KEY_SIZE_MAX, &text, &size, error);
    if (r == -ENOENT)
        return bfs_fail(error, -EINVAL, "%s: is missing", path);
    if (r || (r = bfs_json_parse(text, size, path, &root, error)) ||
        (r = bfs_hardware_key_read(root, path, &view.key, error)))
        return r;
    (void)snprintf(view.id, sizeof(view.id), "%s", id);
    (void)snprintf(view.container, sizeof(view.container), "opaque");
    *ret = view;
    return 0;
}
