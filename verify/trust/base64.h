/* SPDX-License-Identifier: Apache-2.0
 * Base64 (RFC 4648), by libsodium, exact: no white space, no missing padding, no spare bits that
 * are not zero, so that one sequence of bytes has one text in each alphabet.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_TRUST_BASE64_H
#define BFS_VERIFY_TRUST_BASE64_H

#include "verify/buffer.h"

#include <stddef.h>
#include <stdint.h>

/* The number of characters of `size` bytes, without a final NUL. */
#define BFS_BASE64_LENGTH(size) (((size) + 2) / 3 * 4)

/* Exactly `size` bytes, in the standard alphabet. Errors: -EBADMSG; then `ret` is zeroed. */
int bfs_base64_decode_exact(const char *text, size_t length, uint8_t *ret, size_t size);

/* However many bytes there are, in the standard or in the URL-safe alphabet, not in a mixture;
 * *ret is malloc'ed, never NULL. Errors: -EBADMSG, -ENOMEM. */
int bfs_base64_decode(const char *text, size_t length, uint8_t **ret, size_t *ret_size);

/* Appends the standard form. */
void bfs_base64_encode(const void *bytes, size_t size, struct bfs_buffer *ret);

#endif
