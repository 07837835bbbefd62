/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/index/index.h"

#include "codec/index/index_private.h"

#include <string.h>

static int read_header(struct bfs_cursor *c, struct bfs_index *ret, struct bfs_error *error)
{
    uint8_t magic[8];
    uint16_t major, minor;
    uint64_t size;
    int r;
    if ((r = bfs_cursor_copy(c, magic, sizeof(magic))) || (r = bfs_cursor_u16(c, &major)) ||
        (r = bfs_cursor_u16(c, &minor)))
        return bfs_fail(error, r, "index: %zu bytes are too few", c->size);
    if (memcmp(magic, BFS_INDEX_MAGIC, sizeof(magic)) != 0)
        return bfs_fail_at(error, -EBADMSG, 0, "index: wrong magic");
    if (major != BFS_FORMAT_MAJOR)
        return bfs_fail_at(error, -EPROTONOSUPPORT, 8, "index: version %u is not known", major);
    if (bfs_cursor_zero(c, 4) || bfs_cursor_u64(c, &size) || bfs_cursor_u32(c, &ret->n_inodes) ||
        bfs_cursor_u32(c, &ret->n_dirents) || bfs_cursor_u32(c, &ret->n_tensors) ||
        bfs_cursor_u32(c, &ret->n_dims) || bfs_cursor_u64(c, &ret->strings_size) ||
        bfs_cursor_u64(c, &ret->content_size) || bfs_cursor_zero(c, 8))
        return bfs_fail_at(error, -EBADMSG, 12, "index: damaged header");
    if (size != c->size)
        return bfs_fail_at(error, -EBADMSG, 16, "index: its size field contradicts its %zu bytes",
                           c->size);
    if (ret->n_inodes > BFS_INODES_MAX || c->size > BFS_INDEX_SIZE_MAX)
        return bfs_fail_at(error, -E2BIG, 24, "index: %u inodes in %zu bytes are too many",
                           ret->n_inodes, c->size);
    return 0;
}

static int take_section(struct bfs_cursor *c, uint64_t count, size_t record_size,
                        const uint8_t **ret)
{
    if (count > bfs_cursor_remaining(c) / record_size)
        return -EBADMSG;
    return bfs_cursor_borrow(c, (size_t)count * record_size, ret);
}

static int take_sections(struct bfs_cursor *c, struct bfs_index *ret, struct bfs_error *error)
{
    const uint8_t *strings;
    if (take_section(c, ret->n_inodes, BFS_INODE_RECORD_SIZE, &ret->inodes) ||
        take_section(c, ret->n_dirents, BFS_DIRENT_RECORD_SIZE, &ret->dirents) ||
        take_section(c, ret->n_tensors, BFS_TENSOR_RECORD_SIZE, &ret->tensors) ||
        take_section(c, ret->n_dims, sizeof(uint64_t), &ret->dims) ||
        take_section(c, ret->strings_size, 1, &strings) || bfs_cursor_end(c))
        return bfs_fail_at(error, -EBADMSG, c->position,
                           "index: its counts contradict its %zu bytes", c->size);
    ret->strings = (const char *)strings;
    return 0;
}

int bfs_index_parse(uint8_t *bytes, size_t size, uint32_t n_layers, struct bfs_index **ret,
                    struct bfs_error *error)
{
    struct bfs_index parsed = {.bytes = bytes, .size = size};
    struct bfs_cursor c = bfs_cursor_over(bytes, size);
    int r;
    if ((r = read_header(&c, &parsed, error)) || (r = take_sections(&c, &parsed, error)) ||
        (r = bfs_index_check(&parsed, n_layers, error)))
        return r;
    struct bfs_index *index = malloc(sizeof(*index));
    if (!index)
        return bfs_fail(error, -ENOMEM, "index: out of memory");
    *index = parsed;
    *ret = index;
    return 0;
}

struct bfs_index *bfs_index_free(struct bfs_index *index)
{
    if (index) {
        free(index->bytes);
        free(index);
    }
    return NULL;
}

uint32_t bfs_index_n_inodes(const struct bfs_index *index)
{
    return index->n_inodes;
}

uint32_t bfs_index_n_tensors(const struct bfs_index *index)
{
    return index->n_tensors;
}

uint64_t bfs_index_content_size(const struct bfs_index *index)
{
    return index->content_size;
}

size_t bfs_index_size(const struct bfs_index *index)
{
    return index->size;
}

/* The readers below cannot fail: bfs_index_check() has read every record once. */

struct bfs_inode bfs_index_inode(const struct bfs_index *index, uint32_t number)
{
    struct bfs_inode inode = {0};
    struct bfs_cursor c = bfs_cursor_over(index->inodes + (size_t)number * BFS_INODE_RECORD_SIZE,
                                          BFS_INODE_RECORD_SIZE);
    (void)bfs_index_read_inode(&c, &inode);
    return inode;
}

struct bfs_dirent_record bfs_index_dirent_record(const struct bfs_index *index, uint32_t i)
{
    struct bfs_dirent_record record = {0};
    struct bfs_cursor c = bfs_cursor_over(index->dirents + (size_t)i * BFS_DIRENT_RECORD_SIZE,
                                          BFS_DIRENT_RECORD_SIZE);
    (void)bfs_index_read_dirent(&c, &record);
    return record;
}

struct bfs_tensor_record bfs_index_tensor_record(const struct bfs_index *index, uint32_t i)
{
    struct bfs_tensor_record record = {0};
    struct bfs_cursor c = bfs_cursor_over(index->tensors + (size_t)i * BFS_TENSOR_RECORD_SIZE,
                                          BFS_TENSOR_RECORD_SIZE);
    (void)bfs_index_read_tensor(&c, &record);
    return record;
}

struct bfs_dirent bfs_index_dirent(const struct bfs_index *index, const struct bfs_inode *directory,
                                   uint32_t position)
{
    struct bfs_dirent_record record =
        bfs_index_dirent_record(index, directory->first_dirent + position);
    return (struct bfs_dirent){.name = index->strings + record.name_off,
                               .name_length = record.name_length,
                               .inode = record.inode};
}

struct bfs_index_tensor bfs_index_tensor(const struct bfs_index *index,
                                         const struct bfs_inode *file, uint32_t i)
{
    struct bfs_tensor_record record = bfs_index_tensor_record(index, file->first_tensor + i);
    struct bfs_index_tensor tensor = {.name = index->strings + record.name_off,
                                      .name_length = record.name_length,
                                      .dtype = record.dtype,
                                      .n_dims = record.n_dims,
                                      .offset = record.offset,
                                      .size = record.size};
    memcpy(tensor.shape, index->dims + (size_t)record.first_dim * sizeof(uint64_t),
           record.n_dims * sizeof(uint64_t));
    return tensor;
}

const char *bfs_index_target(const struct bfs_index *index, const struct bfs_inode *link)
{
    return index->strings + link->target_off;
}
