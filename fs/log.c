/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

enum {
    LINES_PER_MINUTE = 300,
    LINE_SIZE = 2048, /* names and an error's text fit */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static time_t window_start; /* protected by mutex, like the two below */
static unsigned window_lines;
static unsigned long dropped;

/* Sets how many lines were dropped before this one when it opens a new minute. */
static bool admit(unsigned long *ret_dropped)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    *ret_dropped = 0;
    (void)pthread_mutex_lock(&mutex);
    if (now.tv_sec - window_start >= 60 || window_start == 0) {
        window_start = now.tv_sec ? now.tv_sec : 1;
        window_lines = 0;
        *ret_dropped = dropped;
        dropped = 0;
    }
    bool admitted = window_lines < LINES_PER_MINUTE;
    if (admitted)
        window_lines++;
    else
        dropped++;
    (void)pthread_mutex_unlock(&mutex);
    return admitted;
}

void bfs_log(const struct bfs_log *log, enum bfs_log_level level, const char *format, ...)
{
    unsigned long n_dropped;
    if (!log->write || !admit(&n_dropped))
        return;
    char line[LINE_SIZE];
    if (n_dropped) {
        (void)snprintf(line, sizeof(line), "%lu messages were left out", n_dropped);
        log->write(log->context, BFS_LOG_WARNING, line);
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    /* A path may hold anything but slashes, and must not write lines of its own. */
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    log->write(log->context, level, line);
}
