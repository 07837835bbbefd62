/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/layout_json.h"

#include "accel/view/json_text.h"
#include "verify/array.h"
#include "verify/json.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

int bfs_layout_list_add(struct bfs_layout_list *list, const struct bfs_layout_entry *entry)
{
    int r = bfs_array_grow(&list->entries, list->n_entries, sizeof(*list->entries));
    if (r == 0)
        list->entries[list->n_entries++] = *entry;
    return r;
}

void bfs_layout_list_done(struct bfs_layout_list *list)
{
    free(list->entries);
    *list = (struct bfs_layout_list){0};
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

int bfs_layout_list_check(const struct bfs_layout_list *list, const char *what,
                          struct bfs_error *error)
{
    bfs_autofree const char **names = calloc(list->n_entries + 1, sizeof(*names));
    if (!names)
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < list->n_entries; i++) {
        const struct bfs_layout_entry *entry = &list->entries[i];
        names[i] = entry->name;
        if (entry->offset + entry->size > BFS_JSON_INTEGER_MAX)
            return bfs_fail(error, -E2BIG, "%s: tensor \"%.200s\": the file would be too large",
                            what, entry->name);
    }
    qsort(names, list->n_entries, sizeof(*names), by_text);
    for (size_t i = 1; i < list->n_entries; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return bfs_fail(error, -EINVAL, "%s: tensor \"%.200s\" is in two files", what,
                            names[i]);
    return 0;
}

static void write_entry(const struct bfs_layout_entry *entry, struct bfs_buffer *ret)
{
    bfs_buffer_put_text(ret, "    {\"name\":");
    bfs_json_text_put(ret, entry->name);
    bfs_buffer_printf(ret, ",\"dtype\":\"%s\",\"layout\":\"%s\",\"shape\":", entry->dtype,
                      entry->layout);
    bfs_json_text_put_shape(ret, entry->shape, entry->n_dims);
    bfs_buffer_put_text(ret, ",\"padded_shape\":");
    bfs_json_text_put_shape(ret, entry->padded, entry->n_padded);
    bfs_buffer_printf(ret, ",\"offset\":%" PRIu64 ",\"size\":%" PRIu64, entry->offset, entry->size);
    if (entry->scales_size)
        bfs_buffer_printf(ret, ",\"scales_offset\":%" PRIu64 ",\"scales_size\":%" PRIu64,
                          entry->scales_offset, entry->scales_size);
    bfs_buffer_put_text(ret, "}");
}

void bfs_layout_list_write(const struct bfs_layout_list *list, const struct bfs_profile *profile,
                           const char *data, uint64_t size, struct bfs_buffer *ret)
{
    bfs_buffer_printf(ret,
                      "{\n  \"schema_version\": \"1.0\",\n  \"layout_id\": \"%s\",\n"
                      "  \"layout_version\": %" PRIu32 ",\n  \"data\": \"%s\",\n"
                      "  \"size\": %" PRIu64 ",\n  \"alignment\": %" PRIu32 ",\n  \"tensors\": [",
                      profile->key.layout_id, profile->key.layout_version, data, size,
                      profile->alignment);
    for (size_t i = 0; i < list->n_entries; i++) {
        bfs_buffer_put_text(ret, i ? ",\n" : "\n");
        write_entry(&list->entries[i], ret);
    }
    bfs_buffer_put_text(ret, list->n_entries ? "\n  ]\n}\n" : "]\n}\n");
}
