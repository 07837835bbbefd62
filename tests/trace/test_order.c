/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/trace/order.h"
#include "tests/index/samples.h"
#include "tests/trace/samples.h"

#include <errno.h>

static struct bfs_order_step sample_steps[] = {
    {.offset = 600, .size = 300, .inode = SAMPLE_FILE},
    {.offset = 0, .size = 100, .inode = SAMPLE_FILE},
    {.offset = 200, .size = 400, .inode = SAMPLE_FILE},
};
enum { N_STEPS = 3, SIZE = 800 };

static void write_steps(struct bfs_order_step *steps, uint32_t n, uint64_t size,
                        struct bfs_buffer *ret)
{
    const struct bfs_order order = {.steps = steps, .n_steps = n, .size = size};
    assert_int_equal(bfs_order_write(&order, ret), 0);
}

static void sample_order(struct bfs_buffer *ret)
{
    write_steps(sample_steps, N_STEPS, SIZE, ret);
}

/* From memory of exactly that size, so that a sanitizer sees reads beyond. */
static int parse_bytes(const void *bytes, size_t size, struct bfs_order *ret)
{
    BFS_CLEANUP(bfs_index_cleanup) struct bfs_index *index = sample_parsed_index();
    bfs_autofree uint8_t *copy = sample_copy(bytes, size);
    struct bfs_error error = {0};
    struct bfs_order order = {.n_steps = 77};
    int r = bfs_order_parse(copy, size, index, &order, &error);
    assert_int_equal(error.code, r);
    if (r)
        assert_int_equal(order.n_steps, 77);
    else
        *ret = order;
    return r;
}

static int parse_steps(struct bfs_order_step *steps, uint32_t n)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    bfs_autoorder struct bfs_order order = {0};
    uint64_t size = 0;
    for (uint32_t i = 0; i < n; i++)
        size += steps[i].size;
    write_steps(steps, n, size, &bytes);
    return parse_bytes(bytes.bytes, bytes.size, &order);
}

static void gives_back_what_was_written(void **state)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    bfs_autoorder struct bfs_order order = {0};
    (void)state;
    sample_order(&bytes);
    assert_int_equal(bytes.size, BFS_ORDER_HEADER_SIZE + N_STEPS * BFS_ORDER_RECORD_SIZE);
    assert_int_equal(parse_bytes(bytes.bytes, bytes.size, &order), 0);
    assert_int_equal(order.n_steps, N_STEPS);
    assert_int_equal(order.size, SIZE);
    for (uint32_t i = 0; i < N_STEPS; i++) {
        assert_int_equal(order.steps[i].offset, sample_steps[i].offset);
        assert_int_equal(order.steps[i].size, sample_steps[i].size);
        assert_int_equal(order.steps[i].inode, sample_steps[i].inode);
    }
}

static void steps_lie_in_files(void **state)
{
    const struct {
        struct bfs_order_step step;
        int code;
    } cases[] = {
        {{0, 1000, SAMPLE_FILE}, 0},
        {{999, 1, SAMPLE_FILE}, 0},
        {{0, 1001, SAMPLE_FILE}, -EBADMSG},
        {{1000, 1, SAMPLE_FILE}, -EBADMSG},
        {{UINT64_MAX, 1, SAMPLE_FILE}, -EBADMSG},
        {{1, UINT64_MAX, SAMPLE_FILE}, -EBADMSG},
        {{0, 0, SAMPLE_FILE}, -EBADMSG},
        {{0, 1, SAMPLE_EMPTY}, -EBADMSG},
        {{0, 1, SAMPLE_LINK}, -EBADMSG}, /* whose target has three bytes */
        {{0, 1, SAMPLE_FOLDER}, -EBADMSG},
        {{0, 1, 0}, -EBADMSG},
        {{0, 1, 5}, -EBADMSG},
        {{0, 1, UINT32_MAX}, -EBADMSG},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bfs_order_step step = cases[i].step;
        assert_int_equal(parse_steps(&step, 1), cases[i].code);
    }
}

