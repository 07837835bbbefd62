/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/folder.h"
#include "tests/verify/trust/keys.h"
#include "verify/trust/key_file.h"

#include <errno.h>

enum { RECORD_SIZE = 158 };

/* Made by minisign -W. */
#define MADE                                                                                       \
    "untrusted comment: minisign encrypted secret key\n"                                           \
    "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA8ubZV/"               \
    "95WM5ZpyZqAPaANN7"                                                                            \
    "i5dosmQ0nI736pxJ2xNO3+"                                                                       \
    "90DnG9Ix3MnXCikSxkCfBlsIyIYnOyeJsikNT7yVP2qAwRgz28XAAAAAAAAAAAAAAAAAAAAAA"                    \
    "AAAAAAAAAAAAAAAAAAAAA=\n"
#define MADE_PUBLIC "RWTy5tlX/3lYznMnXCikSxkCfBlsIyIYnOyeJsikNT7yVP2qAwRgz28X"

static int parse_copy(const char *text, size_t size, const char *passphrase,
                      struct bfs_secret_key **ret)
{
    struct bfs_error error = {0};
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    *ret = NULL;
    int r = bfs_secret_key_parse(copy, size, passphrase, "k.key", ret, &error);
    free(copy);
    assert_int_equal(error.code, r);
    assert_true((r == 0) == (*ret != NULL));
    assert_true(r == 0 || error.what[0] != '\0');
    return r;
}

static int parse_record(const uint8_t *record, const char *passphrase, struct bfs_secret_key **ret)
{
    bfs_autofree char *text = test_key_text(record, RECORD_SIZE);
    return parse_copy(text, strlen(text), passphrase, ret);
}

/* The record in a text that we wrote. */
static void record_of(const char *text, uint8_t ret[static RECORD_SIZE])
{
    const char *line = strchr(text, '\n') + 1;
    assert_int_equal(bfs_base64_decode_exact(line, strcspn(line, "\n"), ret, RECORD_SIZE), 0);
}

static void refused(const uint8_t *record, const char *passphrase, int code)
{
    struct bfs_secret_key *key;
    assert_int_equal(parse_record(record, passphrase, &key), code);
}

static void same_keys(const struct bfs_secret_key *a, const struct bfs_secret_key *b)
{
    uint8_t one[BFS_SIGNATURE_SIZE], other[BFS_SIGNATURE_SIZE];
    assert_memory_equal(bfs_secret_key_public(a), bfs_secret_key_public(b),
                        sizeof(struct bfs_public_key));
    assert_int_equal(bfs_secret_key_sign(a, "x", 1, one), 0);
    assert_int_equal(bfs_secret_key_sign(b, "x", 1, other), 0);
    assert_memory_equal(one, other, sizeof(one));
}

/* RFC 8032, section 7.1, tests 1 and 2. */
static void signs_the_published_vectors(void **state)
{
    static const char *const signatures[] = {
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    };
    static const char *const seeds[] = {SEED_A, SEED_B};
    static const char *const publics[] = {PUBLIC_A, PUBLIC_B};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = test_key(seeds[i], 1);
        uint8_t expected[BFS_SIGNATURE_SIZE], made[BFS_SIGNATURE_SIZE], public_key[32];
        test_unhex(signatures[i], expected, sizeof(expected));
        test_unhex(publics[i], public_key, sizeof(public_key));
        assert_memory_equal(bfs_secret_key_public(key)->bytes, public_key, sizeof(public_key));
        assert_int_equal(bfs_secret_key_sign(key, "\x72", i, made), 0);
        assert_memory_equal(made, expected, sizeof(made));
        assert_int_equal(bfs_signature_verify(bfs_secret_key_public(key), "\x72", i, made), 0);
    }
}

static void every_bit_of_a_signature_counts(void **state)
{
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = test_key(SEED_A, 1);
    struct bfs_public_key public_key = *bfs_secret_key_public(key);
    uint8_t signature[BFS_SIGNATURE_SIZE];
    char text[] = "signed";
    (void)state;
    assert_int_equal(bfs_secret_key_sign(key, text, 6, signature), 0);
    for (size_t bit = 0; bit < sizeof(signature) * 8; bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(bfs_signature_verify(&public_key, text, 6, signature), -EKEYREJECTED);
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < 32 * 8; bit++) {
        public_key.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(bfs_signature_verify(&public_key, text, 6, signature), -EKEYREJECTED);
        public_key.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < 6 * 8; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(bfs_signature_verify(&public_key, text, 6, signature), -EKEYREJECTED);
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    }
    assert_int_equal(bfs_signature_verify(&public_key, text, 6, signature), 0);
}

