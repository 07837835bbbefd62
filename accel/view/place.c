/* SPDX-License-Identifier: Apache-2.0
 * A planned view becomes entries of the scan. */
#include "accel/view/plan_private.h"
#include "accel/view/stream.h"
#include "codec/pack/scan_add.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct placing {
    struct bfs_view_plan *plan;
    struct bfs_scan *scan;
    uint32_t *copies; /* for each entry of the directory: its number in the view; 0: none */
    struct bfs_error *error;
};

static struct bfs_view_file *find_file(struct bfs_view_plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->n_files; i++)
        if (strcmp(plan->files[i].path, path) == 0)
            return &plan->files[i];
    return NULL;
}

static int place_made(struct placing *placing, struct bfs_view_file *file, uint32_t parent,
                      const char *name)
{
    struct bfs_view_plan *plan = placing->plan;
    struct bfs_view_output *output = &file->output;
    bfs_autofree char *what = NULL;
    if (asprintf(&what, "views/%s/%s", plan->profile->id, file->path) < 0) {
        what = NULL;
        return bfs_fail(placing->error, -ENOMEM, "out of memory");
    }
    struct bfs_made made = {
        .size = output->size ? output->size : output->parts.size,
        .map = output->map,
        .plan = output->cut,
    };
    output->map = (struct bfs_tensor_map){0};
    output->cut = (struct bfs_plan){0};
    const struct bfs_stream_options options = {
        .what = what,
        .n_threads = plan->directory->n_threads,
        .measures = plan->measures,
        .n_measures = plan->n_classes,
    };
    uint32_t number;
    int r = bfs_stream_new(&output->parts, &options, &made, placing->error);
    if (r) {
        bfs_made_done(&made);
        return r;
    }
    return bfs_scan_add_made(placing->scan, parent, name, &made, &number, placing->error);
}

static int place_file(struct placing *placing, struct bfs_view_file *file, uint32_t parent)
{
    const char *slash = strrchr(file->path, '/');
    const char *name = slash ? slash + 1 : file->path;
    uint32_t number;
    file->is_placed = true;
    return file->is_bytes ? bfs_scan_add_bytes(placing->scan, parent, name, &file->bytes, &number,
                                               placing->error)
                          : place_made(placing, file, parent, name);
}

/* A link to weights that the view does not have would lead nowhere. */
static bool is_left_out(const struct placing *placing, uint32_t number)
{
    const struct bfs_scan_entry *entry = &placing->scan->entries[number];
    const struct bfs_view_directory *directory = placing->plan->directory;
    if (bfs_view_directory_is_apart(entry))
        return true;
    if (!S_ISLNK(entry->mode))
        return directory->is_weights[number];
    const struct bfs_scan_entry *end = &placing->scan->entries[entry->leads_to];
    if (entry->leads_to == 0)
        return directory->is_weights[number];
    return bfs_view_directory_is_apart(end) ||
           ((directory->is_weights[number] || directory->is_weights[entry->leads_to]) &&
            !find_file(placing->plan, end->path));
}

static int place_entry(struct placing *placing, uint32_t number)
{
    const struct bfs_scan_entry *entry = &placing->scan->entries[number];
    struct bfs_view_file *file =
        S_ISDIR(entry->mode) ? NULL : find_file(placing->plan, entry->path);
    uint32_t parent = placing->copies[entry->parent], ignored;
    if (parent == 0)
        return 0; /* the folder is left out */
    if (file)
        return place_file(placing, file, parent);
    if (is_left_out(placing, number))
        return 0;
    /* Adding moves the entries. */
    bfs_autofree char *name = strdup(entry->name);
    bfs_autofree char *target = entry->target ? strdup(entry->target) : NULL;
    if (!name || (entry->target && !target))
        return bfs_fail(placing->error, -ENOMEM, "out of memory");
    if (S_ISDIR(entry->mode))
        return bfs_scan_add_directory(placing->scan, parent, name, &placing->copies[number],
                                      placing->error);
    if (S_ISLNK(entry->mode))
        return bfs_scan_add_link(placing->scan, parent, name, target, &ignored, placing->error);
    return bfs_scan_add_same(placing->scan, parent, name, number, &ignored, placing->error);
}

/* Files that the directory has none of: their folders are there by now. */
static int place_rest(struct placing *placing)
{
    for (size_t i = 0; i < placing->plan->n_files; i++) {
        struct bfs_view_file *file = &placing->plan->files[i];
        const char *slash = strrchr(file->path, '/');
        uint32_t folder = 0;
        if (file->is_placed)
            continue;
        if (slash) {
            bfs_autofree char *path = strndup(file->path, (size_t)(slash - file->path));
            if (!path)
                return bfs_fail(placing->error, -ENOMEM, "out of memory");
            if (!bfs_scan_find(placing->scan, path, &folder) ||
                folder >= placing->plan->directory->n_entries || !placing->copies[folder])
                return bfs_fail(placing->error, -EINVAL, "%s: no folder for %.255s",
                                placing->plan->profile->id, file->path);
        }
        int r = place_file(placing, file, placing->copies[folder]);
        if (r)
            return r;
    }
    return 0;
}

int bfs_view_plan_place(struct bfs_view_plan *plan, struct bfs_scan *scan, uint32_t parent,
                        struct bfs_error *error)
{
    uint32_t n = plan->directory->n_entries;
    bfs_autofree uint32_t *copies = calloc((size_t)n + 1, sizeof(*copies));
    struct placing placing = {.plan = plan, .scan = scan, .copies = copies, .error = error};
    if (!copies)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = bfs_scan_add_directory(scan, parent, plan->profile->id, &copies[0], error);
    for (uint32_t i = 1; r == 0 && i < n; i++)
        r = place_entry(&placing, i);
    return r ? r : place_rest(&placing);
}
