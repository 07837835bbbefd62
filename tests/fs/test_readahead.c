/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/readahead.h"
#include "tests/pack/packed.h"

enum { N_TENSORS = 8, CHUNKS_EACH = 16, WINDOW = 2 << 20, CHUNK = 64 << 10 };

/* In file order; each takes sixteen chunks. */
static const char *const names[N_TENSORS] = {"t3", "t1", "t6", "t0", "t5", "t2", "t7", "t4"};

struct fixture {
    struct packed packed;
    struct bfs_bundle *bundle;
    struct bfs_file *file;
    struct bfs_readahead_limits limits;
    struct bfs_readahead *readahead;
    struct bfs_readahead_run stored; /* of the last note */
    uint32_t n_chunks;
    uint32_t firsts[N_TENSORS]; /* chunk of t0, t1, ... */
};

static void set_up(struct fixture *fixture)
{
    struct test_tensor tensors[N_TENSORS];
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    struct bfs_pack_report report;
    uint32_t inode;
    *fixture = (struct fixture){.packed = packed_make(),
                                .limits = {.decoded = WINDOW, .together = SIZE_MAX}};
    for (unsigned i = 0; i < N_TENSORS; i++)
        tensors[i] = (struct test_tensor){names[i], BFS_DTYPE_BF16, 1, {CHUNKS_EACH * CHUNK / 2}};
    test_safetensors_build(tensors, N_TENSORS, 1, &bytes);
    test_write_file(&fixture->packed.folder, "model/model.safetensors", bytes.bytes, bytes.size);
    assert_int_equal(packed_pack(&fixture->packed, "m:1", (struct bfs_pack_options){0}, &report),
                     0);
    fixture->bundle = packed_open(&fixture->packed, "m:1");
    const struct bfs_index *index = bfs_bundle_index(fixture->bundle);
    assert_int_equal(bfs_index_resolve(index, "model.safetensors", &inode), 0);
    assert_int_equal(bfs_file_open(fixture->bundle, inode, &fixture->file, NULL), 0);
    const struct bfs_chunk_table *table = bfs_file_table(fixture->file);
    fixture->n_chunks = bfs_chunk_table_n_chunks(table);
    struct bfs_inode file = bfs_index_inode(index, inode);
    assert_int_equal(file.n_tensors, N_TENSORS);
    for (uint32_t i = 0; i < N_TENSORS; i++) {
        struct bfs_index_tensor tensor = bfs_index_tensor(index, &file, i);
        fixture->firsts[tensor.name[1] - '0'] = bfs_chunk_table_find(table, tensor.offset);
    }
    assert_int_equal(bfs_readahead_new(fixture->file, &fixture->limits, &fixture->readahead), 0);
}

static void tear_down(struct fixture *fixture)
{
    (void)bfs_readahead_free(fixture->readahead);
    (void)bfs_file_unref(fixture->file);
    (void)bfs_bundle_unref(fixture->bundle);
    packed_done(&fixture->packed);
}

/* Chunks named, which must be in the file, not more than the window together, and new when `seen`
 * is given. */
static uint32_t note(struct fixture *fixture, uint32_t first, uint32_t last, bool *seen,
                     struct bfs_readahead_run runs[static BFS_READAHEAD_RUNS_MAX], size_t *ret_n)
{
    uint32_t total = 0;
    *ret_n = bfs_readahead_note(fixture->readahead, first, last, false, runs, &fixture->stored);
    assert_true(*ret_n <= BFS_READAHEAD_RUNS_MAX);
    for (size_t i = 0; i < *ret_n; i++) {
        assert_true(runs[i].n > 0 && runs[i].first + runs[i].n <= fixture->n_chunks);
        for (uint32_t k = 0; seen && k < runs[i].n; k++) {
            assert_false(seen[runs[i].first + k]);
            seen[runs[i].first + k] = true;
        }
        total += runs[i].n;
    }
    assert_true(total <= (WINDOW + (1 << 20)) / CHUNK + 1);
    return total;
}

