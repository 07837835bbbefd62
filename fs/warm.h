/* SPDX-License-Identifier: Apache-2.0
 * Making the files of a bundle, or of one of its views, such that the kernel reads them by itself.
 *
 * THREAD SAFETY: any function from any thread where blocking on the store is fine. */
#ifndef BFS_FS_WARM_H
#define BFS_FS_WARM_H

#include "fs/state.h"

#include <stdatomic.h>

enum bfs_warm_state {
    BFS_WARM_FILLING,
    BFS_WARM_READY, /* the kernel reads all of them by itself */
    BFS_WARM_FAILED,
    BFS_WARM_OFF, /* there is no passthrough */
};
struct bfs_warm_status {
    enum bfs_warm_state state;
    uint64_t done, total; /* bytes */
    uint64_t n_files;     /* smaller ones than BFS_BACKING_SIZE_MIN are not counted */
    int error;            /* of FAILED: a negative errno */
};
/* How far calls are, for who looks on: how many files were opened, and the inode of the one that is
 * being opened. */
struct bfs_warm_steps {
    atomic_uint n;
    atomic_bool is_opening;
    atomic_uint inode; /* set before that */
};

/* The directory of "NAME:VERSION" or "NAME:VERSION/VIEW". Errors: -EINVAL, -ENOENT, and those of
 * the operations. */
int bfs_warm_find(struct bfs_fs *fs, const char *what, uint64_t *ret_node, struct bfs_error *error);
/* Begins what has not begun below a node of a bundle, a file or a directory; the root of a bundle
 * stands for the model without its views. Says how far it is; to be called until it is settled, and
 * what is asked for so is not given up for others meanwhile. `steps` may be NULL. Errors: those of
 * opening the bundle or a file. */
int bfs_warm(struct bfs_fs *fs, uint64_t node, struct bfs_warm_steps *steps,
             struct bfs_warm_status *ret);
/* Opens the next file below the node that is too small for a backing file, from inode *next on,
 * which is 0 first; *ret NULL: there is none. Errors: those of bfs_warm(). */
int bfs_warm_next_small(struct bfs_fs *fs, uint64_t node, struct bfs_warm_steps *steps,
                        uint32_t *next, struct bfs_open_file **ret);
/* Why it is FAILED or OFF; "" otherwise. */
void bfs_warm_reason(struct bfs_fs *fs, const struct bfs_warm_status *status,
                     char ret[static BFS_ERROR_TEXT_SIZE]);
/* Appends "STATE DONE TOTAL FILES", and for FAILED and OFF a blank and the reason. */
void bfs_warm_write(struct bfs_fs *fs, const struct bfs_warm_status *status,
                    struct bfs_buffer *ret);

#endif
