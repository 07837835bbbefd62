/* SPDX-License-Identifier: Apache-2.0
 * Every transform, once: docs/format-codecs.md describes each and is checked against this list.
 *   X(id, NAME, "name", factor, "what it is")
 * factor: bytes after it for each byte before it. ids are part of the format: never renumber, only
 * append. */
#ifndef BFS_CODEC_TRANSFORM_LIST_H
#define BFS_CODEC_TRANSFORM_LIST_H

#define BFS_TRANSFORM_LIST(X)                                                                      \
    X(0, NONE, "none", 1, "the bytes themselves")                                                  \
    X(1, BF16_TO_F32, "widen-bf16", 2, "bfloat16 numbers as float32")                              \
    X(2, F16_TO_F32, "widen-f16", 2, "float16 numbers as float32")

#endif
