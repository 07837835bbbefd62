/* SPDX-License-Identifier: Apache-2.0
 * The order of a load that a bundle carries: from the trace of a mount. */
#include "codec/pack/pack_private.h"

#include "verify/checked.h"
#include "verify/cleanup.h"

#include <string.h>

int bfs_pack_check_trace(const struct bfs_pack_options *options, const struct bfs_scan *scan,
                         struct bfs_error *error)
{
    const struct bfs_trace_steps *trace = options->trace;
    if (!trace)
        return 0;
    bfs_autofree uint64_t *sizes = calloc(trace->n_files + 1, sizeof(*sizes));
    if (!sizes)
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < trace->n_files; i++) {
        uint32_t number;
        if (!bfs_digest_equal(&trace->files[0].bundle, &trace->files[i].bundle))
            return bfs_fail(error, -EINVAL,
                            "the trace is of several bundles; keep the lines of one");
        if (bfs_scan_find(scan, trace->files[i].path, &number) &&
            S_ISREG(scan->entries[number].mode))
            sizes[i] = scan->entries[number].size;
    }
    for (size_t i = 0; i < trace->n_steps; i++)
        if (bfs_range_fits(trace->steps[i].offset, trace->steps[i].size,
                           sizes[trace->steps[i].file]))
            return 0;
    return bfs_fail(error, -EINVAL, "nothing that the trace names is in %s", options->directory);
}

int bfs_pack_write_trace(const struct bfs_pack *pack, const struct bfs_index *index,
                         struct bfs_order_report *ret_report, struct bfs_buffer *ret,
                         struct bfs_error *error)
{
    const struct bfs_trace_steps *trace = pack->options->trace;
    bfs_autoorder struct bfs_order order = {0};
    struct bfs_order_report report;
    int r =
        bfs_order_make(trace, &trace->files[0].bundle, index, BFS_ORDER_STEPS_MAX, &order, &report);
    if (r)
        return bfs_fail(error, r, "trace: out of memory");
    if (order.n_steps == 0)
        return bfs_fail(error, -EINVAL, "nothing of the trace fits: %s", report.reason);
    r = bfs_order_write(&order, ret);
    if (r)
        return bfs_fail(error, r, "trace: out of memory");
    *ret_report = report;
    return 0;
}
