/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/trust/secret_key_record.h"

#include "verify/cursor.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum {
    AT_KDF = 2,
    AT_CHECKSUM_ALGORITHM = 4,
    AT_SALT = 6,
    AT_OPSLIMIT = AT_SALT + BFS_SECRET_KEY_SALT_SIZE,
    AT_MEMLIMIT = AT_OPSLIMIT + 8,
    AT_SEALED = AT_MEMLIMIT + 8,
    SEALED_KEY = BFS_KEY_ID_SIZE, /* within the sealed part */
    SEALED_CHECKSUM = SEALED_KEY + BFS_SECRET_KEY_SIZE,
};

static const uint8_t ed25519[2] = {'E', 'd'}, scrypt[2] = {'S', 'c'}, blake2b[2] = {'B', '2'};

const struct bfs_secret_key_cost bfs_secret_key_strong = {
    .opslimit = crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE,
    .memlimit = crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE,
};
const struct bfs_secret_key_cost bfs_secret_key_weak = {
    .opslimit = crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_MIN,
    .memlimit = crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_MIN,
};

static void put_u64(uint8_t *ret, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        ret[i] = (uint8_t)(value >> 8 * i);
}

static void checksum(const uint8_t *sealed, uint8_t ret[static BFS_SECRET_KEY_CHECKSUM_SIZE])
{
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, NULL, 0, BFS_SECRET_KEY_CHECKSUM_SIZE);
    (void)crypto_generichash_update(&state, ed25519, sizeof(ed25519));
    (void)crypto_generichash_update(&state, sealed, SEALED_CHECKSUM);
    (void)crypto_generichash_final(&state, ret, BFS_SECRET_KEY_CHECKSUM_SIZE);
    sodium_memzero(&state, sizeof(state));
}

static bool checksum_fits(const uint8_t *sealed)
{
    uint8_t sum[BFS_SECRET_KEY_CHECKSUM_SIZE];
    checksum(sealed, sum);
    bool fits = sodium_memcmp(sum, sealed + SEALED_CHECKSUM, sizeof(sum)) == 0;
    sodium_memzero(sum, sizeof(sum));
    return fits;
}

/* Replaces the public key by the one that belongs to the seed; returns whether it was it. */
static bool derive_public(uint8_t *sealed)
{
    uint8_t public_key[BFS_PUBLIC_KEY_SIZE], secret[BFS_SECRET_KEY_SIZE];
    uint8_t *stored = sealed + SEALED_KEY + BFS_SECRET_KEY_SEED_SIZE;
    (void)crypto_sign_seed_keypair(public_key, secret, sealed + SEALED_KEY);
    sodium_memzero(secret, sizeof(secret));
    bool same = sodium_memcmp(public_key, stored, sizeof(public_key)) == 0;
    memcpy(stored, public_key, sizeof(public_key));
    return same;
}

/* Encrypts, or decrypts. */
static int xor_stream(uint8_t *record, const char *passphrase,
                      const struct bfs_secret_key_cost *cost)
{
    uint8_t stream[BFS_SECRET_KEY_SEALED_SIZE];
    int r = crypto_pwhash_scryptsalsa208sha256(stream, sizeof(stream), passphrase,
                                               strlen(passphrase), record + AT_SALT, cost->opslimit,
                                               (size_t)cost->memlimit);
    for (size_t i = 0; r == 0 && i < sizeof(stream); i++)
        record[AT_SEALED + i] ^= stream[i];
    sodium_memzero(stream, sizeof(stream));
    return r ? -ENOMEM : 0;
}

int bfs_secret_key_encode(const struct bfs_secret_key *key, const char *passphrase,
                          const struct bfs_secret_key_cost *cost,
                          uint8_t ret[static BFS_SECRET_KEY_RECORD_SIZE])
{
    uint8_t *sealed = ret + AT_SEALED;
    memset(ret, 0, AT_SEALED);
    memcpy(ret, ed25519, sizeof(ed25519));
    memcpy(ret + AT_CHECKSUM_ALGORITHM, blake2b, sizeof(blake2b));
    memcpy(sealed, key->public_key.id, BFS_KEY_ID_SIZE);
    memcpy(sealed + SEALED_KEY, key->bytes, BFS_SECRET_KEY_SIZE);
    checksum(sealed, sealed + SEALED_CHECKSUM);
    if (!passphrase)
        return 0;
    memcpy(ret + AT_KDF, scrypt, sizeof(scrypt));
    randombytes_buf(ret + AT_SALT, BFS_SECRET_KEY_SALT_SIZE);
    put_u64(ret + AT_OPSLIMIT, cost->opslimit);
    put_u64(ret + AT_MEMLIMIT, cost->memlimit);
    return xor_stream(ret, passphrase, cost);
}

