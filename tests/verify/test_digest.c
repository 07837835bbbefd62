/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/digest.h"
#include "verify/xxh_stream.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* FIPS 180-4's examples. */
static const struct {
    const char *text;
    const char *hex;
} vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void hashes_known_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct bfs_digest digest;
        char hex[BFS_DIGEST_HEX_SIZE], text[BFS_DIGEST_TEXT_SIZE];
        assert_int_equal(bfs_sha256(vectors[i].text, strlen(vectors[i].text), &digest), 0);
        assert_string_equal(bfs_digest_hex(&digest, hex), vectors[i].hex);
        assert_memory_equal(bfs_digest_text(&digest, text), "sha256:", 7);
        assert_string_equal(text + 7, vectors[i].hex);
    }
    struct bfs_digest digest;
    assert_int_equal(bfs_sha256(NULL, 0, &digest), 0);
    assert_int_equal(digest.bytes[0], 0xe3);
}

static void streams_equal_one_shot(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_sha256_stream_cleanup) struct bfs_sha256_stream *stream = NULL;
    uint8_t bytes[300];
    struct bfs_digest whole, pieces;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7);
    assert_int_equal(bfs_sha256_stream_new(&stream), 0);
    for (size_t step = 1; step < 130; step += 3) {
        for (size_t at = 0; at < sizeof(bytes); at += step) {
            size_t size = sizeof(bytes) - at < step ? sizeof(bytes) - at : step;
            assert_int_equal(bfs_sha256_stream_update(stream, bytes + at, size), 0);
        }
        /* The stream starts anew by itself. */
        assert_int_equal(bfs_sha256_stream_finish(stream, &pieces), 0);
        assert_int_equal(bfs_sha256(bytes, sizeof(bytes), &whole), 0);
        assert_true(bfs_digest_equal(&whole, &pieces));
    }
    assert_null(bfs_sha256_stream_free(NULL));
}

static void parses_its_own_text_only(void **state)
{
    (void)state;
    struct bfs_digest digest, parsed;
    char text[BFS_DIGEST_TEXT_SIZE + 1];
    assert_int_equal(bfs_sha256("abc", 3, &digest), 0);
    (void)bfs_digest_text(&digest, text);
    assert_int_equal(bfs_digest_parse_text(text, &parsed), 0);
    assert_true(bfs_digest_equal(&digest, &parsed));
    assert_int_equal(bfs_digest_parse_hex(text + 7, &parsed), 0);
    assert_true(bfs_digest_equal(&digest, &parsed));

    memset(&parsed, 0x5a, sizeof(parsed));
    assert_int_equal(bfs_digest_parse_text(text + 7, &parsed), -EINVAL);
    assert_int_equal(bfs_digest_parse_hex(text, &parsed), -EINVAL);
    assert_int_equal(bfs_digest_parse_text("", &parsed), -EINVAL);
    assert_int_equal(bfs_digest_parse_text("sha256:", &parsed), -EINVAL);
    static const char bad[] = {'A', 'g', ' ', '/', ':', '`', '@', 'G', '\xc3'};
    for (size_t i = 0; i < sizeof(bad); i++)
        for (size_t at = 0; at < BFS_DIGEST_TEXT_SIZE - 1; at += 5) {
            char kept = text[at];
            text[at] = bad[i];
            assert_int_equal(bfs_digest_parse_text(text, &parsed), -EINVAL);
            text[at] = kept;
        }
    strcat(text, "0");
    assert_int_equal(bfs_digest_parse_text(text, &parsed), -EINVAL);
    text[BFS_DIGEST_TEXT_SIZE - 2] = '\0';
    assert_int_equal(bfs_digest_parse_text(text, &parsed), -EINVAL);
    assert_int_equal(parsed.bytes[0], 0x5a);
}

static void orders(void **state)
{
    (void)state;
    struct bfs_digest a = {{0}}, b = {{0}};
    assert_int_equal(bfs_digest_compare(&a, &b), 0);
    for (size_t i = 0; i < BFS_DIGEST_SIZE; i++) {
        b.bytes[i] = 0x80;
        assert_true(bfs_digest_compare(&a, &b) < 0);
        assert_true(bfs_digest_compare(&b, &a) > 0);
        assert_false(bfs_digest_equal(&a, &b));
        b.bytes[i] = 0;
    }
}

