/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/blob_age.h"
#include "tests/fs/served.h"

#include <time.h>

static const char model[] = "acme/tiny/1.0.0/model.safetensors";

static void touch_blob(struct served *served, struct bfs_open_file *open)
{
    served_damage(served, open, 0);
    served_damage(served, open, 0);
}

static void a_proof_is_of_one_chunk(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_open_file *open = served_open(&served, model);
    struct bfs_open_file *other = served_open(&served, "acme/tiny/1.0.0/hole.bin");
    struct bfs_blob_state blob, other_blob;
    BFS_CLEANUP(bfs_proofs_cleanup) struct bfs_proofs *proofs = NULL;
    assert_int_equal(bfs_proofs_new(1 << 20, 2000, &proofs), 0);
    for (uint32_t i = 0; i < 12; i++)
        assert_false(bfs_proofs_has(proofs, open->file, i, &blob));
    bfs_proofs_add(proofs, open->file, 9, &blob);
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(bfs_proofs_has(proofs, open->file, i, &blob), i == 9);
    assert_false(bfs_proofs_has(proofs, other->file, 0, &other_blob));
    bfs_proofs_add(proofs, open->file, 0, &blob);
    assert_true(bfs_proofs_has(proofs, open->file, 0, &blob));
    assert_true(bfs_proofs_has(proofs, open->file, 9, &blob));
    bfs_files_unref(served.fs->files, open);
    bfs_files_unref(served.fs->files, other);
}

/* A file that is closed and opened again is the same file. */
static void proofs_outlive_handles(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_open_file *open = served_open(&served, model);
    struct bfs_blob_state blob;
    BFS_CLEANUP(bfs_proofs_cleanup) struct bfs_proofs *proofs = NULL;
    assert_int_equal(bfs_proofs_new(1 << 20, 2000, &proofs), 0);
    assert_false(bfs_proofs_has(proofs, open->file, 3, &blob));
    bfs_proofs_add(proofs, open->file, 3, &blob);
    bfs_files_unref(served.fs->files, open);
    open = served_open(&served, model);
    assert_true(bfs_proofs_has(proofs, open->file, 3, &blob));
    bfs_files_unref(served.fs->files, open);
}

static void a_blob_that_changed_is_not_proved(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_open_file *open = served_open(&served, model);
    struct bfs_blob_state before, after;
    BFS_CLEANUP(bfs_proofs_cleanup) struct bfs_proofs *proofs = NULL;
    assert_int_equal(bfs_proofs_new(1 << 20, 2000, &proofs), 0);
    assert_false(bfs_proofs_has(proofs, open->file, 3, &before));
    bfs_proofs_add(proofs, open->file, 3, &before);
    touch_blob(&served, open);
    assert_false(bfs_proofs_has(proofs, open->file, 3, &after));
    /* What was read before the change is no proof of what is there now. */
    bfs_proofs_add(proofs, open->file, 4, &before);
    assert_false(bfs_proofs_has(proofs, open->file, 4, &after));
    bfs_proofs_add(proofs, open->file, 5, &after);
    assert_true(bfs_proofs_has(proofs, open->file, 5, &after));
    assert_false(bfs_proofs_has(proofs, open->file, 3, &after));
    assert_false(bfs_proofs_has(proofs, open->file, 4, &after));
    bfs_files_unref(served.fs->files, open);
}

/* Each of what identifies a blob matters. */
static void every_field_counts(void **state)
{
    (void)state;
    const struct bfs_blob_state one = {1, 2, 3, {4, 5}, {6, 7}};
    assert_true(bfs_blob_state_equal(&one, &one));
    const struct bfs_blob_state others[] = {
        {9, 2, 3, {4, 5}, {6, 7}}, {1, 9, 3, {4, 5}, {6, 7}}, {1, 2, 9, {4, 5}, {6, 7}},
        {1, 2, 3, {9, 5}, {6, 7}}, {1, 2, 3, {4, 9}, {6, 7}}, {1, 2, 3, {4, 5}, {9, 7}},
        {1, 2, 3, {4, 5}, {6, 9}},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(bfs_blob_state_equal(&one, &others[i]));
}

static void a_young_blob_is_not_remembered(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_open_file *open = served_open(&served, model);
    struct bfs_blob_state blob;
    BFS_CLEANUP(bfs_proofs_cleanup) struct bfs_proofs *proofs = NULL;
    assert_int_equal(bfs_proofs_new(1 << 20, 3700 * 1000, &proofs), 0);
    assert_false(bfs_proofs_has(proofs, open->file, 3, &blob));
    bfs_proofs_add(proofs, open->file, 3, &blob);
    assert_false(bfs_proofs_has(proofs, open->file, 3, &blob));
    bfs_files_unref(served.fs->files, open);
}

static bool is_younger(const struct timespec *time, int64_t ms)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (now.tv_sec - time->tv_sec) * 1000 + (now.tv_nsec - time->tv_nsec) / 1000000 < ms;
}

