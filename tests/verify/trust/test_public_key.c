/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/folder.h"
#include "tests/verify/trust/keys.h"
#include "verify/trust/public_key.h"

#include <errno.h>

/* A key that minisign made. */
#define MADE_LINE "RWTy5tlX/3lYznMnXCikSxkCfBlsIyIYnOyeJsikNT7yVP2qAwRgz28X"
#define MADE_ID "CE5879FF57D9E6F2"
#define MADE "untrusted comment: minisign public key " MADE_ID "\n" MADE_LINE "\n"

/* Parses a copy of exactly `size` bytes; on failure nothing may have changed. */
static int parse_copy(const void *text, size_t size, struct bfs_public_key *ret)
{
    struct bfs_error error = {0};
    struct bfs_public_key before;
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    memset(ret, 0x5a, sizeof(*ret));
    memset(&before, 0x5a, sizeof(before));
    int r = bfs_public_key_parse(copy, size, "k.pub", ret, &error);
    free(copy);
    assert_int_equal(error.code, r);
    if (r) {
        assert_memory_equal(ret, &before, sizeof(before));
        assert_true(error.what[0] != '\0');
    }
    return r;
}

static void refused(const char *text, size_t size, int code)
{
    struct bfs_public_key key;
    int r = parse_copy(text, size, &key);
    if (r != code)
        fail_msg("%s: %d instead of %d", text, r, code);
}

static void reads_and_writes(void **state)
{
    struct bfs_public_key key, again;
    char line[BFS_PUBLIC_KEY_LINE_SIZE], text[BFS_PUBLIC_KEY_TEXT_SIZE], id[BFS_KEY_ID_TEXT_SIZE];
    (void)state;
    assert_int_equal(parse_copy(MADE, strlen(MADE), &key), 0);
    assert_string_equal(bfs_public_key_line(&key, line), MADE_LINE);
    assert_string_equal(bfs_public_key_text(&key, text), MADE);
    assert_string_equal(bfs_key_id_text(key.id, id), MADE_ID);
    assert_int_equal(bfs_public_key_parse_line(MADE_LINE, "a policy", &again, NULL), 0);
    assert_memory_equal(&again, &key, sizeof(key));
    assert_true(bfs_public_key_equal(&key, &again));
    again.id[0] ^= 1;
    assert_true(bfs_public_key_equal(&key, &again));
    again.bytes[31] ^= 1;
    assert_false(bfs_public_key_equal(&key, &again));
}

static void reads_other_line_ends(void **state)
{
    static const char *const texts[] = {
        "untrusted comment: x\n" MADE_LINE,
        "untrusted comment: x\r\n" MADE_LINE "\r\n",
        "untrusted comment: \n" MADE_LINE "\n",
    };
    struct bfs_public_key key;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(parse_copy(texts[i], strlen(texts[i]), &key), 0);
}

static void refuses_what_is_no_key_file(void **state)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"", -EBADMSG},
        {MADE_LINE "\n", -EBADMSG},
        {"untrusted comment: x", -EBADMSG},
        {"untrusted comment: x\n", -EBADMSG},
        {"untrusted comment: x\n\n", -EBADMSG},
        {"untrusted comment: x\n" MADE_LINE "\n\n", -EBADMSG},
        {"untrusted comment: x\n" MADE_LINE "\nmore\n", -EBADMSG},
        {"untrusted comment: x\n " MADE_LINE "\n", -EBADMSG},
        {"untrusted comment: x\n" MADE_LINE " \n", -EBADMSG},
        {"untrusted comment: x\n" MADE_LINE "=\n", -EBADMSG},
        {"untrusted comment: x\ty\n" MADE_LINE "\n", -EBADMSG},
        {"untrusted comment: x\x7f\n" MADE_LINE "\n", -EBADMSG},
        {"Untrusted comment: x\n" MADE_LINE "\n", -EBADMSG},
        /* the URL-safe alphabet */
        {"untrusted comment: x\nRWTy5tlX_3lYznMnXCikSxkCfBlsIyIYnOyeJsikNT7yVP2qAwRgz28X\n",
         -EBADMSG},
        /* "ED" in place of "Ed" */
        {"untrusted comment: x\nRUTy5tlX/3lYznMnXCikSxkCfBlsIyIYnOyeJsikNT7yVP2qAwRgz28X\n",
         -EPROTONOSUPPORT},
    };
    char nul[] = MADE;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        refused(cases[i].text, strlen(cases[i].text), cases[i].code);
    nul[20] = '\0';
    refused(nul, sizeof(nul) - 1, -EBADMSG);
}

