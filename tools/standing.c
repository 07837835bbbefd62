/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/standing.h"

#include <string.h>

void bfs_standing_done(struct bfs_standing *standing)
{
    free(standing->aliases);
    *standing = (struct bfs_standing){0};
}

static int find_aliases(const struct bfs_opened *opened, const struct bfs_catalog_entry *entry,
                        struct bfs_buffer *ret, struct bfs_error *error)
{
    bfs_autoaliases struct bfs_aliases aliases = {0};
    int r = bfs_aliases_load(opened->store, opened->catalog, entry->reference.name, NULL, NULL,
                             &aliases, error);
    for (size_t i = 0; r == 0 && i < aliases.n; i++)
        if (aliases.items[i].target == entry)
            bfs_buffer_printf(ret, "%s%s", ret->size ? "," : "", aliases.items[i].name);
    return r;
}

int bfs_standing_find(const struct bfs_opened *opened, const struct bfs_catalog_entry *entry,
                      struct bfs_standing *ret, struct bfs_error *error)
{
    bfs_autostatements struct bfs_statements about = {0};
    bfs_autobuffer struct bfs_buffer names = BFS_BUFFER_INIT;
    int r;
    if ((r = bfs_statements_of_bundle(opened->store, opened->catalog, &entry->manifest, &about,
                                      error)) ||
        (r = find_aliases(opened, entry, &names, error)))
        return r;
    bfs_buffer_put_u8(&names, 0);
    if (bfs_buffer_status(&names))
        return bfs_fail(error, -ENOMEM, "out of memory");
    *ret = (struct bfs_standing){
        .aliases = (char *)bfs_buffer_steal(&names),
        .is_deprecated = bfs_statements_deprecation(&about) != NULL,
        .is_revoked = bfs_statements_newest(&about, BFS_STATEMENT_REVOCATION) != NULL,
        .is_hidden = entry->is_hidden};
    return 0;
}

char *bfs_standing_text(const struct bfs_standing *standing)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_buffer_put_text(&text, standing->aliases);
    if (standing->is_deprecated)
        bfs_buffer_printf(&text, "%sdeprecated", text.size ? "," : "");
    if (standing->is_revoked)
        bfs_buffer_printf(&text, "%srevoked", text.size ? "," : "");
    if (standing->is_hidden)
        bfs_buffer_printf(&text, "%shidden", text.size ? "," : "");
    if (text.size == 0)
        bfs_buffer_put_u8(&text, '-');
    bfs_buffer_put_u8(&text, 0);
    return bfs_buffer_status(&text) ? NULL : (char *)bfs_buffer_steal(&text);
}

void bfs_standing_json(const struct bfs_standing *standing, struct json_object *object, int *status)
{
    struct json_object *array = bfs_json_new_array(status);
    bfs_autofree char *copy = strdup(standing->aliases);
    char *rest = copy && *copy ? copy : NULL;
    if (!copy)
        *status = -ENOMEM;
    for (const char *name; (name = strsep(&rest, ","));)
        bfs_json_append(array, bfs_json_new_string(name, status), status);
    bfs_json_add(object, "aliases", array, status);
    bfs_json_add_boolean(object, "deprecated", standing->is_deprecated, status);
    bfs_json_add_boolean(object, "revoked", standing->is_revoked, status);
    bfs_json_add_boolean(object, "hidden", standing->is_hidden, status);
}
