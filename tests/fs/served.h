/* SPDX-License-Identifier: Apache-2.0
 * A packed model as the file system's state serves it, without a mount. Included after cmocka.h. */
#ifndef BFS_TESTS_SERVED_H
#define BFS_TESTS_SERVED_H

#include "fs/node.h"
#include "fs/op.h"
#include "tests/pack/packed.h"

struct served {
    struct packed packed;
    struct bfs_mount_options options;
    struct bfs_log log;
    struct bfs_fs *fs;
};

/* The model of packed.h under each of `names`; all other settings have their defaults. */
static inline void served_pack(struct served *served, const char *const *names, size_t n)
{
    served->packed = packed_make();
    for (size_t i = 0; i < n; i++) {
        struct bfs_pack_report report;
        assert_int_equal(packed_pack(&served->packed, names[i],
                                     (struct bfs_pack_options){.source_date_epoch = -1}, &report),
                         0);
    }
    bfs_mount_options_init(&served->options);
    served->options.workers = 2;
    served->options.cache_size = 256 << 20; /* whatever memory this host has */
    served->options.timeout = 90; /* a slow machine is not what these tests look for */
    served->log = (struct bfs_log){0};
    served->fs = NULL;
}

static inline void served_start(struct served *served)
{
    struct bfs_error error = {0};
    assert_int_equal(
        bfs_fs_new(served->packed.store, &served->options, &served->log, &served->fs, &error), 0);
}

static inline void served_make(struct served *served)
{
    served_pack(served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served_start(served);
}

static inline void served_done(struct served *served)
{
    served->fs = bfs_fs_free(served->fs);
    bfs_mount_options_done(&served->options);
    packed_done(&served->packed);
}
#define test_autoserved BFS_CLEANUP(served_done)

/* The outcome of one operation, run where blocking is fine. */
static inline int served_run(struct served *served, bfs_op_function function, uint64_t node,
                             const char *name, size_t size, struct bfs_reply *ret)
{
    struct bfs_op op = {.function = function, .node = node, .size = size};
    (void)snprintf(op.name, sizeof(op.name), "%s", name);
    *ret = (struct bfs_reply){0};
    return function(served->fs, &op, true, ret);
}

/* The node of a path; 0: there is none. */
static inline uint64_t served_node(struct served *served, const char *path)
{
    uint64_t node = BFS_NODE_ROOT;
    bfs_autofree char *copy = strdup(path);
    char *rest = copy;
    for (char *name; node && (name = strsep(&rest, "/"));) {
        struct bfs_reply reply;
        assert_int_equal(served_run(served, bfs_op_lookup, node, name, 0, &reply), 0);
        assert_int_equal(reply.kind, BFS_REPLY_ENTRY);
        node = reply.entry.ino;
    }
    return node;
}

static inline struct bfs_open_file *served_open(struct served *served, const char *path)
{
    struct bfs_reply reply;
    uint64_t node = served_node(served, path);
    assert_true(node != 0);
    assert_int_equal(served_run(served, bfs_op_open, node, "", 0, &reply), 0);
    assert_int_equal(reply.kind, BFS_REPLY_OPEN);
    return (struct bfs_open_file *)(uintptr_t)reply.open.fh;
}

/* What was packed; the caller frees it. */
static inline uint8_t *served_source(const struct served *served, const char *name, size_t *ret)
{
    char inner[128];
    uint8_t *bytes = NULL;
    (void)snprintf(inner, sizeof(inner), "model/%s", name);
    bfs_autofree char *path = test_path(&served->packed.folder, inner);
    assert_int_equal(bfs_read_file(path, 64 << 20, &bytes, ret, NULL), 0);
    return bytes;
}

static inline int test_open_to_damage(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Flips stored byte `at` of chunk `i`, or its last one; twice mends it. */
static inline void served_damage_at(struct served *served, struct bfs_open_file *open, uint32_t i,
                                    uint32_t at)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(open->file), i);
    struct bfs_bundle *bundle = bfs_file_bundle(open->file);
    struct bfs_inode inode = bfs_index_inode(bfs_bundle_index(bundle), bfs_file_inode(open->file));
    struct bfs_digest digest =
        chunk.blob ? bfs_chunk_table_blob(bfs_file_table(open->file), chunk.blob).digest
                   : bfs_bundle_layer(bundle, inode.table_layer)->digest;
    bfs_autofree char *path = bfs_store_blob_path(served->packed.store, &digest);
    assert_int_equal(chmod(path, 0644), 0);
    bfs_autoclose int fd = test_open_to_damage(path);
    uint8_t byte;
    assert_true(chunk.stored_size > 0);
    uint64_t offset = chunk.stored_off + (at < chunk.stored_size ? at : chunk.stored_size - 1);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
}

static inline void served_damage(struct served *served, struct bfs_open_file *open, uint32_t i)
{
    served_damage_at(served, open, i, 0);
}

#endif
