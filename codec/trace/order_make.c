/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/trace/order_make.h"

#include "verify/array.h"
#include "verify/checked.h"
#include "verify/cleanup.h"

#include <search.h>
#include <stdio.h>
#include <string.h>

enum { NO_FILE = UINT32_MAX };

struct making {
    const struct bfs_trace_steps *trace;
    const struct bfs_index *index;
    uint32_t *inodes;             /* of each file of the trace; NO_FILE: not in the bundle */
    struct bfs_order_step *taken; /* as many as the trace has steps; those in the tree */
    size_t n_taken;
    void *tree; /* of what was taken, for tsearch(3) */
    struct bfs_order order;
};

static void keep_node(void *node)
{
    (void)node;
}

static void making_done(struct making *making)
{
    tdestroy(making->tree, keep_node);
    free(making->taken);
    free(making->inodes);
    bfs_order_done(&making->order);
}

/* What overlaps is the same, so the tree finds it; all in it are apart. */
static int by_range(const void *a, const void *b)
{
    const struct bfs_order_step *left = a, *right = b;
    if (left->inode != right->inode)
        return left->inode < right->inode ? -1 : 1;
    if (left->offset + left->size <= right->offset)
        return -1;
    return right->offset + right->size <= left->offset;
}

static void find_files(struct making *making, const struct bfs_digest *bundle)
{
    for (size_t i = 0; i < making->trace->n_files; i++) {
        const struct bfs_trace_file *file = &making->trace->files[i];
        uint32_t *inode = &making->inodes[i];
        *inode = NO_FILE;
        if (bfs_digest_equal(&file->bundle, bundle) &&
            (bfs_index_resolve(making->index, file->path, inode) ||
             !S_ISREG(bfs_index_inode(making->index, *inode).mode)))
            *inode = NO_FILE;
    }
}

/* Why a line does not fit; NULL: it does. */
static const char *misfit(const struct making *making, const struct bfs_trace_step *line,
                          struct bfs_order_step *ret)
{
    ret->inode = making->inodes[line->file];
    ret->offset = line->offset;
    ret->size = line->size;
    if (ret->inode == NO_FILE)
        return "the bundle has no such file";
    struct bfs_inode inode = bfs_index_inode(making->index, ret->inode);
    if (!bfs_range_fits(line->offset, line->size, inode.size))
        return "it is beyond the end of the file";
    const char *name = bfs_trace_tensor(making->trace, line);
    struct bfs_index_tensor tensor;
    if (name &&
        (!bfs_index_tensor_in(making->index, &inode, line->offset, line->offset + line->size,
                              &tensor) ||
         strlen(name) != tensor.name_length || memcmp(name, tensor.name, tensor.name_length) != 0))
        return "its tensor is not there";
    return NULL;
}

static int take(struct making *making, const struct bfs_order_step *step, uint32_t limit,
                const char **ret_reason, bool *ret_is_cut)
{
    struct bfs_order *order = &making->order;
    struct bfs_order_step *node = &making->taken[making->n_taken];
    struct bfs_order_step *before = order->n_steps ? &order->steps[order->n_steps - 1] : NULL;
    *node = *step;
    const struct bfs_order_step *const *found = tsearch(node, &making->tree, by_range);
    if (!found)
        return -ENOMEM;
    if (*found != node) {
        *ret_reason = "it was named before";
        return 0;
    }
    making->n_taken++;
    if (before && before->inode == step->inode && before->offset + before->size == step->offset) {
        before->size += step->size;
    } else if (order->n_steps == limit) {
        *ret_is_cut = true;
        return 0;
    } else {
        if (bfs_array_grow(&order->steps, order->n_steps, sizeof(*order->steps)))
            return -ENOMEM;
        order->steps[order->n_steps++] = *step;
    }
    order->size += step->size; /* no byte twice, so it is no more than the content */
    return 0;
}

static void leave_out(const struct making *making, size_t line, const char *reason,
                      struct bfs_order_report *report)
{
    const struct bfs_trace_step *step = &making->trace->steps[line];
    if (report->n_left_out++ == 0)
        (void)snprintf(report->reason, sizeof(report->reason), "line %zu: %.160s: %s", line + 1,
                       making->trace->files[step->file].path, reason);
}

int bfs_order_make(const struct bfs_trace_steps *trace, const struct bfs_digest *bundle,
                   const struct bfs_index *index, uint32_t limit, struct bfs_order *ret,
                   struct bfs_order_report *ret_report)
{
    BFS_CLEANUP(making_done) struct making making = {.trace = trace, .index = index};
    struct bfs_order_report report = {0};
    making.inodes = calloc(trace->n_files + 1, sizeof(*making.inodes));
    making.taken = calloc(trace->n_steps + 1, sizeof(*making.taken));
    if (!making.inodes || !making.taken)
        return -ENOMEM;
    find_files(&making, bundle);
    for (size_t i = 0; i < trace->n_steps && !report.is_cut; i++) {
        const struct bfs_trace_step *line = &trace->steps[i];
        struct bfs_order_step step;
        if (!bfs_digest_equal(&trace->files[line->file].bundle, bundle))
            continue;
        report.n_lines++;
        const char *reason = misfit(&making, line, &step);
        int r = reason ? 0 : take(&making, &step, limit, &reason, &report.is_cut);
        if (r)
            return r;
        if (reason)
            leave_out(&making, i, reason, &report);
    }
    *ret = making.order;
    making.order = (struct bfs_order){0}; /* transferred */
    *ret_report = report;
    return 0;
}
