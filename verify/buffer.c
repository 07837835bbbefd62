/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/buffer.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool set_capacity(struct bfs_buffer *buffer, size_t capacity)
{
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (!bytes) {
        buffer->status = -ENOMEM;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

/* Returns `size` writable bytes at the end, or NULL after a failure. */
static uint8_t *extend(struct bfs_buffer *buffer, size_t size)
{
    if (buffer->status)
        return NULL;
    size_t needed;
    if (__builtin_add_overflow(buffer->size, size, &needed)) {
        buffer->status = -ENOMEM;
        return NULL;
    }
    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity ? buffer->capacity : 256;
        while (capacity < needed) {
            if (capacity > SIZE_MAX / 2) {
                capacity = needed;
                break;
            }
            capacity *= 2;
        }
        if (!set_capacity(buffer, capacity))
            return NULL;
    }
    uint8_t *at = buffer->bytes + buffer->size;
    buffer->size = needed;
    return at;
}

void bfs_buffer_reserve(struct bfs_buffer *buffer, size_t size)
{
    size_t needed;
    if (buffer->status)
        return;
    if (__builtin_add_overflow(buffer->size, size, &needed))
        buffer->status = -ENOMEM;
    else if (needed > buffer->capacity)
        (void)set_capacity(buffer, needed);
}

void bfs_buffer_put(struct bfs_buffer *buffer, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    uint8_t *at = extend(buffer, size);
    if (at)
        memcpy(at, bytes, size);
}

void bfs_buffer_put_u8(struct bfs_buffer *buffer, uint8_t value)
{
    bfs_buffer_put(buffer, &value, sizeof(value));
}

void bfs_buffer_put_u16(struct bfs_buffer *buffer, uint16_t value)
{
    bfs_buffer_put(buffer, &value, sizeof(value));
}

void bfs_buffer_put_u32(struct bfs_buffer *buffer, uint32_t value)
{
    bfs_buffer_put(buffer, &value, sizeof(value));
}

void bfs_buffer_put_u64(struct bfs_buffer *buffer, uint64_t value)
{
    bfs_buffer_put(buffer, &value, sizeof(value));
}

void bfs_buffer_put_text(struct bfs_buffer *buffer, const char *text)
{
    bfs_buffer_put(buffer, text, strlen(text));
}

void bfs_buffer_printf(struct bfs_buffer *buffer, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0) {
        if (!buffer->status)
            buffer->status = -ENOMEM;
        return;
    }
    bfs_buffer_put(buffer, text, (size_t)length);
    free(text);
}

void bfs_buffer_align(struct bfs_buffer *buffer, size_t alignment)
{
    size_t padding = (alignment - (buffer->size & (alignment - 1))) & (alignment - 1);
    uint8_t *at = padding ? extend(buffer, padding) : NULL;
    if (at)
        memset(at, 0, padding);
}

int bfs_buffer_status(const struct bfs_buffer *buffer)
{
    return buffer->status;
}

uint8_t *bfs_buffer_steal(struct bfs_buffer *buffer)
{
    uint8_t *bytes = buffer->bytes;
    *buffer = BFS_BUFFER_INIT;
    return bytes;
}

void bfs_buffer_done(struct bfs_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = BFS_BUFFER_INIT;
}
