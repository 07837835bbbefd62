/* SPDX-License-Identifier: Apache-2.0
 * Inside of the container parsers: reads as much of the beginning of a file as a parser wants. */
#ifndef BFS_CODEC_PREFIX_H
#define BFS_CODEC_PREFIX_H

#include "verify/error.h"

#include <stddef.h>
#include <stdint.h>

/* Judges a prefix: 0, -ENODATA when it wants more, or what is wrong, recorded in `error`. */
typedef int bfs_prefix_parser(void *context, const uint8_t *prefix, size_t prefix_size,
                              uint64_t file_size, struct bfs_error *error);

/* Reads ever longer prefixes until the parser is content; *ret, NULL when nobody wants it, is then
 * the prefix that it saw last, owned by the caller. Errors: those of the parser but -ENODATA (a
 * header beyond 256 MiB is -E2BIG), -ENOMEM, -ESTALE when the file is shorter than `file_size`, and
 * those of pread(2), all with the file's name before them. */
int bfs_prefix_read(int fd, uint64_t file_size, const char *file_name, bfs_prefix_parser *parse,
                    void *context, uint8_t **ret, struct bfs_error *error);

#endif
