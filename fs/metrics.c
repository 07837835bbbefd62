/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/metrics.h"

#include <inttypes.h>
#include <stdbool.h>

enum kind { COUNTER, GAUGE };

static const struct {
    enum kind kind;
    const char *name, *unit, *help;
} rows[] = {
#define ROW(ID, type, name, unit, help) {type, name, unit, help},
    BFS_METRIC_LIST(ROW)
#undef ROW
};

void bfs_metrics_write(const struct bfs_metrics *metrics, struct bfs_buffer *ret)
{
    for (int i = 0; i < BFS_N_METRICS; i++) {
        bool counter = rows[i].kind == COUNTER;
        const char *suffix = counter ? "_total" : "";
        bfs_buffer_printf(ret, "# HELP %s%s %s\n", rows[i].name, suffix, rows[i].help);
        bfs_buffer_printf(ret, "# TYPE %s%s %s\n", rows[i].name, suffix,
                          counter ? "counter" : "gauge");
        bfs_buffer_printf(ret, "%s%s %" PRIu64 "\n", rows[i].name, suffix,
                          bfs_metric_get(metrics, (enum bfs_metric)i));
    }
}

void bfs_metrics_write_openmetrics(const struct bfs_metrics *metrics, struct bfs_buffer *ret)
{
    for (int i = 0; i < BFS_N_METRICS; i++) {
        bool counter = rows[i].kind == COUNTER;
        bfs_buffer_printf(ret, "# TYPE %s %s\n", rows[i].name, counter ? "counter" : "gauge");
        if (*rows[i].unit)
            bfs_buffer_printf(ret, "# UNIT %s %s\n", rows[i].name, rows[i].unit);
        bfs_buffer_printf(ret, "# HELP %s %s\n", rows[i].name, rows[i].help);
        bfs_buffer_printf(ret, "%s%s %" PRIu64 "\n", rows[i].name, counter ? "_total" : "",
                          bfs_metric_get(metrics, (enum bfs_metric)i));
    }
    bfs_buffer_put_text(ret, "# EOF\n");
}
