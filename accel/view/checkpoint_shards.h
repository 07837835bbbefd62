/* SPDX-License-Identifier: Apache-2.0
 * The shards that a weight_map names, as files of the directory.
 *
 * THREAD SAFETY: a list belongs to one thread. */
#ifndef BFS_ACCEL_CHECKPOINT_SHARDS_H
#define BFS_ACCEL_CHECKPOINT_SHARDS_H

#include "accel/view/plan_private.h"
#include "verify/json.h"

enum { BFS_SHARDS_MAX = 4096 }; /* names in one index; the largest checkpoints have some hundred */

struct bfs_shard {
    const char *name; /* as the map has it; borrowed from it */
    size_t input;     /* its number */
};

struct bfs_shard_list {
    struct bfs_shard *items; /* owned */
    size_t n;
    size_t last; /* neighbours in a map are mostly in one shard */
};
void bfs_shard_list_done(struct bfs_shard_list *list);
#define bfs_autoshards BFS_CLEANUP(bfs_shard_list_done)

/* Parses the index at `path`: an object with an object "weight_map". Errors: those of
 * bfs_view_plan_read() and bfs_json_check(). */
int bfs_shards_read(const struct bfs_view_plan *plan, const char *path, struct json_object **ret,
                    struct bfs_error *error);
/* The shard of this name, added when it is new, of an index at `path`; links are followed, and a
 * name may have folders. Errors: -ENOENT (no safetensors file of the directory), -E2BIG, -ENOMEM.
 */
int bfs_shards_find(struct bfs_shard_list *list, const struct bfs_view_directory *directory,
                    const char *path, const char *name, const struct bfs_shard **ret);

#endif
