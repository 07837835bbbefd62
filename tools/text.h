/* SPDX-License-Identifier: Apache-2.0
 * Turning values into text for people: names that come from anywhere, sizes, tables.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_TOOLS_TEXT_H
#define BFS_TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum {
    BFS_SIZE_TEXT_SIZE = 32,
    BFS_MODE_TEXT_SIZE = 11,
    BFS_SHORT_ID_SIZE = 13, /* 12 digits, as container tools print; 48 bits */
};

/* The text with everything that is not UTF-8 replaced by U+FFFD; malloc'ed, NULL: no memory. */
char *bfs_text_utf8(const char *text, size_t size);
/* The same, with control characters replaced as well: harmless to a terminal. */
char *bfs_text_printable(const char *text, size_t size);

/* A text that should have been printed found no memory, here or elsewhere: then the program's output
 * is not complete, and it exits with a failure. From any thread. */
void bfs_text_set_lost(void);
bool bfs_text_is_lost(void);

/* "1.2 GB": powers of 1000. */
char *bfs_text_size(uint64_t size, char ret[static BFS_SIZE_TEXT_SIZE]);
/* What is left of `size` bytes as `stored`: "66.5 %". */
char *bfs_text_left(uint64_t stored, uint64_t size, char ret[static BFS_SIZE_TEXT_SIZE]);
/* "-rw-r--r--". */
char *bfs_text_mode(mode_t mode, char ret[static BFS_MODE_TEXT_SIZE]);
/* "2026-01-31 12:00:00", UTC. */
char *bfs_text_time(int64_t seconds, char ret[static BFS_SIZE_TEXT_SIZE]);

/* A table whose columns are as wide as their widest cell. */
struct bfs_table;
/* `alignment` has one character a column: 'l' or 'r'. NULL: no memory. */
struct bfs_table *bfs_table_new(const char *alignment);
/* Adds one row: as many strings as there are columns, then NULL. They are copied. */
void bfs_table_row(struct bfs_table *table, const char *first, ...) __attribute__((sentinel));
/* Prints all rows, then frees the table. Returns 0 or -ENOMEM. */
int bfs_table_print(struct bfs_table *table, FILE *file);

#endif
