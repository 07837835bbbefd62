/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/cursor.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xff};

static void reads_little_endian(void **state)
{
    (void)state;
    struct bfs_cursor cursor = bfs_cursor_over(bytes, 15);
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    assert_int_equal(bfs_cursor_u8(&cursor, &u8), 0);
    assert_int_equal(bfs_cursor_u16(&cursor, &u16), 0);
    assert_int_equal(bfs_cursor_u32(&cursor, &u32), 0);
    assert_int_equal(bfs_cursor_u64(&cursor, &u64), 0);
    assert_int_equal(u8, 1);
    assert_int_equal(u16, 0x0302);
    assert_int_equal(u32, 0x07060504);
    assert_int_equal(u64, UINT64_C(0x0f0e0d0c0b0a0908));
    assert_int_equal(bfs_cursor_end(&cursor), 0);
}

static void reads_negative_numbers(void **state)
{
    (void)state;
    static const uint8_t minus_two[] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct bfs_cursor cursor = bfs_cursor_over(minus_two, sizeof(minus_two));
    int64_t value;
    assert_int_equal(bfs_cursor_i64(&cursor, &value), 0);
    assert_int_equal(value, -2);
}

/* Every reader, one byte short: refused, nothing moved, nothing written. */
static void refuses_one_byte_short(void **state)
{
    (void)state;
    uint8_t u8 = 0x5a, copy[4] = {0x5a, 0x5a, 0x5a, 0x5a};
    uint16_t u16 = 0x5a5a;
    uint32_t u32 = 0x5a5a5a5a;
    uint64_t u64 = 0x5a5a;
    int64_t i64 = 0x5a5a;
    const uint8_t *borrowed = bytes;
    for (size_t size = 0; size < 8; size++) {
        struct bfs_cursor cursor = bfs_cursor_over(bytes, size), sub = cursor;
        if (size < 1)
            assert_int_equal(bfs_cursor_u8(&cursor, &u8), -EBADMSG);
        if (size < 2)
            assert_int_equal(bfs_cursor_u16(&cursor, &u16), -EBADMSG);
        if (size < 4) {
            assert_int_equal(bfs_cursor_u32(&cursor, &u32), -EBADMSG);
            assert_int_equal(bfs_cursor_copy(&cursor, copy, 4), -EBADMSG);
        }
        assert_int_equal(bfs_cursor_u64(&cursor, &u64), -EBADMSG);
        assert_int_equal(bfs_cursor_i64(&cursor, &i64), -EBADMSG);
        assert_int_equal(bfs_cursor_borrow(&cursor, size + 1, &borrowed), -EBADMSG);
        assert_int_equal(bfs_cursor_borrow(&cursor, SIZE_MAX, &borrowed), -EBADMSG);
        assert_int_equal(bfs_cursor_sub(&cursor, size + 1, &sub), -EBADMSG);
        assert_int_equal(bfs_cursor_skip(&cursor, size + 1), -EBADMSG);
        assert_int_equal(bfs_cursor_skip(&cursor, UINT64_MAX), -EBADMSG);
        assert_int_equal(bfs_cursor_zero(&cursor, size + 1), -EBADMSG);
        assert_int_equal(cursor.position, 0);
        assert_int_equal(sub.size, size);
    }
    assert_int_equal(u8, 0x5a);
    assert_int_equal(u16, 0x5a5a);
    assert_int_equal(u32, 0x5a5a5a5a);
    assert_int_equal(u64, 0x5a5a);
    assert_int_equal(i64, 0x5a5a);
    assert_int_equal(copy[0], 0x5a);
    assert_ptr_equal(borrowed, bytes);
}

static void lends_and_divides(void **state)
{
    (void)state;
    struct bfs_cursor cursor = bfs_cursor_over(bytes, sizeof(bytes)), sub;
    const uint8_t *at;
    uint8_t value;
    assert_int_equal(bfs_cursor_skip(&cursor, 2), 0);
    assert_int_equal(bfs_cursor_borrow(&cursor, 3, &at), 0);
    assert_ptr_equal(at, bytes + 2);
    assert_int_equal(bfs_cursor_sub(&cursor, 2, &sub), 0);
    assert_int_equal(bfs_cursor_remaining(&sub), 2);
    assert_int_equal(bfs_cursor_remaining(&cursor), sizeof(bytes) - 7);
    assert_int_equal(bfs_cursor_u8(&sub, &value), 0);
    assert_int_equal(value, 6);
    assert_int_equal(bfs_cursor_end(&sub), -EBADMSG);
    assert_int_equal(bfs_cursor_u8(&sub, &value), 0);
    assert_int_equal(bfs_cursor_end(&sub), 0);
    assert_int_equal(bfs_cursor_u8(&sub, &value), -EBADMSG);
    assert_int_equal(bfs_cursor_u8(&cursor, &value), 0);
    assert_int_equal(value, 8);
}

static void demands_zeros(void **state)
{
    (void)state;
    uint8_t padding[8] = {0};
    struct bfs_cursor cursor = bfs_cursor_over(padding, sizeof(padding));
    assert_int_equal(bfs_cursor_zero(&cursor, 0), 0);
    assert_int_equal(bfs_cursor_zero(&cursor, 8), 0);
    assert_int_equal(cursor.position, 8);
    for (size_t i = 0; i < sizeof(padding); i++) {
        padding[i] = 0x80;
        cursor = bfs_cursor_over(padding, sizeof(padding));
        assert_int_equal(bfs_cursor_zero(&cursor, 8), -EBADMSG);
        assert_int_equal(cursor.position, 0);
        padding[i] = 0;
    }
}

static void bears_nothing(void **state)
{
    (void)state;
    struct bfs_cursor cursor = bfs_cursor_over(NULL, 0), sub;
    const uint8_t *at;
    assert_int_equal(bfs_cursor_borrow(&cursor, 0, &at), 0);
    assert_int_equal(bfs_cursor_copy(&cursor, NULL, 0), 0);
    assert_int_equal(bfs_cursor_sub(&cursor, 0, &sub), 0);
    assert_int_equal(bfs_cursor_end(&sub), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_little_endian),    cmocka_unit_test(reads_negative_numbers),
        cmocka_unit_test(refuses_one_byte_short), cmocka_unit_test(lends_and_divides),
        cmocka_unit_test(demands_zeros),          cmocka_unit_test(bears_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
