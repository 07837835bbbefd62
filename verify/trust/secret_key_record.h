/* SPDX-License-Identifier: Apache-2.0
 * The binary record of a secret key file: encoded, decoded, encrypted, checked.
 *
 * THREAD SAFETY: pure functions. The caller keeps records and keys in memory that it wipes. */
#ifndef BFS_VERIFY_TRUST_SECRET_KEY_RECORD_H
#define BFS_VERIFY_TRUST_SECRET_KEY_RECORD_H

#include "verify/trust/secret_key.h"

enum {
    BFS_SECRET_KEY_SEED_SIZE = 32,
    BFS_SECRET_KEY_SIZE = BFS_SECRET_KEY_SEED_SIZE + BFS_PUBLIC_KEY_SIZE,
    BFS_SECRET_KEY_SALT_SIZE = 32,
    BFS_SECRET_KEY_CHECKSUM_SIZE = 32,
    BFS_SECRET_KEY_SEALED_SIZE =
        BFS_KEY_ID_SIZE + BFS_SECRET_KEY_SIZE + BFS_SECRET_KEY_CHECKSUM_SIZE,
    BFS_SECRET_KEY_RECORD_SIZE = 6 + BFS_SECRET_KEY_SALT_SIZE + 16 + BFS_SECRET_KEY_SEALED_SIZE,
};

struct bfs_secret_key {
    struct bfs_public_key public_key;
    uint8_t bytes[BFS_SECRET_KEY_SIZE]; /* the seed, then the public key */
};

/* Errors: -ENOMEM (scrypt). */
int bfs_secret_key_encode(const struct bfs_secret_key *key, const char *passphrase,
                          const struct bfs_secret_key_cost *cost,
                          uint8_t ret[static BFS_SECRET_KEY_RECORD_SIZE]);

/* Decrypts `record` in place. Errors: as bfs_secret_key_parse(). */
int bfs_secret_key_decode(uint8_t record[static BFS_SECRET_KEY_RECORD_SIZE], const char *passphrase,
                          const char *what, struct bfs_secret_key *ret, struct bfs_error *error);

#endif
