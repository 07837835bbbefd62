/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/container.h"

#include "codec/container/prefix.h"
#include "verify/checked.h"
#include "verify/cursor.h"

#include <string.h>

static bool has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text), suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

bool bfs_container_is_named(const char *file_name)
{
    return has_suffix(file_name, ".safetensors") || has_suffix(file_name, ".gguf");
}

enum bfs_container bfs_container_guess(const uint8_t *prefix, size_t prefix_size,
                                       uint64_t file_size, const char *file_name)
{
    struct bfs_cursor cursor = bfs_cursor_over(prefix, prefix_size);
    uint64_t length;
    uint8_t brace;
    if (prefix_size >= 4 && memcmp(prefix, "GGUF", 4) == 0)
        return BFS_CONTAINER_GGUF;
    if (!has_suffix(file_name, ".safetensors") || bfs_cursor_u64(&cursor, &length) ||
        bfs_cursor_u8(&cursor, &brace) || brace != '{' ||
        !bfs_range_fits(cursor.position - 1, length, file_size))
        return BFS_CONTAINER_OPAQUE;
    return BFS_CONTAINER_SAFETENSORS;
}

struct target {
    const char *file_name;
    struct bfs_tensor_map *map;
};

static int parse(void *context, const uint8_t *prefix, size_t size, uint64_t file_size,
                 struct bfs_error *error)
{
    const struct target *target = context;
    switch (bfs_container_guess(prefix, size, file_size, target->file_name)) {
    case BFS_CONTAINER_SAFETENSORS:
        return bfs_safetensors_parse(prefix, size, file_size, target->map, error);
    case BFS_CONTAINER_GGUF:
        return bfs_gguf_parse(prefix, size, file_size, target->map, error);
    case BFS_CONTAINER_OPAQUE:
        break;
    }
    *target->map = (struct bfs_tensor_map){.container = BFS_CONTAINER_OPAQUE};
    return 0;
}

int bfs_container_read(int fd, uint64_t file_size, const char *file_name,
                       struct bfs_tensor_map *ret, struct bfs_error *error)
{
    struct target target = {.file_name = file_name, .map = ret};
    return bfs_prefix_read(fd, file_size, file_name, parse, &target, NULL, error);
}
