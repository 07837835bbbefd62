/* SPDX-License-Identifier: Apache-2.0
 * More streams at once than the smallest cache has room for whole windows: what is decoded ahead
 * waits for its reader, and is not decoded a second time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/fake_fuse.h"
#include "tests/fs/served.h"

#include <stdio.h>

enum { N_FILES = 2, N_TENSORS = 16, TENSOR_SIZE = 5 << 18 };

static void write_files(const struct packed *packed)
{
    static const char *const names[N_TENSORS] = {"t00", "t01", "t02", "t03", "t04", "t05",
                                                 "t06", "t07", "t08", "t09", "t10", "t11",
                                                 "t12", "t13", "t14", "t15"};
    struct test_tensor tensors[N_TENSORS];
    for (unsigned i = 0; i < N_TENSORS; i++)
        tensors[i] = (struct test_tensor){names[i], BFS_DTYPE_BF16, 1, {TENSOR_SIZE / 2}};
    for (unsigned i = 0; i < N_FILES; i++) {
        char name[64];
        bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
        test_safetensors_build(tensors, N_TENSORS, 1, &bytes);
        assert_int_equal(bfs_buffer_status(&bytes), 0);
        size_t content = (size_t)N_TENSORS * TENSOR_SIZE; /* no chunk like another */
        test_fill_random(bytes.bytes + bytes.size - content, content, 100 + i);
        (void)snprintf(name, sizeof(name), "model/part-%u.safetensors", i);
        test_write_file(&packed->folder, name, bytes.bytes, bytes.size);
    }
}

/* The chunks of one tensor, read one after the other. */
struct stream {
    struct bfs_open_file *open;
    uint32_t next, end;
};

static void add_streams(struct bfs_open_file *open, struct stream *streams)
{
    const struct bfs_index *index = bfs_bundle_index(bfs_file_bundle(open->file));
    struct bfs_inode inode = bfs_index_inode(index, bfs_file_inode(open->file));
    const struct bfs_chunk_table *table = bfs_file_table(open->file);
    assert_int_equal(inode.n_tensors, N_TENSORS);
    for (uint32_t i = 0; i < N_TENSORS; i++) {
        struct bfs_index_tensor tensor = bfs_index_tensor(index, &inode, i);
        uint32_t first = bfs_chunk_table_find(table, tensor.offset);
        streams[i] = (struct stream){open, first, bfs_chunk_table_n_chunks(table)};
        if (i > 0)
            streams[i - 1].end = first;
    }
}

static void read_part(struct served *served, struct bfs_open_file *open, uint64_t offset,
                      size_t size, bool is_direct)
{
    struct fake_request request;
    fake_request_init(&request, served->fs);
    bfs_reads_start(served->fs->reads, fake_handle(&request), open, offset, size, is_direct);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, 0);
    assert_int_equal(request.bytes.size, size);
    fake_request_done(&request);
}

static uint64_t read_next(struct served *served, struct stream *stream)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(stream->open->file), stream->next++);
    read_part(served, stream->open, chunk.raw_off, chunk.raw_size, false);
    return chunk.raw_size;
}

static void start(struct served *served)
{
    struct bfs_pack_report report;
    served_pack(served, NULL, 0);
    write_files(&served->packed);
    assert_int_equal(packed_pack(&served->packed, "acme/parts:1",
                                 (struct bfs_pack_options){.source_date_epoch = -1}, &report),
                     0);
    served->options.cache_size = BFS_CACHE_SIZE_MIN;
    served_start(served);
}

static void nothing_is_decoded_twice(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct bfs_open_file *opens[N_FILES];
    struct stream streams[N_FILES * N_TENSORS];
    uint64_t total = 0, before;
    start(&served);
    for (unsigned i = 0; i < N_FILES; i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "acme/parts/1/part-%u.safetensors", i);
        opens[i] = served_open(&served, path);
        add_streams(opens[i], &streams[i * N_TENSORS]);
    }
    do {
        before = total;
        for (unsigned i = 0; i < N_FILES * N_TENSORS; i++)
            if (streams[i].next < streams[i].end)
                total += read_next(&served, &streams[i]);
    } while (total > before);
    assert_true(total >= (uint64_t)N_FILES * N_TENSORS * TENSOR_SIZE);
    for (unsigned i = 0; i < N_FILES; i++)
        bfs_files_unref(served.fs->files, opens[i]);
    assert_true(bfs_metric_get(&served.fs->metrics, BFS_METRIC_CHUNKS_AHEAD) > 100);
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_DECODED_BYTES), total);
}

/* O_DIRECT: the kernel keeps nothing. Two are apart by two thirds of the cache, and what both have
 * read makes room before what one of them has not. */
static void direct_readers_apart(void **state)
{
    enum { PART = 1 << 20, APART = 10 << 20 };
    (void)state;
    test_autoserved struct served served;
    start(&served);
    struct bfs_open_file *open = served_open(&served, "acme/parts/1/part-0.safetensors");
    uint64_t size = bfs_file_size(open->file);
    for (uint64_t at = 0; at < size + APART; at += PART) {
        if (at < size)
            read_part(&served, open, at, size - at < PART ? (size_t)(size - at) : PART, true);
        uint64_t behind = at - APART;
        if (at >= APART && behind < size)
            read_part(&served, open, behind, size - behind < PART ? (size_t)(size - behind) : PART,
                      true);
    }
    bfs_files_unref(served.fs->files, open);
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_DECODED_BYTES), size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_decoded_twice),
        cmocka_unit_test(direct_readers_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
