/* SPDX-License-Identifier: Apache-2.0
 * Reads a trace, as a mount writes it: parts of files in the order of their first touch, one line
 * of JSON each. docs/operations.md has the fields.
 *
 * THREAD SAFETY: a trace that was read is immutable. */
#ifndef BFS_CODEC_TRACE_TEXT_H
#define BFS_CODEC_TRACE_TEXT_H

#include "verify/buffer.h"
#include "verify/cleanup.h"
#include "verify/digest.h"
#include "verify/error.h"

#include <stddef.h>

enum {
    BFS_TRACE_SIZE_MAX = 256 << 20, /* of the text */
    BFS_TRACE_LINE_MAX = 64 << 10,
    BFS_TRACE_STEPS_MAX = 1 << 20,
    BFS_TRACE_FILES_MAX = 4096,
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
    size_t tensor; /* of bfs_trace_tensor() */
};

struct bfs_trace_steps {
    struct bfs_trace_file *files;
    size_t n_files;
    struct bfs_trace_step *steps;
    size_t n_steps;
    struct bfs_buffer tensors; /* names, each with a NUL */
};

/* A last line without its newline that is no whole JSON is left out: it was cut off while it was
 * written. Errors: -EBADMSG (names the line), -E2BIG, -ENOMEM. */
int bfs_trace_parse(const void *text, size_t size, struct bfs_trace_steps *ret,
                    struct bfs_error *error);
/* The same of a file. Errors: besides, those of bfs_read_file(). */
int bfs_trace_read(const char *path, struct bfs_trace_steps *ret, struct bfs_error *error);
/* The first tensor in the bytes of a step, as the line says; NULL: it names none. */
const char *bfs_trace_tensor(const struct bfs_trace_steps *steps,
                             const struct bfs_trace_step *step);
void bfs_trace_steps_done(struct bfs_trace_steps *steps);
#define bfs_autotrace BFS_CLEANUP(bfs_trace_steps_done)

#endif
