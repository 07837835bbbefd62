/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 for identity and XXH3-128 for fast equality checks. One message alone is hashed by
 * OpenSSL EVP; several are woven into each other where the CPU has the instructions for it.
 *
 * THREAD SAFETY: one-shot functions may be called from any thread; a stream belongs to one. */
#ifndef BFS_VERIFY_DIGEST_H
#define BFS_VERIFY_DIGEST_H

#include "verify/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BFS_DIGEST_SIZE = 32,
    BFS_DIGEST_HEX_SIZE = 2 * BFS_DIGEST_SIZE + 1,  /* with the final NUL */
    BFS_DIGEST_TEXT_SIZE = 7 + BFS_DIGEST_HEX_SIZE, /* "sha256:" before it */
    BFS_XXH128_SIZE = 16,
};

struct bfs_digest {
    uint8_t bytes[BFS_DIGEST_SIZE];
};

/* Canonical (big-endian) form of XXH3-128 with seed 0. Finds accidents, proves nothing against an
 * adversary. */
struct bfs_xxh128 {
    uint8_t bytes[BFS_XXH128_SIZE];
};

/* Errors: -ENOMEM; -EIO when libcrypto has no SHA-256. */
int bfs_sha256(const void *bytes, size_t size, struct bfs_digest *ret);

struct bfs_bytes {
    const void *bytes;
    size_t size;
};
/* n digests at once, which takes less time than one after the other. Errors: as bfs_sha256(); then
 * `ret` may hold some of them. */
int bfs_sha256_many(const struct bfs_bytes inputs[], size_t n, struct bfs_digest ret[]);
/* How many inputs of a size make the best use of this CPU; 1: more than one gain nothing. */
size_t bfs_sha256_many_best(void);

struct bfs_xxh128 bfs_xxh128(const void *bytes, size_t size);

bool bfs_digest_equal(const struct bfs_digest *a, const struct bfs_digest *b);
int bfs_digest_compare(const struct bfs_digest *a, const struct bfs_digest *b);
bool bfs_xxh128_equal(const struct bfs_xxh128 *a, const struct bfs_xxh128 *b);

/* 64 lower-case hexadecimal digits. */
char *bfs_digest_hex(const struct bfs_digest *digest, char ret[static BFS_DIGEST_HEX_SIZE]);
/* "sha256:" and the digits: the form of OCI descriptors. */
char *bfs_digest_text(const struct bfs_digest *digest, char ret[static BFS_DIGEST_TEXT_SIZE]);
/* Accepts exactly what the two above write. Errors: -EINVAL. */
int bfs_digest_parse_hex(const char *hex, struct bfs_digest *ret);
int bfs_digest_parse_text(const char *text, struct bfs_digest *ret);

/* SHA-256 of bytes that come in pieces. */
struct bfs_sha256_stream;
int bfs_sha256_stream_new(struct bfs_sha256_stream **ret);
int bfs_sha256_stream_update(struct bfs_sha256_stream *stream, const void *bytes, size_t size);
/* Digest of all so far; the stream then starts anew. */
int bfs_sha256_stream_finish(struct bfs_sha256_stream *stream, struct bfs_digest *ret);
struct bfs_sha256_stream *bfs_sha256_stream_free(struct bfs_sha256_stream *stream);
BFS_DEFINE_CLEANUP(bfs_sha256_stream, bfs_sha256_stream_free)

#endif
