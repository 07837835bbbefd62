/* SPDX-License-Identifier: Apache-2.0
 * verify=strict: what open answers, and when. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/dispatch.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/gate.h"
#include "tests/fs/served.h"

static const char model[] = "acme/tiny/1.0.0/model.safetensors";

static void serve_strictly(struct served *served)
{
    served_pack(served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served->options.verify = BFS_VERIFY_STRICT;
    served_start(served);
}

static uint64_t metric(struct served *served, enum bfs_metric which)
{
    return bfs_metric_get(&served->fs->metrics, which);
}

static uint64_t size_of(struct served *served, uint64_t node)
{
    struct bfs_reply reply;
    assert_int_equal(served_run(served, bfs_op_getattr, node, "", 0, &reply), 0);
    return (uint64_t)reply.entry.attr.st_size;
}

static void start_open(struct served *served, struct fake_request *request, uint64_t node)
{
    struct fuse_file_info info = {.flags = O_RDONLY};
    fake_request_init(request, served->fs);
    bfs_fuse_ops.open(fake_handle(request), node, &info);
}

static struct bfs_open_file *expect_open(struct fake_request *request)
{
    assert_true(fake_wait(request, 20000));
    assert_int_equal(request->error, 0);
    assert_int_equal(fake_n_replies(request), 1);
    struct bfs_open_file *open = (struct bfs_open_file *)(uintptr_t)request->open.fh;
    assert_non_null(open);
    fake_request_done(request);
    return open;
}

static void expect_error(struct fake_request *request, int error)
{
    assert_true(fake_wait(request, 20000));
    assert_int_equal(request->error, error);
    assert_int_equal(fake_n_replies(request), 1);
    fake_request_done(request);
}

/* Until no file is open: the worker that answered may still be on its way back. */
static void await_closed(struct served *served)
{
    while (metric(served, BFS_METRIC_OPEN_FILES) != 0)
        (void)sched_yield();
}

static void a_file_opens_when_it_is_proved(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct fake_request request;
    serve_strictly(&served);
    uint64_t node = served_node(&served, model);
    start_open(&served, &request, node);
    struct bfs_open_file *open = expect_open(&request);
    uint32_t n = bfs_chunk_table_n_chunks(bfs_file_table(open->file));
    assert_true(n > BFS_CHUNKS_MAX); /* more than one piece */
    assert_int_equal(metric(&served, BFS_METRIC_CHUNKS_PROVED), n);
    assert_int_equal(metric(&served, BFS_METRIC_FILES_PROVED), 1);
    /* Which is work like any other. */
    assert_int_equal(metric(&served, BFS_METRIC_CHUNKS_DECODED), n);
    assert_int_equal(metric(&served, BFS_METRIC_DECODED_BYTES), size_of(&served, node));
    assert_true(metric(&served, BFS_METRIC_STORED_BYTES) > 0);
    assert_int_equal(metric(&served, BFS_METRIC_DECODED_AGAIN_BYTES), 0);
    start_open(&served, &request, node);
    assert_ptr_equal(expect_open(&request), open);
    assert_int_equal(metric(&served, BFS_METRIC_CHUNKS_PROVED), n);
    assert_int_equal(metric(&served, BFS_METRIC_FILES_PROVED), 2);
    /* A read checks by XXH3 alone what is proved. */
    fake_request_init(&request, served.fs);
    bfs_reads_start(served.fs->reads, fake_handle(&request), open, 0, 4096, true);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.bytes.size, 4096);
    fake_request_done(&request);
    assert_true(metric(&served, BFS_METRIC_CHUNKS_RECHECKED) >= 1);
    assert_true(metric(&served, BFS_METRIC_DECODED_AGAIN_BYTES) > 0);
    assert_int_equal(metric(&served, BFS_METRIC_CHUNKS_PROVED), n);
    bfs_files_unref(served.fs->files, open);
    bfs_files_unref(served.fs->files, open);
}

static void other_files_open_as_ever(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct fake_request request;
    serve_strictly(&served);
    start_open(&served, &request, served_node(&served, "acme/tiny/1.0.0/nothing"));
    bfs_files_unref(served.fs->files, expect_open(&request));
    start_open(&served, &request, served_node(&served, "acme/tiny/1.0.0/manifest.json"));
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, 0);
    bfs_text_unref((struct bfs_text *)(uintptr_t)request.open.fh);
    fake_request_done(&request);
    assert_int_equal(metric(&served, BFS_METRIC_CHUNKS_PROVED), 0);
}

/* Any chunk, also the last one, keeps the file closed; nothing else is kept. */
static void damage_anywhere_keeps_it_closed(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct fake_request request;
    serve_strictly(&served);
    uint64_t node = served_node(&served, model);
    start_open(&served, &request, node);
    struct bfs_open_file *open = expect_open(&request);
    uint32_t n = bfs_chunk_table_n_chunks(bfs_file_table(open->file));
    const uint32_t bad[] = {0, 5, n - 1};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        served_damage(&served, open, bad[i]);
        start_open(&served, &request, node);
        expect_error(&request, EIO);
        served_damage(&served, open, bad[i]); /* mended */
        start_open(&served, &request, node);
        bfs_files_unref(served.fs->files, expect_open(&request));
    }
    assert_true(metric(&served, BFS_METRIC_CORRUPT_CHUNKS) >= 3);
    bfs_files_unref(served.fs->files, open);
    await_closed(&served);
}

