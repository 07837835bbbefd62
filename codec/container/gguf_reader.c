/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/gguf_reader.h"

#include "verify/checked.h"

#include <errno.h>

int bfs_gguf_refuse(struct bfs_gguf_reader *reader, int code, const char *why)
{
    return bfs_fail_at(reader->error, code, reader->cursor.position, "GGUF: %s", why);
}

int bfs_gguf_need(struct bfs_gguf_reader *reader, uint64_t count, uint64_t size)
{
    uint64_t needed;
    if (!bfs_mul_u64(count, size, &needed) || needed > reader->file_size - reader->cursor.position)
        return bfs_gguf_refuse(reader, -EBADMSG, "the header goes beyond the file");
    if (needed > bfs_cursor_remaining(&reader->cursor))
        return bfs_gguf_refuse(reader, -ENODATA, "the header needs more bytes");
    return 0;
}

int bfs_gguf_skip(struct bfs_gguf_reader *reader, uint64_t count, uint64_t size)
{
    int r = bfs_gguf_need(reader, count, size);
    return r ? r : bfs_cursor_skip(&reader->cursor, count * size);
}

int bfs_gguf_u32(struct bfs_gguf_reader *reader, uint32_t *ret)
{
    int r = bfs_gguf_need(reader, 1, sizeof(*ret));
    return r ? r : bfs_cursor_u32(&reader->cursor, ret);
}

int bfs_gguf_u64(struct bfs_gguf_reader *reader, uint64_t *ret)
{
    int r = bfs_gguf_need(reader, 1, sizeof(*ret));
    return r ? r : bfs_cursor_u64(&reader->cursor, ret);
}

int bfs_gguf_text(struct bfs_gguf_reader *reader, struct bfs_gguf_text *ret)
{
    uint64_t size;
    int r = bfs_gguf_u64(reader, &size);
    if (r == 0)
        r = bfs_gguf_need(reader, size, 1);
    if (r)
        return r;
    ret->size = (size_t)size;
    return bfs_cursor_borrow(&reader->cursor, ret->size, &ret->bytes);
}
