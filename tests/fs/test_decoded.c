/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/decoded.h"

#include <pthread.h>
#include <string.h>

enum { RAW = 262144, STORED = 174000, N_SLOTS = 1 << 16 };

/* By the first bytes of both digests, by which chunks are known. */
static struct bfs_chunk chunk_of(uint64_t stored, uint64_t raw)
{
    struct bfs_chunk chunk = {.raw_size = RAW, .stored_size = STORED};
    memcpy(chunk.digest.bytes, &stored, sizeof(stored));
    memcpy(chunk.check.bytes, &raw, sizeof(raw));
    return chunk;
}

static void each_chunk_is_counted(void **state)
{
    (void)state;
    struct bfs_metrics metrics = {0};
    BFS_CLEANUP(bfs_decoded_cleanup) struct bfs_decoded *decoded = NULL;
    struct bfs_chunk first = chunk_of(2, 0), second = chunk_of(4, 0);
    assert_int_equal(bfs_decoded_new(&metrics, &decoded), 0);
    bfs_decoded_count(decoded, &first, false);
    bfs_decoded_count(decoded, &second, false);
    bfs_decoded_count(decoded, &second, true);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_CHUNKS_DECODED), 3);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_CHUNKS_PROVED), 2);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_CHUNKS_RECHECKED), 1);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_DECODED_BYTES), 3 * RAW);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_STORED_BYTES), 3 * STORED);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_DECODED_AGAIN_BYTES), RAW);
}

/* The stored bytes may be the same and the raw ones not, and the other way round. */
static void both_digests_tell_chunks_apart(void **state)
{
    (void)state;
    struct bfs_metrics metrics = {0};
    BFS_CLEANUP(bfs_decoded_cleanup) struct bfs_decoded *decoded = NULL;
    struct bfs_chunk chunks[] = {chunk_of(8, 0), chunk_of(8, 16), chunk_of(32, 16)};
    assert_int_equal(bfs_decoded_new(&metrics, &decoded), 0);
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++)
        bfs_decoded_count(decoded, &chunks[i], false);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_DECODED_AGAIN_BYTES), 0);
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++)
        bfs_decoded_count(decoded, &chunks[i], false);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_DECODED_AGAIN_BYTES), 3 * RAW);
}

/* A digest of zeros is one like others: an empty slot knows no chunk. */
static void nothing_is_known_at_first(void **state)
{
    (void)state;
    struct bfs_metrics metrics = {0};
    BFS_CLEANUP(bfs_decoded_cleanup) struct bfs_decoded *decoded = NULL;
    struct bfs_chunk zeros = chunk_of(0, 0);
    assert_int_equal(bfs_decoded_new(&metrics, &decoded), 0);
    bfs_decoded_count(decoded, &zeros, false);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_DECODED_AGAIN_BYTES), 0);
    bfs_decoded_count(decoded, &zeros, false);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_DECODED_AGAIN_BYTES), RAW);
}

static void zeros_take_no_work(void **state)
{
    (void)state;
    struct bfs_metrics metrics = {0};
    BFS_CLEANUP(bfs_decoded_cleanup) struct bfs_decoded *decoded = NULL;
    struct bfs_chunk hole = chunk_of(2, 0);
    hole.stored_size = 0;
    assert_int_equal(bfs_decoded_new(&metrics, &decoded), 0);
    for (unsigned i = 0; i < 3; i++)
        bfs_decoded_count(decoded, &hole, false);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_DECODED_BYTES), 3 * RAW);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_STORED_BYTES), 0);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_DECODED_AGAIN_BYTES), 0);
}

/* Of chunks that share a slot, the last is known; all slots at once are. */
static void the_last_chunks_are_known(void **state)
{
    (void)state;
    struct bfs_metrics metrics = {0};
    BFS_CLEANUP(bfs_decoded_cleanup) struct bfs_decoded *decoded = NULL;
    assert_int_equal(bfs_decoded_new(&metrics, &decoded), 0);
    for (unsigned round = 0; round < 2; round++)
        for (uint64_t i = 0; i < N_SLOTS; i++) {
            struct bfs_chunk chunk = chunk_of(2 * i, 0);
            bfs_decoded_count(decoded, &chunk, false);
        }
    uint64_t again = UINT64_C(1) * N_SLOTS * RAW;
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_DECODED_AGAIN_BYTES), again);
    struct bfs_chunk same_slot = chunk_of(2 * (UINT64_C(5) + N_SLOTS), 0), pushed = chunk_of(10, 0);
    bfs_decoded_count(decoded, &same_slot, false);
    bfs_decoded_count(decoded, &pushed, false);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_DECODED_AGAIN_BYTES), again);
}

enum { N_THREADS = 4, N_COUNTS = 20000 };

static void *count_one(void *argument)
{
    struct bfs_chunk chunk = chunk_of(2, 0);
    for (unsigned i = 0; i < N_COUNTS; i++)
        bfs_decoded_count(argument, &chunk, false);
    return NULL;
}

static void from_many_threads(void **state)
{
    (void)state;
    struct bfs_metrics metrics = {0};
    pthread_t threads[N_THREADS];
    BFS_CLEANUP(bfs_decoded_cleanup) struct bfs_decoded *decoded = NULL;
    assert_int_equal(bfs_decoded_new(&metrics, &decoded), 0);
    for (unsigned i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_one, decoded), 0);
    for (unsigned i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    uint64_t n = N_THREADS * N_COUNTS;
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_CHUNKS_DECODED), n);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_DECODED_AGAIN_BYTES), (n - 1) * RAW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_chunk_is_counted),
        cmocka_unit_test(both_digests_tell_chunks_apart),
        cmocka_unit_test(nothing_is_known_at_first),
        cmocka_unit_test(zeros_take_no_work),
        cmocka_unit_test(the_last_chunks_are_known),
        cmocka_unit_test(from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
