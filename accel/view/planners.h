/* SPDX-License-Identifier: Apache-2.0
 * The planners that rows of accel/profile_list.h name.
 *
 * Each fails with -EINVAL for what its profile cannot take, named (bfs_view_plan_refuse()), and
 * with what reading the sources fails with.
 *
 * THREAD SAFETY: as the plan. */
#ifndef BFS_ACCEL_PLANNERS_H
#define BFS_ACCEL_PLANNERS_H

#include "accel/view/plan.h"

/* GGUF: linears quantized to the profile's element type. */
int bfs_view_plan_gguf(struct bfs_view_plan *plan, struct bfs_error *error);
/* safetensors: every float cast to the profile's element type. */
int bfs_view_plan_floats(struct bfs_view_plan *plan, struct bfs_error *error);
/* safetensors: F16 and BF16 as F32 by transforms of the original's chunks. */
int bfs_view_plan_widened(struct bfs_view_plan *plan, struct bfs_error *error);
/* safetensors: linears in 8 bits with scales, as the profile's layout has them; other floats
 * BF16. */
int bfs_view_plan_scaled(struct bfs_view_plan *plan, struct bfs_error *error);
/* weights.bin and layout.json: the profile's layout for matrices, row-major for the rest. */
int bfs_view_plan_tiles(struct bfs_view_plan *plan, struct bfs_error *error);

#endif
