/* SPDX-License-Identifier: Apache-2.0
 * Which files an index of shards names, and what that says about their tensors. */
#include "accel/view/checkpoint_shards.h"

#include "accel/view/checkpoint.h"
#include "verify/array.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { INDEX_MAX = 256 << 20 }; /* a million names of a hundred bytes, twice */

void bfs_shard_list_done(struct bfs_shard_list *list)
{
    free(list->items);
    *list = (struct bfs_shard_list){0};
}

int bfs_shards_read(const struct bfs_view_plan *plan, const char *path, struct json_object **ret,
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
        (r = bfs_json_parse_python(text, size, path, &root, error)) ||
        (r = bfs_json_check(root, fields, true, path, error)))
        return r;
    *ret = bfs_steal(&root);
    return 0;
}

static int find_input(const struct bfs_view_directory *directory, const char *path, size_t *ret)
{
    for (size_t i = 0; i < directory->n_inputs; i++) {
        if (directory->maps[i].container == BFS_CONTAINER_SAFETENSORS &&
            strcmp(directory->inputs[i].path, path) == 0) {
            *ret = i;
            return 0;
        }
    }
    return -ENOENT;
}

/* A link that is an input itself counts before what it leads to. */
static int resolve(const struct bfs_view_directory *directory, const char *path, const char *name,
                   size_t *ret)
{
    bfs_autofree char *full = NULL;
    uint32_t number;
    if (asprintf(&full, "%.*s%s", (int)bfs_checkpoint_folder(path), path, name) < 0) {
        full = NULL;
        return -ENOMEM;
    }
    if (find_input(directory, full, ret) == 0)
        return 0;
    int r = bfs_scan_follow(directory->scan, full, &number);
    return r ? (r == -ENOMEM ? r : -ENOENT)
             : find_input(directory, directory->scan->entries[number].path, ret);
}

int bfs_shards_find(struct bfs_shard_list *list, const struct bfs_view_directory *directory,
                    const char *path, const char *name, const struct bfs_shard **ret)
{
    size_t at = list->last, input;
    if (at >= list->n || strcmp(list->items[at].name, name) != 0)
        for (at = 0; at < list->n && strcmp(list->items[at].name, name) != 0;)
            at++;
    if (at == list->n) {
        int r = list->n == BFS_SHARDS_MAX ? -E2BIG : resolve(directory, path, name, &input);
        if (r || (r = bfs_array_grow(&list->items, list->n, sizeof(*list->items))))
            return r;
        list->items[list->n++] = (struct bfs_shard){.name = name, .input = input};
    }
    list->last = at;
    *ret = &list->items[at];
    return 0;
}

