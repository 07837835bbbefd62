/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/dtype.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

static const struct bfs_dtype_info rows[] = {
#define ROW(number, NAME, safetensors, ggml, elements, bytes, kind)                                \
    {.id = BFS_DTYPE_##NAME,                                                                       \
     .name = #NAME,                                                                                \
     .safetensors_name = safetensors,                                                              \
     .ggml_type = ggml,                                                                            \
     .block_elements = elements,                                                                   \
     .block_bytes = bytes,                                                                         \
     .layout = BFS_LAYOUT_##kind},
    BFS_DTYPE_LIST(ROW)
#undef ROW
};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Ids count from 1 without gaps, so a row is found by its id: the enumerator at each row's place in
 * the list must be the id that the row states. */
enum {
    BEFORE_FIRST = 0,
#define PLACE(number, NAME, safetensors, ggml, elements, bytes, kind) PLACE_OF_##NAME,
    BFS_DTYPE_LIST(PLACE)
#undef PLACE
};
#define IN_PLACE(number, NAME, safetensors, ggml, elements, bytes, kind)                           \
    _Static_assert((number) == (int)PLACE_OF_##NAME, "ids are consecutive from 1: " #NAME);
BFS_DTYPE_LIST(IN_PLACE)
#undef IN_PLACE

const struct bfs_dtype_info *bfs_dtype_at(unsigned i)
{
    return i < N_ROWS ? &rows[i] : NULL;
}

const struct bfs_dtype_info *bfs_dtype_info(unsigned id)
{
    return id == BFS_DTYPE_NONE ? NULL : bfs_dtype_at(id - 1);
}

const struct bfs_dtype_info *bfs_dtype_from_safetensors(const char *name)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].safetensors_name && strcmp(rows[i].safetensors_name, name) == 0)
            return &rows[i];
    return NULL;
}

const struct bfs_dtype_info *bfs_dtype_from_ggml(uint32_t type)
{
    if (type > INT_MAX)
        return NULL;
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].ggml_type == (int)type)
            return &rows[i];
    return NULL;
}
