/* SPDX-License-Identifier: Apache-2.0
 * The way of one load along the order of a bundle: how far somebody has read, and what is to be
 * asked for next. Positions are raw bytes along the order, all its steps laid end to end.
 *
 * THREAD SAFETY: the owner's mutex protects all of it but what is said to be the thread's. */
#ifndef BFS_FS_REPLAY_TRACK_H
#define BFS_FS_REPLAY_TRACK_H

#include "codec/trace/order.h"

#include <stdbool.h>

struct bfs_open_file;

/* A file that the order goes through. */
struct bfs_track_file {
    uint32_t inode;
    uint32_t last;              /* its last step */
    struct bfs_open_file *open; /* a reference while it is near; the thread's alone */
    bool cannot;                /* be opened; the thread's alone */
};

struct bfs_track_step {
    uint64_t offset, size; /* in the file */
    uint64_t position;
    uint32_t file; /* number in files */
};

struct bfs_track {
    uint32_t slot;   /* of the bundle */
    bool is_bundles; /* the bundle brought it, nobody here has asked for it */
    uint64_t size;
    struct bfs_track_file *files; /* sorted by inode */
    uint32_t n_files;
    struct bfs_track_step *steps;
    uint32_t n_steps; /* 0: there is none, or none that can be used */
    unsigned n_open;  /* files; the thread's alone */

    bool running;
    uint32_t near;   /* the furthest step that was read */
    uint32_t asking; /* the step that was asked for last */
    uint64_t at;     /* the furthest position that was read */
    uint64_t asked;  /* decoding was asked for up to there */
    uint64_t stored; /* stored bytes were asked for up to there */
    uint64_t moved_ms;
};

/* Copies the order. Errors: -ENOMEM. */
int bfs_track_new(uint32_t slot, bool is_bundles, const struct bfs_order *order,
                  struct bfs_track **ret);
/* No file is open any more. */
struct bfs_track *bfs_track_free(struct bfs_track *track);
BFS_DEFINE_CLEANUP(bfs_track, bfs_track_free)
/* Bytes that it holds. */
size_t bfs_track_memory(const struct bfs_track *track);

/* The file was opened: true when the load begins with that, and did not run already. */
bool bfs_track_begin(struct bfs_track *track, uint32_t inode);
/* Bytes [offset, end) of the file are being read: true when that follows the order. */
bool bfs_track_note(struct bfs_track *track, uint32_t inode, uint64_t offset, uint64_t end);
/* Is half of what was decoded ahead used up? By halves, so that workers find many chunks at once.
 */
bool bfs_track_is_due(const struct bfs_track *track, uint64_t window);

/* What is to be asked for: a part of one step. */
struct bfs_track_wish {
    uint32_t file;
    uint64_t from, end; /* of the file */
    bool is_stored;     /* the stored bytes alone; else that it is decoded */
};
/* The next one, which is then taken to be granted: up to `window` bytes ahead to be decoded, and
 * `stored_window` beyond that. false: there is none. */
bool bfs_track_next(struct bfs_track *track, uint64_t window, uint64_t stored_window,
                    struct bfs_track_wish *ret);

#endif