static int open_encrypted(uint8_t *record, const char *passphrase, const char *what,
                          struct bfs_error *error)
{
    struct bfs_secret_key_cost cost = {0};
    struct bfs_cursor cursor = bfs_cursor_over(record + AT_OPSLIMIT, 16);
    (void)bfs_cursor_u64(&cursor, &cost.opslimit);
    (void)bfs_cursor_u64(&cursor, &cost.memlimit);
    if (cost.opslimit > bfs_secret_key_strong.opslimit ||
        cost.memlimit > bfs_secret_key_strong.memlimit)
        return bfs_fail(error, -E2BIG, "%s: the passphrase would cost more work than is allowed",
                        what);
    if (!passphrase)
        return bfs_fail(error, -ENOKEY, "%s: the key is encrypted and needs its passphrase", what);
    if (xor_stream(record, passphrase, &cost))
        return bfs_fail(error, -ENOMEM, "%s: not enough memory for the passphrase", what);
    uint8_t *sealed = record + AT_SEALED;
    if (checksum_fits(sealed))
        return 0;
    /* A wrong passphrase gives a random seed, whose public key is neither beside it nor under the
     * checksum. */
    if (derive_public(sealed) || checksum_fits(sealed))
        return bfs_fail(error, -EBADMSG, "%s: the key is damaged: its checksum does not fit", what);
    return bfs_fail(error, -EKEYREJECTED, "%s: wrong passphrase, or the key is damaged", what);
}

static int open_plain(const uint8_t *record, const char *what, struct bfs_error *error)
{
    const uint8_t *sealed = record + AT_SEALED;
    if (!sodium_is_zero(record + AT_SALT, AT_SEALED - AT_SALT))
        return bfs_fail(error, -EBADMSG, "%s: a key without a passphrase has a salt", what);
    if (!sodium_is_zero(sealed + SEALED_CHECKSUM, BFS_SECRET_KEY_CHECKSUM_SIZE) &&
        !checksum_fits(sealed))
        return bfs_fail(error, -EBADMSG, "%s: the key is damaged: its checksum does not fit", what);
    return 0;
}

int bfs_secret_key_decode(uint8_t record[static BFS_SECRET_KEY_RECORD_SIZE], const char *passphrase,
                          const char *what, struct bfs_secret_key *ret, struct bfs_error *error)
{
    static const uint8_t none[2] = {0};
    uint8_t *sealed = record + AT_SEALED;
    bool is_plain = memcmp(record + AT_KDF, none, sizeof(none)) == 0;
    if (memcmp(record, ed25519, sizeof(ed25519)) != 0 ||
        memcmp(record + AT_CHECKSUM_ALGORITHM, blake2b, sizeof(blake2b)) != 0 ||
        (!is_plain && memcmp(record + AT_KDF, scrypt, sizeof(scrypt)) != 0))
        return bfs_fail(error, -EPROTONOSUPPORT,
                        "%s: not an Ed25519 key under scrypt and BLAKE2b, or under nothing", what);
    int r = is_plain ? open_plain(record, what, error)
                     : open_encrypted(record, passphrase, what, error);
    if (r)
        return r;
    /* To sign with a public key that is not the seed's would give the seed away. */
    if (!derive_public(sealed))
        return bfs_fail(error, -EBADMSG, "%s: the key is damaged: its two halves do not fit", what);
    memcpy(ret->public_key.id, sealed, BFS_KEY_ID_SIZE);
    memcpy(ret->bytes, sealed + SEALED_KEY, BFS_SECRET_KEY_SIZE);
    memcpy(ret->public_key.bytes, ret->bytes + BFS_SECRET_KEY_SEED_SIZE, BFS_PUBLIC_KEY_SIZE);
    return 0;
}