/* The clock is the event: one sleep to the moment, however often a signal ends it. */
static void await_age(const struct timespec *time, int64_t ms)
{
    int64_t ns = time->tv_nsec + ms % 1000 * 1000000;
    const struct timespec until = {.tv_sec = time->tv_sec + ms / 1000 + ns / 1000000000,
                                   .tv_nsec = ns % 1000000000};
    while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}

/* Young when its state was taken: however long reading it took then, it may have changed meanwhile
 * without its times showing it. */
static void reading_does_not_age_a_blob(void **state)
{
    (void)state;
    enum { SETTLE_MS = 200 };
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_open_file *open = served_open(&served, model);
    struct bfs_blob_state blob;
    struct timespec changed;
    BFS_CLEANUP(bfs_proofs_cleanup) struct bfs_proofs *proofs = NULL;
    assert_int_equal(bfs_proofs_new(1 << 20, SETTLE_MS, &proofs), 0);
    do { /* again, should this machine have been too busy */
        (void)clock_gettime(CLOCK_REALTIME, &changed);
        blob_age_pretend(&changed);
        assert_false(bfs_proofs_has(proofs, open->file, 3, &blob));
    } while (!is_younger(&changed, SETTLE_MS));
    await_age(&changed, SETTLE_MS + 1);
    bfs_proofs_add(proofs, open->file, 3, &blob);
    assert_false(bfs_proofs_has(proofs, open->file, 3, &blob));
    bfs_proofs_add(proofs, open->file, 3, &blob); /* old by now */
    assert_true(bfs_proofs_has(proofs, open->file, 3, &blob));
    blob_age_pretend(NULL);
    bfs_files_unref(served.fs->files, open);
}

/* None, as of a file system that keeps none; and one that is yet to come. */
static void times_that_say_nothing(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_open_file *open = served_open(&served, model);
    const struct timespec times[] = {
        {0, 0}, {-1, 0}, {INT64_MIN, 0}, {INT64_MAX, 0}, {time(NULL) + 3600, 0}};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct bfs_blob_state blob;
        BFS_CLEANUP(bfs_proofs_cleanup) struct bfs_proofs *proofs = NULL;
        assert_int_equal(bfs_proofs_new(1 << 20, 2000, &proofs), 0);
        blob_age_pretend(&times[i]);
        assert_false(bfs_proofs_has(proofs, open->file, 3, &blob));
        bfs_proofs_add(proofs, open->file, 3, &blob);
        assert_false(bfs_proofs_has(proofs, open->file, 3, &blob));
    }
    blob_age_pretend(NULL);
    bfs_files_unref(served.fs->files, open);
}

static void the_least_recent_goes(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_open_file *open = served_open(&served, model);
    struct bfs_open_file *other = served_open(&served, "acme/tiny/1.0.0/hole.bin");
    struct bfs_blob_state blob, other_blob;
    BFS_CLEANUP(bfs_proofs_cleanup) struct bfs_proofs *proofs = NULL;
    BFS_CLEANUP(bfs_proofs_cleanup) struct bfs_proofs *none = NULL;
    assert_int_equal(bfs_proofs_new(220, 2000, &proofs), 0); /* one table */
    assert_int_equal(bfs_proofs_new(16, 2000, &none), 0);
    (void)bfs_proofs_has(proofs, open->file, 0, &blob);
    (void)bfs_proofs_has(proofs, other->file, 0, &other_blob);
    bfs_proofs_add(proofs, open->file, 0, &blob);
    assert_true(bfs_proofs_has(proofs, open->file, 0, &blob));
    bfs_proofs_add(proofs, other->file, 0, &other_blob);
    assert_true(bfs_proofs_has(proofs, other->file, 0, &other_blob));
    assert_false(bfs_proofs_has(proofs, open->file, 0, &blob));
    bfs_proofs_add(none, open->file, 0, &blob);
    assert_false(bfs_proofs_has(none, open->file, 0, &blob));
    bfs_files_unref(served.fs->files, open);
    bfs_files_unref(served.fs->files, other);
}

/* Reads all chunks into a cache of its own, so that nothing is found decoded. Chunk `bad` fails,
 * the others do not; UINT32_MAX: none fails. */
struct taker {
    struct bfs_waiter waiter;
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    bool is_answered; /* protected by mutex, like the two below */
    int status;
    struct bfs_block *block;
};

static void on_taken(struct bfs_waiter *waiter, int status, struct bfs_block *block)
{
    struct taker *taker = (struct taker *)waiter;
    (void)pthread_mutex_lock(&taker->mutex);
    taker->is_answered = true;
    taker->status = status;
    taker->block = block;
    (void)pthread_cond_signal(&taker->answered);
    (void)pthread_mutex_unlock(&taker->mutex);
}

