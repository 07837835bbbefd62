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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

int bfs_cursor_u8(struct bfs_cursor *cursor, uint8_t *ret);
int bfs_cursor_u16(struct bfs_cursor *cursor, uint16_t *ret);
int bfs_cursor_u32(struct bfs_cursor *cursor, uint32_t *ret);
int bfs_cursor_u64(struct bfs_cursor *cursor, uint64_t *ret);
int bfs_cursor_i64(struct bfs_cursor *cursor, int64_t *ret);

/* Copies `size` bytes out. */
int bfs_cursor_copy(struct bfs_cursor *cursor, void *ret, size_t size);
/* Lends `size` bytes: *ret lives as long as the memory below the cursor. */
int bfs_cursor_borrow(struct bfs_cursor *cursor, size_t size, const uint8_t **ret);
/* A cursor over the next `size` bytes; this one moves past them. */
int bfs_cursor_sub(struct bfs_cursor *cursor, size_t size, struct bfs_cursor *ret);
int bfs_cursor_skip(struct bfs_cursor *cursor, uint64_t size);
/* Consumes `size` bytes that must all be zero: -EBADMSG also when one is not. */
int bfs_cursor_zero(struct bfs_cursor *cursor, size_t size);
/* 0 when nothing remains, else -EBADMSG: trailing bytes are an error, not a courtesy. */
int bfs_cursor_end(const struct bfs_cursor *cursor);

#endif
