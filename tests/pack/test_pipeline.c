/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/pack/pipeline.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

enum { N_SLOTS = 700, SMALL = 4 << 10, LARGE = 5 << 20 };

/* What happened to each slot, by the number that its raw bytes begin with. */
static struct {
    atomic_uint encoded[N_SLOTS], digested[N_SLOTS];
    unsigned n_written; /* the writing thread's */
    atomic_size_t most_together;
    unsigned fail_encode, fail_digest, fail_write; /* numbers; N_SLOTS: none */
} line;

static unsigned number_of(const struct bfs_slot *slot)
{
    return slot->file;
}

static bool is_end(unsigned number)
{
    return number % 5 == 4;
}

static int encode(void *context, const struct bfs_pipeline_tools *tools, struct bfs_slot *slot,
                  struct bfs_error *error)
{
    assert_true(tools->encoder && tools->reader && tools->scratch);
    unsigned number = number_of(slot);
    (void)context;
    assert_int_equal(slot->raw[0], (uint8_t)number);
    assert_int_equal(atomic_fetch_add(&line.encoded[number], 1), 0);
    return number == line.fail_encode ? bfs_fail(error, -EIO, "encode %u", number) : 0;
}

static int digest(void *context, struct bfs_slot *slots[], size_t n, struct bfs_error *error)
{
    (void)context;
    assert_in_range(n, 1, BFS_PIPELINE_TOGETHER);
    if (n > atomic_load(&line.most_together))
        atomic_store(&line.most_together, n);
    for (size_t i = 0; i < n; i++) {
        unsigned number = number_of(slots[i]);
        assert_false(is_end(number));
        assert_int_equal(atomic_load(&line.encoded[number]), 1);
        assert_int_equal(atomic_fetch_add(&line.digested[number], 1), 0);
        if (number == line.fail_digest)
            return bfs_fail(error, -ENOMEM, "digest %u", number);
    }
    return 0;
}

static int write_slot(void *context, const struct bfs_pipeline_tools *tools, struct bfs_slot *slot,
                      struct bfs_error *error)
{
    assert_true(!tools->encoder && tools->reader && tools->scratch);
    unsigned number = number_of(slot);
    (void)context;
    assert_int_equal(number, line.n_written);
    assert_int_equal(atomic_load(&line.encoded[number]), !is_end(number));
    assert_int_equal(atomic_load(&line.digested[number]), !is_end(number));
    line.n_written++;
    return number == line.fail_write ? bfs_fail(error, -ENOSPC, "write %u", number) : 0;
}

static const struct bfs_pipeline_ops ops = {
    .encode = encode, .digest = digest, .write = write_slot};

/* Feeds the first n; the first error, or 0 when all was written. */
static int run(unsigned n, unsigned n_encoders, uint32_t capacity, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_pipeline_cleanup) struct bfs_pipeline *pipeline = NULL;
    memset(line.encoded, 0, sizeof(line.encoded));
    memset(line.digested, 0, sizeof(line.digested));
    line.n_written = 0;
    line.most_together = 0;
    assert_int_equal(bfs_pipeline_new(&ops, NULL, n_encoders, capacity, &pipeline), 0);
    for (unsigned i = 0; i < n; i++) {
        struct bfs_slot *slot;
        int r = bfs_pipeline_slot(pipeline, &slot, error);
        if (r)
            return r;
        slot->file = i;
        slot->is_end = is_end(i);
        slot->raw[0] = (uint8_t)i;
        bfs_pipeline_submit(pipeline);
    }
    return bfs_pipeline_finish(pipeline, error);
}

static void no_failures(void)
{
    line.fail_encode = line.fail_digest = line.fail_write = N_SLOTS;
}

static void each_once_and_in_order(void **state)
{
    (void)state;
    no_failures();
    static const unsigned counts[] = {0, 1, 2, 16, 33, 59};
    for (unsigned n_encoders = 1; n_encoders <= 4; n_encoders += 3)
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            assert_int_equal(run(counts[i], n_encoders, SMALL, NULL), 0);
            assert_int_equal(line.n_written, counts[i]);
        }
    assert_int_equal(run(N_SLOTS, 2, SMALL, NULL), 0);
    assert_int_equal(line.n_written, N_SLOTS);
    size_t best = bfs_sha256_many_best();
    assert_int_equal(line.most_together, best < BFS_PIPELINE_TOGETHER ? best : 16);
}

static void large_chunks_are_not_gathered(void **state)
{
    (void)state;
    no_failures();
    assert_int_equal(run(60, 2, LARGE, NULL), 0);
    assert_int_equal(line.n_written, 60);
    assert_int_equal(line.most_together, 1);
}

static void check_failure(int status, const char *word)
{
    struct bfs_error error = {0};
    assert_int_equal(run(N_SLOTS, 3, SMALL, &error), status);
    assert_int_equal(error.code, status);
    assert_string_equal(error.what, word);
}

static void failures_reach_the_feeder(void **state)
{
    (void)state;
    no_failures();
    line.fail_encode = 333;
    check_failure(-EIO, "encode 333");
    no_failures();
    line.fail_digest = 331;
    check_failure(-ENOMEM, "digest 331");
    no_failures();
    line.fail_write = 330;
    check_failure(-ENOSPC, "write 330");
}

/* Encoders are many while chunks are small, few when they are large, and never none. */
static void memory_bounds_the_encoders(void **state)
{
    (void)state;
    assert_int_equal(bfs_pipeline_encoders(1, UINT32_MAX), 1);
    unsigned last = UINT32_MAX;
    for (uint32_t capacity = 80 << 10; capacity <= LARGE; capacity *= 2) {
        assert_int_equal(bfs_pipeline_encoders(1, capacity), 1);
        assert_int_equal(bfs_pipeline_encoders(4, capacity), 4);
        unsigned most = bfs_pipeline_encoders(100000, capacity);
        assert_in_range(most, 4, last);
        assert_int_equal(bfs_pipeline_encoders(most, capacity), most);
        /* Their buffers alone, two for each slot and five for each thread, keep within the bound.
         */
        assert_true((uint64_t)capacity * (most * 9) < BFS_PIPELINE_MEMORY);
        last = most;
    }
    assert_in_range(last, 4, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_once_and_in_order),
        cmocka_unit_test(large_chunks_are_not_gathered),
        cmocka_unit_test(failures_reach_the_feeder),
        cmocka_unit_test(memory_bounds_the_encoders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
