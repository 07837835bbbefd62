/* SPDX-License-Identifier: Apache-2.0
 * Every chunk encoding, once: docs/format.md describes each and is checked against this list.
 *   X(id, NAME, "name", "what it is")
 * ids are part of the format: never renumber, only append. */
#ifndef BFS_CODEC_CODEC_LIST_H
#define BFS_CODEC_CODEC_LIST_H

#define BFS_CODEC_LIST(X)                                                                          \
    X(0, RAW, "raw", "the bytes themselves")                                                       \
    X(1, ZERO, "zero", "all bytes are zero; nothing is stored")                                    \
    X(2, ZSTD, "zstd", "one zstd frame")                                                           \
    X(3, PLANES, "planes", "rotated floats, split into byte planes")                  \
    X(4, NIBBLES, "nibbles", "integers of one byte, split into two planes of nibbles")

#endif
