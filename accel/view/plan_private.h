/* SPDX-License-Identifier: Apache-2.0
 * A plan from the inside: the directory, the classes and the files of one view. */
#ifndef BFS_ACCEL_PLAN_PRIVATE_H
#define BFS_ACCEL_PLAN_PRIVATE_H

#include "accel/view/plan.h"
#include "codec/store/view_config.h"
#include "verify/buffer.h"

/* The directory as every view of one pack sees it. */
struct bfs_view_directory {
    const char *path;
    bool dereference;
    uint32_t chunk_size;
    unsigned n_threads;
    const struct bfs_scan *scan;

    struct bfs_source_file *files; /* those of the inputs */
    struct bfs_tensor_map *maps;
    struct bfs_view_input *inputs;
    uint32_t *entries; /* of the scan: the inputs' */
    size_t n_inputs;
    /* For each entry that the directory itself has: is it weights, that a view leaves out when it
     * does not make them anew? */
    bool *is_weights;
    uint32_t n_entries; /* of the scan before anything was added */
};

/* Reads the tensor maps. The scan's later additions are not seen. Errors: -EINVAL and -EBADMSG (a
 * weight file that is none, named), -ESTALE, -ENOMEM, errno of the file system. */
int bfs_view_directory_read(struct bfs_view_directory *directory, struct bfs_error *error);
/* Releases the maps and the list of entries; the files stay for the streams. */
void bfs_view_directory_forget(struct bfs_view_directory *directory);
void bfs_view_directory_done(struct bfs_view_directory *directory);
/* Is the entry packed but no part of any view: in views/, bundle.json or contract.json at the top?
 */
bool bfs_view_directory_is_apart(const struct bfs_scan_entry *entry);

/* Is the entry, or what it leads to, an index of shards of the model? */
bool bfs_view_directory_is_index(const struct bfs_view_directory *directory, uint32_t number);

struct bfs_view_class {
    char name[BFS_KEY_WORD_MAX + 1];
    uint64_t n_tensors;
};

struct bfs_view_file {
    char *path;
    bool is_bytes;
    struct bfs_buffer bytes;
    struct bfs_view_output output; /* its path is the one above */
    bool is_placed;
};

struct bfs_view_plan {
    const struct bfs_profile *profile;
    const struct bfs_view_directory *directory;
    struct bfs_view_class classes[BFS_VIEW_CLASSES_MAX];
    struct bfs_measure measures[BFS_VIEW_CLASSES_MAX]; /* filled by the streams */
    unsigned n_classes;
    struct bfs_view_file *files;
    size_t n_files;
};

void bfs_view_plan_init(struct bfs_view_plan *plan, const struct bfs_profile *profile,
                        const struct bfs_view_directory *directory);
void bfs_view_plan_done(struct bfs_view_plan *plan);
/* Adds the view's tree below the directory `parent` of the scan ("views"): the plan's files, and
 * everything else of the directory that is not weights. The plan must outlive the scan. */
int bfs_view_plan_place(struct bfs_view_plan *plan, struct bfs_scan *scan, uint32_t parent,
                        struct bfs_error *error);
/* What manifest.json says, once all was read. */
void bfs_view_plan_describe(const struct bfs_view_plan *plan, struct bfs_view_config *ret);

#endif
