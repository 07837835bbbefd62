/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/start_report.h"

#include <unistd.h>

int bfs_start_report_claim(struct bfs_start_report *report)
{
    return atomic_exchange(&report->fd, -1);
}

void bfs_start_report_send(int fd, const char *text, size_t size)
{
    (void)!write(fd, text, size);
    (void)close(fd);
}
