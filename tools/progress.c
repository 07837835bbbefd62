/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/progress.h"

#include "tools/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 20 };

static uint64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct bfs_progress bfs_progress_start(void)
{
    return (struct bfs_progress){.shown = isatty(STDERR_FILENO) == 1, .started_ms = now_ms()};
}

static void format_time(double seconds, char *ret, size_t size)
{
    if (seconds < 0 || seconds > 360000)
        (void)snprintf(ret, size, "--:--");
    else
        (void)snprintf(ret, size, "%02u:%02u", (unsigned)seconds / 60, (unsigned)seconds % 60);
}

void bfs_progress_show(struct bfs_progress *progress, uint64_t done, uint64_t total,
                       uint64_t stored)
{
    if (!progress->shown)
        return;
    uint64_t elapsed_ms = now_ms() - progress->started_ms;
    double share = total ? (double)done / (double)total : 1.0;
    double speed = elapsed_ms ? (double)done / (double)elapsed_ms : 0; /* bytes per ms */
    char bar[BAR_WIDTH + 1], eta[16], left[BFS_SIZE_TEXT_SIZE], kept[BFS_SIZE_TEXT_SIZE + 16] = "";
    share = share > 1 ? 1 : share;
    size_t filled = (size_t)(share * BAR_WIDTH);
    memset(bar, '#', filled);
    memset(bar + filled, '.', BAR_WIDTH - filled);
    bar[BAR_WIDTH] = '\0';
    format_time(speed > 0 && total >= done ? (double)(total - done) / speed / 1000 : -1, eta,
                sizeof(eta));
    if (stored && done) {
        char text[BFS_SIZE_TEXT_SIZE];
        (void)snprintf(kept, sizeof(kept), ", size left %s", bfs_text_left(stored, done, text));
    }
    (void)fprintf(stderr, "\r\033[K%s%s[%s] %3.0f %%  %.2f GB/s  ETA %s  %s to go%s",
                  progress->what ? progress->what : "", progress->what ? " " : "", bar, share * 100,
                  speed / 1e6, eta, bfs_text_size(total > done ? total - done : 0, left), kept);
    (void)fflush(stderr);
    progress->drawn = true;
}

void bfs_progress_clear(struct bfs_progress *progress)
{
    if (!progress->drawn)
        return;
    (void)fputs("\r\033[K", stderr);
    (void)fflush(stderr);
    progress->drawn = false;
}
