/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/message.h"

#include "tools/text.h"
#include "tools/verb.h"
#include "verify/cleanup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_MAX = 2 * BFS_ERROR_TEXT_SIZE };

__attribute__((format(printf, 3, 0))) static void say(const char *before, const char *after,
                                                      const char *format, va_list args)
{
    char line[MESSAGE_MAX];
    (void)vsnprintf(line, sizeof(line), format, args);
    bfs_autofree char *clean = bfs_text_printable(line, strlen(line));
    (void)fprintf(stderr, "%s%s%s\n", before, clean ? clean : "out of memory", after);
}

void bfs_message(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("bundlefs: ", "", format, args);
    va_end(args);
}

int bfs_message_error(const struct bfs_error *error)
{
    char text[BFS_ERROR_TEXT_SIZE];
    bfs_message("%s", bfs_error_text(error, text));
    return BFS_EXIT_FAILED;
}

int bfs_message_usage(const char *verb, const char *format, ...)
{
    char before[64], after[64];
    (void)snprintf(before, sizeof(before), "bundlefs%s%s: ", verb ? " " : "", verb ? verb : "");
    (void)snprintf(after, sizeof(after), "; see bundlefs%s%s --help", verb ? " " : "",
                   verb ? verb : "");
    va_list args;
    va_start(args, format);
    say(before, after, format, args);
    va_end(args);
    return BFS_EXIT_USAGE;
}