/* Shards in folders below belong to the checkpoint of the index. */
static void move_home(struct bfs_view_input *input, const char *path)
{
    size_t folder = bfs_checkpoint_folder(path);
    if (folder < input->home && memcmp(path, input->path, folder) == 0)
        input->home = folder;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What follow() knows of one index. */
struct following {
    struct bfs_view_directory *directory;
    const char *path;
    struct json_object *weights;
    struct bfs_shard_list *list;
    const char ***names; /* of each input that was asked about: its tensors, sorted */
    size_t *n_names;
};

static int has_tensor(struct following *following, size_t input, const char *tensor, bool *ret)
{
    const struct bfs_tensor_map *map = &following->directory->maps[input];
    if (!following->names[input]) {
        const char **names = calloc(map->n_tensors + 1, sizeof(*names));
        if (!names)
            return -ENOMEM;
        for (size_t i = 0; i < map->n_tensors; i++)
            names[i] = map->tensors[i].name;
        qsort(names, map->n_tensors, sizeof(*names), by_name);
        following->names[input] = names;
        following->n_names[input] = map->n_tensors;
    }
    *ret = bsearch(&tensor, following->names[input], following->n_names[input],
                   sizeof(*following->names[input]), by_name) != NULL;
    return 0;
}

/* Is tensor i of the input a copy of one that the map places in another shard? */
static int is_stale(struct following *following, size_t input, size_t i, bool *ret)
{
    const char *tensor = following->directory->maps[input].tensors[i].name;
    const char *where = bfs_json_string(following->weights, tensor);
    const struct bfs_shard *shard;
    *ret = false;
    if (!where)
        return 0;
    int r = bfs_shards_find(following->list, following->directory, following->path, where, &shard);
    return r || shard->input == input ? r : has_tensor(following, shard->input, tensor, ret);
}

/* Decides for all before any goes: names of tensors are asked for meanwhile. */
static int find_stale(struct following *following, size_t input, bool *stale)
{
    for (size_t i = 0; i < following->directory->maps[input].n_tensors; i++) {
        int r = is_stale(following, input, i, &stale[i]);
        if (r)
            return r;
    }
    return 0;
}

static void remove_stale(struct bfs_tensor_map *map, const bool *stale)
{
    size_t n = 0;
    for (size_t i = 0; i < map->n_tensors; i++) {
        struct bfs_tensor *tensor = &map->tensors[i];
        uint64_t elements = 0, size;
        if (!stale[i]) {
            map->tensors[n++] = *tensor;
            continue;
        }
        (void)bfs_tensor_measure(bfs_dtype_info(tensor->dtype), tensor->shape, tensor->n_dims,
                                 &elements, &size);
        map->n_elements -= elements;
        free(tensor->name);
    }
    map->n_tensors = n;
}

static int follow_shards(struct following *following)
{
    struct bfs_view_directory *directory = following->directory;
    bfs_autofree bool **stale = calloc(directory->n_inputs + 1, sizeof(*stale));
    int r = stale ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < following->list->n; i++) {
        size_t input = following->list->items[i].input;
        if (stale[input])
            continue;
        stale[input] = calloc(directory->maps[input].n_tensors + 1, sizeof(**stale));
        r = stale[input] ? find_stale(following, input, stale[input]) : -ENOMEM;
    }
    for (size_t i = 0; stale && i < directory->n_inputs; i++) {
        if (r == 0 && stale[i]) {
            remove_stale(&directory->maps[i], stale[i]);
            move_home(&directory->inputs[i], following->path);
        }
        free(stale[i]);
    }
    return r;
}

static int list_shards(struct following *following)
{
    const struct bfs_shard *shard;
    json_object_object_foreach(following->weights, tensor, value)
    {
        (void)tensor;
        int r = json_object_is_type(value, json_type_string)
                    ? bfs_shards_find(following->list, following->directory, following->path,
                                      json_object_get_string(value), &shard)
                    : -ENOENT;
        if (r)
            return r;
    }
    return 0;
}

int bfs_checkpoint_follow_index(struct bfs_view_directory *directory, uint32_t number,
                                struct bfs_error *error)
{
    const struct bfs_view_plan plan = {.directory = directory};
    const char *path = directory->scan->entries[number].path;
    bfs_autojson struct json_object *root = NULL;
    bfs_autoshards struct bfs_shard_list list = {0};
    struct bfs_error why = {0};
    int r = bfs_shards_read(&plan, path, &root, &why);
    if (r == -EBADMSG || r == -E2BIG || r == -ENOENT)
        return 0;
    if (r) {
        if (error)
            *error = why;
        return r;
    }
    bfs_autofree const char ***names = calloc(directory->n_inputs + 1, sizeof(*names));
    bfs_autofree size_t *n_names = calloc(directory->n_inputs + 1, sizeof(*n_names));
    struct following following = {.directory = directory,
                                  .path = path,
                                  .weights = bfs_json_member(root, "weight_map"),
                                  .list = &list,
                                  .names = names,
                                  .n_names = n_names};
    r = names && n_names ? list_shards(&following) : -ENOMEM;
    if (r == 0)
        r = follow_shards(&following);
    for (size_t i = 0; names && i < directory->n_inputs; i++)
        free(names[i]);
    return r == -ENOMEM ? bfs_fail(error, r, "out of memory") : 0;
}
