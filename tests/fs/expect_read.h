/* SPDX-License-Identifier: Apache-2.0
 * One direct read of an open file. Included after cmocka.h. */
#ifndef BFS_TESTS_EXPECT_READ_H
#define BFS_TESTS_EXPECT_READ_H

#include "tests/fs/fake_fuse.h"
#include "tests/fs/served.h"

/* Reads once; every reply has all bytes or an error. */
static inline void expect_read(struct served *served, struct bfs_open_file *open, uint64_t offset,
                               size_t size, const uint8_t *bytes, int error)
{
    struct fake_request request;
    fake_request_init(&request, served->fs);
    bfs_reads_start(served->fs->reads, fake_handle(&request), open, offset, size, true);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, error);
    assert_int_equal(request.bytes.size, error ? 0 : size);
    if (!error)
        assert_memory_equal(request.bytes.bytes, bytes, size);
    assert_int_equal(fake_n_replies(&request), 1);
    fake_request_done(&request);
}

/* Reads once, whatever is there. */
static inline void read_at(struct served *served, struct bfs_open_file *open, uint64_t offset,
                           size_t size)
{
    struct fake_request request;
    fake_request_init(&request, served->fs);
    bfs_reads_start(served->fs->reads, fake_handle(&request), open, offset, size, true);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, 0);
    fake_request_done(&request);
}

#endif
