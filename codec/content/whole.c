/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/content/whole.h"

#include "codec/store/file.h"

#include <errno.h>

int bfs_content_whole(struct bfs_bundle *bundle, uint32_t inode, uint64_t limit, uint8_t **ret,
                      size_t *ret_size, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = NULL;
    BFS_CLEANUP(bfs_chunk_reader_cleanup) struct bfs_chunk_reader *reader = NULL;
    int r = bfs_file_open(bundle, inode, &file, error);
    if (r)
        return r;
    uint64_t size = bfs_file_size(file);
    if (size > limit || size > SIZE_MAX - 1)
        return bfs_fail(error, -E2BIG, "inode %u: %llu bytes are too many", inode,
                        (unsigned long long)size);
    bfs_autofree uint8_t *bytes = malloc((size_t)size + 1);
    if (!bytes || bfs_chunk_reader_new(&reader))
        return bfs_fail(error, -ENOMEM, "out of memory");
    const struct bfs_chunk_table *table = bfs_file_table(file);
    uint32_t n = table ? bfs_chunk_table_n_chunks(table) : 0;
    for (uint32_t i = 0; i < n; i++) {
        r = bfs_file_read_chunk(file, reader, i, bytes + bfs_chunk_table_at(table, i).raw_off,
                                error);
        if (r)
            return r;
    }
    bytes[size] = 0;
    *ret = bfs_steal(&bytes);
    *ret_size = (size_t)size;
    return 0;
}
