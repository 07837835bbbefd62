/* SPDX-License-Identifier: Apache-2.0
 * A served model whose files get backing files in memory, and a kernel that takes them. Included
 * after cmocka.h, by one file of a program. */
#ifndef BFS_TESTS_BACKED_H
#define BFS_TESTS_BACKED_H

#include "fs/clock.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/served.h"

#include <sched.h>

static const char model[] = "acme/tiny/1.0.0/model.safetensors";
static const char hole[] = "acme/tiny/1.0.0/hole.bin";
static const char text[] = "acme/tiny/1.0.0/config.json";

/* Stands for the kernel: counts what it is told, and can refuse. */
static struct {
    atomic_int refuses; /* what add() gives; 0: an id */
    atomic_int n_added, n_removed, n_forgotten;
    atomic_int last_fd;
    /* Called before add() or forget() returns. */
    void (*on_add)(void), (*on_forget)(void);
    char forgotten[64];
    uint64_t forgotten_parent;
    /* What the page cache has: `pages` of a file; NULL: nothing. The byte at `wrong_at` is not what
     * was read, if it is not negative. */
    const uint8_t *pages;
    size_t n_pages;
    atomic_long wrong_at;
    atomic_int n_retrieved;
    atomic_int n_retrieved_inside; /* asked by the thread that brought an answer */
} kernel;

static _Thread_local bool is_answering;

static inline int add(void *context, int fd, int32_t *ret_id)
{
    (void)context;
    int r = atomic_load(&kernel.refuses);
    if (r)
        return r;
    atomic_store(&kernel.last_fd, fd);
    *ret_id = atomic_fetch_add(&kernel.n_added, 1) + 1;
    if (kernel.on_add)
        kernel.on_add();
    return 0;
}

static inline void take_back(void *context, int32_t id)
{
    (void)context;
    assert_true(id > 0 && id <= atomic_load(&kernel.n_added));
    atomic_fetch_add(&kernel.n_removed, 1);
}

static inline void forget(void *context, uint64_t parent, const char *name)
{
    (void)context;
    kernel.forgotten_parent = parent;
    (void)snprintf(kernel.forgotten, sizeof(kernel.forgotten), "%s", name);
    if (kernel.on_forget)
        kernel.on_forget();
    atomic_fetch_add(&kernel.n_forgotten, 1);
}

/* Answers before it returns, and a little at a time. */
static inline int retrieve(void *context, uint64_t node, uint64_t offset, size_t size, void *cookie)
{
    enum { PIECE = 30000 };
    size_t room, n = size < PIECE ? size : PIECE;
    (void)context;
    (void)node;
    atomic_fetch_add(&kernel.n_retrieved, 1);
    atomic_fetch_add(&kernel.n_retrieved_inside, is_answering);
    uint8_t *to = bfs_backing_retrieved_room(cookie, &room);
    assert_true(size <= room);
    if (!kernel.pages)
        n = 0;
    else if (offset + n > kernel.n_pages)
        n = kernel.n_pages > offset ? kernel.n_pages - offset : 0;
    if (n > 0)
        memcpy(to, kernel.pages + offset, n);
    long wrong_at = atomic_load(&kernel.wrong_at);
    if (wrong_at >= (long)offset && wrong_at < (long)(offset + n))
        to[wrong_at - (long)offset] ^= 1;
    is_answering = true;
    bfs_backing_retrieved(cookie, n);
    is_answering = false;
    return 0;
}

