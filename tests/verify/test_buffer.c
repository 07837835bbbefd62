/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/buffer.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

static void writes_little_endian(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer buffer = BFS_BUFFER_INIT;
    static const uint8_t expected[] = {1, 2, 1, 4,   3,   2,   1,   8,   7,    6,    5, 4,
                                       3, 2, 1, 'a', 'b', 'c', '-', '7', 0xfe, 0xff, 0, 0};
    bfs_buffer_put_u8(&buffer, 1);
    bfs_buffer_put_u16(&buffer, 0x0102);
    bfs_buffer_put_u32(&buffer, 0x01020304);
    bfs_buffer_put_u64(&buffer, UINT64_C(0x0102030405060708));
    bfs_buffer_put_text(&buffer, "abc");
    bfs_buffer_printf(&buffer, "%d", -7);
    bfs_buffer_put(&buffer, "\xfe\xff", 2);
    bfs_buffer_align(&buffer, 8);
    assert_int_equal(bfs_buffer_status(&buffer), 0);
    assert_int_equal(buffer.size, sizeof(expected));
    assert_memory_equal(buffer.bytes, expected, sizeof(expected));
}

static void starts_empty(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer buffer = BFS_BUFFER_INIT;
    bfs_buffer_put(&buffer, NULL, 0);
    bfs_buffer_put_text(&buffer, "");
    bfs_buffer_printf(&buffer, "%s", "");
    bfs_buffer_align(&buffer, 4096);
    assert_int_equal(buffer.size, 0);
    assert_null(buffer.bytes);
    assert_int_equal(bfs_buffer_status(&buffer), 0);
}

static void grows(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer buffer = BFS_BUFFER_INIT;
    for (uint32_t i = 0; i < 100000; i++)
        bfs_buffer_put_u32(&buffer, i);
    assert_int_equal(buffer.size, 400000);
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t value;
        memcpy(&value, buffer.bytes + (size_t)i * 4, sizeof(value));
        assert_int_equal(value, i);
    }
}

static void aligns(void **state)
{
    (void)state;
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2)
        for (size_t size = 1; size < 20; size++) {
            bfs_autobuffer struct bfs_buffer buffer = BFS_BUFFER_INIT;
            for (size_t i = 0; i < size; i++)
                bfs_buffer_put_u8(&buffer, 0xff);
            bfs_buffer_align(&buffer, alignment);
            assert_int_equal(buffer.size, (size + alignment - 1) / alignment * alignment);
            for (size_t i = 0; i < buffer.size; i++)
                assert_int_equal(buffer.bytes[i], i < size ? 0xff : 0);
        }
}

static void remembers_a_lost_write(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer buffer = BFS_BUFFER_INIT;
    bfs_buffer_put_u8(&buffer, 1);
    /* No size that could be added to 1, nor any that an allocator would give. */
    bfs_buffer_put(&buffer, "", SIZE_MAX);
    assert_int_equal(bfs_buffer_status(&buffer), -ENOMEM);
    bfs_buffer_put_u8(&buffer, 2);
    bfs_buffer_align(&buffer, 8);
    bfs_buffer_printf(&buffer, "x");
    assert_int_equal(buffer.size, 1);
    assert_int_equal(bfs_buffer_status(&buffer), -ENOMEM);
    bfs_buffer_done(&buffer);
    assert_int_equal(bfs_buffer_status(&buffer), 0);
    bfs_buffer_put_u8(&buffer, 3);
    assert_int_equal(buffer.size, 1);
}

static void takes_as_much_as_it_is_told(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer buffer = BFS_BUFFER_INIT;
    bfs_buffer_put_text(&buffer, "abc");
    bfs_buffer_reserve(&buffer, 1000);
    assert_int_equal(buffer.capacity, 1003);
    assert_int_equal(buffer.size, 3);
    const uint8_t *bytes = buffer.bytes;
    for (int i = 0; i < 1000; i++)
        bfs_buffer_put_u8(&buffer, (uint8_t)i);
    assert_ptr_equal(buffer.bytes, bytes);
    assert_memory_equal(bytes, "abc\0\1\2", 6);
    bfs_buffer_reserve(&buffer, 0);
    assert_int_equal(buffer.capacity, 1003);
    bfs_buffer_reserve(&buffer, SIZE_MAX);
    assert_int_equal(bfs_buffer_status(&buffer), -ENOMEM);
    bfs_buffer_reserve(&buffer, 1);
    assert_int_equal(buffer.size, 1003);
}

static void gives_its_bytes_away(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer buffer = BFS_BUFFER_INIT;
    bfs_buffer_put_text(&buffer, "abc");
    uint8_t *bytes = bfs_buffer_steal(&buffer);
    assert_memory_equal(bytes, "abc", 3);
    free(bytes);
    assert_null(buffer.bytes);
    assert_int_equal(buffer.size + buffer.capacity, 0);
    assert_null(bfs_buffer_steal(&buffer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_little_endian),
        cmocka_unit_test(starts_empty),
        cmocka_unit_test(grows),
        cmocka_unit_test(aligns),
        cmocka_unit_test(remembers_a_lost_write),
        cmocka_unit_test(takes_as_much_as_it_is_told),
        cmocka_unit_test(gives_its_bytes_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
