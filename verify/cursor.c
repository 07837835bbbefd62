/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/cursor.h"

#include <errno.h>
#include <string.h>

/* The formats are little-endian and the accessors copy, so a big-endian host would need a swap in
 * each of them and in the plane kernels; none is supported. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "bundlefs builds for little-endian hosts only"
#endif

int bfs_cursor_borrow(struct bfs_cursor *cursor, size_t size, const uint8_t **ret)
{
    if (size > bfs_cursor_remaining(cursor))
        return -EBADMSG;
    /* The empty window may have no memory below it, and C adds nothing to a null pointer, not even
     * 0. */
    *ret = cursor->position ? cursor->base + cursor->position : cursor->base;
    cursor->position += size;
    return 0;
}

int bfs_cursor_copy(struct bfs_cursor *cursor, void *ret, size_t size)
{
    const uint8_t *bytes;
    int r = bfs_cursor_borrow(cursor, size, &bytes);
    if (r == 0 && size > 0)
        memcpy(ret, bytes, size);
    return r;
}

int bfs_cursor_u8(struct bfs_cursor *cursor, uint8_t *ret)
{
    return bfs_cursor_copy(cursor, ret, sizeof(*ret));
}

int bfs_cursor_u16(struct bfs_cursor *cursor, uint16_t *ret)
{
    return bfs_cursor_copy(cursor, ret, sizeof(*ret));
}

int bfs_cursor_u32(struct bfs_cursor *cursor, uint32_t *ret)
{
    return bfs_cursor_copy(cursor, ret, sizeof(*ret));
}

int bfs_cursor_u64(struct bfs_cursor *cursor, uint64_t *ret)
{
    return bfs_cursor_copy(cursor, ret, sizeof(*ret));
}

int bfs_cursor_i64(struct bfs_cursor *cursor, int64_t *ret)
{
    return bfs_cursor_copy(cursor, ret, sizeof(*ret));
}

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
