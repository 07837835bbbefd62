/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>

#include "tests/fs/fake_fuse.h"
#include "tests/fs/gate.h"
#include "tests/fs/served.h"
#include "tests/fs/tables.h"

static const char model[] = "acme/tiny/1.0.0/model.safetensors";

static void release(struct served *served, struct bfs_open_file *open)
{
    bfs_files_unref(served->fs->files, open);
}

/* A worker that is still at it, or read-ahead, keeps a file open for a moment longer. */
static void expect_closed(struct served *served)
{
    uint64_t deadline = bfs_now_ms() + 20000;
    while (bfs_metric_get(&served->fs->metrics, BFS_METRIC_OPEN_FILES) > 0 &&
           bfs_now_ms() < deadline)
        (void)sched_yield();
    assert_int_equal(bfs_metric_get(&served->fs->metrics, BFS_METRIC_OPEN_FILES), 0);
}

static void start_read(struct served *served, struct fake_request *request,
                       struct bfs_open_file *open, uint64_t offset, size_t size, bool is_direct)
{
    fake_request_init(request, served->fs);
    bfs_reads_start(served->fs->reads, fake_handle(request), open, offset, size, is_direct);
}

/* As O_DIRECT, so that what was read stays decoded. */
static void start(struct served *served, struct fake_request *request, struct bfs_open_file *open,
                  uint64_t offset, size_t size)
{
    start_read(served, request, open, offset, size, true);
}

/* Waits for the answer; NULL: it is the source's bytes, and the only one. Otherwise what is wrong.
 */
static const char *check_bytes(struct fake_request *request, const uint8_t *source,
                               size_t source_size, uint64_t offset, size_t size)
{
    size_t expected = offset >= source_size ? 0 : source_size - (size_t)offset;
    expected = expected < size ? expected : size;
    const char *wrong = NULL;
    if (!fake_wait(request, 100000))
        return "no answer";
    if (request->error != 0)
        wrong = "an error";
    else if (request->bytes.size != expected)
        wrong = "another size";
    else if (expected && memcmp(request->bytes.bytes, source + offset, expected) != 0)
        wrong = "other bytes";
    else if (fake_n_replies(request) != 1)
        wrong = "more than one answer";
    fake_request_done(request);
    return wrong;
}

static void expect_bytes(struct fake_request *request, const uint8_t *source, size_t source_size,
                         uint64_t offset, size_t size)
{
    const char *wrong = check_bytes(request, source, source_size, offset, size);
    assert_string_equal(wrong ? wrong : "", "");
}

static void expect_error(struct fake_request *request, int error)
{
    assert_true(fake_wait(request, 100000));
    assert_int_equal(request->error, error);
    assert_int_equal(request->bytes.size, 0);
    assert_int_equal(fake_n_replies(request), 1);
    fake_request_done(request);
}

static void edges_of_a_file(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    size_t size;
    bfs_autofree uint8_t *source = served_source(&served, "model.safetensors", &size);
    struct bfs_open_file *open = served_open(&served, model);
    struct bfs_open_file *empty = served_open(&served, "acme/tiny/1.0.0/nothing");
    const struct {
        uint64_t offset;
        size_t size;
    } reads[] = {{0, 1},        {0, 0},          {size - 1, 1},   {size - 1, 4096},
                 {size, 4096},  {size + 1, 1},   {UINT64_MAX, 1}, {INT64_MAX, SIZE_MAX},
                 {0, 1 << 20},  {65535, 2},      {65536, 65536},  {1, size},
                 {0, SIZE_MAX}, {12345, 1 << 20}};
    struct fake_request request;
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        start(&served, &request, open, reads[i].offset, reads[i].size);
        expect_bytes(&request, source, size, reads[i].offset, reads[i].size);
    }
    start(&served, &request, empty, 0, 4096);
    expect_bytes(&request, source, 0, 0, 4096);
    release(&served, open);
    release(&served, empty);
    expect_closed(&served);
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_READ_ERRORS), 0);
}

struct reader {
    struct served *served;
    struct bfs_open_file *open;
    const uint8_t *source;
    size_t size;
    uint64_t seed;
    const char *wrong;
};

enum { N_READERS = 8, N_READS = 400, N_AT_ONCE = 8, READ_MAX = 300000 };

static void *read_at_random(void *argument)
{
    struct reader *reader = argument;
    for (unsigned i = 0; !reader->wrong && i < N_READS / N_AT_ONCE; i++) {
        struct fake_request requests[N_AT_ONCE];
        uint64_t offsets[N_AT_ONCE];
        size_t sizes[N_AT_ONCE];
        for (unsigned k = 0; k < N_AT_ONCE; k++) {
            offsets[k] = test_random(&reader->seed) % (reader->size + 1000);
            sizes[k] = (size_t)(test_random(&reader->seed) % READ_MAX);
            start_read(reader->served, &requests[k], reader->open, offsets[k], sizes[k],
                       test_random(&reader->seed) % 2 == 0);
        }
        for (unsigned k = 0; k < N_AT_ONCE; k++) {
            const char *wrong =
                check_bytes(&requests[k], reader->source, reader->size, offsets[k], sizes[k]);
            reader->wrong = wrong ? wrong : reader->wrong;
        }
    }
    return NULL;
}

