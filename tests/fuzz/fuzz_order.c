/* SPDX-License-Identifier: Apache-2.0
 * The order is of a tree of two files: inode 1 with 1000 bytes, inode 2 with none. */
#include "codec/index/index_builder.h"
#include "codec/trace/order.h"
#include "tests/fuzz/fuzz_target.h"

#include <errno.h>
#include <string.h>

enum { FILE_SIZE = 1000 };

static struct bfs_index *small_index(void)
{
    BFS_CLEANUP(bfs_index_builder_cleanup) struct bfs_index_builder *builder = NULL;
    struct bfs_buffer bytes = BFS_BUFFER_INIT;
    const struct bfs_inode folder = {.mode = S_IFDIR | 0755};
    const struct bfs_inode file = {.mode = S_IFREG | 0644,
                                   .size = FILE_SIZE,
                                   .table_layer = 1,
                                   .table_size = 112,
                                   .stored_size = FILE_SIZE};
    const struct bfs_inode empty = {.mode = S_IFREG | 0644};
    struct bfs_index *index = NULL;
    uint32_t number;
    fuzz_require(bfs_index_builder_new(&folder, &builder) == 0 &&
                     bfs_index_builder_add(builder, 0, "a", &file, NULL, &number) == 0 &&
                     bfs_index_builder_add(builder, 0, "b", &empty, NULL, &number) == 0 &&
                     bfs_index_builder_write(builder, &bytes) == 0,
                 "an index to begin with");
    size_t size = bytes.size;
    fuzz_require(bfs_index_parse(bfs_buffer_steal(&bytes), size, 2, &index, NULL) == 0,
                 "a sound index");
    return index;
}

static void check(const struct bfs_order *order, const uint8_t *data, size_t size)
{
    uint8_t touched[FILE_SIZE] = {0};
    uint64_t total = 0;
    bfs_autobuffer struct bfs_buffer again = BFS_BUFFER_INIT;
    for (uint32_t i = 0; i < order->n_steps; i++) {
        const struct bfs_order_step *step = &order->steps[i];
        fuzz_require(step->inode == 1 && step->size > 0 && step->offset < FILE_SIZE &&
                         step->size <= FILE_SIZE - step->offset,
                     "steps lie in files");
        for (uint64_t k = step->offset; k < step->offset + step->size; k++)
            fuzz_require(!touched[k]++, "no byte twice");
        total += step->size;
    }
    fuzz_require(order->n_steps > 0 && total == order->size, "sizes add up");
    fuzz_require(bfs_order_write(order, &again) == 0 && again.size == size, "it can be written");
    memcpy(again.bytes + 10, data + 10, 2); /* the minor version, which is ignored */
    fuzz_require(memcmp(again.bytes, data, size) == 0, "there is one way to write it");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BFS_CLEANUP(bfs_index_cleanup) struct bfs_index *index = small_index();
    bfs_autoorder struct bfs_order order = {0};
    struct bfs_error error = {0};
    int r = bfs_order_parse(data, size, index, &order, &error);
    fuzz_require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT || r == -E2BIG,
                 "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    if (r == 0)
        check(&order, data, size);
    return 0;
}
