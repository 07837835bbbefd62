/* SPDX-License-Identifier: Apache-2.0
 * Text inside of JSON that is written by hand: headers with a million members need no tree.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_JSON_TEXT_H
#define BFS_ACCEL_JSON_TEXT_H

#include "verify/buffer.h"

#include <stdint.h>

/* Appends the text, which is UTF-8, as a JSON string with its quotes. */
void bfs_json_text_put(struct bfs_buffer *buffer, const char *text);
/* Appends "[1,2,3]". */
void bfs_json_text_put_shape(struct bfs_buffer *buffer, const uint64_t *shape, uint32_t n_dims);

#endif
