/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/chunk/codec.h"
#include "codec/chunk/planes.h"

#include <errno.h>

const char *bfs_codec_name(unsigned id)
{
    switch (id) {
#define CODEC_CASE(number, NAME, name, text)                                                       \
    case number:                                                                                   \
        return name;
        BFS_CODEC_LIST(CODEC_CASE)
#undef CODEC_CASE
    default:
        return NULL;
    }
}

int bfs_encoding_check(struct bfs_encoding encoding)
{
    if (bfs_codec_name(encoding.codec) == NULL || bfs_transform_name(encoding.transform) == NULL)
        return -EPROTONOSUPPORT;
    bool width_known = encoding.codec == BFS_CODEC_PLANES ? bfs_planes_width_known(encoding.width)
                                                          : encoding.width == 0;
    return width_known ? 0 : -EPROTONOSUPPORT;
}

bool bfs_encoding_equal(struct bfs_encoding a, struct bfs_encoding b)
{
    return a.codec == b.codec && a.width == b.width && a.transform == b.transform;
}

uint32_t bfs_encoding_decoded_size(struct bfs_encoding encoding, size_t raw_size)
{
    /* Whole elements of four bytes, made of as many of two. */
    if (encoding.transform != BFS_TRANSFORM_NONE && raw_size % 4 != 0)
        return 0;
    size_t size = raw_size / bfs_transform_factor(encoding.transform);
    return size <= BFS_CHUNK_RAW_MAX ? (uint32_t)size : 0;
}
