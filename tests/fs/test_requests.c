/* SPDX-License-Identifier: Apache-2.0
 * Requests as the kernel makes them: answered once, by a worker when the store must be read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/dispatch.h"
#include "tests/fs/attributes.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/gate.h"
#include "tests/fs/served.h"
#include "tests/fs/turn.h"

/* However many look into a bundle that is slow, one worker waits for it. */
static void a_slow_bundle_takes_one_worker(void **state)
{
    (void)state;
    enum { N = 5 };
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"a:1", "b:1"}, 2);
    served_start(&served);
    assert_int_equal(bfs_pool_n_workers(served.fs->pool), 2);
    uint64_t one = served_node(&served, "a"), other = served_node(&served, "b");
    struct fake_request requests[N];
    gate_close();
    for (unsigned i = 0; i < N; i++) {
        fake_request_init(&requests[i], served.fs);
        bfs_fuse_ops.lookup(fake_handle(&requests[i]), i + 1 < N ? one : other, "1");
    }
    gate_await(2); /* so the other one has been reached */
    assert_int_equal(bfs_pool_queued(served.fs->pool), 0);
    gate_open();
    for (unsigned i = 0; i < N; i++) {
        assert_true(fake_wait(&requests[i], 20000));
        assert_int_equal(requests[i].error, 0);
        assert_int_equal(requests[i].entry.ino == requests[0].entry.ino, i + 1 < N);
        fake_request_done(&requests[i]);
    }
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_BUNDLES_LOADED), 2);
}

/* Those who wait in line when the end comes are answered too. */
static void the_end_comes_while_some_wait(void **state)
{
    (void)state;
    enum { N = 3 };
    struct served served;
    served_make(&served);
    uint64_t directory = served_node(&served, "acme/tiny");
    struct fake_request requests[N];
    gate_close();
    for (unsigned i = 0; i < N; i++) {
        fake_request_init(&requests[i], served.fs);
        bfs_fuse_ops.lookup(fake_handle(&requests[i]), directory, "1.0.0");
    }
    gate_await(1);
    gate_open();
    served_done(&served);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(fake_n_replies(&requests[i]), 1);
        fake_request_done(&requests[i]);
    }
}

/* As from the kernel: answered once, from a worker when the store must be read. */
static void requests(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.timeout = 1;
    served.options.workers = 1; /* for turn_drain() */
    served_start(&served);
    struct fake_request request;
    uint64_t directory = served_node(&served, "acme/tiny");
    gate_close();
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.lookup(fake_handle(&request), directory, "1.0.0");
    gate_await(1);
    assert_int_equal(fake_n_replies(&request), 0);
    struct fake_request other;
    fake_request_init(&other, served.fs);
    bfs_fuse_ops.lookup(fake_handle(&other), directory, "latest"); /* goes on meanwhile */
    assert_int_equal(fake_n_replies(&other), 1);
    fake_request_done(&other);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, EIO); /* its deadline */
    gate_open();

    fake_request_init(&other, served.fs);
    bfs_fuse_ops.lookup(fake_handle(&other), directory, "1.0.0");
    assert_true(fake_wait(&other, 20000));
    assert_int_equal(other.error, 0);
    uint64_t bundle = other.entry.ino;
    fake_request_done(&other);
    assert_int_equal(fake_n_replies(&request), 1);
    fake_request_done(&request);

    uint64_t node = served_node(&served, "acme/tiny/1.0.0/config.json");
    struct fuse_file_info info = {.flags = O_RDWR};
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.open(fake_handle(&request), node, &info);
    assert_int_equal(request.error, EROFS);
    fake_request_done(&request);

    /* An open that the kernel has given up on leaves nothing behind. */
    info.flags = O_RDONLY;
    fake_request_init(&request, served.fs);
    request.undeliverable = true;
    bfs_fuse_ops.open(fake_handle(&request), node, &info);
    assert_true(fake_wait(&request, 20000));
    fake_request_done(&request);
    assert_true(turn_drain(served.fs->pool)); /* the worker that replied */
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_OPEN_FILES), 0);
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.opendir(fake_handle(&request), bundle, &info);
    assert_int_equal(request.error, ENOSYS); /* the kernel need not ask */
    fake_request_done(&request);
    served.fs->needs_opendir = true;
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.opendir(fake_handle(&request), bundle, &info);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, 0);
    assert_true(request.open.cache_readdir);
    fake_request_done(&request);

    fake_request_init(&request, served.fs);
    bfs_fuse_ops.open(fake_handle(&request), served_node(&served, "acme/tiny/1.0.0/SHA256SUMS"),
                      &info);
    assert_true(fake_wait(&request, 20000));
    info.fh = request.open.fh;
    fake_request_done(&request);
    uint64_t sums = served_node(&served, "acme/tiny/1.0.0/SHA256SUMS");
    struct stat st;
    attributes(&served, "acme/tiny/1.0.0/SHA256SUMS", &st);
    static const struct {
        off_t offset;
        size_t size;
    } reads[] = {{0, 1 << 20}, {10, 10}, {1 << 30, 10}};
    for (unsigned i = 0; i < 3; i++) {
        fake_request_init(&request, served.fs);
        bfs_fuse_ops.read(fake_handle(&request), sums, reads[i].size, reads[i].offset, &info);
        assert_int_equal(fake_n_replies(&request), 1);
        assert_int_equal(request.bytes.size, i == 0 ? (size_t)st.st_size : i == 1 ? 10 : 0);
        fake_request_done(&request);
    }
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.release(fake_handle(&request), sums, &info);
    assert_int_equal(fake_n_replies(&request), 1);
    fake_request_done(&request);

    char name[300];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.lookup(fake_handle(&request), bundle, name);
    assert_int_equal(request.error, ENAMETOOLONG);
    fake_request_done(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_bundle_takes_one_worker),
        cmocka_unit_test(the_end_comes_while_some_wait),
        cmocka_unit_test(requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
