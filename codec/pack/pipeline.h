/* SPDX-License-Identifier: Apache-2.0
 * An ordered assembly line: one thread fills slots, several encode them in any order, one writes
 * them in the order of filling. So the output does not depend on how many encode.
 *
 * THREAD SAFETY: slot(), submit() and finish() belong to the filling thread. */
#ifndef BFS_CODEC_PIPELINE_H
#define BFS_CODEC_PIPELINE_H

#include "codec/chunk/codec.h"
#include "codec/store/file.h"
#include "verify/digest.h"

/* One chunk on its way, or the end of a file. */
struct bfs_slot {
    /* set by the filling thread */
    uint32_t file; /* which file, as the filling and the writing thread agree */
    bool is_end;   /* no chunk: all of the file's chunks came before */
    /* The bytes that are encoded and deduplicated: those before the transform. `raw` is the slot's
     * memory, of the pipeline's raw capacity. */
    uint8_t *raw;
    uint32_t raw_size;
    enum bfs_layout layout;
    enum bfs_transform transform;  /* makes the file's bytes of them; NONE when a slot is given */
    struct bfs_digest file_digest; /* with is_end */

    /* set by encode(), and the digest by digest() */
    struct bfs_xxh128 check;      /* of `raw` */
    struct bfs_xxh128 file_check; /* after the transform; of `raw` too when there is none */
    bool is_known;                /* the store holds it, as `known` */
    struct bfs_chunk known;       /* its `blob` is a number of what is known */
    const uint8_t *stored;        /* `raw`, or `memory` */
    size_t stored_size;
    struct bfs_encoding encoding;
    struct bfs_digest digest;
    uint8_t *memory; /* the slot's, of the raw capacity, for what is stored */
};

/* What one thread works with. Threads are fewer than slots, and these are large. */
struct bfs_pipeline_tools {
    struct bfs_encoder *encoder; /* NULL for the writer */
    struct bfs_chunk_reader *reader;
    uint8_t *scratch; /* of the raw capacity */
};

enum {
    BFS_PIPELINE_TOGETHER = 16,
    /* Bytes of all slots and tools, about: of large chunks fewer threads encode. The feeding thread
     * hashes every file whole, which is as fast as two or three of them. */
    BFS_PIPELINE_MEMORY = 320 << 20,
};

struct bfs_pipeline_ops {
    /* Called by the encoding threads, several at a time, for slots that hold a chunk. */
    int (*encode)(void *context, const struct bfs_pipeline_tools *tools, struct bfs_slot *slot,
                  struct bfs_error *error);
    /* The same, for up to BFS_PIPELINE_TOGETHER slots that were encoded, in any order. */
    int (*digest)(void *context, struct bfs_slot *slots[], size_t n, struct bfs_error *error);
    /* Called by one thread, in order. */
    int (*write)(void *context, const struct bfs_pipeline_tools *tools, struct bfs_slot *slot,
                 struct bfs_error *error);
};

/* How many of `n_encoders` threads BFS_PIPELINE_MEMORY is enough for; at least 1. */
unsigned bfs_pipeline_encoders(unsigned n_encoders, uint32_t raw_capacity);

struct bfs_pipeline;
/* Encodes on as many of `n_encoders` threads as bfs_pipeline_encoders() says. `ops` and `context`
 * outlive the pipeline. Errors: -ENOMEM, -EAGAIN (threads). */
int bfs_pipeline_new(const struct bfs_pipeline_ops *ops, void *context, unsigned n_encoders,
                     uint32_t raw_capacity, struct bfs_pipeline **ret);
/* Stops the threads; what was not written is dropped. */
struct bfs_pipeline *bfs_pipeline_free(struct bfs_pipeline *pipeline);
BFS_DEFINE_CLEANUP(bfs_pipeline, bfs_pipeline_free)

/* Waits for a free slot. Errors: whatever encode() or write() failed with. */
int bfs_pipeline_slot(struct bfs_pipeline *pipeline, struct bfs_slot **ret,
                      struct bfs_error *error);
/* Hands the slot over that bfs_pipeline_slot() gave. */
void bfs_pipeline_submit(struct bfs_pipeline *pipeline);
/* Waits until everything is written. Errors: as bfs_pipeline_slot(). */
int bfs_pipeline_finish(struct bfs_pipeline *pipeline, struct bfs_error *error);

#endif
