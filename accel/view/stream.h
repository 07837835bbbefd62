/* SPDX-License-Identifier: Apache-2.0
 * A part list as a made file: converts ahead on several threads, hands out in order.
 *
 * At begin() every source file is opened and checked against the scan, and again when the last byte
 * is handed out, so what was planned from is what was read. Memory is bounded by
 * BFS_STREAM_MEMORY, the scratch memory of the threads and BFS_STREAM_SCALES_MAX scales beside
 * those of what is being made, whatever the size of the file. Bytes and measures do not depend on
 * the number of threads.
 *
 * THREAD SAFETY: as a made file; the threads that it starts end before each call returns. */
#ifndef BFS_ACCEL_STREAM_H
#define BFS_ACCEL_STREAM_H

#include "accel/view/part.h"
#include "codec/pack/made.h"

enum {
    BFS_STREAM_MEMORY = 48 << 20, /* bytes made but not yet handed out */
    /* Scales kept at a time: of a file with one for each row of 4096 weights, 128 GiB of bf16. */
    BFS_STREAM_SCALES_MAX = 16 << 20,
};

struct bfs_stream_options {
    /* Names the file in messages of bfs_stream_new(): "views/gpu-fp8/model.safetensors". Who reads
     * the made file says by itself which one it is. */
    const char *what;
    unsigned n_threads; /* at least 1 */
    /* Where the measures of each part's tensor class are added when the last byte was handed out.
     * Borrowed, and outlives the stream; NULL: nobody wants them. */
    struct bfs_measure *measures;
    unsigned n_measures;
};

/* Takes the parts, also on failure. Sets ops and context of *ret; the rest of *ret is the caller's.
 * The bytes that read() gives are those of the parts; a file with transforms is larger.
 * Errors: -ENOMEM, -EINVAL (a part that contradicts itself), -E2BIG (too many scales at a time). */
int bfs_stream_new(struct bfs_part_list *parts, const struct bfs_stream_options *options,
                   struct bfs_made *ret, struct bfs_error *error);

#endif