static void many_threads_read_exact_bytes(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    static const char *const names[] = {"model.safetensors", "hole.bin"};
    uint8_t *sources[2];
    size_t sizes[2];
    struct bfs_open_file *opens[2];
    struct reader readers[N_READERS];
    pthread_t threads[N_READERS];
    for (unsigned i = 0; i < 2; i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "acme/tiny/1.0.0/%s", names[i]);
        sources[i] = served_source(&served, names[i], &sizes[i]);
        opens[i] = served_open(&served, path);
    }
    for (unsigned i = 0; i < N_READERS; i++) {
        readers[i] = (struct reader){&served, opens[i % 2], sources[i % 2], sizes[i % 2], i, NULL};
        assert_int_equal(pthread_create(&threads[i], NULL, read_at_random, &readers[i]), 0);
    }
    for (unsigned i = 0; i < N_READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (unsigned i = 0; i < N_READERS; i++)
        assert_string_equal(readers[i].wrong ? readers[i].wrong : "", "");
    for (unsigned i = 0; i < 2; i++) {
        release(&served, opens[i]);
        free(sources[i]);
    }
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_READ_REQUESTS),
                     N_READERS * N_READS);
    uint64_t oldest;
    assert_int_equal(bfs_calls_pending(served.fs->calls, &oldest), 0);
}

/* Reads of the whole file exceed half of the cache together, so most stand in line. */
static void large_reads_stand_in_line(void **state)
{
    (void)state;
    enum { N = 200 };
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.cache_size = BFS_CACHE_SIZE_MIN;
    served_start(&served);
    size_t size;
    bfs_autofree uint8_t *source = served_source(&served, "model.safetensors", &size);
    struct bfs_open_file *open = served_open(&served, model);
    bfs_autofree struct fake_request *requests = calloc(N, sizeof(*requests));
    assert_non_null(requests);
    gate_close();
    for (unsigned i = 0; i < N; i++)
        start(&served, &requests[i], open, i, size - i);
    gate_await(2);
    gate_open();
    for (unsigned i = 0; i < N; i++)
        expect_bytes(&requests[i], source, size, i, size - i);
    release(&served, open);
    assert_true(bfs_cache_size(served.fs->cache) <= BFS_CACHE_SIZE_MIN);
}

/* Chunk tables have taken all but 16 MiB of a cache of 256: what reads may hold is half of that. */
static void tables_shorten_the_line(void **state)
{
    (void)state;
    enum { N = 40 };
    test_autoserved struct served served;
    served_make(&served);
    size_t size;
    bfs_autofree uint8_t *source = served_source(&served, "model.safetensors", &size);
    struct bfs_open_file *open = served_open(&served, model);
    uint32_t n_chunks = bfs_chunk_table_n_chunks(bfs_file_table(open->file));
    struct fake_request requests[N];
    tables_pretend((size_t)1 << 30);
    gate_close();
    for (unsigned i = 0; i < N; i++)
        start(&served, &requests[i], open, 0, size);
    /* Chunks are asked for by reads that are admitted, and by no others. */
    uint64_t misses = bfs_metric_get(&served.fs->metrics, BFS_METRIC_CACHE_MISSES);
    assert_true(misses >= n_chunks && misses / n_chunks * size <= BFS_CACHE_SIZE_MIN / 2);
    gate_open();
    for (unsigned i = 0; i < N; i++)
        expect_bytes(&requests[i], source, size, 0, size);
    tables_pretend(0);
    release(&served, open);
}

/* A line of reads that all can be answered at once when it moves: no stack grows with it. */
static void a_long_line_moves_in_little_stack(void **state)
{
    (void)state;
    enum { N = 20000 };
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.cache_size = BFS_CACHE_SIZE_MIN;
    served.options.workers = 1;
    served_start(&served);
    size_t size;
    bfs_autofree uint8_t *source = served_source(&served, "model.safetensors", &size);
    struct bfs_open_file *open = served_open(&served, model);
    bfs_autofree struct fake_request *requests = calloc(N, sizeof(*requests));
    struct fake_request holders[8];
    assert_non_null(requests);
    gate_close();
    for (unsigned i = 0; i < 8; i++)
        start(&served, &holders[i], open, 0, size);
    for (unsigned i = 0; i < N; i++)
        start(&served, &requests[i], open, i, 16);
    gate_open();
    for (unsigned i = 0; i < 8; i++)
        expect_bytes(&holders[i], source, size, 0, size);
    for (unsigned i = 0; i < N; i++)
        expect_bytes(&requests[i], source, size, i, 16);
    release(&served, open);
}