static void xxh128_is_the_library_s(void **state)
{
    (void)state;
    static uint8_t bytes[5000];
    static const size_t sizes[] = {0, 1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1024, 5000};
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 131 >> 3);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bfs_xxh128 hash = bfs_xxh128(bytes, sizes[i]);
        XXH128_hash_t expected = XXH3_128bits(bytes, sizes[i]);
        for (size_t j = 0; j < 8; j++) {
            assert_int_equal(hash.bytes[j], (uint8_t)(expected.high64 >> (56 - 8 * j)));
            assert_int_equal(hash.bytes[8 + j], (uint8_t)(expected.low64 >> (56 - 8 * j)));
        }
    }
    /* Published for the empty input. */
    static const uint8_t empty[] = {0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47, 0x98, 0xd8,
                                    0x60, 0x01, 0xc3, 0x24, 0x46, 0x8d, 0x49, 0x7f};
    struct bfs_xxh128 hash = bfs_xxh128(NULL, 0);
    assert_memory_equal(hash.bytes, empty, sizeof(empty));
    struct bfs_xxh128 other = hash;
    assert_true(bfs_xxh128_equal(&hash, &other));
    other.bytes[15] ^= 1;
    assert_false(bfs_xxh128_equal(&hash, &other));
}

static void xxh_streams_equal_one_shot(void **state)
{
    BFS_CLEANUP(bfs_xxh_stream_cleanup) struct bfs_xxh_stream *stream = NULL;
    uint8_t bytes[3000];
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    assert_int_equal(bfs_xxh_stream_new(&stream), 0);
    for (size_t size = 0; size <= sizeof(bytes); size += 250) {
        for (size_t step = 1; step <= 1000; step *= 10) {
            for (size_t at = 0; at < size; at += step)
                bfs_xxh_stream_update(stream, bytes + at, size - at < step ? size - at : step);
            bfs_xxh_stream_update(stream, NULL, 0);
            struct bfs_xxh128 found = bfs_xxh_stream_finish(stream);
            struct bfs_xxh128 whole = bfs_xxh128(bytes, size);
            assert_true(bfs_xxh128_equal(&found, &whole));
        }
    }
}

/* Of libcrypto's allocations. */
static bool no_memory;

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return no_memory ? NULL : malloc(size);
}

static void *crypto_realloc(void *bytes, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return no_memory ? NULL : realloc(bytes, size);
}

static void crypto_free(void *bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    free(bytes);
}

/* A stream whose next message found no memory is none that crashes, and begins when there is some. */
static void a_stream_lives_without_memory(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_sha256_stream_cleanup) struct bfs_sha256_stream *stream = NULL;
    struct bfs_digest digest, whole;
    assert_int_equal(bfs_sha256("abc", 3, &whole), 0);
    assert_int_equal(bfs_sha256_stream_new(&stream), 0);
    assert_int_equal(bfs_sha256_stream_update(stream, "abc", 3), 0);
    no_memory = true;
    int finished = bfs_sha256_stream_finish(stream, &digest);
    int updated = bfs_sha256_stream_update(stream, "abc", 3);
    int alone = bfs_sha256("abc", 3, &digest);
    no_memory = false;
    assert_int_equal(finished, 0);
    assert_int_equal(updated, -ENOMEM);
    assert_int_equal(alone, -ENOMEM);
    assert_int_equal(bfs_sha256_stream_update(stream, "abc", 3), 0);
    assert_int_equal(bfs_sha256_stream_finish(stream, &digest), 0);
    assert_true(bfs_digest_equal(&digest, &whole));
}

int main(void)
{
    /* Before libcrypto has allocated anything. */
    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_known_texts),       cmocka_unit_test(streams_equal_one_shot),
        cmocka_unit_test(parses_its_own_text_only), cmocka_unit_test(orders),
        cmocka_unit_test(xxh128_is_the_library_s),  cmocka_unit_test(xxh_streams_equal_one_shot),
        cmocka_unit_test(a_stream_lives_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