/* S + L verifies as well as S where nobody looks whether it is reduced. */
static void refuses_a_signature_made_over(void **state)
{
    static const char order[] = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = test_key(SEED_A, 1);
    uint8_t signature[BFS_SIGNATURE_SIZE], l[32];
    (void)state;
    test_unhex(order, l, sizeof(l));
    assert_int_equal(bfs_secret_key_sign(key, "x", 1, signature), 0);
    sodium_add(signature + 32, l, sizeof(l));
    assert_int_equal(bfs_signature_verify(bfs_secret_key_public(key), "x", 1, signature),
                     -EKEYREJECTED);
    /* With R of small order and S zero, a key of small order would verify anything. */
    struct bfs_public_key small = {.bytes = {1}};
    memset(signature, 0, sizeof(signature));
    signature[0] = 1;
    assert_int_equal(bfs_signature_verify(&small, "x", 1, signature), -EKEYREJECTED);
}

static void reads_what_minisign_wrote(void **state)
{
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = NULL;
    char line[BFS_PUBLIC_KEY_LINE_SIZE];
    (void)state;
    assert_int_equal(parse_copy(MADE, strlen(MADE), NULL, &key), 0);
    assert_string_equal(bfs_public_key_line(bfs_secret_key_public(key), line), MADE_PUBLIC);
}

static void writes_and_reads(void **state)
{
    static const char *const passphrases[] = {NULL, "correct horse", "pass\xc3\xb6rt \t", ""};
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = NULL;
    char text[BFS_SECRET_KEY_TEXT_SIZE], other[BFS_SECRET_KEY_TEXT_SIZE];
    (void)state;
    assert_int_equal(bfs_secret_key_generate(&key, NULL), 0);
    for (size_t i = 0; i < sizeof(passphrases) / sizeof(passphrases[0]); i++) {
        BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *again = NULL;
        struct bfs_secret_key *none;
        assert_int_equal(
            bfs_secret_key_write(key, passphrases[i], &bfs_secret_key_weak, text, NULL), 0);
        assert_int_equal(
            bfs_secret_key_write(key, passphrases[i], &bfs_secret_key_weak, other, NULL), 0);
        /* a salt is never used twice */
        assert_int_equal(strcmp(text, other) == 0, passphrases[i] == NULL);
        assert_int_equal(parse_copy(text, strlen(text), passphrases[i], &again), 0);
        same_keys(key, again);
        if (!passphrases[i])
            continue;
        assert_int_equal(parse_copy(text, strlen(text), NULL, &none), -ENOKEY);
        assert_int_equal(parse_copy(text, strlen(text), "wrong", &none), -EKEYREJECTED);
    }
    assert_non_null(strstr(text, "untrusted comment: bundlefs encrypted secret key "));
}

static void two_keys_differ(void **state)
{
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *a = NULL, *b = NULL;
    (void)state;
    assert_int_equal(bfs_secret_key_generate(&a, NULL), 0);
    assert_int_equal(bfs_secret_key_generate(&b, NULL), 0);
    assert_false(bfs_public_key_equal(bfs_secret_key_public(a), bfs_secret_key_public(b)));
    assert_memory_not_equal(bfs_secret_key_public(a)->id, bfs_secret_key_public(b)->id, 8);
}

static void limits(void **state)
{
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = NULL;
    char passphrase[BFS_PASSPHRASE_MAX + 2], text[BFS_SECRET_KEY_TEXT_SIZE];
    uint8_t record[RECORD_SIZE];
    struct bfs_secret_key *none;
    (void)state;
    memset(passphrase, 'p', sizeof(passphrase));
    passphrase[BFS_PASSPHRASE_MAX + 1] = '\0';
    assert_int_equal(bfs_secret_key_generate(&key, NULL), 0);
    assert_int_equal(bfs_secret_key_write(key, passphrase, &bfs_secret_key_weak, text, NULL),
                     -EINVAL);
    passphrase[BFS_PASSPHRASE_MAX] = '\0';
    assert_int_equal(bfs_secret_key_write(key, passphrase, &bfs_secret_key_weak, text, NULL), 0);
    passphrase[BFS_PASSPHRASE_MAX] = 'p';
    assert_int_equal(parse_copy(text, strlen(text), passphrase, &none), -EINVAL);
    /* A cost above what minisign uses is refused before any work is done, and so before the
     * passphrase is asked for. */
    for (size_t at = 38; at <= 46; at += 8)
        for (size_t byte = 4; byte < 8; byte++) {
            record_of(text, record);
            record[at + byte] = 1;
            refused(record, NULL, -E2BIG);
            refused(record, "x", -E2BIG);
        }
}

