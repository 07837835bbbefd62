/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "verify/size.h"

static void numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", " 1", "1 ", "-1", "+1", "0x1", "1K", "18446744073709551616", "1.0", "one", "\xd9\xa1"};
    uint64_t value = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (bfs_number_parse(bad[i], &value))
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(value, 7);
    assert_true(bfs_number_parse("0", &value));
    assert_int_equal(value, 0);
    assert_true(bfs_number_parse("0012", &value));
    assert_int_equal(value, 12);
    assert_true(bfs_number_parse("18446744073709551615", &value));
    assert_true(value == UINT64_MAX);
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t size;
    } good[] = {
        {"0", 0},
        {"4096", 4096},
        {"1K", 1024},
        {"1k", 1024},
        {"16M", 16 << 20},
        {"16m", 16 << 20},
        {"3G", UINT64_C(3) << 30},
        {"3g", UINT64_C(3) << 30},
        {"2T", UINT64_C(2) << 40},
        {"2t", UINT64_C(2) << 40},
        {"9223372036854775807", INT64_MAX},
        {"8388607T", UINT64_C(8388607) << 40},
    };
    static const char *const bad[] = {"",
                                      "K",
                                      "-1K",
                                      "1KB",
                                      "1KiB",
                                      "1 K",
                                      "1.5G",
                                      "1P",
                                      "1E",
                                      "0x1K",
                                      "1K ",
                                      "9223372036854775808",
                                      "1\n",
                                      "8388608T",
                                      "99999999999999999999",
                                      "18446744073709551615K",
                                      "1KK",
                                      "1*"};
    uint64_t size = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (bfs_size_parse(bad[i], &size))
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(size, 7);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(bfs_size_parse(good[i].text, &size));
        assert_true(size == good[i].size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