static void damage_is_an_error_where_it_is(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    size_t size;
    bfs_autofree uint8_t *source = served_source(&served, "model.safetensors", &size);
    struct bfs_open_file *open = served_open(&served, model);
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(open->file), 5);
    struct fake_request request;
    served_damage(&served, open, 5);
    start(&served, &request, open, chunk.raw_off - 10, 20);
    expect_error(&request, EIO);
    start(&served, &request, open, chunk.raw_off, chunk.raw_size);
    expect_error(&request, EIO);
    start(&served, &request, open, 0, size);
    expect_error(&request, EIO);
    start(&served, &request, open, 0, (size_t)chunk.raw_off);
    expect_bytes(&request, source, size, 0, (size_t)chunk.raw_off);
    uint64_t end = chunk.raw_off + chunk.raw_size;
    start(&served, &request, open, end, 70000);
    expect_bytes(&request, source, size, end, 70000);
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_READ_ERRORS), 3);
    assert_true(bfs_metric_get(&served.fs->metrics, BFS_METRIC_CORRUPT_CHUNKS) >= 3);
    served_damage(&served, open, 5); /* mended */
    start(&served, &request, open, 0, size);
    expect_bytes(&request, source, size, 0, size);
    release(&served, open);
}

/* At the deadline a stuck read is answered; what is decoded is served all the while, even when the
 * line before the store is full; and a store that comes back serves. */
static void a_stuck_store(void **state)
{
    (void)state;
    enum { N_STUCK = 40 };
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.cache_size = BFS_CACHE_SIZE_MIN;
    served.options.timeout = 1;
    served_start(&served);
    size_t size;
    bfs_autofree uint8_t *warm_source = served_source(&served, "config.json", &size);
    size_t warm_size = size;
    struct bfs_open_file *open = served_open(&served, model);
    struct bfs_open_file *warm = served_open(&served, "acme/tiny/1.0.0/config.json");
    bfs_autofree uint8_t *model_source = served_source(&served, "model.safetensors", &size);
    struct fake_request request, stuck[N_STUCK];
    start(&served, &request, warm, 0, warm_size);
    expect_bytes(&request, warm_source, warm_size, 0, warm_size);
    uint64_t begun = bfs_now_ms();
    gate_close();
    for (unsigned i = 0; i < N_STUCK; i++)
        start(&served, &stuck[i], open, i, 1 << 20);
    gate_await(2);
    start(&served, &request, warm, 0, warm_size);
    expect_bytes(&request, warm_source, warm_size, 0, warm_size);
    assert_int_equal(fake_n_replies(&stuck[0]), 0);
    for (unsigned i = 0; i < N_STUCK; i++)
        assert_true(fake_wait(&stuck[i], 20000));
    assert_true(bfs_now_ms() - begun >= 1000);
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_TIMEOUTS), N_STUCK);
    start(&served, &request, warm, 0, warm_size);
    expect_bytes(&request, warm_source, warm_size, 0, warm_size);
    gate_open();
    start(&served, &request, open, 0, 1 << 20);
    expect_bytes(&request, model_source, size, 0, 1 << 20);
    for (unsigned i = 0; i < N_STUCK; i++)
        expect_error(&stuck[i], EIO); /* still only one answer */
    release(&served, open);
    release(&served, warm);
}

static void close_at_reply(struct fake_request *request)
{
    struct served *served = request->context;
    release(served, request->userdata);
}

/* The kernel may release a handle as soon as the last read was answered. */
static void the_handle_goes_with_the_answer(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    for (unsigned i = 0; i < 2; i++) {
        struct bfs_open_file *open = served_open(&served, model);
        struct fake_request request;
        fake_request_init(&request, open);
        request.on_reply = close_at_reply;
        request.context = &served;
        bfs_reads_start(served.fs->reads, fake_handle(&request), open, 0, 4096, true);
        assert_true(fake_wait(&request, 20000));
        assert_int_equal(request.bytes.size, 4096);
        fake_request_done(&request);
    }
    expect_closed(&served); /* the last reference may be that of a worker */
}

/* What waits when the daemon ends is answered, once. */
static void the_end_answers_everything(void **state)
{
    (void)state;
    enum { N = 40 };
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.cache_size = BFS_CACHE_SIZE_MIN;
    served_start(&served);
    struct bfs_open_file *open = served_open(&served, model);
    struct fake_request requests[N];
    gate_close();
    for (unsigned i = 0; i < N; i++)
        start(&served, &requests[i], open, (uint64_t)i * 1000, 1 << 20);
    gate_await(2);
    gate_open();
    served.fs = bfs_fs_free(served.fs); /* frees `open` too */
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(fake_n_replies(&requests[i]), 1);
        assert_true(requests[i].error == EIO || requests[i].bytes.size == 1 << 20);
        fake_request_done(&requests[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_of_a_file),
        cmocka_unit_test(many_threads_read_exact_bytes),
        cmocka_unit_test(large_reads_stand_in_line),
        cmocka_unit_test(tables_shorten_the_line),
        cmocka_unit_test(a_long_line_moves_in_little_stack),
        cmocka_unit_test(damage_is_an_error_where_it_is),
        cmocka_unit_test(a_stuck_store),
        cmocka_unit_test(the_handle_goes_with_the_answer),
        cmocka_unit_test(the_end_answers_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
