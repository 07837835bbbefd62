/* SPDX-License-Identifier: Apache-2.0
 * What goes with the safetensors files of a checkpoint: the index of shards and config.json say
 * what the tensors of the view are.
 *
 * THREAD SAFETY: as the plan. */
#ifndef BFS_ACCEL_CHECKPOINT_H
#define BFS_ACCEL_CHECKPOINT_H

#include "accel/view/convert.h"
#include "accel/view/plan.h"

struct bfs_view_directory;

/* What loaders are told in quantization_config. */
enum bfs_checkpoint_quantization {
    BFS_CHECKPOINT_PLAIN, /* nothing */
    BFS_CHECKPOINT_FP8_TENSOR,
    BFS_CHECKPOINT_FP8_BLOCK,
    BFS_CHECKPOINT_INT8_ROW,
};

/* Refuses, named, what no safetensors view can be made of: a directory without safetensors files, a
 * model that is quantized already, an index of shards that contradicts the tensors. Errors:
 * -EINVAL, -EBADMSG, -E2BIG, -ENOMEM. */
int bfs_checkpoint_check(const struct bfs_view_plan *plan, struct bfs_error *error);

/* After the files were added: rewrites every *.safetensors.index.json, and in every folder with
 * safetensors files config.json, where it says something else: `dtype` ("bfloat16") and
 * `quantization`. Errors: as above. */
int bfs_checkpoint_finish(struct bfs_view_plan *plan, const char *dtype,
                          enum bfs_checkpoint_quantization quantization, struct bfs_error *error);

/* Pieces of the two above. */
int bfs_checkpoint_check_index(const struct bfs_view_plan *plan, const char *path,
                               struct bfs_error *error);
int bfs_checkpoint_rewrite_index(struct bfs_view_plan *plan, const char *path,
                                 struct bfs_error *error);
int bfs_checkpoint_rewrite_config(struct bfs_view_plan *plan, const char *path, const char *dtype,
                                  enum bfs_checkpoint_quantization quantization,
                                  struct bfs_error *error);
/* Bytes of the path up to and with its last slash; 0: there is none. */
size_t bfs_checkpoint_folder(const char *path);
/* Is input number i safetensors, and the first such of its checkpoint? */
bool bfs_checkpoint_is_first(const struct bfs_view_plan *plan, size_t number);
/* Is the file at `path` in the home of the input? */
bool bfs_checkpoint_has(const char *path, const struct bfs_view_input *input);
/* Once all inputs are read: shards that this index names belong to its folder, and lose each tensor
 * that it places in another shard which has it. An index that cannot be read changes nothing: who
 * needs it refuses it. Errors: -ENOMEM, errno of the file system. */
int bfs_checkpoint_follow_index(struct bfs_view_directory *directory, uint32_t number,
                                struct bfs_error *error);

#endif
