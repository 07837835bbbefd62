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

/* As without _with, by these kernels; NULL: by libcrypto. */
int bfs_sha256_many_with(const struct bfs_sha256_kernels *kernels, const struct bfs_bytes inputs[],
                         size_t n, struct bfs_digest ret[]);

#endif
