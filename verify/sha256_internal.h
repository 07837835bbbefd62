/* SPDX-License-Identifier: Apache-2.0
 * What the files of SHA-256 share, and what tests need to try each set of kernels.
 *
 * THREAD SAFETY: as digest.h. */
#ifndef BFS_VERIFY_SHA256_INTERNAL_H
#define BFS_VERIFY_SHA256_INTERNAL_H

#include "verify/digest.h"
#include "verify/sha256_kernels.h"

#include <openssl/evp.h>

/* libcrypto's SHA-256, fetched once: a fetch per call costs more than hashing a small chunk. NULL
 * when libcrypto has none. */
const EVP_MD *bfs_sha256_method(void);

enum { BFS_SHA256_TAIL_SIZE = 2 * BFS_SHA256_BLOCK_SIZE };

/* Writes the last blocks of a message of `size` bytes (FIPS 180-4, 5.1.1), which end with `rest`,
 * size % 64 bytes. Returns their number, 1 or 2. */
size_t bfs_sha256_pad(uint8_t tail[static BFS_SHA256_TAIL_SIZE], const uint8_t *rest,
                      uint64_t size);
struct bfs_digest bfs_sha256_digest(const uint32_t state[static BFS_SHA256_STATE_WORDS]);

/* As without _with, by these kernels; NULL: by libcrypto. */
int bfs_sha256_many_with(const struct bfs_sha256_kernels *kernels, const struct bfs_bytes inputs[],
                         size_t n, struct bfs_digest ret[]);
int bfs_sha256_stream_new_with(const struct bfs_sha256_kernels *kernels,
                               struct bfs_sha256_stream **ret);

#endif
