/* SPDX-License-Identifier: Apache-2.0
 * Chunk tables larger than any test would make. The program is linked with
 * -Wl,--wrap=bfs_file_tables_size.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_TESTS_TABLES_H
#define BFS_TESTS_TABLES_H

#include <stddef.h>

/* From now on open files have tables of so many more bytes. */
void tables_pretend(size_t size);

#endif
