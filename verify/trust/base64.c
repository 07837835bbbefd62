/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/trust/base64.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>

/* libsodium takes a byte for the character that differs from it in the highest bit, of some. */
static bool is_ascii(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

int bfs_base64_decode_exact(const char *text, size_t length, uint8_t *ret, size_t size)
{
    size_t n = 0;
    if (length == BFS_BASE64_LENGTH(size) && is_ascii(text, length) &&
        sodium_base642bin(ret, size, text, length, NULL, &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) == 0 &&
        n == size)
        return 0;
    sodium_memzero(ret, size);
    return -EBADMSG;
}

int bfs_base64_decode(const char *text, size_t length, uint8_t **ret, size_t *ret_size)
{
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_URLSAFE};
    size_t capacity = length / 4 * 3;
    if (!is_ascii(text, length))
        return -EBADMSG;
    bfs_autofree uint8_t *bytes = malloc(capacity ? capacity : 1);
    if (!bytes)
        return -ENOMEM;
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++)
        if (sodium_base642bin(bytes, capacity, text, length, NULL, ret_size, NULL, variants[i]) ==
            0) {
            *ret = bfs_steal(&bytes);
            return 0;
        }
    return -EBADMSG;
}

void bfs_base64_encode(const void *bytes, size_t size, struct bfs_buffer *ret)
{
    size_t capacity = BFS_BASE64_LENGTH(size) + 1;
    bfs_autofree char *text = malloc(capacity);
    if (!text) {
        ret->status = -ENOMEM;
        return;
    }
    (void)sodium_bin2base64(text, capacity, bytes, size, sodium_base64_VARIANT_ORIGINAL);
    bfs_buffer_put(ret, text, capacity - 1);
}
