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
    if (bfs_codec_name(encoding.codec) == NULL)
        return -EPROTONOSUPPORT;
    bool width_known = encoding.codec == BFS_CODEC_PLANES ? bfs_planes_width_known(encoding.width)
                                                          : encoding.width == 0;
    return width_known ? 0 : -EPROTONOSUPPORT;
}