static void in_order_the_window_doubles(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bfs_readahead_run runs[BFS_READAHEAD_RUNS_MAX];
    size_t n;
    set_up(&fixture);
    bfs_autofree bool *seen = calloc(fixture.n_chunks, sizeof(*seen));
    uint32_t ahead = 0, widest = 0;
    for (uint32_t i = 0; i < fixture.n_chunks; i++) {
        uint32_t total = note(&fixture, i, i, seen, runs, &n);
        if (i == 0)
            assert_in_range(total, (1 << 20) / CHUNK, (1 << 20) / CHUNK + 1);
        if (total) {
            assert_int_equal(n, 1);
            assert_true(runs[0].first > i);
            ahead = runs[0].first + runs[0].n - 1 - i;
            widest = ahead > widest ? ahead : widest;
        }
        if (i == 1)
            assert_in_range(ahead, WINDOW / CHUNK, WINDOW / CHUNK + 1);
    }
    assert_in_range(widest, WINDOW / CHUNK, WINDOW / CHUNK + 1); /* and no wider */
    for (uint32_t i = 1; i < fixture.n_chunks; i++)
        assert_true(seen[i]);
    assert_false(seen[0]);
    tear_down(&fixture);
}

/* Once it has grown, in pieces that keep workers busy, and never less than half of it ahead. */
static void a_full_window_is_filled_by_halves(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bfs_readahead_run runs[BFS_READAHEAD_RUNS_MAX];
    size_t n;
    const uint32_t half = WINDOW / CHUNK / 2;
    uint32_t ahead = 0, n_fills = 0;
    set_up(&fixture);
    for (uint32_t i = 0; ahead < fixture.n_chunks; i++) {
        uint32_t total = note(&fixture, i, i, NULL, runs, &n);
        if (total)
            ahead = runs[0].first + runs[0].n;
        if (i >= 2 && total && ahead < fixture.n_chunks) {
            assert_in_range(total, half, half + 1);
            n_fills++;
        }
        assert_true(i < 1 || ahead == fixture.n_chunks || ahead - (i + 1) >= half);
    }
    assert_true(n_fills >= 3);
    tear_down(&fixture);
}

static void at_random_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bfs_readahead_run runs[BFS_READAHEAD_RUNS_MAX];
    size_t n;
    set_up(&fixture);
    static const unsigned order[N_TENSORS] = {5, 2, 7, 0, 3, 6, 1, 4};
    for (unsigned i = 0; i < N_TENSORS; i++) {
        uint32_t middle = fixture.firsts[order[i]] + 3;
        assert_int_equal(note(&fixture, middle, middle, NULL, runs, &n), 0);
        assert_int_equal(note(&fixture, middle, middle, NULL, runs, &n), 0); /* again */
    }
    tear_down(&fixture);
}

static void a_tensors_start_opens_a_window(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bfs_readahead_run runs[BFS_READAHEAD_RUNS_MAX];
    size_t n;
    set_up(&fixture);
    uint32_t first = fixture.firsts[6];
    assert_int_equal(note(&fixture, first, first + 1, NULL, runs, &n), (1 << 20) / CHUNK);
    assert_int_equal(n, 1);
    assert_int_equal(runs[0].first, first + 2);
    tear_down(&fixture);
}

static void order_by_name_is_learned(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bfs_readahead_run runs[BFS_READAHEAD_RUNS_MAX];
    size_t n;
    set_up(&fixture);
    for (unsigned t = 0; t < 5; t++) {
        uint32_t first = fixture.firsts[t];
        (void)note(&fixture, first, first, NULL, runs, &n);
        bool named_next = false;
        for (size_t i = 0; i < n; i++)
            named_next =
                named_next || (runs[i].first == fixture.firsts[t + 1] && runs[i].n == CHUNKS_EACH);
        assert_int_equal(named_next, t >= 2);
        if (t >= 2) {
            assert_int_equal(n, 2);
            assert_int_equal(runs[0].first + runs[0].n, first + CHUNKS_EACH); /* not beyond */
        }
        for (uint32_t i = 1; i < CHUNKS_EACH; i++)
            (void)note(&fixture, first + i, first + i, NULL, runs, &n);
    }
    tear_down(&fixture);
}

