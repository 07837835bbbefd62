/* SPDX-License-Identifier: Apache-2.0
 * A growing byte buffer for writing formats: the counterpart of the cursor. Integers are written
 * little-endian.
 *
 * The writers return nothing: the first failed allocation is remembered, later writes are ignored,
 * and bfs_buffer_status() tells, once, at the end.
 *
 * THREAD SAFETY: a buffer belongs to one thread. */
#ifndef BFS_VERIFY_BUFFER_H
#define BFS_VERIFY_BUFFER_H

#include "verify/cleanup.h"

#include <stddef.h>
#include <stdint.h>

struct bfs_buffer {
    uint8_t *bytes;  /* owned; NULL while nothing was written */
    size_t size;     /* bytes written */
    size_t capacity; /* bytes allocated */
    int status;      /* 0 or -ENOMEM */
};

#define BFS_BUFFER_INIT ((struct bfs_buffer){0})

void bfs_buffer_put(struct bfs_buffer *buffer, const void *bytes, size_t size);
void bfs_buffer_put_u8(struct bfs_buffer *buffer, uint8_t value);
void bfs_buffer_put_u16(struct bfs_buffer *buffer, uint16_t value);
void bfs_buffer_put_u32(struct bfs_buffer *buffer, uint32_t value);
void bfs_buffer_put_u64(struct bfs_buffer *buffer, uint64_t value);
void bfs_buffer_put_text(struct bfs_buffer *buffer, const char *text);
void bfs_buffer_printf(struct bfs_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Appends zeros up to a multiple of `alignment`, a power of two. */
void bfs_buffer_align(struct bfs_buffer *buffer, size_t alignment);

/* Makes room for exactly `size` more bytes, where doubling would take up to twice as much. */
void bfs_buffer_reserve(struct bfs_buffer *buffer, size_t size);

/* 0, or -ENOMEM when any write was lost. */
int bfs_buffer_status(const struct bfs_buffer *buffer);

/* Gives the bytes away and empties the buffer; the caller frees them with free(). */
uint8_t *bfs_buffer_steal(struct bfs_buffer *buffer);

/* Releases the contents; the buffer is empty and usable afterwards. */
void bfs_buffer_done(struct bfs_buffer *buffer);

#define bfs_autobuffer BFS_CLEANUP(bfs_buffer_done)

#endif
