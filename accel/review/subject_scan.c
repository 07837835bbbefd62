/* SPDX-License-Identifier: Apache-2.0
 * A directory that is about to be packed, as a check sees it: of its files only headers are read.
 */
#include "accel/review/subject.h"

#include "codec/container/container.h"
#include "codec/store/files.h"
#include "verify/array.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* What does not parse is packed as plain bytes, and has no tensors here either. */
static int read_map(const struct bfs_subject *subject, const struct bfs_scan_entry *entry,
                    struct bfs_tensor_map *ret, struct bfs_error *error)
{
    bfs_autofree char *path = bfs_join(subject->directory, entry->path);
    if (!path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    bfs_autoclose int fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (subject->dereference ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    struct bfs_error why = {0};
    int r = bfs_container_read(fd, entry->size, bfs_scan_format_name(entry), ret, &why);
    if (r != -ENOMEM && r != -ESTALE && r != -EIO)
        return 0;
    if (error)
        *error = why;
    return r;
}

static int add_file(struct bfs_subject *subject, const struct bfs_scan_entry *entry,
                    uint32_t number, struct bfs_error *error)
{
    if (bfs_array_grow(&subject->files, subject->n_files, sizeof(*subject->files)))
        return bfs_fail(error, -ENOMEM, "out of memory");
    struct bfs_subject_file *file = &subject->files[subject->n_files++];
    *file = (struct bfs_subject_file){
        .path = strdup(entry->path), .size = entry->size, .number = number};
    if (!file->path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = entry->source == BFS_ENTRY_DISK ? read_map(subject, entry, &file->map, error) : 0;
    if (r)
        return r;
    subject->content_size += entry->size;
    for (size_t i = 0; i < file->map.n_tensors; i++)
        subject->tensor_size += file->map.tensors[i].size;
    return 0;
}

static uint64_t tensor_bytes(const struct bfs_tensor_map *map)
{
    uint64_t size = 0;
    for (size_t i = 0; i < map->n_tensors; i++)
        size += map->tensors[i].size;
    return size;
}

/* Sections are numbered from 1 in the order of the views' directories. */
static int add_views(struct bfs_subject *subject, const struct bfs_scan *scan)
{
    bfs_autofree uint64_t *files = calloc(scan->n_sections, sizeof(*files));
    subject->views = calloc(scan->n_sections, sizeof(*subject->views));
    if (!files || !subject->views)
        return -ENOMEM;
    subject->n_views = scan->n_sections - 1;
    for (uint32_t i = 1; i < scan->n_entries; i++) {
        const struct bfs_scan_entry *entry = &scan->entries[i];
        if (entry->section == 0)
            continue;
        struct bfs_subject_view *view = &subject->views[entry->section - 1];
        if (scan->entries[entry->parent].section == 0)
            (void)snprintf(view->id, sizeof(view->id), "%s", entry->name);
        if (!S_ISREG(entry->mode))
            continue;
        files[entry->section] += entry->size;
        if (entry->source == BFS_ENTRY_MADE)
            view->tensor_size += tensor_bytes(&entry->made->map);
    }
    for (size_t i = 0; i < subject->n_views; i++)
        if (subject->views[i].tensor_size == 0)
            subject->views[i].tensor_size = files[i + 1];
    return 0;
}

int bfs_subject_of_scan(const struct bfs_reference *reference, const char *directory,
                        bool dereference, const struct bfs_scan *scan, struct bfs_subject *ret,
                        struct bfs_error *error)
{
    bfs_autosubject struct bfs_subject subject = {
        .reference = *reference, .directory = strdup(directory), .dereference = dereference};
    if (!subject.directory || add_views(&subject, scan))
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (uint32_t i = 1; i < scan->n_entries; i++) {
        const struct bfs_scan_entry *entry = &scan->entries[i];
        int r = 0;
        if (entry->section)
            continue;
        if (S_ISLNK(entry->mode) &&
            bfs_subject_add_link(&subject, entry->path, entry->target, strlen(entry->target)))
            return bfs_fail(error, -ENOMEM, "out of memory");
        if (S_ISREG(entry->mode))
            r = add_file(&subject, entry, i, error);
        if (r)
            return r;
    }
    bfs_subject_sort(&subject);
    *ret = subject;
    subject = (struct bfs_subject){0}; /* transferred */
    return 0;
}
