/* SPDX-License-Identifier: Apache-2.0
 * Counters and gauges of one daemon, and their text in two formats.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_METRICS_H
#define BFS_FS_METRICS_H

#include "fs/metric_list.h"
#include "verify/buffer.h"

#include <stdatomic.h>
#include <stdint.h>

enum bfs_metric {
#define BFS_METRIC_ENUM(ID, type, name, unit, help) BFS_METRIC_##ID,
    BFS_METRIC_LIST(BFS_METRIC_ENUM)
#undef BFS_METRIC_ENUM
        BFS_N_METRICS,
};

struct bfs_metrics {
    _Atomic uint64_t values[BFS_N_METRICS];
};

static inline void bfs_metric_add(struct bfs_metrics *metrics, enum bfs_metric metric, uint64_t n)
{
    atomic_fetch_add_explicit(&metrics->values[metric], n, memory_order_relaxed);
}

static inline void bfs_metric_set(struct bfs_metrics *metrics, enum bfs_metric metric, uint64_t n)
{
    atomic_store_explicit(&metrics->values[metric], n, memory_order_relaxed);
}

static inline uint64_t bfs_metric_get(const struct bfs_metrics *metrics, enum bfs_metric metric)
{
    return atomic_load_explicit(&metrics->values[metric], memory_order_relaxed);
}

/* The two formats contradict each other: in the classic one, the family of a counter has the name
 * of its sample, with "_total"; in OpenMetrics it must not. */

/* Appends Prometheus' classic text, version 0.0.4. */
void bfs_metrics_write(const struct bfs_metrics *metrics, struct bfs_buffer *ret);
/* Appends OpenMetrics 1.0 text, ended by "# EOF". */
void bfs_metrics_write_openmetrics(const struct bfs_metrics *metrics, struct bfs_buffer *ret);

#endif