static void limits(void **state)
{
    static const size_t prefix = sizeof("untrusted comment: ") - 1;
    struct bfs_public_key key;
    char text[BFS_KEY_FILE_MAX + 1];
    (void)state;
    for (size_t comment = BFS_KEY_COMMENT_MAX; comment <= BFS_KEY_COMMENT_MAX + 1; comment++) {
        memset(text, 'x', sizeof(text));
        memcpy(text, MADE, prefix);
        memcpy(text + comment, "\n" MADE_LINE "\n", sizeof("\n" MADE_LINE "\n"));
        assert_int_equal(parse_copy(text, strlen(text), &key),
                         comment > BFS_KEY_COMMENT_MAX ? -E2BIG : 0);
    }
    memset(text, 'x', sizeof(text));
    assert_int_equal(parse_copy(text, sizeof(text), &key), -E2BIG);
    assert_int_equal(parse_copy(text, sizeof(text) - 1, &key), -EBADMSG);
}

/* Points with which a signature can be made that verifies any message, and what is no point. */
static void refuses_bad_points(void **state)
{
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000", /* order 4 */
        "0100000000000000000000000000000000000000000000000000000000000000", /* the identity */
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* order 2 */
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", /* order 8 */
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* not reduced */
        "0200000000000000000000000000000000000000000000000000000000000000", /* not on the curve */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        uint8_t record[42] = {'E', 'd'};
        struct bfs_public_key key;
        test_unhex(points[i], record + 10, 32);
        bfs_autofree char *text = test_key_text(record, sizeof(record));
        assert_int_equal(parse_copy(text, strlen(text), &key), -EBADMSG);
    }
}

/* A flip gives another key, another id, another comment, or a refusal: never the same key from
 * another line. */
static void every_flip_and_cut(void **state)
{
    struct bfs_public_key good, key;
    char text[] = MADE, line[BFS_PUBLIC_KEY_LINE_SIZE];
    size_t size = sizeof(text) - 1, n_refused = 0, n_accepted = 0;
    const size_t line_begin = size - sizeof(MADE_LINE);
    (void)state;
    assert_int_equal(parse_copy(text, size, &good), 0);
    for (size_t bit = 0; bit < size * 8; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        int r = parse_copy(text, size, &key);
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        assert_true(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
        n_refused += r != 0;
        n_accepted += r == 0;
        if (r == 0 && bit / 8 >= line_begin && bit / 8 < size - 1)
            assert_string_not_equal(bfs_public_key_line(&key, line), MADE_LINE);
        else if (r == 0)
            assert_memory_equal(&key, &good, sizeof(key));
    }
    assert_true(n_refused > size && n_accepted > 0);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(parse_copy(text, cut, &key), cut == size - 1 ? 0 : -EBADMSG);
}

static void loads_files(void **state)
{
    test_autofolder struct test_folder folder = test_folder_make();
    struct bfs_public_key key;
    struct bfs_error error = {0};
    (void)state;
    bfs_autofree char *path = test_path(&folder, "k.pub");
    assert_int_equal(bfs_public_key_load(path, &key, &error), -ENOENT);
    assert_non_null(strstr(error.what, path));
    test_write_text(&folder, "k.pub", MADE);
    assert_int_equal(bfs_public_key_load(path, &key, NULL), 0);
    assert_int_equal(bfs_public_key_load(folder.path, &key, NULL), -EINVAL);
    bfs_autofree char *fifo = test_path(&folder, "fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(bfs_public_key_load(fifo, &key, NULL), -EINVAL);
    char large[BFS_KEY_FILE_MAX + 1];
    memset(large, 'x', sizeof(large));
    test_write_file(&folder, "large", large, sizeof(large));
    bfs_autofree char *large_path = test_path(&folder, "large");
    assert_int_equal(bfs_public_key_load(large_path, &key, NULL), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(reads_other_line_ends),
        cmocka_unit_test(refuses_what_is_no_key_file),
        cmocka_unit_test(limits),
        cmocka_unit_test(refuses_bad_points),
        cmocka_unit_test(every_flip_and_cut),
        cmocka_unit_test(loads_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