/* Ranks that read different parts at once each have a stream. */
/* Somebody else is further on in the same file: what he has read is not decoded for us again. */
static void what_was_read_is_not_named(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bfs_readahead_run runs[BFS_READAHEAD_RUNS_MAX];
    size_t n;
    set_up(&fixture);
    for (uint32_t i = 12; i < 15; i++)
        (void)note(&fixture, i, i, NULL, runs, &n);
    assert_true(bfs_readahead_is_late(fixture.readahead, 14));
    assert_false(bfs_readahead_is_late(fixture.readahead, 0));
    (void)note(&fixture, 0, 0, NULL, runs, &n);
    assert_int_equal(n, 1);
    for (uint32_t k = 0; k < runs[0].n; k++)
        assert_false(runs[0].first + k >= 12 && runs[0].first + k < 15);
    tear_down(&fixture);
}

/* t3 t1 t6 t0 t5 t2 t7 t4 is the file: starts that follow neither file nor names. */
static void without_an_order_a_stream_ends_with_its_tensor(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bfs_readahead_run runs[BFS_READAHEAD_RUNS_MAX];
    static const unsigned starts[] = {3, 0, 4};
    size_t n;
    set_up(&fixture);
    for (unsigned i = 0; i < 3; i++)
        (void)note(&fixture, fixture.firsts[starts[i]], fixture.firsts[starts[i]], NULL, runs, &n);
    uint32_t first = fixture.firsts[5], end = first + CHUNKS_EACH; /* a third jump */
    for (uint32_t at = first; at < end; at++) {
        (void)note(&fixture, at, at, NULL, runs, &n);
        for (size_t i = 0; i < n; i++)
            assert_true(runs[i].first + runs[i].n <= end);
    }
    /* Into the next one, as the kernel does: nothing yet; then it is believed, up to its end. */
    assert_int_equal(note(&fixture, end, end, NULL, runs, &n), 0);
    assert_true(note(&fixture, end + 1, end + 1, NULL, runs, &n) > 0);
    assert_true(runs[n - 1].first + runs[n - 1].n <= end + CHUNKS_EACH);
    for (uint32_t at = end + 2; at < end + CHUNKS_EACH + 2; at++)
        (void)note(&fixture, at, at, NULL, runs, &n);
    uint32_t furthest = 0;
    for (uint32_t at = end + CHUNKS_EACH + 2; at < end + 2 * CHUNKS_EACH - 1; at++) {
        (void)note(&fixture, at, at, NULL, runs, &n);
        for (size_t i = 0; i < n; i++)
            furthest = runs[i].first + runs[i].n;
    }
    assert_true(furthest > end + 2 * CHUNKS_EACH); /* file order again */
    tear_down(&fixture);
}

/* Beyond a window that has grown, twice as far each time, each chunk once. */
static void stored_bytes_are_asked_for_beyond(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bfs_readahead_run runs[BFS_READAHEAD_RUNS_MAX];
    size_t n;
    set_up(&fixture);
    for (unsigned limit = 0; limit < 3; limit++) {
        static const size_t limits[] = {0, 1 << 20, 64 << 20};
        uint32_t asked = 0, total = 0, ahead = 0;
        (void)bfs_readahead_free(fixture.readahead);
        fixture.limits.stored = limits[limit];
        assert_int_equal(bfs_readahead_new(fixture.file, &fixture.limits, &fixture.readahead), 0);
        for (uint32_t at = 0; at < fixture.n_chunks; at++) {
            (void)note(&fixture, at, at, NULL, runs, &n);
            for (size_t i = 0; i < n; i++)
                ahead = runs[i].first + runs[i].n;
            if (fixture.stored.n == 0)
                continue;
            assert_true(fixture.stored.first >= ahead && fixture.stored.first >= asked);
            asked = fixture.stored.first + fixture.stored.n;
            assert_true(asked <= fixture.n_chunks);
            assert_true((asked - ahead) * (size_t)CHUNK <= limits[limit] + CHUNK);
            total += fixture.stored.n;
        }
        assert_int_equal(total > 0, limit > 0);
    }
    tear_down(&fixture);
}

