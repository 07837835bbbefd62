/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "verify/rfc3339.h"

#include <errno.h>
#include <string.h>

static void both_ways(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2000-02-29T23:59:59Z", 951868799},
        {"2026-01-01T00:00:00Z", 1767225600},
        {"2038-01-19T03:14:08Z", INT64_C(2147483648)},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[BFS_RFC3339_SIZE];
        int64_t seconds = -1;
        assert_int_equal(bfs_rfc3339_parse(cases[i].text, &seconds), 0);
        assert_true(seconds == cases[i].seconds);
        assert_int_equal(bfs_rfc3339_format(cases[i].seconds, text), 0);
        assert_string_equal(text, cases[i].text);
    }
}

static void refuses(void **state)
{
    static const char *const cases[] = {
        "",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00z",
        "2026-01-01t00:00:00Z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.5Z",
        "2026-01-01T00:00:00Z ",
        " 2026-01-01T00:00:00Z",
        "+026-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-12-31T23:59:60Z",
    };
    char text[BFS_RFC3339_SIZE] = "kept";
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t seconds = 42;
        assert_int_equal(bfs_rfc3339_parse(cases[i], &seconds), -EINVAL);
        assert_true(seconds == 42);
    }
    assert_int_equal(bfs_rfc3339_format(-1, text), -EINVAL);
    assert_int_equal(bfs_rfc3339_format(INT64_C(253402300800), text), -EINVAL);
    assert_int_equal(bfs_rfc3339_format(INT64_MAX, text), -EINVAL);
    assert_string_equal(text, "kept");
}

/* What is accepted is written back as it was. */
static void every_flip(void **state)
{
    char text[] = "2026-01-31T12:34:56Z", again[BFS_RFC3339_SIZE];
    size_t n_accepted = 0;
    (void)state;
    for (size_t bit = 0; bit < strlen(text) * 8; bit++) {
        int64_t seconds;
        char mutant[sizeof(text)];
        memcpy(mutant, text, sizeof(text));
        mutant[bit / 8] = (char)(mutant[bit / 8] ^ (1 << bit % 8));
        if (bfs_rfc3339_parse(mutant, &seconds))
            continue;
        n_accepted++;
        assert_int_equal(bfs_rfc3339_format(seconds, again), 0);
        assert_string_equal(again, mutant);
        assert_string_not_equal(again, text);
    }
    assert_true(n_accepted > 10 && n_accepted < 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(refuses),
        cmocka_unit_test(every_flip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
