/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/inspect.h"

#include "codec/store/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bfs_inspect_dtypes(const struct bfs_index *index,
                        struct bfs_dtype_count ret[static BFS_INSPECT_DTYPES_MAX])
{
    memset(ret, 0, BFS_INSPECT_DTYPES_MAX * sizeof(*ret));
    for (uint32_t number = 0; number < bfs_index_n_inodes(index); number++) {
        struct bfs_inode inode = bfs_index_inode(index, number);
        for (uint32_t i = 0; i < inode.n_tensors; i++) {
            struct bfs_index_tensor tensor = bfs_index_tensor(index, &inode, i);
            if (tensor.dtype < BFS_INSPECT_DTYPES_MAX) {
                ret[tensor.dtype].n++;
                ret[tensor.dtype].size += tensor.size;
            }
        }
    }
}

int bfs_inspect_codecs(struct bfs_bundle *bundle, uint32_t file,
                       struct bfs_codec_count ret[static BFS_INSPECT_ENCODINGS_MAX],
                       struct bfs_error *error)
{
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *opened = NULL;
    int r = bfs_file_open(bundle, file, &opened, error);
    if (r)
        return r;
    memset(ret, 0, BFS_INSPECT_ENCODINGS_MAX * sizeof(*ret));
    const struct bfs_chunk_table *table = bfs_file_table(opened);
    uint32_t n = table ? bfs_chunk_table_n_chunks(table) : 0;
    for (uint32_t i = 0; i < n; i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(table, i);
        unsigned number =
            chunk.encoding.transform * (unsigned)BFS_INSPECT_CODECS_MAX + chunk.encoding.codec;
        if (chunk.encoding.codec < BFS_INSPECT_CODECS_MAX && number < BFS_INSPECT_ENCODINGS_MAX) {
            ret[number].n++;
            ret[number].raw_size += chunk.raw_size;
            ret[number].stored_size += chunk.stored_size;
        }
    }
    return 0;
}

const char *bfs_inspect_codec_name(unsigned i, char ret[static BFS_INSPECT_NAME_SIZE])
{
    unsigned transform = i / BFS_INSPECT_CODECS_MAX;
    const char *codec = bfs_codec_name(i % BFS_INSPECT_CODECS_MAX);
    if (transform == BFS_TRANSFORM_NONE)
        return codec;
    (void)snprintf(ret, BFS_INSPECT_NAME_SIZE, "%s+%s", codec, bfs_transform_name(transform));
    return ret;
}

int bfs_inspect_trace(const struct bfs_bundle *bundle, struct bfs_inspect_trace *ret,
                      struct bfs_error *error)
{
    bfs_autoorder struct bfs_order order = {0};
    const struct bfs_index *index = bfs_bundle_index(bundle);
    int r = bfs_bundle_trace(bundle, &order, error);
    if (r)
        return r;
    bfs_autofree uint8_t *met = calloc(bfs_index_n_inodes(index), 1);
    char *first = bfs_index_path(index, order.steps[0].inode);
    if (!met || !first) {
        free(first);
        return bfs_fail(error, -ENOMEM, "out of memory");
    }
    *ret = (struct bfs_inspect_trace){.n_steps = order.n_steps, .size = order.size, .first = first};
    for (uint32_t i = 0; i < order.n_steps; i++) {
        uint32_t inode = order.steps[i].inode;
        ret->n_files += !met[inode];
        met[inode] = 1;
    }
    return 0;
}
