/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/checkpoint.h"

#include "accel/view/plan_private.h"
#include "verify/json_value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { CONFIG_MAX = 16 << 20 }; /* larger ones are no config of a model */

size_t bfs_checkpoint_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

bool bfs_checkpoint_has(const char *path, const struct bfs_view_input *input)
{
    size_t length = bfs_checkpoint_folder(path);
    return length == input->home && memcmp(path, input->path, length) == 0;
}

/* The config.json of the input's checkpoint; malloc'ed, NULL: no memory. */
static char *config_of(const struct bfs_view_input *input)
{
    char *config;
    if (asprintf(&config, "%.*sconfig.json", (int)input->home, input->path) < 0)
        return NULL;
    return config;
}

/* null is what some tools write for none. */
static bool is_set(struct bfs_json_value config, const char *name)
{
    struct bfs_json_value value = bfs_json_value_any_member(config, name);
    return value.text && !bfs_json_value_is_null(value);
}

static int check_config(const struct bfs_view_plan *plan, const struct bfs_view_input *input,
                        struct bfs_error *error)
{
    struct bfs_json_value root;
    bfs_autofree char *path = config_of(input);
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    if (!path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = bfs_view_plan_read(plan, path, CONFIG_MAX, &text, &size, error);
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = bfs_json_value_open_python(text, size, path, &root, error);
    if (r)
        return r;
    if (!bfs_json_value_has_type(root, BFS_JSON_OBJECT))
        return bfs_fail(error, -EBADMSG, "%.255s: not a JSON object", path);
    if (is_set(root, "quantization_config") || is_set(root, "compression_config"))
        return bfs_view_plan_refuse(plan, error, -EINVAL, input, NULL,
                                    "its config.json says that it is quantized already");
    return 0;
}

bool bfs_checkpoint_is_first(const struct bfs_view_plan *plan, size_t number)
{
    const struct bfs_view_input *input = bfs_view_plan_input(plan, number);
    if (input->map->container != BFS_CONTAINER_SAFETENSORS)
        return false;
    for (size_t i = 0; i < number; i++) {
        const struct bfs_view_input *other = bfs_view_plan_input(plan, i);
        if (other->map->container == BFS_CONTAINER_SAFETENSORS && input->home == other->home &&
            memcmp(input->path, other->path, input->home) == 0)
            return false;
    }
    return true;
}

int bfs_checkpoint_check(const struct bfs_view_plan *plan, struct bfs_error *error)
{
    const struct bfs_view_directory *directory = plan->directory;
    const struct bfs_view_input *input;
    size_t n = 0;
    for (size_t i = 0; (input = bfs_view_plan_input(plan, i)); i++) {
        if (!bfs_checkpoint_is_first(plan, i))
            continue;
        int r = check_config(plan, input, error);
        if (r)
            return r;
        n++;
    }
    if (n == 0)
        return bfs_view_plan_refuse(plan, error, -EINVAL, NULL, NULL,
                                    "wants safetensors files; the directory has none");
    for (uint32_t i = 0; i < directory->n_entries; i++) {
        if (!bfs_view_directory_is_index(directory, i))
            continue;
        int r = bfs_checkpoint_check_index(plan, directory->scan->entries[i].path, error);
        if (r)
            return r;
    }
    return 0;
}

int bfs_checkpoint_finish(struct bfs_view_plan *plan, const char *dtype,
                          enum bfs_checkpoint_quantization quantization, struct bfs_error *error)
{
    const struct bfs_view_directory *directory = plan->directory;
    const struct bfs_view_input *input;
    int r = 0;
    for (size_t i = 0; r == 0 && (input = bfs_view_plan_input(plan, i)); i++) {
        if (!bfs_checkpoint_is_first(plan, i))
            continue;
        bfs_autofree char *config = config_of(input);
        r = config ? bfs_checkpoint_rewrite_config(plan, config, dtype, quantization, error)
                   : bfs_fail(error, -ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; r == 0 && i < directory->n_entries; i++)
        if (bfs_view_directory_is_index(directory, i))
            r = bfs_checkpoint_rewrite_index(plan, directory->scan->entries[i].path, error);
    return r;
}
