/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/chunk/estimate.h"
#include "codec/chunk/nibbles.h"
#include "codec/chunk/planes.h"
#include "codec/chunk/planes_format.h"

#include <string.h>

enum {
    /* Of a plane; decoding a compressed one costs far more than reading a raw one. */
    KEEP_PERCENT = 96,
    /* The same limit for the estimate, in thousandths of a bit per byte, and its error on top. */
    TRY_BELOW = 8000 * KEEP_PERCENT / 100 + 40,
    /* Huffman codes spend a whole bit on every byte, so below that, matches may do better. */
    HUFFMAN_FLOOR = 1000,
    /* Matches are slower to decode than literals, and must gain this much over them. */
    MATCHES_PERCENT = 97,
};

size_t bfs_planes_scratch_size(size_t raw_size)
{
    return raw_size + (size_t)BFS_PLANES_MAX * 64;
}

size_t bfs_planes_bound(size_t raw_size)
{
    /* At worst raw planes up to the last, and a frame of that, whose bound is its size, a 256th of
     * it, and a constant. */
    return (size_t)BFS_PLANES_MAX * BFS_PLANE_RECORD_SIZE + bfs_zstd_bound(raw_size) +
           bfs_zstd_bound(0);
}

static void split(const struct bfs_plane_kernels *kernels, unsigned width, const uint8_t *raw,
                  size_t count, uint8_t *const planes[])
{
    if (width == BFS_PLANES_INTEGER)
        bfs_nibbles_split_plain(raw, count, planes);
    else if (width == 1)
        bfs_nibbles_split(raw, count, planes);
    else if (width == 2)
        kernels->split2(raw, count, planes);
    else if (width == 4)
        kernels->split4(raw, count, planes);
    else
        kernels->split8(raw, count, planes);
}

/* Writes one plane at `out` in the form that is worth it. */
static int encode_plane(const struct bfs_planes_encoder *encoder, const uint8_t *plane,
                        size_t count, uint8_t *out, enum bfs_plane_method *ret_method,
                        size_t *ret_size, bool *ret_noise)
{
    if (bfs_is_zero(plane, count)) {
        *ret_method = BFS_PLANE_ZERO;
        *ret_size = 0;
        *ret_noise = false;
        return 0;
    }
    unsigned entropy = bfs_estimate_entropy(plane, count);
    size_t best = count * KEEP_PERCENT / 100;
    bool found = false;
    int r;
    size_t n;
    if (entropy < TRY_BELOW) {
        r = bfs_zstd_encode(encoder->zstd, BFS_ZSTD_LITERALS, out, bfs_zstd_bound(count), plane,
                            count, &n);
        if (r)
            return r;
        if (n < best) {
            found = true;
            best = n;
        }
    }
    if (encoder->repetitive || entropy < HUFFMAN_FLOOR) {
        r = bfs_zstd_encode(encoder->zstd, BFS_ZSTD_FAST, encoder->spare, bfs_zstd_bound(count),
                            plane, count, &n);
        if (r)
            return r;
        if (n < best * MATCHES_PERCENT / 100) {
            memcpy(out, encoder->spare, n);
            found = true;
            best = n;
        }
    }
    if (!found) {
        memcpy(out, plane, count);
        best = count;
    }
    *ret_method = found ? BFS_PLANE_ZSTD : BFS_PLANE_RAW;
    *ret_size = best;
    *ret_noise = entropy >= TRY_BELOW;
    return 0;
}

int bfs_planes_encode(const struct bfs_planes_encoder *encoder, const uint8_t *raw, size_t raw_size,
                      unsigned width, uint8_t *stored, size_t *ret_stored_size, bool *ret_noise)
{
    unsigned n_planes = bfs_plane_group(width);
    size_t count = raw_size / n_planes;
    size_t tail = raw_size % n_planes;
    uint8_t *planes[BFS_PLANES_MAX];
    for (size_t k = 0; k < n_planes; k++)
        planes[k] = encoder->scratch + k * bfs_plane_stride(count);
    split(encoder->kernels, width, raw, count, planes);

    size_t at = (size_t)n_planes * BFS_PLANE_RECORD_SIZE;
    bool any_noise = false;
    for (size_t k = 0; k < n_planes; k++) {
        enum bfs_plane_method method;
        size_t size;
        bool noise;
        int r = encode_plane(encoder, planes[k], count, stored + at, &method, &size, &noise);
        if (r)
            return r;
        uint8_t *record = stored + k * BFS_PLANE_RECORD_SIZE;
        uint32_t size32 = (uint32_t)size;
        record[0] = (uint8_t)method;
        memcpy(record + 1, &size32, sizeof(size32));
        at += size;
        any_noise = any_noise || noise;
    }
    memcpy(stored + at, raw + count * n_planes, tail);
    *ret_stored_size = at + tail;
    *ret_noise = any_noise;
    return 0;
}
