/* SPDX-License-Identifier: Apache-2.0
 * Reading directories as the kernel does, page by page. Included after cmocka.h. */
#ifndef BFS_TESTS_LISTING_H
#define BFS_TESTS_LISTING_H

#include "tests/fs/served.h"

/* As the kernel lays them out. */
struct raw_dirent {
    uint64_t ino, off;
    uint32_t name_length, type;
    char name[];
};

/* Appends each name and a blank; asks with `size` bytes at a time. */
static inline void listing_put(struct served *served, const char *path, size_t size, bool plus,
                               char *ret)
{
    struct bfs_reply reply;
    uint64_t node = *path ? served_node(served, path) : BFS_NODE_ROOT;
    assert_int_equal(served_run(served, bfs_op_opendir, node, "", 0, &reply), 0);
    struct bfs_op op = {.node = node, .size = size, .plus = plus};
    size_t entry_head = plus ? 128 : 0; /* struct fuse_entry_out */
    for (size_t done = 1; done > 0;) {
        struct bfs_reply page = {0};
        assert_int_equal(bfs_op_readdir(served->fs, &op, true, &page), 0);
        assert_true(page.bytes.size <= size);
        done = page.bytes.size;
        for (size_t at = 0; at < done;) {
            const uint8_t *entry = page.bytes.bytes + at + entry_head;
            struct raw_dirent dirent;
            memcpy(&dirent, entry, sizeof(dirent));
            (void)strncat(ret, (const char *)entry + sizeof(dirent), dirent.name_length);
            (void)strcat(ret, " ");
            op.offset = (off_t)dirent.off;
            at += entry_head + ((sizeof(dirent) + dirent.name_length + 7) & ~(size_t)7);
        }
        bfs_buffer_done(&page.bytes);
        bfs_buffer_done(&page.counted);
    }
}

#endif
