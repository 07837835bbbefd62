/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/cursor.h"

int bfs_cursor_sub(struct bfs_cursor *cursor, size_t size, struct bfs_cursor *ret)
{
    const uint8_t *bytes;
    int r = bfs_cursor_borrow(cursor, size, &bytes);
    if (r == 0)
        *ret = bfs_cursor_over(bytes, size);
    return r;
}

int bfs_cursor_skip(struct bfs_cursor *cursor, uint64_t size)
{
    if (size > bfs_cursor_remaining(cursor))
        return -EBADMSG;
    cursor->position += (size_t)size;
    return 0;
}

int bfs_cursor_zero(struct bfs_cursor *cursor, size_t size)
{
    if (size > bfs_cursor_remaining(cursor))
        return -EBADMSG;
    for (size_t i = 0; i < size; i++)
        if (cursor->base[cursor->position + i] != 0)
            return -EBADMSG;
    cursor->position += size;
    return 0;
}

int bfs_cursor_end(const struct bfs_cursor *cursor)
{
    return bfs_cursor_remaining(cursor) == 0 ? 0 : -EBADMSG;
}
