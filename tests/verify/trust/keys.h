/* SPDX-License-Identifier: Apache-2.0
 * Keys whose seed is known, and what a refusal must look like. Included after cmocka.h. */
#ifndef BFS_TESTS_TRUST_KEYS_H
#define BFS_TESTS_TRUST_KEYS_H

#include "verify/trust/base64.h"
#include "verify/trust/secret_key.h"

#include <sodium.h>
#include <string.h>

/* RFC 8032, section 7.1, tests 1 and 2; also the keys A and B of the DSSE vectors. */
#define SEED_A "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define PUBLIC_A "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define SEED_B "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
#define PUBLIC_B "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"

static inline void test_unhex(const char *hex, uint8_t *ret, size_t size)
{
    size_t n = 0;
    assert_int_equal(sodium_hex2bin(ret, size, hex, strlen(hex), NULL, &n, NULL), 0);
    assert_int_equal(n, size);
}

/* The record of a key without a passphrase, as minisign writes it: the checksum is zero. */
static inline void test_plain_record(const char *seed, uint8_t id, uint8_t ret[static 158])
{
    uint8_t secret[64], public_key[32], seed_bytes[32];
    test_unhex(seed, seed_bytes, sizeof(seed_bytes));
    assert_int_equal(crypto_sign_seed_keypair(public_key, secret, seed_bytes), 0);
    memset(ret, 0, 158);
    memcpy(ret, "Ed\0\0B2", 6);
    memset(ret + 54, id, 8);
    memcpy(ret + 62, secret, 64);
}

/* A key file's text with this record; the caller frees it. */
static inline char *test_key_text(const uint8_t *record, size_t size)
{
    struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_buffer_put_text(&text, "untrusted comment: test\n");
    bfs_base64_encode(record, size, &text);
    bfs_buffer_put_text(&text, "\n");
    bfs_buffer_put_u8(&text, '\0');
    assert_int_equal(bfs_buffer_status(&text), 0);
    return (char *)text.bytes;
}

/* The key of this seed, with an id of eight equal bytes. */
static inline struct bfs_secret_key *test_key(const char *seed, uint8_t id)
{
    uint8_t record[158];
    struct bfs_secret_key *key = NULL;
    test_plain_record(seed, id, record);
    bfs_autofree char *text = test_key_text(record, sizeof(record));
    assert_int_equal(bfs_secret_key_parse(text, strlen(text), NULL, "test", &key, NULL), 0);
    return key;
}

#endif
