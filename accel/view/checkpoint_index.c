/* SPDX-License-Identifier: Apache-2.0
 * model.safetensors.index.json: which tensor is in which shard. */
#include "accel/view/checkpoint.h"
#include "accel/view/checkpoint_shards.h"

#include <errno.h>
#include <string.h>

static int refuse(const struct bfs_view_plan *plan, struct bfs_error *error, const char *path,
                  const char *tensor, const char *why)
{
    return bfs_fail(error, -EINVAL, "%s: %.160s: tensor \"%.120s\": %s",
                    bfs_view_plan_profile(plan)->id, path, tensor, why);
}

/* What bfs_shards_find() could not do for this tensor. */
static int refuse_shard(const struct bfs_view_plan *plan, struct bfs_error *error, const char *path,
                        const char *tensor, int code)
{
    if (code == -ENOMEM)
        return bfs_fail(error, code, "out of memory");
    return refuse(plan, error, path, tensor,
                  code == -E2BIG ? "weight_map names more than 4096 files"
                                 : "weight_map names a shard that is not there");
}

/* Every tensor of the shard stands in the map with this shard. */
static int check_shard(const struct bfs_view_plan *plan, const char *path, size_t number,
                       struct json_object *weights, struct bfs_shard_list *list,
                       struct bfs_error *error)
{
    const struct bfs_view_input *input = bfs_view_plan_input(plan, number);
    const struct bfs_shard *shard;
    for (size_t i = 0; i < input->map->n_tensors; i++) {
        const char *tensor = input->map->tensors[i].name;
        const char *where = bfs_json_string(weights, tensor);
        if (!where)
            return refuse(plan, error, path, tensor, "is in a shard, but not in weight_map");
        int r = bfs_shards_find(list, plan->directory, path, where, &shard);
        if (r)
            return refuse_shard(plan, error, path, tensor, r);
        if (shard->input != number) /* which lacks it: else it would have been left out */
            return refuse(plan, error, path, tensor, "is in another shard than weight_map says");
    }
    return 0;
}

static bool is_named(const struct bfs_shard_list *list, size_t input)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].input == input)
            return true;
    return false;
}

/* The first tensor of the map that its shard lacks. */
static int refuse_missing(const struct bfs_view_plan *plan, const char *path,
                          struct json_object *weights, struct bfs_shard_list *list,
                          struct bfs_error *error)
{
    const struct bfs_shard *shard;
    json_object_object_foreach(weights, missing, where)
    {
        int r = bfs_shards_find(list, plan->directory, path, json_object_get_string(where), &shard);
        if (r)
            return refuse_shard(plan, error, path, missing, r);
        const struct bfs_tensor_map *map = &plan->directory->maps[shard->input];
        bool is_there = false;
        for (size_t i = 0; !is_there && i < map->n_tensors; i++)
            is_there = strcmp(map->tensors[i].name, missing) == 0;
        if (!is_there)
            return refuse(plan, error, path, missing, "is not in the shard that weight_map names");
    }
    return refuse(plan, error, path, "", "weight_map contradicts the shards");
}

int bfs_checkpoint_check_index(const struct bfs_view_plan *plan, const char *path,
                               struct bfs_error *error)
{
    bfs_autojson struct json_object *root = NULL;
    bfs_autoshards struct bfs_shard_list list = {0};
    const struct bfs_shard *shard;
    int r = bfs_shards_read(plan, path, &root, error);
    if (r)
        return r;
    struct json_object *weights = bfs_json_member(root, "weight_map");
    size_t n = (size_t)json_object_object_length(weights), n_found = 0;
    json_object_object_foreach(weights, tensor, value)
    {
        if (!json_object_is_type(value, json_type_string))
            return refuse(plan, error, path, tensor, "weight_map names no shard for it");
        r = bfs_shards_find(&list, plan->directory, path, json_object_get_string(value), &shard);
        if (r)
            return refuse_shard(plan, error, path, tensor, r);
    }
    for (size_t i = 0; i < plan->directory->n_inputs; i++) {
        if (!is_named(&list, i))
            continue;
        if ((r = check_shard(plan, path, i, weights, &list, error)))
            return r;
        n_found += plan->directory->maps[i].n_tensors;
    }
    return n_found == n ? 0 : refuse_missing(plan, path, weights, &list, error);
}

/* The names of a shard of the view, as it was planned. A tensor that the source has too keeps the
 * name of its shard; one that was added, of scales, gets `name`. */
static void add_shard(const struct bfs_view_file *file, const char *name, struct json_object *old,
                      struct json_object *weights, uint64_t *total, int *status)
{
    for (size_t i = 0; i < file->output.map.n_tensors; i++) {
        const struct bfs_tensor *tensor = &file->output.map.tensors[i];
        const char *where = bfs_json_string(old, tensor->name);
        bfs_json_add_string(weights, tensor->name, where ? where : name, status);
        *total += tensor->size;
    }
}

/* Lists the shards that the map names. Errors: those of bfs_shards_find(). */
static int list_shards(const struct bfs_view_plan *plan, const char *path,
                       struct json_object *weights, struct bfs_shard_list *list)
{
    const struct bfs_shard *shard;
    json_object_object_foreach(weights, tensor, value)
    {
        (void)tensor;
        int r = bfs_shards_find(list, plan->directory, path, json_object_get_string(value), &shard);
        if (r)
            return r;
    }
    return 0;
}

static const char *name_of_file(const struct bfs_view_plan *plan, const struct bfs_view_file *file,
                                const struct bfs_shard_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(plan->directory->inputs[list->items[i].input].path, file->path) == 0)
            return list->items[i].name;
    return NULL;
}

int bfs_checkpoint_rewrite_index(struct bfs_view_plan *plan, const char *path,
                                 struct bfs_error *error)
{
    bfs_autojson struct json_object *root = NULL;
    bfs_autoshards struct bfs_shard_list list = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    uint64_t total = 0;
    int status = 0, r = bfs_shards_read(plan, path, &root, error);
    if (r)
        return r;
    struct json_object *old = bfs_json_member(root, "weight_map");
    struct json_object *weights = bfs_json_new_object(&status);
    r = list_shards(plan, path, old, &list);
    if (r)
        status = r;
    for (size_t i = 0; i < plan->n_files; i++) {
        const struct bfs_view_file *file = &plan->files[i];
        const char *name = file->is_bytes ? NULL : name_of_file(plan, file, &list);
        if (name)
            add_shard(file, name, old, weights, &total, &status);
    }
    struct json_object *metadata = bfs_json_member(root, "metadata");
    struct json_object *added = metadata ? NULL : bfs_json_new_object(&status);
    bfs_json_add_integer(metadata ? metadata : added, "total_size", total, &status);
    if (!metadata) /* last: what cannot be added is freed */
        bfs_json_add(root, "metadata", added, &status);
    bfs_json_add(root, "weight_map", weights, &status);
    if (status)
        return bfs_fail(error, status,
                        status == -ENOMEM ? "out of memory" : "the shards changed meanwhile");
    bfs_json_write(root, &text);
    return bfs_view_plan_add_bytes(plan, path, &text, error);
}
