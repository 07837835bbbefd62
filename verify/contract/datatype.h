/* SPDX-License-Identifier: Apache-2.0
 * What the elements of inputs and outputs are.
 *
 * THREAD SAFETY: constant data. */
#ifndef BFS_VERIFY_CONTRACT_DATATYPE_H
#define BFS_VERIFY_CONTRACT_DATATYPE_H

#include "verify/contract/datatype_list.h"

#include <stddef.h>

enum bfs_datatype {
#define BFS_DATATYPE_ENUM(NAME, bytes, kind) BFS_DATATYPE_##NAME,
    BFS_DATATYPE_LIST(BFS_DATATYPE_ENUM)
#undef BFS_DATATYPE_ENUM
};

enum bfs_datatype_kind {
    BFS_KIND_BOOLEAN,
    BFS_KIND_UNSIGNED,
    BFS_KIND_SIGNED,
    BFS_KIND_FLOAT,
    BFS_KIND_BYTES,
};

struct bfs_datatype_info {
    const char *name;
    size_t size; /* bytes of an element; 0: BYTES */
    enum bfs_datatype_kind kind;
};

const struct bfs_datatype_info *bfs_datatype_info(enum bfs_datatype datatype);
/* Errors: -EINVAL (no such datatype). */
int bfs_datatype_find(const char *name, enum bfs_datatype *ret);

#endif
