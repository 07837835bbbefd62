/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/chunk/transform.h"

#include "codec/chunk/kernels.h"
#include "verify/xxh_stream.h"

#include <stdbool.h>

const char *bfs_transform_name(unsigned transform)
{
    switch (transform) {
#define NAME_CASE(id, NAME, name, factor, text)                                                    \
    case id:                                                                                       \
        return name;
        BFS_TRANSFORM_LIST(NAME_CASE)
#undef NAME_CASE
    default:
        return NULL;
    }
}

unsigned bfs_transform_factor(enum bfs_transform transform)
{
    switch (transform) {
#define FACTOR_CASE(id, NAME, name, factor, text)                                                  \
    case BFS_TRANSFORM_##NAME:                                                                     \
        return factor;
        BFS_TRANSFORM_LIST(FACTOR_CASE)
#undef FACTOR_CASE
    }
    return 1;
}

void bfs_transform_widen(enum bfs_transform transform, const uint8_t *from, size_t size,
                         uint8_t *to)
{
    const struct bfs_plane_kernels *kernels = bfs_plane_kernels();
    if (transform == BFS_TRANSFORM_BF16_TO_F32)
        kernels->widen_bf16(from, size / 2, to);
    else
        kernels->widen_f16(from, size / 2, to);
}

int bfs_transform_each(enum bfs_transform transform, const uint8_t *from, size_t size,
                       int (*take)(void *context, const uint8_t *bytes, size_t size), void *context)
{
    enum { PIECE_SIZE = 16 << 10 }; /* half of what the innermost cache holds */
    uint8_t piece[PIECE_SIZE];
    if (transform == BFS_TRANSFORM_NONE)
        return take(context, from, size);
    for (size_t done = 0; done < size;) {
        size_t step = size - done < PIECE_SIZE / 2 ? size - done : PIECE_SIZE / 2;
        bfs_transform_widen(transform, from + done, step, piece);
        int r = take(context, piece, 2 * step);
        if (r)
            return r;
        done += step;
    }
    return 0;
}

static int take_for_check(void *context, const uint8_t *bytes, size_t size)
{
    bfs_xxh_stream_update(context, bytes, size);
    return 0;
}

int bfs_transform_check(enum bfs_transform transform, const uint8_t *from, size_t size,
                        struct bfs_xxh128 *ret)
{
    BFS_CLEANUP(bfs_xxh_stream_cleanup) struct bfs_xxh_stream *stream = NULL;
    int r = bfs_xxh_stream_new(&stream);
    if (r)
        return r;
    (void)bfs_transform_each(transform, from, size, take_for_check, stream);
    *ret = bfs_xxh_stream_finish(stream);
    return 0;
}