static void opens_share_the_work(void **state)
{
    (void)state;
    enum { N = 20 };
    test_autoserved struct served served;
    struct fake_request first, requests[N];
    struct bfs_open_file *open = NULL;
    serve_strictly(&served);
    uint64_t node = served_node(&served, model);
    /* The table is in memory then, so that only chunks stand before the gate. */
    struct bfs_open_file *held = served_open(&served, model);
    gate_close();
    start_open(&served, &first, node);
    gate_await(1);
    for (unsigned i = 0; i < N; i++)
        start_open(&served, &requests[i], node);
    gate_open();
    bfs_files_unref(served.fs->files, expect_open(&first));
    for (unsigned i = 0; i < N; i++) {
        open = expect_open(&requests[i]);
        bfs_files_unref(served.fs->files, open);
    }
    assert_int_equal(metric(&served, BFS_METRIC_CHUNKS_PROVED),
                     bfs_chunk_table_n_chunks(bfs_file_table(held->file)));
    bfs_files_unref(served.fs->files, held);
    await_closed(&served);
}

/* Request threads and other requests go on while the store does not; at the deadline there is an
 * answer. */
/* Each file is proved for itself, also at the same time. */
static void two_files_at_once(void **state)
{
    (void)state;
    static const char *const names[] = {model, "acme/tiny/1.0.0/hole.bin"};
    test_autoserved struct served served;
    struct fake_request requests[2];
    struct bfs_open_file *held[2];
    uint64_t n = 0;
    serve_strictly(&served);
    for (unsigned i = 0; i < 2; i++) {
        held[i] = served_open(&served, names[i]);
        n += bfs_chunk_table_n_chunks(bfs_file_table(held[i]->file));
    }
    gate_close();
    for (unsigned i = 0; i < 2; i++)
        start_open(&served, &requests[i], served_node(&served, names[i]));
    gate_await(2);
    gate_open();
    for (unsigned i = 0; i < 2; i++) {
        assert_ptr_equal(expect_open(&requests[i]), held[i]);
        bfs_files_unref(served.fs->files, held[i]);
        bfs_files_unref(served.fs->files, held[i]);
    }
    assert_int_equal(metric(&served, BFS_METRIC_CHUNKS_PROVED), n);
    assert_int_equal(metric(&served, BFS_METRIC_FILES_PROVED), 2);
    await_closed(&served);
}

static void a_stuck_store_is_an_error(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct fake_request request, other;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.verify = BFS_VERIFY_STRICT;
    served.options.timeout = 1;
    served_start(&served);
    uint64_t node = served_node(&served, model);
    struct bfs_open_file *held = served_open(&served, model);
    gate_close();
    start_open(&served, &request, node);
    gate_await(1);
    fake_request_init(&other, served.fs);
    bfs_fuse_ops.getattr(fake_handle(&other), node, NULL);
    assert_int_equal(fake_n_replies(&other), 1);
    fake_request_done(&other);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, EIO);
    assert_int_equal(metric(&served, BFS_METRIC_TIMEOUTS), 1);
    gate_open();
    start_open(&served, &other, node);
    bfs_files_unref(served.fs->files, expect_open(&other));
    expect_error(&request, EIO); /* still only one answer */
    bfs_files_unref(served.fs->files, held);
    await_closed(&served);
}

struct sentinel {
    struct bfs_job job;
    atomic_bool has_run;
};

static void run_sentinel(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    (void)reader;
    ((struct sentinel *)job)->has_run = true;
}

/* Until a pool of one worker has nothing else to do. */
static void await_idle(struct served *served)
{
    struct sentinel sentinel = {.job.run = run_sentinel};
    bfs_pool_submit(served->fs->pool, &sentinel.job, BFS_PRIORITY_AHEAD);
    while (!sentinel.has_run)
        (void)sched_yield();
}

static void a_signal_ends_the_wait(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct fake_request request;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.verify = BFS_VERIFY_STRICT;
    served.options.workers = 1;
    served_start(&served);
    uint64_t node = served_node(&served, model);
    struct bfs_open_file *held = served_open(&served, model);
    uint32_t n = bfs_chunk_table_n_chunks(bfs_file_table(held->file));
    gate_close();
    start_open(&served, &request, node);
    gate_await(1);
    request.interrupted = true;
    gate_open();
    expect_error(&request, EINTR);
    bfs_files_unref(served.fs->files, held);
    await_closed(&served);
    await_idle(&served);
    /* Nobody waits, so the rest is left. */
    assert_true(metric(&served, BFS_METRIC_CHUNKS_PROVED) < n);
    assert_int_equal(metric(&served, BFS_METRIC_FILES_PROVED), 0);
    start_open(&served, &request, node);
    bfs_files_unref(served.fs->files, expect_open(&request));
}

static void the_end_answers_opens(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct fake_request requests[8];
    serve_strictly(&served);
    uint64_t node = served_node(&served, model);
    struct bfs_open_file *held = served_open(&served, model);
    bfs_files_unref(served.fs->files, held);
    for (unsigned i = 0; i < 8; i++)
        start_open(&served, &requests[i], node);
    served.fs = bfs_fs_free(served.fs);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(fake_n_replies(&requests[i]), 1);
        fake_request_done(&requests[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_opens_when_it_is_proved),
        cmocka_unit_test(other_files_open_as_ever),
        cmocka_unit_test(damage_anywhere_keeps_it_closed),
        cmocka_unit_test(opens_share_the_work),
        cmocka_unit_test(two_files_at_once),
        cmocka_unit_test(a_stuck_store_is_an_error),
        cmocka_unit_test(a_signal_ends_the_wait),
        cmocka_unit_test(the_end_answers_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
