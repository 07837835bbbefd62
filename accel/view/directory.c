/* SPDX-License-Identifier: Apache-2.0
 * The directory that views are made of. */
#include "accel/view/checkpoint.h"
#include "accel/view/plan_private.h"
#include "codec/container/container.h"

#include <errno.h>
#include <string.h>

static bool has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text), wanted = strlen(suffix);
    return length >= wanted && strcmp(text + length - wanted, suffix) == 0;
}

bool bfs_view_directory_is_apart(const struct bfs_scan_entry *entry)
{
    return strcmp(entry->path, "bundle.json") == 0 || strcmp(entry->path, "contract.json") == 0 ||
           strcmp(entry->path, "views") == 0 || strncmp(entry->path, "views/", 6) == 0;
}

/* Weights in forms that no profile reads; docs/views.md lists them. */
static bool is_other_weights(const char *name)
{
    static const char *const suffixes[] = {".safetensors.index.json",
                                           ".bin.index.json",
                                           ".gguf",
                                           ".safetensors",
                                           ".pth",
                                           ".ckpt",
                                           ".h5",
                                           ".msgpack"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
        if (has_suffix(name, suffixes[i]))
            return true;
    return strncmp(name, "pytorch_model", 13) == 0 && has_suffix(name, ".bin");
}

static int read_input(struct bfs_view_directory *directory, uint32_t number,
                      struct bfs_error *error)
{
    const struct bfs_scan_entry *named = &directory->scan->entries[number];
    const struct bfs_scan_entry *entry =
        S_ISLNK(named->mode) ? &directory->scan->entries[named->leads_to] : named;
    size_t i = directory->n_inputs;
    bfs_autoclose int fd = -1;
    int r;
    if (bfs_source_file_make(directory->path, directory->dereference, entry, &directory->files[i]))
        return bfs_fail(error, -ENOMEM, "out of memory");
    if ((r = bfs_source_file_open(&directory->files[i], &fd, error)) == 0)
        r = bfs_container_read(fd, entry->size, named->path, &directory->maps[i], error);
    if (r == 0 && directory->maps[i].container == BFS_CONTAINER_OPAQUE)
        r = bfs_fail(error, -EINVAL,
                     "%.400s: not what its name promises; no view can be made beside it",
                     named->path);
    if (r) {
        bfs_source_file_done(&directory->files[i]);
        return r;
    }
    directory->inputs[i] = (struct bfs_view_input){
        .path = named->path,
        .home = bfs_checkpoint_folder(named->path),
        .file = &directory->files[i],
        .map = &directory->maps[i],
    };
    directory->entries[i] = number;
    directory->n_inputs++;
    return 0;
}

/* A link counts when what it leads to is no input by its own name. */
static bool is_input(const struct bfs_scan *scan, const struct bfs_scan_entry *entry)
{
    if (!bfs_container_is_named(entry->name))
        return false;
    if (S_ISREG(entry->mode))
        return true;
    const struct bfs_scan_entry *end = &scan->entries[entry->leads_to];
    return S_ISREG(end->mode) && !bfs_view_directory_is_apart(end) &&
           !bfs_container_is_named(end->name);
}

bool bfs_view_directory_is_index(const struct bfs_view_directory *directory, uint32_t number)
{
    const struct bfs_scan_entry *entry = &directory->scan->entries[number];
    const struct bfs_scan_entry *end =
        S_ISLNK(entry->mode) ? &directory->scan->entries[entry->leads_to] : entry;
    return S_ISREG(end->mode) && has_suffix(entry->path, ".safetensors.index.json") &&
           !bfs_view_directory_is_apart(entry);
}

int bfs_view_directory_read(struct bfs_view_directory *directory, struct bfs_error *error)
{
    const struct bfs_scan *scan = directory->scan;
    size_t n = (size_t)scan->n_entries + 1;
    directory->n_entries = scan->n_entries;
    directory->files = calloc(n, sizeof(*directory->files));
    directory->maps = calloc(n, sizeof(*directory->maps));
    directory->inputs = calloc(n, sizeof(*directory->inputs));
    directory->entries = calloc(n, sizeof(*directory->entries));
    directory->is_weights = calloc(n, sizeof(*directory->is_weights));
    if (!directory->files || !directory->maps || !directory->inputs || !directory->entries ||
        !directory->is_weights)
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (uint32_t i = 0; i < scan->n_entries; i++) {
        const struct bfs_scan_entry *entry = &scan->entries[i];
        if (bfs_view_directory_is_apart(entry) || S_ISDIR(entry->mode))
            continue;
        directory->is_weights[i] = is_other_weights(entry->name);
        if (!is_input(scan, entry))
            continue;
        if (S_ISLNK(entry->mode))
            directory->is_weights[entry->leads_to] = true;
        int r = read_input(directory, i, error);
        if (r)
            return r;
    }
    for (uint32_t i = 0; i < scan->n_entries; i++) {
        int r = bfs_view_directory_is_index(directory, i)
                    ? bfs_checkpoint_follow_index(directory, i, error)
                    : 0;
        if (r)
            return r;
    }
    return 0;
}

void bfs_view_directory_forget(struct bfs_view_directory *directory)
{
    for (size_t i = 0; directory->maps && i < directory->n_inputs; i++)
        bfs_tensor_map_done(&directory->maps[i]);
    free(directory->maps);
    free(directory->inputs);
    free(directory->entries);
    free(directory->is_weights);
    directory->maps = NULL;
    directory->inputs = NULL;
    directory->entries = NULL;
    directory->is_weights = NULL;
}

void bfs_view_directory_done(struct bfs_view_directory *directory)
{
    bfs_view_directory_forget(directory);
    for (size_t i = 0; directory->files && i < directory->n_inputs; i++)
        bfs_source_file_done(&directory->files[i]);
    free(directory->files);
    directory->files = NULL;
    directory->n_inputs = 0;
}
