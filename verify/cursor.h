/* SPDX-License-Identifier: Apache-2.0
 * The only way in which bundlefs reads binary bytes that it did not make: a window over borrowed
 * memory that never moves past its end. Integers are little-endian and need no alignment.
 *
 * Every reader returns 0, or -EBADMSG when the window holds too few bytes (then neither the cursor
 * nor ret_* changed), so chains read like a grammar:
 *     if ((r = bfs_cursor_u32(&c, &magic)) || (r = bfs_cursor_u16(&c, &version))) return r;
 *
 * THREAD SAFETY: a cursor belongs to one thread; the bytes below it may be shared. */
#ifndef BFS_VERIFY_CURSOR_H
#define BFS_VERIFY_CURSOR_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The formats are little-endian and the accessors copy, so a big-endian host would need a swap in
 * each of them and in the plane kernels; none is supported. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "bundlefs builds for little-endian hosts only"
#endif

struct bfs_cursor {
    const uint8_t *base; /* borrowed: the bytes outlive the cursor */
    size_t position;     /* bytes consumed */
    size_t size;         /* bytes in the window; position <= size always */
};

static inline struct bfs_cursor bfs_cursor_over(const void *bytes, size_t size)
{
    return (struct bfs_cursor){.base = bytes, .position = 0, .size = size};
}

static inline size_t bfs_cursor_remaining(const struct bfs_cursor *cursor)
{
    return cursor->size - cursor->position;
}

/* Lends `size` bytes: *ret lives as long as the memory below the cursor. */
static inline int bfs_cursor_borrow(struct bfs_cursor *cursor, size_t size, const uint8_t **ret)
{
    if (size > bfs_cursor_remaining(cursor))
        return -EBADMSG;
    /* The empty window may have no memory below it, and C adds nothing to a null pointer, not even
     * 0. */
    *ret = cursor->position ? cursor->base + cursor->position : cursor->base;
    cursor->position += size;
    return 0;
}

/* Copies `size` bytes out. Here, like the integers, because a record is read by a dozen of them:
 * with their sizes known they are one load each. */
static inline int bfs_cursor_copy(struct bfs_cursor *cursor, void *ret, size_t size)
{
    const uint8_t *bytes;
    int r = bfs_cursor_borrow(cursor, size, &bytes);
    if (r == 0 && size > 0)
        memcpy(ret, bytes, size);
    return r;
}

static inline int bfs_cursor_u8(struct bfs_cursor *cursor, uint8_t *ret)
{
    return bfs_cursor_copy(cursor, ret, sizeof(*ret));
}

static inline int bfs_cursor_u16(struct bfs_cursor *cursor, uint16_t *ret)
{
    return bfs_cursor_copy(cursor, ret, sizeof(*ret));
}

static inline int bfs_cursor_u32(struct bfs_cursor *cursor, uint32_t *ret)
{
    return bfs_cursor_copy(cursor, ret, sizeof(*ret));
}

static inline int bfs_cursor_u64(struct bfs_cursor *cursor, uint64_t *ret)
{
    return bfs_cursor_copy(cursor, ret, sizeof(*ret));
}

static inline int bfs_cursor_i64(struct bfs_cursor *cursor, int64_t *ret)
{
    return bfs_cursor_copy(cursor, ret, sizeof(*ret));
}

/* A cursor over the next `size` bytes; this one moves past them. */
int bfs_cursor_sub(struct bfs_cursor *cursor, size_t size, struct bfs_cursor *ret);
int bfs_cursor_skip(struct bfs_cursor *cursor, uint64_t size);
/* Consumes `size` bytes that must all be zero: -EBADMSG also when one is not. */
int bfs_cursor_zero(struct bfs_cursor *cursor, size_t size);
/* 0 when nothing remains, else -EBADMSG: trailing bytes are an error, not a courtesy. */
int bfs_cursor_end(const struct bfs_cursor *cursor);

#endif
