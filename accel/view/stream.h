/* SPDX-License-Identifier: Apache-2.0
 * A part list as a made file: converts ahead on several threads, hands out in order.
 *
 * At begin() every source file is opened and checked against the scan, and again when the last byte
 * is handed out, so what was planned from is what was read. Memory is bounded by
 * BFS_STREAM_MEMORY and the scratch memory of the threads, whatever the size of the file. Bytes and
 * measures do not depend on the number of threads.
 *
 * THREAD SAFETY: as a made file; the threads that it starts end before each call returns. */
#ifndef BFS_ACCEL_STREAM_H
#define BFS_ACCEL_STREAM_H

#include "accel/view/part.h"
#include "codec/pack/made.h"

enum {
    BFS_STREAM_MEMORY = 48 << 20, /* bytes made but not yet handed out */
};

struct bfs_stream_options {
    const char *what;   /* names the file in messages: "views/gpu-fp8/model.safetensors" */
    unsigned n_threads; /* at least 1 */
    /* Where the measures of each part's tensor class are added when the last byte was handed out.
     * Borrowed, and outlives the stream; NULL: nobody wants them. */
    struct bfs_measure *measures;
    unsigned n_measures;
};

/* Takes the parts, also on failure. Sets ops and context of *ret; the rest of *ret is the caller's.
 * The bytes that read() gives are those of the parts; a file with transforms is larger.
 * Errors: -ENOMEM, -EINVAL (a part that contradicts itself). */
int bfs_stream_new(struct bfs_part_list *parts, const struct bfs_stream_options *options,
                   struct bfs_made *ret, struct bfs_error *error);

#endif