/* A served model with passthrough to that place; limit 0: not started. */
static inline void start_at(struct served *served, const struct bfs_backing_place *place,
                            enum bfs_backing_fill fill, size_t cache_size)
{
    const struct bfs_backing_kernel fake = {
        .add = add, .remove = take_back, .forget = forget, .retrieve = retrieve};
    memset(&kernel, 0, sizeof(kernel));
    atomic_store(&kernel.wrong_at, -1);
    served_pack(served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    if (cache_size)
        served->options.cache_size = cache_size;
    served_start(served);
    if (place->limit == 0)
        return;
    assert_int_equal(bfs_backing_start(served->fs->backing, &fake, place, fill, NULL), 0);
    assert_int_equal(atomic_load(&kernel.n_added), 1); /* the trial */
    assert_int_equal(atomic_load(&kernel.n_removed), 1);
}

/* Into memory. */
static inline void start_with(struct served *served, uint64_t limit, enum bfs_backing_fill fill,
                              size_t cache_size)
{
    const struct bfs_backing_place place = {.limit = limit};
    start_at(served, &place, fill, cache_size);
}

static inline void start(struct served *served, uint64_t limit, enum bfs_backing_fill fill)
{
    start_with(served, limit, fill, 0);
}

static inline uint64_t plain_node(struct served *served, const char *path)
{
    return bfs_node_plain(served_node(served, path));
}

static inline enum bfs_backing_state state_of(struct served *served, const char *path)
{
    return bfs_backing_status(served->fs->backing, plain_node(served, path)).state;
}

static inline void await(struct served *served, const char *path, enum bfs_backing_state state)
{
    uint64_t until = bfs_now_ms() + 20000;
    while (state_of(served, path) != state) {
        assert_true(bfs_now_ms() < until);
        (void)sched_yield();
    }
}

static inline int want(struct served *served, const char *path)
{
    struct bfs_open_file *open;
    struct bfs_bundle *bundle = NULL;
    uint64_t node = plain_node(served, path);
    assert_int_equal(bfs_op_bundle(served->fs, node, true, &bundle), 0);
    assert_int_equal(
        bfs_files_open(served->fs->files, node, bundle, bfs_node_inode(node), &open, NULL), 0);
    int r = bfs_backing_want(served->fs->backing, node, open->file);
    bfs_files_unref(served->fs->files, open);
    (void)bfs_bundle_unref(bundle);
    return r;
}

static inline uint64_t open_node(struct served *served, uint64_t node, int32_t *ret_id)
{
    struct bfs_reply reply;
    assert_int_equal(served_run(served, bfs_op_open, node, "", 0, &reply), 0);
    assert_int_equal(reply.backing_id > 0, bfs_handle_is_in_kernel(reply.open.fh));
    assert_int_equal(reply.open.keep_cache, !bfs_handle_is_in_kernel(reply.open.fh));
    *ret_id = reply.backing_id;
    return reply.open.fh;
}

static inline void read_all(struct served *served, const char *path, const char *name)
{
    size_t size;
    bfs_autofree uint8_t *source = served_source(served, name, &size);
    int32_t id;
    uint64_t node = plain_node(served, path), handle = open_node(served, node, &id);
    for (size_t at = 0; at < size; at += 1 << 20) {
        struct fake_request request;
        size_t part = size - at < 1 << 20 ? size - at : 1 << 20;
        fake_request_init(&request, served->fs);
        bfs_reads_start(served->fs->reads, fake_handle(&request),
                        (struct bfs_open_file *)(uintptr_t)handle, at, 1 << 20, true);
        assert_true(fake_wait(&request, 20000));
        assert_int_equal(request.bytes.size, part);
        assert_memory_equal(request.bytes.bytes, source + at, part);
        fake_request_done(&request);
    }
    bfs_release_file(served->fs, node, handle);
}

static inline void expect_content(struct served *served, const char *name)
{
    size_t size;
    bfs_autofree uint8_t *source = served_source(served, name, &size);
    bfs_autofree uint8_t *bytes = malloc(size + 1);
    assert_non_null(bytes);
    assert_int_equal(pread(atomic_load(&kernel.last_fd), bytes, size + 1, 0), size);
    assert_memory_equal(bytes, source, size);
    /* Nobody changes it any more. */
    assert_int_equal(pwrite(atomic_load(&kernel.last_fd), "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
}

static inline uint64_t metric(struct served *served, enum bfs_metric which)
{
    return bfs_metric_get(&served->fs->metrics, which);
}

#endif
