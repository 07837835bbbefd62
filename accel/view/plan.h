/* SPDX-License-Identifier: Apache-2.0
 * One view while it is planned: what a profile's planner sees of the directory, and where it puts
 * the files that it makes. Every other file of the directory gets into the view by itself:
 * docs/views.md says which are left out.
 *
 * A planner goes through the inputs that it can take, refuses with a name what it cannot, and adds
 * a made file for each. It converts nothing: that happens when the packer reads the made files.
 *
 * THREAD SAFETY: a plan belongs to one thread. */
#ifndef BFS_ACCEL_VIEW_PLAN_H
#define BFS_ACCEL_VIEW_PLAN_H

#include "accel/profile.h"
#include "accel/view/part.h"
#include "codec/pack/plan.h"

#include <stdbool.h>

struct bfs_view_plan;

/* A tensor file of the directory. */
struct bfs_view_input {
    const char *path; /* relative to the directory; this and the rest borrowed from the plan */
    size_t home; /* bytes of the path: the folder of its checkpoint, that of the index of shards
                    that names it, else its own; with its last slash */
    const struct bfs_source_file *file;
    const struct bfs_tensor_map *map; /* never OPAQUE; parsed, so tensors are inside of the file */
};

const struct bfs_profile *bfs_view_plan_profile(const struct bfs_view_plan *plan);
/* Bytes that the packer cuts files into. */
uint32_t bfs_view_plan_chunk_size(const struct bfs_view_plan *plan);
/* Number i in the byte order of their paths, safetensors and GGUF alike; NULL past the last. */
const struct bfs_view_input *bfs_view_plan_input(const struct bfs_view_plan *plan, size_t i);

/* The whole of another regular file of the directory, of at most `limit` bytes, malloc'ed, with a
 * NUL after the last byte; links that stay inside are followed. Errors: -ENOENT (there is none, or
 * the link leads nowhere; nothing is recorded), -E2BIG, -ESTALE, -ENOMEM, errno of the file system.
 */
int bfs_view_plan_read(const struct bfs_view_plan *plan, const char *path, uint64_t limit,
                       uint8_t **ret, size_t *ret_size, struct bfs_error *error);

/* The number of a tensor class (accel/view/tensor_class.h names the usual ones) for
 * part.tensor_class, and one tensor more that is converted with loss in it. Errors: -E2BIG. */
int bfs_view_plan_class(struct bfs_view_plan *plan, const char *name, unsigned *ret,
                        struct bfs_error *error);

/* A file of the view. */
struct bfs_view_output {
    const char *path; /* relative to the view; its folder is one of the directory's */
    struct bfs_part_list parts;
    struct bfs_tensor_map map; /* of the file; empty: no tensor file */
    struct bfs_plan cut;       /* as in struct bfs_made; empty: cut as files are */
    uint64_t size;             /* of the file; 0: as the parts add up */
};
void bfs_view_output_done(struct bfs_view_output *output);
#define bfs_autooutput BFS_CLEANUP(bfs_view_output_done)

/* Takes parts, map and cut, also on failure, and leaves them empty. A path that the directory has
 * too replaces that file. Errors: -EEXIST (the view has it already), -EINVAL, -ENOMEM. */
int bfs_view_plan_add(struct bfs_view_plan *plan, struct bfs_view_output *output,
                      struct bfs_error *error);
/* The same for a small file, say a config that says what the tensors are now; takes the bytes. */
int bfs_view_plan_add_bytes(struct bfs_view_plan *plan, const char *path, struct bfs_buffer *bytes,
                            struct bfs_error *error);

/* "gpu-fp8: model.safetensors: tensor "x" ...": records the failure with the names that say where,
 * and returns `code`. `input` and `tensor` may be NULL. */
int bfs_view_plan_refuse(const struct bfs_view_plan *plan, struct bfs_error *error, int code,
                         const struct bfs_view_input *input, const struct bfs_tensor *tensor,
                         const char *why);

#endif