static void no_byte_is_there_twice(void **state)
{
    struct bfs_order_step apart[] = {{500, 10, SAMPLE_FILE}, {490, 10, SAMPLE_FILE}};
    struct bfs_order_step joined[] = {{490, 10, SAMPLE_FILE}, {500, 10, SAMPLE_FILE}};
    struct bfs_order_step overlap[] = {{500, 10, SAMPLE_FILE}, {491, 10, SAMPLE_FILE}};
    struct bfs_order_step inside[] = {
        {500, 10, SAMPLE_FILE}, {0, 5, SAMPLE_FILE}, {400, 300, SAMPLE_FILE}};
    (void)state;
    assert_int_equal(parse_steps(apart, 2), 0);
    assert_int_equal(parse_steps(joined, 2), -EBADMSG); /* one step is the only way to say it */
    assert_int_equal(parse_steps(overlap, 2), -EBADMSG);
    assert_int_equal(parse_steps(inside, 3), -EBADMSG);
    assert_int_equal(parse_steps((struct bfs_order_step[]){apart[0], apart[0]}, 2), -EBADMSG);
}

static int parse_patched(size_t offset, const void *value, size_t size)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    bfs_autoorder struct bfs_order order = {0};
    sample_order(&bytes);
    memcpy(bytes.bytes + offset, value, size);
    return parse_bytes(bytes.bytes, bytes.size, &order);
}

static int parse_patched_u32(size_t offset, uint32_t value)
{
    return parse_patched(offset, &value, sizeof(value));
}

static void counts_beyond_the_bytes_are_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_patched_u32(12, N_STEPS), 0); /* the patch that fits */
    assert_int_equal(parse_patched_u32(12, N_STEPS - 1), -EBADMSG);
    assert_int_equal(parse_patched_u32(12, N_STEPS + 1), -EBADMSG);
    assert_int_equal(parse_patched_u32(12, 0), -EBADMSG);
    assert_int_equal(parse_patched_u32(12, BFS_ORDER_STEPS_MAX), -EBADMSG);
    assert_int_equal(parse_patched_u32(12, BFS_ORDER_STEPS_MAX + 1), -E2BIG);
    assert_int_equal(parse_patched_u32(12, UINT32_MAX), -E2BIG);
    assert_int_equal(parse_patched_u32(16, SIZE + 1), -EBADMSG);
    assert_int_equal(parse_patched_u32(8, 2), -EPROTONOSUPPORT);
    assert_int_equal(parse_patched_u32(0, 0), -EBADMSG);
    bfs_autobuffer struct bfs_buffer none = BFS_BUFFER_INIT;
    bfs_autoorder struct bfs_order order = {0};
    write_steps(NULL, 0, 0, &none);
    assert_int_equal(parse_bytes(none.bytes, none.size, &order), -EBADMSG);
}

/* What is accepted says something else, but for the minor version, which says nothing. */
static void every_bit_flip_is_refused_or_seen(void **state)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    size_t n_accepted = 0, n_refused = 0;
    (void)state;
    sample_order(&bytes);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        bfs_autoorder struct bfs_order order = {0};
        bytes.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int r = parse_bytes(bytes.bytes, bytes.size, &order);
        bytes.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (r) {
            assert_true(r == -EBADMSG || r == -EPROTONOSUPPORT || r == -E2BIG);
            n_refused++;
            continue;
        }
        bool same = order.n_steps == N_STEPS && order.size == SIZE;
        for (uint32_t i = 0; same && i < N_STEPS; i++)
            same = order.steps[i].offset == sample_steps[i].offset &&
                   order.steps[i].size == sample_steps[i].size &&
                   order.steps[i].inode == sample_steps[i].inode;
        assert_int_equal(same, bit / 8 == 10 || bit / 8 == 11);
        n_accepted++;
    }
    assert_true(n_accepted > 16 && n_refused > 700);
}

static void every_truncation_and_extension_is_refused(void **state)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    bfs_autoorder struct bfs_order order = {0};
    (void)state;
    sample_order(&bytes);
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_equal(parse_bytes(bytes.bytes, size, &order), -EBADMSG);
    bfs_buffer_put_u8(&bytes, 0);
    assert_int_equal(parse_bytes(bytes.bytes, bytes.size, &order), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_written),
        cmocka_unit_test(steps_lie_in_files),
        cmocka_unit_test(no_byte_is_there_twice),
        cmocka_unit_test(counts_beyond_the_bytes_are_refused),
        cmocka_unit_test(every_bit_flip_is_refused_or_seen),
        cmocka_unit_test(every_truncation_and_extension_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
