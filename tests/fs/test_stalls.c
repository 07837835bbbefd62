/* SPDX-License-Identifier: Apache-2.0
 * What a store that is slow at one place costs the requests for other places, and what is left of
 * it when the store is back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/dispatch.h"
#include "fs/watch.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/gate.h"
#include "tests/fs/served.h"
#include "tests/fs/turn.h"

#include <sched.h>

enum { N = 8, WAIT_MS = 20000, WAIT_S = 20 };

static void set_up(struct served *served, unsigned workers, unsigned timeout_s)
{
    static const char *const names[] = {"a/m:1.0.0", "b/m:1.0.0", "c/m:1.0.0", "d/m:1.0.0",
                                        "e/m:1.0.0", "f/m:1.0.0", "g/m:1.0.0", "h/m:1.0.0"};
    served_pack(served, names, N);
    served->options.workers = workers;
    if (timeout_s)
        served->options.timeout = timeout_s;
    served_start(served);
}

static uint64_t node_of(struct served *served, unsigned model)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%c/m/1.0.0/model.safetensors", 'a' + (char)model);
    return served_node(served, path);
}

static void ask_open(struct served *served, struct fake_request *request, uint64_t node)
{
    struct fuse_file_info info = {.flags = O_RDONLY};
    fake_request_init(request, served->fs);
    bfs_fuse_ops.open(fake_handle(request), node, &info);
}

static void expect_open(struct served *served, struct fake_request *request, uint64_t node)
{
    assert_true(fake_wait(request, WAIT_MS));
    assert_int_equal(request->error, 0);
    bfs_release_file(served->fs, node, request->open.fh);
    fake_request_done(request);
}

static void expect_timeout(struct fake_request *request)
{
    assert_true(fake_wait(request, WAIT_MS));
    assert_int_equal(request->error, EIO);
}

/* The table of one file is slow: all who open the file take one worker together. */
static void opens_of_one_file_take_one_worker(void **state)
{
    (void)state;
    test_autoserved struct served served;
    static struct turn turn; /* a worker may come to it late */
    struct fake_request requests[N];
    set_up(&served, 2, 0);
    uint64_t node = node_of(&served, 0);
    (void)gate_count();
    gate_close();
    for (unsigned i = 0; i < N; i++)
        ask_open(&served, &requests[i], node);
    gate_await(1);
    turn_submit(&turn, served.fs->pool, BFS_PRIORITY_METADATA);
    bool came = turn_wait(&turn, WAIT_S);
    gate_open();
    assert_true(came);
    for (unsigned i = 0; i < N; i++)
        assert_true(fake_wait(&requests[i], WAIT_MS)); /* before one closes the file again */
    assert_int_equal(gate_count(), 1);
    for (unsigned i = 0; i < N; i++)
        expect_open(&served, &requests[i], node);
}

/* Those who stand in line when the daemon ends are answered, once. */
static void the_end_answers_the_line(void **state)
{
    (void)state;
    test_autoserved struct served served;
    static struct turn turn;
    struct fake_request requests[N];
    set_up(&served, 2, 0);
    uint64_t node = node_of(&served, 0);
    gate_close();
    for (unsigned i = 0; i < N; i++)
        ask_open(&served, &requests[i], node);
    gate_await(1);
    turn_submit(&turn, served.fs->pool, BFS_PRIORITY_METADATA);
    bool came = turn_wait(&turn, WAIT_S);
    gate_open();
    assert_true(came);
    served.fs = bfs_fs_free(served.fs);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(fake_n_replies(&requests[i]), 1);
        assert_true(requests[i].error == 0 || requests[i].error == EIO);
        fake_request_done(&requests[i]);
    }
}

/* Opens that were answered at their deadline read nothing when a worker comes to them. */
static void answered_opens_are_left_out(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct fake_request requests[N];
    set_up(&served, 1, 1);
    uint64_t nodes[N];
    for (unsigned i = 0; i < N; i++)
        nodes[i] = node_of(&served, i);
    (void)gate_count();
    gate_close();
    for (unsigned i = 0; i < N; i++)
        ask_open(&served, &requests[i], nodes[i]);
    gate_await(1);
    for (unsigned i = 0; i < N; i++)
        expect_timeout(&requests[i]);
    gate_open();
    bool drained = turn_drain(served.fs->pool);
    assert_true(drained);
    assert_int_equal(gate_count(), 1);
    for (unsigned i = 0; i < N; i++)
        fake_request_done(&requests[i]);
}

