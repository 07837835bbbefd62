/* SPDX-License-Identifier: Apache-2.0
 * What is only known when a scan is complete. */
#include "codec/pack/scan.h"

#include "codec/store/view_config.h"
#include "verify/name.h"

#include <string.h>

bool bfs_scan_find(const struct bfs_scan *scan, const char *path, uint32_t *ret)
{
    for (uint32_t i = 0; i < scan->n_entries; i++) {
        if (strcmp(scan->entries[i].path, path) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

const struct bfs_tensor_map *bfs_scan_map(const struct bfs_scan *scan,
                                          const struct bfs_tensor_map *maps, uint32_t number)
{
    const struct bfs_scan_entry *entry = &scan->entries[number];
    if (entry->source == BFS_ENTRY_SAME)
        number = entry->same_as;
    entry = &scan->entries[number];
    return entry->source == BFS_ENTRY_MADE ? &entry->made->map : &maps[number];
}

static int by_directory(const void *a, const void *b)
{
    const struct bfs_scan_entry *left = *(const struct bfs_scan_entry *const *)a;
    const struct bfs_scan_entry *right = *(const struct bfs_scan_entry *const *)b;
    if (left->parent != right->parent)
        return left->parent < right->parent ? -1 : 1;
    return strcmp(left->name, right->name);
}

/* `sorted` begins with entry 0, which has the smallest name of its own directory: "". */
static int check_unique(const struct bfs_scan *scan, struct bfs_scan_entry **sorted,
                        struct bfs_error *error)
{
    for (uint32_t i = 0; i < scan->n_entries; i++)
        sorted[i] = &scan->entries[i];
    qsort(sorted, scan->n_entries, sizeof(struct bfs_scan_entry *), by_directory);
    for (uint32_t i = 1; i < scan->n_entries; i++)
        if (by_directory(&sorted[i - 1], &sorted[i]) == 0)
            return bfs_fail(error, -EEXIST, "%.400s: the packed directory has this name already",
                            sorted[i]->path);
    return 0;
}

/* Numbers the views, which `sorted` has in the order of their ids. */
static int number_views(struct bfs_scan *scan, struct bfs_scan_entry **sorted,
                        struct bfs_error *error)
{
    uint32_t views;
    scan->n_sections = 1;
    if (!bfs_scan_find(scan, "views", &views))
        return 0;
    for (uint32_t i = 0; i < scan->n_entries; i++) {
        struct bfs_scan_entry *entry = sorted[i];
        if (entry->parent != views)
            continue;
        if (!S_ISDIR(entry->mode) || !bfs_view_id_is_valid(entry->name))
            return bfs_fail(error, -EINVAL, "%.400s: is no view", entry->path);
        if (scan->n_sections > BFS_VIEWS_MAX)
            return bfs_fail(error, -E2BIG, "more than %d views", BFS_VIEWS_MAX);
        entry->section = scan->n_sections++;
    }
    return 0;
}

/* A view must be usable alone, so what it links to lies in it. */
static int check_link(const struct bfs_scan *scan, const struct bfs_scan_entry *link,
                      struct bfs_error *error)
{
    size_t depth = 0;
    /* up to "views/ID", whose parent has no section */
    for (uint32_t i = link->parent; scan->entries[scan->entries[i].parent].section;
         i = scan->entries[i].parent)
        depth++;
    if (bfs_target_stays_inside(depth, link->target))
        return 0;
    return bfs_fail(error, -EINVAL,
                    "%.400s: the link points outside of its view; pack with --dereference to store "
                    "what it points to",
                    link->path);
}

int bfs_scan_finish(struct bfs_scan *scan, struct bfs_error *error)
{
    bfs_autofree struct bfs_scan_entry **sorted =
        calloc(scan->n_entries, sizeof(struct bfs_scan_entry *));
    if (!sorted)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = check_unique(scan, sorted, error);
    if (r == 0)
        r = number_views(scan, sorted, error);
    for (uint32_t i = 1; r == 0 && i < scan->n_entries; i++) {
        struct bfs_scan_entry *entry = &scan->entries[i];
        if (scan->entries[entry->parent].section)
            entry->section = scan->entries[entry->parent].section;
        if (entry->section && S_ISLNK(entry->mode))
            r = check_link(scan, entry, error);
    }
    return r;
}
