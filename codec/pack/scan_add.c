/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/scan_add.h"

#include "codec/index/format.h"
#include "verify/array.h"
#include "verify/checked.h"
#include "verify/name.h"

#include <stdio.h>
#include <string.h>

static size_t depth_of(const struct bfs_scan *scan, uint32_t number)
{
    size_t depth = 0;
    for (; number != 0; number = scan->entries[number].parent)
        depth++;
    return depth;
}

static int check_place(const struct bfs_scan *scan, uint32_t parent, const char *name, mode_t mode,
                       struct bfs_error *error)
{
    if (parent >= scan->n_entries || !S_ISDIR(scan->entries[parent].mode))
        return bfs_fail(error, -EINVAL, "\"%.255s\" has no directory to be added to", name);
    const char *folder = scan->entries[parent].path;
    if (!bfs_component_is_valid(name, strlen(name)))
        return bfs_fail(error, -EINVAL, "\"%.200s\" in \"%.200s\" is no legal name", name, folder);
    if (parent == 0 && !(S_ISDIR(mode) && strcmp(name, "views") == 0))
        return bfs_fail(error, -EINVAL, "\"%.255s\" cannot be added beside what is packed", name);
    if (S_ISDIR(mode) && depth_of(scan, parent) + 1 >= BFS_DEPTH_MAX)
        return bfs_fail(error, -EINVAL, "\"%.200s\" in \"%.200s\" is nested too deep", name,
                        folder);
    if (scan->n_entries == BFS_INODES_MAX)
        return bfs_fail(error, -E2BIG, "%.255s: more than %d files", folder, BFS_INODES_MAX);
    return 0;
}

/* Adds an entry that is complete but for its place. */
static int add(struct bfs_scan *scan, uint32_t parent, const char *name,
               const struct bfs_scan_entry *entry, uint32_t *ret, struct bfs_error *error)
{
    uint64_t total = 0, work = entry->source == BFS_ENTRY_SAME ? 0 : entry->size;
    bfs_autofree char *path = NULL;
    int r = check_place(scan, parent, name, entry->mode, error);
    if (r)
        return r;
    const char *folder = scan->entries[parent].path;
    if (!bfs_add_u64(scan->total_size, entry->size, &total) || total > INT64_MAX)
        return bfs_fail(error, -E2BIG, "%.255s/%.200s: is too large", folder, name);
    if (asprintf(&path, "%s%s%s", folder, *folder ? "/" : "", name) < 0) {
        path = NULL;
        return bfs_fail(error, -ENOMEM, "out of memory");
    }
    if (bfs_array_grow(&scan->entries, scan->n_entries, sizeof(*scan->entries)))
        return bfs_fail(error, -ENOMEM, "out of memory");
    struct bfs_scan_entry *added = &scan->entries[scan->n_entries];
    *added = *entry;
    added->name = path + strlen(path) - strlen(name);
    added->path = bfs_steal(&path); /* transferred */
    added->parent = parent;
    added->generated = true;
    if (entry->source != BFS_ENTRY_SAME)
        added->mtime = (struct timespec){.tv_sec = scan->newest};
    scan->total_size = total;
    scan->work_size += work;
    *ret = scan->n_entries++;
    return 0;
}

int bfs_scan_add_directory(struct bfs_scan *scan, uint32_t parent, const char *name, uint32_t *ret,
                           struct bfs_error *error)
{
    const struct bfs_scan_entry entry = {.mode = S_IFDIR | 0555};
    return add(scan, parent, name, &entry, ret, error);
}

int bfs_scan_add_same(struct bfs_scan *scan, uint32_t parent, const char *name, uint32_t as,
                      uint32_t *ret, struct bfs_error *error)
{
    if (as >= scan->n_entries || !S_ISREG(scan->entries[as].mode))
        return bfs_fail(error, -EINVAL, "\"%.255s\" has no file to be the same as", name);
    if (scan->entries[as].source == BFS_ENTRY_SAME)
        as = scan->entries[as].same_as;
    const struct bfs_scan_entry entry = {.mode = S_IFREG | 0444,
                                         .size = scan->entries[as].size,
                                         .mtime = scan->entries[as].mtime,
                                         .source = BFS_ENTRY_SAME,
                                         .same_as = as};
    return add(scan, parent, name, &entry, ret, error);
}

int bfs_scan_add_link(struct bfs_scan *scan, uint32_t parent, const char *name, const char *target,
                      uint32_t *ret, struct bfs_error *error)
{
    bfs_autofree char *own = strdup(target);
    const struct bfs_scan_entry entry = {.mode = S_IFLNK | 0777, .target = own};
    int r = check_place(scan, parent, name, entry.mode, error);
    if (r)
        return r;
    if (!own)
        return bfs_fail(error, -ENOMEM, "out of memory");
    if (!bfs_target_stays_inside(depth_of(scan, parent), target))
        return bfs_fail(error, -EINVAL, "%.200s/%.200s: the link points outside of the bundle",
                        scan->entries[parent].path, name);
    r = add(scan, parent, name, &entry, ret, error);
    if (r == 0)
        (void)bfs_steal(&own); /* transferred */
    return r;
}

int bfs_scan_add_bytes(struct bfs_scan *scan, uint32_t parent, const char *name,
                       struct bfs_buffer *bytes, uint32_t *ret, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer own = *bytes;
    *bytes = BFS_BUFFER_INIT; /* transferred */
    if (bfs_buffer_status(&own))
        return bfs_fail(error, -ENOMEM, "out of memory");
    const struct bfs_scan_entry entry = {
        .mode = S_IFREG | 0444, .size = own.size, .source = BFS_ENTRY_BYTES, .bytes = own};
    int r = add(scan, parent, name, &entry, ret, error);
    if (r == 0)
        own = BFS_BUFFER_INIT; /* transferred */
    return r;
}

int bfs_scan_add_made(struct bfs_scan *scan, uint32_t parent, const char *name,
                      struct bfs_made *made, uint32_t *ret, struct bfs_error *error)
{
    bfs_automade struct bfs_made given = *made;
    bfs_autofree struct bfs_made *own = malloc(sizeof(*own));
    *made = (struct bfs_made){0}; /* transferred */
    if (!own)
        return bfs_fail(error, -ENOMEM, "out of memory");
    const struct bfs_scan_entry entry = {
        .mode = S_IFREG | 0444, .size = given.size, .source = BFS_ENTRY_MADE, .made = own};
    int r = add(scan, parent, name, &entry, ret, error);
    if (r)
        return r;
    *bfs_steal(&own) = given; /* transferred */
    given = (struct bfs_made){0};
    return 0;
}
