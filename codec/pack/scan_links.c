/* SPDX-License-Identifier: Apache-2.0
 * Where the links of a scanned directory lead. */
#include "codec/pack/scan.h"

#include "codec/container/container.h"
#include "verify/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The entries by path: a directory may have as many links as files. */
struct paths {
    const struct bfs_scan *scan;
    const struct bfs_scan_entry **sorted;
    uint32_t n;
};

static int by_path(const void *a, const void *b)
{
    const struct bfs_scan_entry *left = *(const struct bfs_scan_entry *const *)a;
    const struct bfs_scan_entry *right = *(const struct bfs_scan_entry *const *)b;
    return strcmp(left->path, right->path);
}

static int to_path(const void *path, const void *entry)
{
    return strcmp(path, (*(const struct bfs_scan_entry *const *)entry)->path);
}

static const struct bfs_scan_entry *find(const struct paths *paths, const char *path)
{
    const struct bfs_scan_entry **found =
        bsearch(path, paths->sorted, paths->n, sizeof(*paths->sorted), to_path);
    return found ? *found : NULL;
}

static const char *target_at(void *context, const char *path)
{
    const struct bfs_scan_entry *entry = find(context, path);
    return entry ? entry->target : NULL;
}

static int follow(struct paths *paths, struct bfs_scan_entry *link)
{
    bfs_autofree char *end = NULL;
    int r = bfs_links_follow(link->path, target_at, paths, &end);
    if (r)
        return r == -ENOMEM ? r : 0; /* it leads nowhere, as links may */
    const struct bfs_scan_entry *found = find(paths, end);
    link->leads_to = found ? (uint32_t)(found - paths->scan->entries) : 0;
    return 0;
}

static void name_target(struct bfs_scan *scan, const struct bfs_scan_entry *link)
{
    struct bfs_scan_entry *target = &scan->entries[link->leads_to];
    if (S_ISREG(target->mode) && !target->alias && !bfs_container_is_named(target->name) &&
        bfs_container_is_named(link->name))
        target->alias = link->name;
}

int bfs_scan_follow_links(struct bfs_scan *scan)
{
    uint32_t n_links = 0;
    for (uint32_t i = 0; i < scan->n_entries; i++)
        n_links += S_ISLNK(scan->entries[i].mode);
    if (n_links == 0)
        return 0;
    bfs_autofree const struct bfs_scan_entry **sorted =
        calloc(scan->n_entries, sizeof(struct bfs_scan_entry *));
    struct paths paths = {.scan = scan, .sorted = sorted, .n = scan->n_entries};
    int r = sorted ? 0 : -ENOMEM;
    for (uint32_t i = 0; r == 0 && i < scan->n_entries; i++)
        sorted[i] = &scan->entries[i];
    if (r == 0)
        qsort(sorted, scan->n_entries, sizeof(struct bfs_scan_entry *), by_path);
    for (uint32_t i = 0; r == 0 && i < scan->n_entries; i++) {
        struct bfs_scan_entry *entry = &scan->entries[i];
        if (!S_ISLNK(entry->mode))
            continue;
        r = follow(&paths, entry);
        if (r == 0)
            name_target(scan, entry);
    }
    return r;
}

const char *bfs_scan_format_name(const struct bfs_scan_entry *entry)
{
    return entry->alias ? entry->alias : entry->name;
}

static const char *scan_target(void *context, const char *path)
{
    const struct bfs_scan *scan = context;
    uint32_t number;
    return bfs_scan_find(scan, path, &number) ? scan->entries[number].target : NULL;
}

int bfs_scan_follow(const struct bfs_scan *scan, const char *path, uint32_t *ret)
{
    bfs_autofree char *end = NULL;
    struct bfs_scan view = *scan; /* a lookup takes no const */
    int r = bfs_links_follow(path, scan_target, &view, &end);
    if (r)
        return r;
    return bfs_scan_find(scan, end, ret) ? 0 : -ENOENT;
}
