/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/chunk/nibbles.h"
#include "codec/chunk/planes.h"
#include "codec/chunk/planes_format.h"
#include "verify/cursor.h"

#include <string.h>

struct plane {
    uint8_t method;
    uint32_t size;        /* stored bytes */
    const uint8_t *bytes; /* stored, borrowed */
};

bool bfs_planes_width_known(unsigned width)
{
    return width == 1 || width == 2 || width == 4 || width == 8;
}

static bool size_fits_method(const struct plane *plane, size_t count)
{
    switch (plane->method) {
    case BFS_PLANE_RAW:
        return plane->size == count;
    case BFS_PLANE_ZSTD:
        return plane->size < count;
    case BFS_PLANE_ZERO:
        return plane->size == 0;
    default:
        return false;
    }
}

/* Finds every part of the stored bytes, or refuses, before anything is decoded. */
static int parse(const uint8_t *stored, size_t stored_size, unsigned n_planes, size_t count,
                 size_t tail_size, struct plane planes[], const uint8_t **ret_tail)
{
    struct bfs_cursor c = bfs_cursor_over(stored, stored_size);
    int r;
    for (size_t k = 0; k < n_planes; k++) {
        if ((r = bfs_cursor_u8(&c, &planes[k].method)) || (r = bfs_cursor_u32(&c, &planes[k].size)))
            return r;
        if (!size_fits_method(&planes[k], count))
            return -EBADMSG;
    }
    for (size_t k = 0; k < n_planes; k++) {
        r = bfs_cursor_borrow(&c, planes[k].size, &planes[k].bytes);
        if (r)
            return r;
    }
    r = bfs_cursor_borrow(&c, tail_size, ret_tail);
    return r ? r : bfs_cursor_end(&c);
}

static void join(const struct bfs_plane_kernels *kernels, unsigned width, uint8_t *raw,
                 size_t count, const uint8_t *const planes[])
{
    if (width == BFS_PLANES_INTEGER)
        bfs_nibbles_join_plain(raw, count, planes);
    else if (width == 1)
        bfs_nibbles_join(raw, count, planes);
    else if (width == 2)
        kernels->join2(raw, count, planes);
    else if (width == 4)
        kernels->join4(raw, count, planes);
    else
        kernels->join8(raw, count, planes);
}

int bfs_planes_decode(const struct bfs_plane_kernels *kernels, struct bfs_zstd_decoder *zstd,
                      uint8_t *scratch, const uint8_t *stored, size_t stored_size, unsigned width,
                      uint8_t *raw, size_t raw_size)
{
    unsigned n_planes = bfs_plane_group(width);
    size_t count = raw_size / n_planes;
    size_t tail_size = raw_size % n_planes;
    struct plane planes[BFS_PLANES_MAX] = {0};
    const uint8_t *tail = NULL;
    if (count == 0)
        return -EBADMSG;
    int r = parse(stored, stored_size, n_planes, count, tail_size, planes, &tail);
    if (r)
        return r;

    const uint8_t *decoded[BFS_PLANES_MAX];
    for (size_t k = 0; k < n_planes; k++) {
        uint8_t *plane = scratch + k * bfs_plane_stride(count);
        decoded[k] = plane;
        if (planes[k].method == BFS_PLANE_RAW) {
            decoded[k] = planes[k].bytes; /* joined straight from where it is stored */
        } else if (planes[k].method == BFS_PLANE_ZERO) {
            memset(plane, 0, count);
        } else {
            r = bfs_zstd_decode(zstd, planes[k].bytes, planes[k].size, plane, count);
            if (r)
                return r;
        }
    }
    join(kernels, width, raw, count, decoded);
    memcpy(raw + count * n_planes, tail, tail_size);
    return 0;
}
