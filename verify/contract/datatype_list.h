/* SPDX-License-Identifier: Apache-2.0
 * Datatypes of the Open Inference Protocol v2, with Triton's BF16, once.
 *
 *   X(NAME, bytes of an element, kind)
 *
 * BYTES elements have no size of their own: 0. */
#ifndef BFS_VERIFY_CONTRACT_DATATYPE_LIST_H
#define BFS_VERIFY_CONTRACT_DATATYPE_LIST_H

/* clang-format off */
#define BFS_DATATYPE_LIST(X) \
    X(BOOL, 1, BOOLEAN)      \
    X(UINT8, 1, UNSIGNED)    \
    X(UINT16, 2, UNSIGNED)   \
    X(UINT32, 4, UNSIGNED)   \
    X(UINT64, 8, UNSIGNED)   \
    X(INT8, 1, SIGNED)       \
    X(INT16, 2, SIGNED)      \
    X(INT32, 4, SIGNED)      \
    X(INT64, 8, SIGNED)      \
    X(FP16, 2, FLOAT)        \
    X(FP32, 4, FLOAT)        \
    X(FP64, 8, FLOAT)        \
    X(BF16, 2, FLOAT)        \
    X(BYTES, 0, BYTES)
/* clang-format on */

#endif
