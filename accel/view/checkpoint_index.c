/* SPDX-License-Identifier: Apache-2.0
 * model.safetensors.index.json: which tensor is in which shard. */
#include "accel/view/checkpoint.h"
#include "accel/view/plan_private.h"
#include "verify/json.h"

#include <errno.h>
#include <string.h>

enum { INDEX_MAX = 256 << 20 }; /* a million names of a hundred bytes, twice */

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int read_index(const struct bfs_view_plan *plan, const char *path, struct json_object **ret,
                      struct bfs_error *error)
{
    static const struct bfs_json_field fields[] = {
        {"metadata", BFS_JSON_OBJECT, false},
        {"weight_map", BFS_JSON_OBJECT, true},
        {NULL, 0, false},
    };
    bfs_autojson struct json_object *root = NULL;
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    int r;
    if ((r = bfs_view_plan_read(plan, path, INDEX_MAX, &text, &size, error)) ||
        (r = bfs_json_parse(text, size, path, &root, error)) ||
        (r = bfs_json_check(root, fields, true, path, error)))
        return r;
    *ret = bfs_steal(&root);
    return 0;
}

static int refuse(const struct bfs_view_plan *plan, struct bfs_error *error, const char *path,
                  const char *tensor, const char *why)
{
    return bfs_fail(error, -EINVAL, "%s: %.160s: tensor \"%.120s\": %s",
                    bfs_view_plan_profile(plan)->id, path, tensor, why);
}

/* The shard in the folder of the index, or NULL. */
static const struct bfs_view_input *find_shard(const struct bfs_view_plan *plan, const char *path,
                                               const char *name)
{
    const struct bfs_view_input *input;
    for (size_t i = 0; (input = bfs_view_plan_input(plan, i)); i++)
        if (input->map->container == BFS_CONTAINER_SAFETENSORS &&
            bfs_checkpoint_is_beside(path, input->path) && strcmp(name_of(input->path), name) == 0)
            return input;
    return NULL;
}

/* Every tensor of the shard stands in the map with this shard. */
static int check_shard(const struct bfs_view_plan *plan, const char *path,
                       const struct bfs_view_input *shard, struct json_object *weights,
                       struct bfs_error *error)
{
    for (size_t i = 0; i < shard->map->n_tensors; i++) {
        const char *tensor = shard->map->tensors[i].name;
        const char *where = bfs_json_string(weights, tensor);
        if (!where)
            return refuse(plan, error, path, tensor, "is in a shard, but not in weight_map");
        if (strcmp(where, name_of(shard->path)) != 0)
            return refuse(plan, error, path, tensor, "is in another shard than weight_map says");
    }
    return 0;
}

int bfs_checkpoint_check_index(const struct bfs_view_plan *plan, const char *path,
                               struct bfs_error *error)
{
    bfs_autojson struct json_object *root = NULL;
    int r = read_index(plan, path, &root, error);
    if (r)
        return r;
    struct json_object *weights = bfs_json_member(root, "weight_map");
    size_t n = (size_t)json_object_object_length(weights), n_found = 0;
    const char *last = ""; /* neighbours are mostly in one shard */
    json_object_object_foreach(weights, tensor, value)
    {
        if (!json_object_is_type(value, json_type_string))
            return refuse(plan, error, path, tensor, "weight_map names no shard for it");
        const char *shard = json_object_get_string(value);
        if (strcmp(shard, last) != 0 && !find_shard(plan, path, shard))
            return refuse(plan, error, path, tensor, "weight_map names a shard that is not there");
        last = shard;
    }
    /* Now each shard that the map names, once: those whose first tensor the map gives it. */
    const struct bfs_view_input *input;
    for (size_t i = 0; (input = bfs_view_plan_input(plan, i)); i++) {
        if (input->map->container != BFS_CONTAINER_SAFETENSORS ||
            !bfs_checkpoint_is_beside(path, input->path))
            continue;
        bool is_named = false;
        json_object_object_foreach(weights, name, shard)
        {
            (void)name;
            if (strcmp(json_object_get_string(shard), name_of(input->path)) == 0) {
                is_named = true;
                break;
            }
        }
        if (!is_named)
            continue;
        if ((r = check_shard(plan, path, input, weights, error)))
            return r;
        n_found += input->map->n_tensors;
    }
    if (n_found == n)
        return 0;
    json_object_object_foreach(weights, missing, where)
    {
        const struct bfs_view_input *shard = find_shard(plan, path, json_object_get_string(where));
        bool is_there = false;
        for (size_t i = 0; !is_there && i < shard->map->n_tensors; i++)
            is_there = strcmp(shard->map->tensors[i].name, missing) == 0;
        if (!is_there)
            return refuse(plan, error, path, missing, "is not in the shard that weight_map names");
    }
    return refuse(plan, error, path, "", "weight_map contradicts the shards");
}

/* The names of a shard of the view, as it was planned. */
static int add_shard(const struct bfs_view_file *file, struct json_object *weights, uint64_t *total,
                     int *status)
{
    for (size_t i = 0; i < file->output.map.n_tensors; i++) {
        const struct bfs_tensor *tensor = &file->output.map.tensors[i];
        bfs_json_add_string(weights, tensor->name, name_of(file->path), status);
        *total += tensor->size;
    }
    return *status;
}

int bfs_checkpoint_rewrite_index(struct bfs_view_plan *plan, const char *path,
                                 struct bfs_error *error)
{
    bfs_autojson struct json_object *root = NULL;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    uint64_t total = 0;
    int status = 0, r = read_index(plan, path, &root, error);
    if (r)
        return r;
    struct json_object *old = bfs_json_member(root, "weight_map");
    struct json_object *weights = bfs_json_new_object(&status);
    for (size_t i = 0; i < plan->n_files; i++) {
        const struct bfs_view_file *file = &plan->files[i];
        bool is_named = false;
        if (file->is_bytes || !bfs_checkpoint_is_beside(path, file->path))
            continue;
        /* A shard keeps at least one tensor, so one of its own is in the old map. */
        for (size_t k = 0; !is_named && k < file->output.map.n_tensors; k++) {
            const char *where = bfs_json_string(old, file->output.map.tensors[k].name);
            is_named = where && strcmp(where, name_of(file->path)) == 0;
        }
        if (is_named)
            (void)add_shard(file, weights, &total, &status);
    }
    struct json_object *metadata = bfs_json_member(root, "metadata");
    if (!metadata) {
        metadata = bfs_json_new_object(&status);
        bfs_json_add(root, "metadata", metadata, &status); /* owned by root now */
    }
    bfs_json_add_integer(metadata, "total_size", total, &status);
    bfs_json_add(root, "weight_map", weights, &status);
    if (status)
        return bfs_fail(error, status, "out of memory");
    bfs_json_write(root, &text);
    return bfs_view_plan_add_bytes(plan, path, &text, error);
}
