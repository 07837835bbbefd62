/* SPDX-License-Identifier: Apache-2.0
 * The kinds of strings in a contract. docs/contract.md names them.
 *
 * THREAD SAFETY: constant data; a set of compiled patterns belongs to one thread. */
#ifndef BFS_VERIFY_CONTRACT_FORMAT_H
#define BFS_VERIFY_CONTRACT_FORMAT_H

#include "verify/cleanup.h"
#include "verify/contract/format_list.h"

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

enum bfs_format {
#define BFS_FORMAT_ENUM(id, length, pattern, what) BFS_FORMAT_##id,
    BFS_FORMAT_LIST(BFS_FORMAT_ENUM)
#undef BFS_FORMAT_ENUM
        BFS_FORMAT_COUNT,
};

struct bfs_format_info {
    const char *id;
    size_t length_max;   /* in characters */
    const char *pattern; /* NULL: any text */
    const char *what;    /* for messages */
};
const struct bfs_format_info *bfs_format_info(enum bfs_format format);

/* Patterns, compiled when they are first needed. Starts as zeros. */
struct bfs_formats {
    regex_t compiled[BFS_FORMAT_COUNT];
    bool is_compiled[BFS_FORMAT_COUNT];
};
/* Is `text`, UTF-8 without NUL, of this kind? Errors: -EINVAL (it is not), -ENOMEM. */
int bfs_format_match(struct bfs_formats *formats, enum bfs_format format, const char *text);
void bfs_formats_done(struct bfs_formats *formats);
#define bfs_autoformats BFS_CLEANUP(bfs_formats_done)

#endif
