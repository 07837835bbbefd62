/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "verify/trust/base64.h"

#include <errno.h>
#include <string.h>

/* RFC 4648, section 10, and the characters in which the alphabets differ. */
static const struct {
    const char *bytes;
    const char *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf>?", "+/+/Pj8="},
};

static void both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
        bfs_autofree uint8_t *bytes = NULL;
        uint8_t exact[8];
        size_t size = strlen(vectors[i].bytes), n = 99, length = strlen(vectors[i].text);
        bfs_base64_encode(vectors[i].bytes, size, &text);
        assert_int_equal(text.size, length);
        assert_int_equal(text.size, BFS_BASE64_LENGTH(size));
        assert_memory_equal(text.bytes ? text.bytes : exact, vectors[i].text, length);
        assert_int_equal(bfs_base64_decode(vectors[i].text, length, &bytes, &n), 0);
        assert_non_null(bytes);
        assert_int_equal(n, size);
        assert_memory_equal(bytes, vectors[i].bytes, size);
        assert_int_equal(bfs_base64_decode_exact(vectors[i].text, length, exact, size), 0);
        assert_memory_equal(exact, vectors[i].bytes, size);
    }
}

static void accepts_the_safe_alphabet_where_told(void **state)
{
    bfs_autofree uint8_t *bytes = NULL;
    uint8_t exact[5];
    size_t n;
    (void)state;
    assert_int_equal(bfs_base64_decode("-_-_Pj8=", 8, &bytes, &n), 0);
    assert_int_equal(n, 5);
    assert_memory_equal(bytes, "\xfb\xff\xbf>?", 5);
    assert_int_equal(bfs_base64_decode_exact("-_-_Pj8=", 8, exact, 5), -EBADMSG);
}

static void refuses(void **state)
{
    static const char *const cases[] = {
        "Z",
        "Zg",
        "Zg=",
        "Zg===",
        "Zm9vZg",
        "=Zg=",
        "Zg= ",
        "Zg==\n",
        " Zg==",
        "Zh==",
        "Zm9=",
        "+/-_",
        "Zg=A",
        "====",
        "Z\xe7==",
        "Zm9\xf6",
        "\xaf"
        "AAA",
        "\xab"
        "AAA",
        "\xc1"
        "AAA",
        "Zm9vZg==Zm9v",
        "A*==",
        "====AAAA",
    };
    uint8_t kept = 1, *bytes = &kept;
    uint8_t exact[4] = {1, 1, 1, 1};
    size_t n;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int r = bfs_base64_decode(cases[i], strlen(cases[i]), &bytes, &n);
        if (r != -EBADMSG)
            fail_msg("\"%s\": %d", cases[i], r);
        assert_ptr_equal(bytes, &kept);
        assert_int_equal(bfs_base64_decode_exact(cases[i], strlen(cases[i]), exact, 3), -EBADMSG);
    }
    assert_int_equal(bfs_base64_decode_exact("Zg==", 4, exact, 3), -EBADMSG);
    assert_int_equal(bfs_base64_decode_exact("Zm9vYg==", 8, exact, 3), -EBADMSG);
    assert_memory_equal(exact, "\0\0\0\1", 4);
}

/* Another text is another sequence of bytes, or none. */
static void every_flip(void **state)
{
    char text[] = "AZaz09+/QUJDREVGRw==";
    bfs_autofree uint8_t *good = NULL;
    size_t n_good, n_accepted = 0;
    (void)state;
    assert_int_equal(bfs_base64_decode(text, strlen(text), &good, &n_good), 0);
    for (size_t bit = 0; bit < strlen(text) * 8; bit++) {
        bfs_autofree uint8_t *bytes = NULL;
        char mutant[sizeof(text)];
        size_t n;
        memcpy(mutant, text, sizeof(text));
        mutant[bit / 8] = (char)(mutant[bit / 8] ^ (1 << bit % 8));
        if (bfs_base64_decode(mutant, strlen(text), &bytes, &n))
            continue;
        n_accepted++;
        assert_true(n != n_good || memcmp(bytes, good, n) != 0);
    }
    assert_true(n_accepted > 50 && n_accepted < 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(accepts_the_safe_alphabet_where_told),
        cmocka_unit_test(refuses),
        cmocka_unit_test(every_flip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
