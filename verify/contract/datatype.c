/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/contract/datatype.h"

#include <errno.h>
#include <string.h>

static const struct bfs_datatype_info infos[] = {
#define INFO(NAME, bytes, kind) {#NAME, bytes, BFS_KIND_##kind},
    BFS_DATATYPE_LIST(INFO)
#undef INFO
};

const struct bfs_datatype_info *bfs_datatype_info(enum bfs_datatype datatype)
{
    return &infos[datatype];
}

int bfs_datatype_find(const char *name, enum bfs_datatype *ret)
{
    for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++)
        if (strcmp(infos[i].name, name) == 0) {
            *ret = (enum bfs_datatype)i;
            return 0;
        }
    return -EINVAL;
}
