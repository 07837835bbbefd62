/* SPDX-License-Identifier: Apache-2.0
 * Text inside of JSON that is written by hand: headers with a million members need no tree.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_JSON_TEXT_H
#define BFS_ACCEL_JSON_TEXT_H

#include "verify/buffer.h"
#include "verify/json_value.h"

#include <stdint.h>

/* Appends the text, which is UTF-8, as a JSON string with its quotes. */
void bfs_json_text_put(struct bfs_buffer *buffer, const char *text);
/* Appends "[1,2,3]". */
void bfs_json_text_put_shape(struct bfs_buffer *buffer, const uint64_t *shape, uint32_t n_dims);

/* A text with a few values changed: all other bytes stay, as whoever wrote it has them. Changes are
 * made in the order of the text. */
struct bfs_json_splice {
    struct bfs_buffer *out;
    const char *done;     /* all before is in `out` */
    const char *inserted; /* where the last member was put; NULL: none was */
};
/* Puts `json` in place of the value. */
void bfs_json_splice_replace(struct bfs_json_splice *splice, struct bfs_json_value value,
                             const char *json);
/* Appends all up to the end of the object's last member, and the start of one more: `"name": `. Its
 * value is put into `out` next. `indent`: spaces before it. */
void bfs_json_splice_insert(struct bfs_json_splice *splice, struct bfs_json_value object,
                            int indent, const char *name);
/* Appends the rest of the text, which ends at `end`. */
void bfs_json_splice_finish(struct bfs_json_splice *splice, const char *end);

#endif