/* Nor are chunks decoded that only answered reads asked for; a read that still waits for one of
 * them gets it. */
static void answered_reads_are_left_out(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct fake_request requests[N], live;
    set_up(&served, 1, 1);
    size_t size;
    bfs_autofree uint8_t *source = served_source(&served, "model.safetensors", &size);
    struct bfs_open_file *open = served_open(&served, "a/m/1.0.0/model.safetensors");
    const struct bfs_chunk_table *table = bfs_file_table(open->file);
    assert_true(bfs_chunk_table_n_chunks(table) > 3 * N);
    (void)gate_count();
    gate_close();
    for (unsigned i = 0; i < N; i++) { /* backwards and apart: nothing is read ahead */
        struct bfs_chunk chunk = bfs_chunk_table_at(table, 3 * (N - i));
        fake_request_init(&requests[i], served.fs);
        bfs_reads_start(served.fs->reads, fake_handle(&requests[i]), open, chunk.raw_off, 1, true);
        gate_await(1); /* with the first alone */
    }
    for (unsigned i = 0; i < N; i++)
        expect_timeout(&requests[i]);
    uint64_t decoded = bfs_metric_get(&served.fs->metrics, BFS_METRIC_CHUNKS_DECODED);
    struct bfs_chunk wanted = bfs_chunk_table_at(table, 3);
    fake_request_init(&live, served.fs);
    bfs_reads_start(served.fs->reads, fake_handle(&live), open, wanted.raw_off, 1, true);
    gate_open();
    assert_true(fake_wait(&live, WAIT_MS));
    assert_int_equal(live.error, 0);
    assert_int_equal(live.bytes.size, 1);
    assert_int_equal(live.bytes.bytes[0], source[wanted.raw_off]);
    bool drained = turn_drain(served.fs->pool);
    assert_true(drained);
    /* The one that stood at the gate, and the live one. */
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_CHUNKS_DECODED), decoded + 2);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(fake_n_replies(&requests[i]), 1);
        fake_request_done(&requests[i]);
    }
    fake_request_done(&live);
    bfs_files_unref(served.fs->files, open);
}

/* The same for reads that never got room: after the stall the line is gone. */
static void answered_reads_leave_the_line(void **state)
{
    (void)state;
    enum { N_LONG = 40 };
    test_autoserved struct served served;
    struct fake_request requests[N_LONG];
    served_pack(&served, (const char *const[]){"a/m:1.0.0"}, 1);
    served.options.cache_size = BFS_CACHE_SIZE_MIN;
    served.options.timeout = 1;
    served.options.workers = 1;
    served_start(&served);
    struct bfs_open_file *open = served_open(&served, "a/m/1.0.0/model.safetensors");
    uint32_t n_chunks = bfs_chunk_table_n_chunks(bfs_file_table(open->file));
    gate_close();
    for (unsigned i = 0; i < N_LONG; i++) {
        fake_request_init(&requests[i], served.fs);
        bfs_reads_start(served.fs->reads, fake_handle(&requests[i]), open, 0, SIZE_MAX, true);
    }
    gate_await(1);
    for (unsigned i = 0; i < N_LONG; i++)
        expect_timeout(&requests[i]);
    uint64_t decoded = bfs_metric_get(&served.fs->metrics, BFS_METRIC_CHUNKS_DECODED);
    gate_open();
    bool drained = turn_drain(served.fs->pool);
    assert_true(drained);
    uint64_t more = bfs_metric_get(&served.fs->metrics, BFS_METRIC_CHUNKS_DECODED) - decoded;
    /* What the worker had taken, and what was read ahead. */
    uint64_t ahead = bfs_metric_get(&served.fs->metrics, BFS_METRIC_CHUNKS_AHEAD);
    assert_true(n_chunks > 2 * (BFS_CHUNKS_MAX + ahead));
    assert_true(more <= BFS_CHUNKS_MAX + ahead);
    for (unsigned i = 0; i < N_LONG; i++)
        fake_request_done(&requests[i]);
    bfs_files_unref(served.fs->files, open);
}

static void ask_usage(struct served *served, struct fake_request *request)
{
    fake_request_init(request, served->fs);
    bfs_fuse_ops.statfs(fake_handle(request), BFS_NODE_ROOT);
}

