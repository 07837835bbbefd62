/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/trace/order.h"

#include "codec/index/format.h"
#include "verify/checked.h"
#include "verify/cleanup.h"
#include "verify/cursor.h"

#include <stdlib.h>
#include <string.h>

void bfs_order_done(struct bfs_order *order)
{
    free(order->steps);
    *order = (struct bfs_order){0};
}

static int read_header(struct bfs_cursor *c, struct bfs_order *ret, struct bfs_error *error)
{
    uint8_t magic[8];
    uint16_t major, minor;
    int r;
    if ((r = bfs_cursor_copy(c, magic, sizeof(magic))) || (r = bfs_cursor_u16(c, &major)) ||
        (r = bfs_cursor_u16(c, &minor)))
        return bfs_fail(error, r, "trace: %zu bytes are too few", c->size);
    if (memcmp(magic, BFS_ORDER_MAGIC, sizeof(magic)) != 0)
        return bfs_fail_at(error, -EBADMSG, 0, "trace: wrong magic");
    if (major != BFS_FORMAT_MAJOR)
        return bfs_fail_at(error, -EPROTONOSUPPORT, 8, "trace: version %u is not known", major);
    if (bfs_cursor_u32(c, &ret->n_steps) || bfs_cursor_u64(c, &ret->size) || bfs_cursor_zero(c, 8))
        return bfs_fail_at(error, -EBADMSG, 12, "trace: damaged header");
    if (ret->n_steps > BFS_ORDER_STEPS_MAX)
        return bfs_fail_at(error, -E2BIG, 12, "trace: %u steps are too many", ret->n_steps);
    if (ret->n_steps == 0 ||
        (uint64_t)ret->n_steps * BFS_ORDER_RECORD_SIZE != bfs_cursor_remaining(c))
        return bfs_fail_at(error, -EBADMSG, 12, "trace: its count contradicts its %zu bytes",
                           c->size);
    return 0;
}

static int read_step(struct bfs_cursor *c, struct bfs_order_step *ret)
{
    int r;
    if ((r = bfs_cursor_u64(c, &ret->offset)) || (r = bfs_cursor_u64(c, &ret->size)) ||
        (r = bfs_cursor_u32(c, &ret->inode)) || (r = bfs_cursor_zero(c, 4)))
        return r;
    return 0;
}

static bool is_inside(const struct bfs_order_step *step, const struct bfs_index *index)
{
    if (step->inode >= bfs_index_n_inodes(index))
        return false;
    struct bfs_inode inode = bfs_index_inode(index, step->inode);
    return S_ISREG(inode.mode) && step->size > 0 &&
           bfs_range_fits(step->offset, step->size, inode.size);
}

static bool continues(const struct bfs_order_step *before, const struct bfs_order_step *step)
{
    return before->inode == step->inode && before->offset + before->size == step->offset;
}

static int read_steps(struct bfs_cursor *c, const struct bfs_index *index, struct bfs_order *order,
                      struct bfs_error *error)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < order->n_steps; i++) {
        struct bfs_order_step *step = &order->steps[i];
        uint64_t at = c->position;
        if (read_step(c, step))
            return bfs_fail_at(error, -EBADMSG, at, "trace: reserved bits of step %u are set", i);
        if (!is_inside(step, index) || !bfs_add_u64(total, step->size, &total))
            return bfs_fail_at(error, -EBADMSG, at, "trace: step %u lies in no file", i);
        if (i > 0 && continues(step - 1, step))
            return bfs_fail_at(error, -EBADMSG, at, "trace: step %u continues the one before it",
                               i);
    }
    if (total != order->size)
        return bfs_fail_at(error, -EBADMSG, 16, "trace: its size contradicts its steps");
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct bfs_order_step *left = a, *right = b;
    if (left->inode != right->inode)
        return left->inode < right->inode ? -1 : 1;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

static int check_apart(const struct bfs_order *order, struct bfs_error *error)
{
    bfs_autofree struct bfs_order_step *sorted = calloc(order->n_steps, sizeof(*sorted));
    if (!sorted)
        return bfs_fail(error, -ENOMEM, "trace: out of memory");
    memcpy(sorted, order->steps, order->n_steps * sizeof(*sorted));
    qsort(sorted, order->n_steps, sizeof(*sorted), by_place);
    for (uint32_t i = 1; i < order->n_steps; i++)
        if (sorted[i - 1].inode == sorted[i].inode &&
            sorted[i].offset - sorted[i - 1].offset < sorted[i - 1].size)
            return bfs_fail(error, -EBADMSG, "trace: bytes of inode %u are in it twice",
                            sorted[i].inode);
    return 0;
}

int bfs_order_parse(const void *bytes, size_t size, const struct bfs_index *index,
                    struct bfs_order *ret, struct bfs_error *error)
{
    bfs_autoorder struct bfs_order order = {0};
    struct bfs_cursor c = bfs_cursor_over(bytes, size);
    int r = read_header(&c, &order, error);
    if (r)
        return r;
    order.steps = calloc(order.n_steps, sizeof(*order.steps));
    if (!order.steps)
        return bfs_fail(error, -ENOMEM, "trace: out of memory");
    if ((r = read_steps(&c, index, &order, error)) || (r = check_apart(&order, error)))
        return r;
    *ret = order;
    order = (struct bfs_order){0}; /* transferred */
    return 0;
}

int bfs_order_write(const struct bfs_order *order, struct bfs_buffer *ret)
{
    bfs_buffer_put(ret, BFS_ORDER_MAGIC, 8);
    bfs_buffer_put_u16(ret, BFS_FORMAT_MAJOR);
    bfs_buffer_put_u16(ret, BFS_FORMAT_MINOR);
    bfs_buffer_put_u32(ret, order->n_steps);
    bfs_buffer_put_u64(ret, order->size);
    bfs_buffer_put_u64(ret, 0);
    for (uint32_t i = 0; i < order->n_steps; i++) {
        bfs_buffer_put_u64(ret, order->steps[i].offset);
        bfs_buffer_put_u64(ret, order->steps[i].size);
        bfs_buffer_put_u32(ret, order->steps[i].inode);
        bfs_buffer_put_u32(ret, 0);
    }
    return bfs_buffer_status(ret);
}
