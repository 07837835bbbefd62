/* SPDX-License-Identifier: Apache-2.0
 * Ed25519 secret keys, in the format of minisign's key files: a comment line, then the base64 of
 *     "Ed", "Sc" or two zeros, "B2", salt[32], opslimit (8, little-endian), memlimit (8),
 *     id[8], seed[32], public key[32], checksum[32]
 * where with "Sc" the last four are xor'ed with the scrypt stream of a passphrase. The checksum is
 * BLAKE2b-256 of "Ed", id, seed and public key; minisign leaves it zero when there is no
 * passphrase.
 *
 * A key lives in memory of libsodium's: locked where the limits of the process allow it, out of
 * core dumps, between guard pages, wiped when it is freed.
 *
 * THREAD SAFETY: a key is immutable; everything may be called from any thread. */
#ifndef BFS_VERIFY_TRUST_SECRET_KEY_H
#define BFS_VERIFY_TRUST_SECRET_KEY_H

#include "verify/cleanup.h"
#include "verify/trust/public_key.h"

enum {
    BFS_SIGNATURE_SIZE = 64,
    BFS_PASSPHRASE_MAX = 1024,      /* bytes; minisign's limit */
    BFS_SECRET_KEY_TEXT_SIZE = 288, /* a whole file that we write, with the final NUL */
};

struct bfs_secret_key;

/* Errors: -ENOMEM, -EIO when libsodium cannot start. */
int bfs_secret_key_generate(struct bfs_secret_key **ret, struct bfs_error *error);

/* How much work a passphrase costs, in libsodium's units; a reader is limited to STRONG, which
 * takes 1 GiB and about a second or four. */
struct bfs_secret_key_cost {
    uint64_t opslimit;
    uint64_t memlimit; /* bytes */
};
extern const struct bfs_secret_key_cost bfs_secret_key_strong; /* what minisign uses */
extern const struct bfs_secret_key_cost bfs_secret_key_weak;   /* the least allowed; 1 MiB */

/* Writes a key file's text. `passphrase` NULL: unencrypted, `cost` is not used. With an unencrypted
 * key the caller wipes `ret` (sodium_memzero). Errors: -ENOMEM, -EINVAL (passphrase too long). */
int bfs_secret_key_write(const struct bfs_secret_key *key, const char *passphrase,
                         const struct bfs_secret_key_cost *cost,
                         char ret[static BFS_SECRET_KEY_TEXT_SIZE], struct bfs_error *error);

/* Reads a whole key file's text. `passphrase` may be NULL and is not used when the key is not
 * encrypted. Errors:
 *   -ENOKEY          the key is encrypted and there is no passphrase
 *   -EKEYREJECTED    the passphrase is wrong, or the encrypted part or its salt is damaged: these
 *                    look alike, the format has nothing to tell them apart
 *   -EBADMSG         malformed; or damaged, in a way that a wrong passphrase cannot cause
 *   -EPROTONOSUPPORT another algorithm
 *   -E2BIG           too large, or a passphrase that costs more than bfs_secret_key_strong
 *   -ENOMEM, -EINVAL (passphrase too long) */
int bfs_secret_key_parse(const void *text, size_t size, const char *passphrase, const char *what,
                         struct bfs_secret_key **ret, struct bfs_error *error);

/* Reads a key file into locked memory and parses it. Errors: also -EINVAL (not a regular file),
 * errno of open(2) and read(2). */
int bfs_secret_key_load(const char *path, const char *passphrase, struct bfs_secret_key **ret,
                        struct bfs_error *error);

/* Borrowed; lives as long as the key. */
const struct bfs_public_key *bfs_secret_key_public(const struct bfs_secret_key *key);

/* Ed25519 (RFC 8032, pure) over the bytes. Errors: -EIO when libsodium cannot start. */
int bfs_secret_key_sign(const struct bfs_secret_key *key, const void *bytes, size_t size,
                        uint8_t ret[static BFS_SIGNATURE_SIZE]);

/* 0, or -EKEYREJECTED: not this key's signature over these bytes. Scalars that are not reduced and
 * points of small order are refused, so that nobody can change a signature into another one. */
int bfs_signature_verify(const struct bfs_public_key *key, const void *bytes, size_t size,
                         const uint8_t signature[static BFS_SIGNATURE_SIZE]);

/* Wipes it. Returns NULL. */
struct bfs_secret_key *bfs_secret_key_free(struct bfs_secret_key *key);
BFS_DEFINE_CLEANUP(bfs_secret_key, bfs_secret_key_free)

#endif
