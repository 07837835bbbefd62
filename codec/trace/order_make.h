/* SPDX-License-Identifier: Apache-2.0
 * From a trace of whoever recorded it to the order of one bundle: what fits the bundle is taken, at
 * its first touch, and what does not is left out and counted.
 *
 * THREAD SAFETY: a pure function. */
#ifndef BFS_CODEC_ORDER_MAKE_H
#define BFS_CODEC_ORDER_MAKE_H

#include "codec/trace/order.h"
#include "codec/trace/trace_text.h"

struct bfs_order_report {
    uint64_t n_lines;    /* of the trace that are of the bundle */
    uint64_t n_left_out; /* of them, those that name nothing of it, or what was named before */
    bool is_cut;         /* the limit was reached; the rest is left out too, and not counted */
    char reason[256];    /* why the first of them was left out; "" when none was */
};

/* `bundle` is what the lines call it, not necessarily its id. An order without steps is no error.
 * `limit` bounds the steps. Errors: -ENOMEM. */
int bfs_order_make(const struct bfs_trace_steps *trace, const struct bfs_digest *bundle,
                   const struct bfs_index *index, uint32_t limit, struct bfs_order *ret,
                   struct bfs_order_report *ret_report);

#endif