static void streams_are_told_apart(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bfs_readahead_run runs[BFS_READAHEAD_RUNS_MAX];
    size_t n;
    set_up(&fixture);
    uint32_t a = fixture.firsts[3], b = fixture.firsts[7];
    uint32_t named[2] = {0, 0};
    for (uint32_t i = 0; i < CHUNKS_EACH; i++) {
        named[0] += note(&fixture, a + i, a + i, NULL, runs, &n);
        named[1] += note(&fixture, b + i, b + i, NULL, runs, &n);
    }
    assert_true(named[0] > (1 << 20) / CHUNK);
    assert_true(named[1] > 0);
    tear_down(&fixture);
}

/* What is ahead of one stream is not left for others; nor is it lost for ever when nobody goes on.
 */
static void all_streams_share(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bfs_readahead_run runs[BFS_READAHEAD_RUNS_MAX];
    size_t n;
    set_up(&fixture);
    BFS_CLEANUP(bfs_readahead_cleanup) struct bfs_readahead *other = NULL;
    assert_int_equal(bfs_readahead_new(fixture.file, &fixture.limits, &other), 0);
    fixture.limits.together = 3 << 19;
    uint32_t a = fixture.firsts[3], b = fixture.firsts[7];
    assert_int_equal(note(&fixture, a, a, NULL, runs, &n), (1 << 20) / CHUNK);
    assert_int_equal(bfs_readahead_note(other, b, b, false, runs, &fixture.stored), 1);
    assert_int_equal(runs[0].n, (1 << 19) / CHUNK);
    assert_int_equal(note(&fixture, b, b, NULL, runs, &n), 0);
    /* One of them goes on, and has all of it, once the other is given up. */
    bfs_readahead_next_round(&fixture.limits);
    assert_int_equal(note(&fixture, a, a + 1, NULL, runs, &n), 0);
    bfs_readahead_next_round(&fixture.limits);
    (void)note(&fixture, a + 2, a + 9, NULL, runs, &n);
    assert_true(note(&fixture, a + 10, a + 13, NULL, runs, &n) > 0);
    assert_true(runs[0].first + runs[0].n - (a + 14) > (1 << 19) / CHUNK);
    other = bfs_readahead_free(other);
    tear_down(&fixture);
    assert_int_equal(atomic_load(&fixture.limits.ahead[0]), 0);
    assert_int_equal(atomic_load(&fixture.limits.ahead[1]), 0);
}

/* Each read begins with the chunk in which the one before ended. A read names nothing as left
 * behind that it is about to read itself, and in the end each chunk was named once. */
static void a_read_leaves_its_own_chunks_alone(void **state)
{
    (void)state;
    enum { LONG = 16 };
    struct fixture fixture;
    struct bfs_readahead_run runs[BFS_READAHEAD_RUNS_MAX];
    uint32_t passed = 0, first = 0;
    size_t n;
    set_up(&fixture);
    for (; first + LONG < fixture.n_chunks; first += LONG) {
        (void)note(&fixture, first, first + LONG, NULL, runs, &n);
        struct bfs_readahead_run run = bfs_readahead_passed(fixture.readahead);
        if (run.n == 0)
            continue;
        assert_int_equal(run.first, passed);
        passed += run.n;
        assert_true(passed <= first);
    }
    assert_int_equal(passed, first - LONG); /* all but the last read */
    assert_true(passed > 0);
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_the_window_doubles),
        cmocka_unit_test(a_full_window_is_filled_by_halves),
        cmocka_unit_test(at_random_nothing),
        cmocka_unit_test(a_tensors_start_opens_a_window),
        cmocka_unit_test(order_by_name_is_learned),
        cmocka_unit_test(what_was_read_is_not_named),
        cmocka_unit_test(without_an_order_a_stream_ends_with_its_tensor),
        cmocka_unit_test(stored_bytes_are_asked_for_beyond),
        cmocka_unit_test(streams_are_told_apart),
        cmocka_unit_test(all_streams_share),
        cmocka_unit_test(a_read_leaves_its_own_chunks_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
