/* SPDX-License-Identifier: Apache-2.0
 * What getattr and getxattr say about a path. Included after cmocka.h. */
#ifndef BFS_TESTS_ATTRIBUTES_H
#define BFS_TESTS_ATTRIBUTES_H

#include "fs/lookups.h"
#include "tests/fs/served.h"

static inline void attributes(struct served *served, const char *path, struct stat *ret)
{
    struct bfs_reply reply;
    uint64_t node = served_node(served, path);
    assert_true(node != 0);
    assert_int_equal(served_run(served, bfs_op_getattr, node, "", 0, &reply), 0);
    assert_int_equal(reply.kind, BFS_REPLY_ATTR);
    assert_true(reply.entry.attr.st_ino == bfs_lookups_ino(served->fs, node));
    *ret = reply.entry.attr;
}

/* The value, cut at 1024 bytes. */
static inline int attribute(struct served *served, const char *path, const char *name, size_t size,
                            char ret[static 1025])
{
    struct bfs_reply reply;
    uint64_t node = served_node(served, path);
    int r = served_run(served, bfs_op_getxattr, node, name, size, &reply);
    size_t length = reply.bytes.size < 1024 ? reply.bytes.size : 1024;
    if (length)
        memcpy(ret, reply.bytes.bytes, length);
    ret[length] = '\0';
    if (r == 0 && size == 0)
        assert_int_equal(reply.kind, BFS_REPLY_COUNT);
    bfs_buffer_done(&reply.bytes);
    return r;
}

#endif
