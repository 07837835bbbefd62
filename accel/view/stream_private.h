/* SPDX-License-Identifier: Apache-2.0
 * A stream from the inside: the made file, and the batch of bands that is handed out. */
#ifndef BFS_ACCEL_STREAM_PRIVATE_H
#define BFS_ACCEL_STREAM_PRIVATE_H

#include "accel/view/stream.h"

enum {
    BFS_STREAM_ITEMS_MAX = 1024, /* bands of one batch: many small tensors are one batch too */
    BFS_STREAM_NO_SOURCE = -1,
};

/* One band of one part, and where it goes. */
struct bfs_stream_item {
    size_t part;
    uint64_t offset; /* in the part */
    size_t size;
    size_t at; /* in the batch's memory */
    struct bfs_measure measure;
};

struct bfs_stream_source {
    const struct bfs_source_file *file;
    int fd;
};

struct bfs_stream {
    struct bfs_part_list list;
    int *source_of; /* for each part: number of its source, or BFS_STREAM_NO_SOURCE */
    struct bfs_stream_source *sources;
    int n_sources;
    size_t *last_use; /* of each part that has scales: the last part that uses them */
    unsigned n_threads;
    struct bfs_part_scratch *scratches; /* one for each thread */
    struct bfs_measure *measures;       /* of this file */
    struct bfs_measure *into;
    unsigned n_measures;

    uint8_t *memory; /* the batch */
    size_t capacity;
    struct bfs_stream_item *items;
    size_t n_items;
    size_t made; /* bytes in the batch */
    size_t given;
    size_t next_part; /* first that is not in a batch yet */
    uint64_t next_offset;
    uint64_t left; /* bytes not given yet */
};

/* Chooses the next bands, at least one, makes them, and adds their measures to the stream's; the
 * bytes before were all given. */
int bfs_stream_make_batch(struct bfs_stream *stream, struct bfs_error *error);

/* Finds out how long scales are kept. Errors: -ENOMEM, -E2BIG (more than BFS_STREAM_SCALES_MAX at a
 * time). */
int bfs_stream_bound_scales(struct bfs_stream *stream);
/* Of the batch that was made: releases scales that no later part uses. */
void bfs_stream_release_scales(struct bfs_stream *stream);

/* Records it and returns -ENOMEM. */
int bfs_stream_no_memory(struct bfs_error *error);

#endif