/* Both blobs of each bundle are read once for all who ask, and take one worker. */
static void usage_is_measured_once(void **state)
{
    (void)state;
    test_autoserved struct served served;
    static struct turn turn;
    struct fake_request requests[N];
    set_up(&served, 2, 0);
    (void)gate_count();
    gate_close();
    for (unsigned i = 0; i < N; i++)
        ask_usage(&served, &requests[i]);
    gate_await(1);
    turn_submit(&turn, served.fs->pool, BFS_PRIORITY_METADATA);
    bool came = turn_wait(&turn, WAIT_S);
    gate_open();
    assert_true(came);
    for (unsigned i = 0; i < N; i++) {
        assert_true(fake_wait(&requests[i], WAIT_MS));
        assert_int_equal(requests[i].error, 0);
        assert_int_equal(requests[i].statfs.f_blocks, requests[0].statfs.f_blocks);
        fake_request_done(&requests[i]);
    }
    assert_int_equal(gate_count(), 2 * N);
}

static uint64_t n_blocks(struct served *served)
{
    struct bfs_reply reply;
    assert_int_equal(served_run(served, bfs_op_statfs, BFS_NODE_ROOT, "", 0, &reply), 0);
    return reply.statfs.f_blocks;
}

/* The watch reads the same catalogue again when the policy has changed. */
static void usage_is_measured_again_for_new_bundles_alone(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct bfs_op op = {.node = BFS_NODE_ROOT};
    struct bfs_reply reply = {0};
    struct bfs_pack_report report;
    set_up(&served, 1, 0);
    uint64_t before = n_blocks(&served);
    (void)gate_count();
    assert_int_equal(bfs_fs_reload(served.fs, NULL), 0);
    assert_int_equal(bfs_op_statfs(served.fs, &op, false, &reply), 0);
    assert_int_equal(reply.statfs.f_blocks, before);
    assert_int_equal(gate_count(), 0);

    assert_int_equal(packed_pack(&served.packed, "new/m:1.0.0",
                                 (struct bfs_pack_options){.source_date_epoch = -1}, &report),
                     0);
    assert_int_equal(bfs_fs_reload(served.fs, NULL), 0);
    (void)gate_count();
    assert_int_equal(bfs_op_statfs(served.fs, &op, false, &reply), -EWOULDBLOCK);
    assert_in_range(n_blocks(&served), before / N * (N + 1), before / N * (N + 1) + N);
    assert_int_equal(gate_count(), 2);

    /* One that is loaded has told its size. */
    assert_int_equal(packed_pack(&served.packed, "new/m:2.0.0",
                                 (struct bfs_pack_options){.source_date_epoch = -1}, &report),
                     0);
    assert_int_equal(bfs_fs_reload(served.fs, NULL), 0);
    assert_true(served_node(&served, "new/m/2.0.0/config.json") != 0);
    (void)gate_count();
    assert_in_range(n_blocks(&served), before / N * (N + 2), before / N * (N + 2) + N);
    assert_int_equal(gate_count(), 0);
}

static void *end(void *argument)
{
    struct served *served = argument;
    served->fs = bfs_fs_free(served->fs);
    return NULL;
}

/* The end waits for the bundle that is being read, not for all others. */
static void the_end_stops_the_measuring(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct fake_request request;
    pthread_t ending;
    set_up(&served, 1, 0);
    struct bfs_pool *pool = served.fs->pool;
    (void)gate_count();
    gate_close();
    ask_usage(&served, &request);
    gate_await(1);
    assert_int_equal(pthread_create(&ending, NULL, end, &served), 0);
    while (!bfs_pool_is_stopping(pool)) /* it stays while its worker stands before the gate */
        (void)sched_yield();
    gate_open();
    assert_int_equal(pthread_join(ending, NULL), 0);
    assert_int_equal(fake_n_replies(&request), 1);
    assert_int_equal(request.error, EIO);
    assert_int_equal(gate_count(), 2);
    fake_request_done(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_of_one_file_take_one_worker),
        cmocka_unit_test(the_end_answers_the_line),
        cmocka_unit_test(answered_opens_are_left_out),
        cmocka_unit_test(answered_reads_are_left_out),
        cmocka_unit_test(answered_reads_leave_the_line),
        cmocka_unit_test(usage_is_measured_once),
        cmocka_unit_test(usage_is_measured_again_for_new_bundles_alone),
        cmocka_unit_test(the_end_stops_the_measuring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
