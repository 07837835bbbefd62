/* SPDX-License-Identifier: Apache-2.0
 * Reads a trace: parts of files in the order of their first touch.
 *
 * THREAD SAFETY: a trace that was read is immutable. */
#ifndef BFS_FS_TRACE_READ_H
#define BFS_FS_TRACE_READ_H

#include "verify/cleanup.h"
#include "verify/digest.h"
#include "verify/error.h"

#include <stddef.h>

enum {
    BFS_TRACE_SIZE_MAX = 256 << 20, /* of the text */
    BFS_TRACE_LINE_MAX = 64 << 10,
    BFS_TRACE_STEPS_MAX = 1 << 20,
};

struct bfs_trace_file {
    struct bfs_digest bundle;
    char *path;     /* owned */
    uint32_t first; /* the number of its first step */
};

struct bfs_trace_step {
    uint32_t file;
    uint64_t offset; /* offset + size do not overflow, and size is not 0 */
    uint64_t size;
};

struct bfs_trace_steps {
    struct bfs_trace_file *files;
    size_t n_files;
    struct bfs_trace_step *steps;
    size_t n_steps;
};

/* Errors: -EBADMSG (names the line), -E2BIG, -ENOMEM. */
int bfs_trace_parse(const void *text, size_t size, struct bfs_trace_steps *ret,
                    struct bfs_error *error);
/* The same of a file. Errors: besides, those of bfs_read_file(). */
int bfs_trace_read(const char *path, struct bfs_trace_steps *ret, struct bfs_error *error);
void bfs_trace_steps_done(struct bfs_trace_steps *steps);
#define bfs_autotrace BFS_CLEANUP(bfs_trace_steps_done)

#endif
