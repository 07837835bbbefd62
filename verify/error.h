/* SPDX-License-Identifier: Apache-2.0
 * What went wrong, where, what was expected and what was found: filled by libraries, shown by
 * programs.
 *
 * Every function of bundlefs that can fail returns 0 or a negative errno and leaves its ret_*
 * arguments alone on failure. One that takes a `struct bfs_error *` accepts NULL there and
 * otherwise describes the failure in it; on success it is left alone.
 *
 * THREAD SAFETY: an error object belongs to one thread at a time. */
#ifndef BFS_VERIFY_ERROR_H
#define BFS_VERIFY_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BFS_ERROR_WHAT_SIZE = 512,  /* a path component is at most 255 bytes; leaves room for words */
    BFS_ERROR_VALUE_SIZE = 96,  /* holds "sha256:" and 64 digits */
    BFS_ERROR_TEXT_SIZE = 1024, /* all of it, rendered on one line */
};

struct bfs_error {
    int code; /* negative errno; 0 while nothing was recorded */
    char what[BFS_ERROR_WHAT_SIZE];
    bool has_offset;
    uint64_t offset; /* bytes, in the object that `what` names */
    char expected[BFS_ERROR_VALUE_SIZE];
    char found[BFS_ERROR_VALUE_SIZE];
};

/* Records `code` (a negative errno) and a sentence, and returns `code`. */
int bfs_fail(struct bfs_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As bfs_fail(), with the place. */
int bfs_fail_at(struct bfs_error *error, int code, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Adds what was expected and found to the recorded failure; either may be NULL. */
void bfs_fail_values(struct bfs_error *error, const char *expected, const char *found);

/* Puts "<context>: " before the recorded sentence, as a caller that knows more unwinds. When
 * nothing was recorded, the context and strerror of `code` become the sentence. Returns `code`. */
int bfs_fail_context(struct bfs_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Renders one line without a final newline; always NUL-terminated; returns `text`. */
char *bfs_error_text(const struct bfs_error *error, char text[static BFS_ERROR_TEXT_SIZE]);

/* The list's word for a code of either sign ("corrupt"), or "failed". Never NULL. */
const char *bfs_error_word(int code);

#endif