/* Every bit of a key without a passphrase is under the checksum or fixed by the format. */
static void every_flip_of_a_plain_key(void **state)
{
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = NULL;
    char text[BFS_SECRET_KEY_TEXT_SIZE];
    uint8_t record[RECORD_SIZE];
    (void)state;
    assert_int_equal(bfs_secret_key_generate(&key, NULL), 0);
    assert_int_equal(bfs_secret_key_write(key, NULL, NULL, text, NULL), 0);
    record_of(text, record);
    for (size_t bit = 0; bit < RECORD_SIZE * 8; bit++) {
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused(record, NULL, bit < 6 * 8 ? -EPROTONOSUPPORT : -EBADMSG);
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    /* The text: the comment is free, what follows is not. */
    size_t size = strlen(text), comment = strcspn(text, "\n");
    for (size_t bit = 0; bit < size * 8; bit++) {
        BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *again = NULL;
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        int r = parse_copy(text, size, NULL, &again);
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        if (r == 0) {
            assert_true(bit / 8 < comment);
            same_keys(key, again);
        }
        assert_true(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
    }
    for (size_t cut = 0; cut + 1 < size; cut++) {
        struct bfs_secret_key *none;
        assert_int_equal(parse_copy(text, cut, NULL, &none), -EBADMSG);
    }
}

/* What the format can tell apart: a seed that fits its public key or the checksum was decrypted by
 * the right passphrase, so the rest is damaged. */
static void every_flip_of_an_encrypted_key(void **state)
{
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = NULL;
    char text[BFS_SECRET_KEY_TEXT_SIZE];
    uint8_t record[RECORD_SIZE];
    size_t n = 0;
    (void)state;
    assert_int_equal(bfs_secret_key_generate(&key, NULL), 0);
    assert_int_equal(bfs_secret_key_write(key, "pw", &bfs_secret_key_weak, text, NULL), 0);
    record_of(text, record);
    for (size_t bit = 0; bit < RECORD_SIZE * 8; bit++) {
        size_t at = bit / 8;
        /* A cost within the limits: the work is what it says, nothing to learn from paying it. */
        if ((at >= 38 && at < 46 && bit - 38 * 8 >= 16 && bit - 38 * 8 <= 25) ||
            (at >= 46 && at < 54 && bit - 46 * 8 <= 30))
            continue;
        BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *again = NULL;
        record[at] ^= (uint8_t)(1u << bit % 8);
        int r = parse_record(record, "pw", &again);
        record[at] ^= (uint8_t)(1u << bit % 8);
        /* The lowest bits of a cost may make no difference to the work. */
        int expected = -EKEYREJECTED;
        if (at < 6)
            expected = -EPROTONOSUPPORT;
        else if (at >= 38 && at < 54)
            expected = bit - 38 * 8 >= 16 ? -E2BIG : r == 0 ? 0 : -EKEYREJECTED;
        else if ((at >= 54 && at < 62) || at >= 94)
            expected = -EBADMSG;
        assert_int_equal(r, expected);
        n++;
    }
    assert_true(n > RECORD_SIZE * 8 - 48);
}

static void refuses_halves_that_do_not_fit(void **state)
{
    uint8_t record[RECORD_SIZE];
    (void)state;
    test_plain_record(SEED_A, 1, record);
    test_unhex(PUBLIC_B, record + 94, 32);
    refused(record, NULL, -EBADMSG);
}

static void creates_files(void **state)
{
    test_autofolder struct test_folder folder = test_folder_make();
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = NULL;
    struct bfs_error error = {0};
    struct stat status;
    (void)state;
    bfs_autofree char *path = test_path(&folder, "k.key");
    mode_t before = umask(0);
    assert_int_equal(bfs_key_file_create(path, true, MADE, strlen(MADE), NULL), 0);
    (void)umask(before);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(bfs_secret_key_load(path, NULL, &key, NULL), 0);
    assert_int_equal(bfs_key_file_create(path, true, "other", 5, &error), -EEXIST);
    assert_non_null(strstr(error.what, "never replaced"));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, strlen(MADE));
    bfs_autofree char *link = test_path(&folder, "link");
    bfs_autofree char *target = test_path(&folder, "target");
    assert_int_equal(symlink("target", link), 0);
    assert_int_equal(bfs_key_file_create(link, true, "x", 1, NULL), -EEXIST);
    assert_int_equal(stat(target, &status), -1);
    bfs_autofree char *nowhere = test_path(&folder, "none/k.key");
    assert_int_equal(bfs_key_file_create(nowhere, true, "x", 1, NULL), -ENOENT);
    struct bfs_secret_key *none = NULL;
    assert_int_equal(bfs_secret_key_load(nowhere, NULL, &none, NULL), -ENOENT);
    assert_int_equal(bfs_secret_key_load(folder.path, NULL, &none, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_the_published_vectors),
        cmocka_unit_test(every_bit_of_a_signature_counts),
        cmocka_unit_test(refuses_a_signature_made_over),
        cmocka_unit_test(reads_what_minisign_wrote),
        cmocka_unit_test(writes_and_reads),
        cmocka_unit_test(two_keys_differ),
        cmocka_unit_test(limits),
        cmocka_unit_test(every_flip_of_a_plain_key),
        cmocka_unit_test(every_flip_of_an_encrypted_key),
        cmocka_unit_test(refuses_halves_that_do_not_fit),
        cmocka_unit_test(creates_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
