/* SPDX-License-Identifier: Apache-2.0
 * What a run of bytes is made of, as far as choosing an encoding needs to know. A hint: every
 * encoder is lossless on any bytes, whatever the hint says. */
#ifndef BFS_CODEC_LAYOUT_H
#define BFS_CODEC_LAYOUT_H

enum bfs_layout {
    BFS_LAYOUT_OPAQUE, /* unknown: text, archives; probed */
    BFS_LAYOUT_INTEGER,
    BFS_LAYOUT_FLOAT8,
    BFS_LAYOUT_FLOAT16, /* 1 sign, 5 exponent, 10 mantissa bits */
    BFS_LAYOUT_BFLOAT16,
    BFS_LAYOUT_FLOAT32,
    BFS_LAYOUT_FLOAT64,
    BFS_LAYOUT_BLOCKS, /* quantized blocks: scales among packed quants */
};

#endif