static int take(struct bfs_cache *cache, struct bfs_file *file, uint32_t i)
{
    struct taker taker = {.waiter.done = on_taken,
                          .mutex = PTHREAD_MUTEX_INITIALIZER,
                          .answered = PTHREAD_COND_INITIALIZER};
    int r = bfs_cache_get(cache, file, i, &taker.waiter, &taker.block);
    (void)pthread_mutex_lock(&taker.mutex);
    while (r == 0 && !taker.is_answered)
        (void)pthread_cond_wait(&taker.answered, &taker.mutex);
    (void)pthread_mutex_unlock(&taker.mutex);
    if (taker.block)
        bfs_cache_put(cache, taker.block);
    return taker.status;
}

struct pass {
    uint64_t proved, rechecked;
};

static struct pass pass(struct served *served, struct bfs_proofs *proofs, struct bfs_file *file,
                        uint32_t bad)
{
    struct bfs_metrics metrics = {0};
    struct bfs_pool *pool = NULL;
    struct bfs_cache *cache = NULL;
    assert_int_equal(bfs_pool_new(2, &pool), 0);
    assert_int_equal(bfs_cache_new(64 << 20, pool, &metrics, &served->log, &cache), 0);
    bfs_cache_set_proofs(cache, proofs);
    for (uint32_t i = 0; i < bfs_chunk_table_n_chunks(bfs_file_table(file)); i++)
        assert_int_equal(take(cache, file, i), i == bad ? -EBADMSG : 0);
    (void)bfs_pool_free(pool);
    (void)bfs_cache_free(cache);
    return (struct pass){bfs_metric_get(&metrics, BFS_METRIC_CHUNKS_PROVED),
                         bfs_metric_get(&metrics, BFS_METRIC_CHUNKS_RECHECKED)};
}

static void once_proved_then_rechecked(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_open_file *open = served_open(&served, model);
    uint32_t n = bfs_chunk_table_n_chunks(bfs_file_table(open->file));
    BFS_CLEANUP(bfs_proofs_cleanup) struct bfs_proofs *proofs = NULL;
    assert_int_equal(bfs_proofs_new(1 << 20, 2000, &proofs), 0);
    struct pass always = pass(&served, NULL, open->file, UINT32_MAX);
    assert_int_equal(always.proved, n);
    struct pass first = pass(&served, proofs, open->file, UINT32_MAX);
    assert_int_equal(first.proved, n);
    assert_int_equal(first.rechecked, 0);
    struct pass second = pass(&served, proofs, open->file, UINT32_MAX);
    assert_int_equal(second.proved, 0);
    assert_int_equal(second.rechecked, n);
    /* The blob's times show it: all of it is proved again, and what is damaged is found. */
    served_damage(&served, open, 5);
    struct pass third = pass(&served, proofs, open->file, 5);
    assert_int_equal(third.proved, n - 1);
    assert_int_equal(third.rechecked, 0);
    struct pass fourth = pass(&served, proofs, open->file, 5);
    assert_int_equal(fourth.proved, 0);
    assert_int_equal(fourth.rechecked, n - 1);
    bfs_files_unref(served.fs->files, open);
}

/* Where times show nothing, XXH3 of the decoded bytes is what is left. */
static void damage_without_a_trace_is_found(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_open_file *open = served_open(&served, model);
    uint32_t n = bfs_chunk_table_n_chunks(bfs_file_table(open->file));
    BFS_CLEANUP(bfs_proofs_cleanup) struct bfs_proofs *proofs = NULL;
    assert_int_equal(bfs_proofs_new(1 << 20, 2000, &proofs), 0);
    blob_age_freeze(true);
    (void)pass(&served, proofs, open->file, UINT32_MAX);
    for (uint32_t bad = 0; bad < n; bad += 3) {
        uint32_t at = bad % 2 ? 0 : UINT32_MAX; /* what does not decode, and what does */
        served_damage_at(&served, open, bad, at);
        struct pass again = pass(&served, proofs, open->file, bad);
        assert_int_equal(again.proved, 0);
        assert_int_equal(again.rechecked, n - 1);
        served_damage_at(&served, open, bad, at);
    }
    blob_age_freeze(false);
    bfs_files_unref(served.fs->files, open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proof_is_of_one_chunk),
        cmocka_unit_test(proofs_outlive_handles),
        cmocka_unit_test(a_blob_that_changed_is_not_proved),
        cmocka_unit_test(every_field_counts),
        cmocka_unit_test(a_young_blob_is_not_remembered),
        cmocka_unit_test(reading_does_not_age_a_blob),
        cmocka_unit_test(times_that_say_nothing),
        cmocka_unit_test(the_least_recent_goes),
        cmocka_unit_test(once_proved_then_rechecked),
        cmocka_unit_test(damage_without_a_trace_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
