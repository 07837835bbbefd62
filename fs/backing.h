/* SPDX-License-Identifier: Apache-2.0
 * Which files of bundles have a backing file, so that the kernel reads them without asking: filled
 * chunk by chunk with what was proved and decoded, and used when every chunk is there.
 *
 * An inode of the kernel can only be open in one way at a time, so a file with a full backing file
 * has a second node number (fs/node.h): lookups lead to it from then on, and what is open under the
 * first one goes on as it was. When the backing file is given up for another's space, lookups lead
 * back. An open of the second number that comes too late is served as any other; as long as it
 * lasts, later ones of that number are too.
 *
 * A file that turns out not to be what was written is given up in the same way, but what is open in
 * the kernel cannot be had back: it goes on until the last of these is closed, and no other open of
 * the second number is possible meanwhile.
 *
 * THREAD SAFETY: any function from any thread. One mutex, held for moments; a thread of its own,
 * the keeper, does all that may take long, and tells the kernel which names lead elsewhere. */
#ifndef BFS_FS_BACKING_H
#define BFS_FS_BACKING_H

#include "fs/backing_file.h"
#include "fs/cache.h"

/* Smaller files are left alone: what is gained is less than what the descriptors cost. */
enum { BFS_BACKING_SIZE_MIN = 1 << 20 };

enum bfs_backing_fill {
    BFS_FILL_AGAIN, /* what is opened again after as much as all of it was read */
    BFS_FILL_FIRST, /* what is opened, from what is read of it */
    BFS_FILL_WARM,  /* only what is asked for */
};
/* By its word; false: there is no such word. */
bool bfs_backing_fill_parse(const char *word, enum bfs_backing_fill *ret);

/* What the kernel is told; errors as in fs/passthrough_io.h. */
struct bfs_backing_kernel {
    int (*add)(void *context, int fd, int32_t *ret_id);
    void (*remove)(void *context, int32_t id);
    /* The name in that directory leads to another node. Called by the keeper. */
    void (*forget)(void *context, uint64_t parent, const char *name);
    /* Asks for what the page cache has of a node; 0: bfs_backing_retrieved() will be called with
     * `cookie`. NULL: it cannot be asked. Errors: as fuse_lowlevel_notify_retrieve(3). */
    int (*retrieve)(void *context, uint64_t node, uint64_t offset, size_t size, void *cookie);
    void *context;
};

struct bfs_backing;
/* It does nothing before it is started. All arguments outlive it. Errors: -ENOMEM. */
int bfs_backing_new(struct bfs_cache *cache, struct bfs_pool *pool, struct bfs_metrics *metrics,
                    const struct bfs_log *log, struct bfs_backing **ret);
/* Tries the place with a file, then starts the keeper. Once. Errors: those of
 * bfs_backing_file_new() and of kernel->add(), -EAGAIN. */
int bfs_backing_start(struct bfs_backing *backing, const struct bfs_backing_kernel *kernel,
                      const struct bfs_backing_place *place, enum bfs_backing_fill fill,
                      struct bfs_error *error);
/* Ends the keeper; fills that run stop by themselves. Waits `timeout_ms` at most; false: the keeper
 * hangs with a disk or the kernel, is left, and the object must not be freed. */
bool bfs_backing_stop(struct bfs_backing *backing, unsigned timeout_ms);
/* Stopped, and the pool is gone. */
struct bfs_backing *bfs_backing_free(struct bfs_backing *backing);
BFS_DEFINE_CLEANUP(bfs_backing, bfs_backing_free)

/* The number under which a file of a bundle is looked up now; the same for all else. */
uint64_t bfs_backing_node(struct bfs_backing *backing, uint64_t node);

/* Opens of the second number of a file. 1: in the kernel, by *ret_id; 0: as any other. Either is
 * left once it is released. Errors: -ENOMEM, -ESTALE (what the kernel has open is damaged; the name
 * leads elsewhere now, and who opens by name is led there by the kernel). */
int bfs_backing_enter(struct bfs_backing *backing, uint64_t node, int32_t *ret_id);
void bfs_backing_leave(struct bfs_backing *backing, uint64_t node, bool in_kernel);

/* A file was opened to be read through us; so many bytes of it were given to a reader, and not
 * before: those that pass by the page cache are asked for again by each. */
void bfs_backing_note_open(struct bfs_backing *backing, uint64_t node, struct bfs_file *file);
void bfs_backing_note_read(struct bfs_backing *backing, uint64_t node, uint64_t size);
/* Chunk i of the file is decoded, and was given to a reader: it is written by a worker if it is
 * wanted. Takes a reference of its own. */
void bfs_backing_offer(struct bfs_backing *backing, uint64_t node, uint32_t i,
                       struct bfs_block *block);

/* Fills the file's backing file now, unless that runs, is done, or has just failed: 0, or why not.
 * Errors: -ENOTSUP (not started), -EFBIG (larger than all backing files may be), -ENOMEM. */
int bfs_backing_want(struct bfs_backing *backing, uint64_t node, struct bfs_file *file);

/* The file that a backing file is being filled from, with a reference: who opens the node anew
 * shares it, and so what is being decoded of it. NULL: there is none. */
struct bfs_file *bfs_backing_source(struct bfs_backing *backing, uint64_t node);

/* An answer to retrieve(): up to *ret_size bytes are to be put where it says, then the number that
 * were is to be told. */
uint8_t *bfs_backing_retrieved_room(void *cookie, size_t *ret_size);
void bfs_backing_retrieved(void *cookie, size_t size);

/* Somebody waits until this file and others are there together: for a few seconds it is not given
 * up for another's space. */
void bfs_backing_keep(struct bfs_backing *backing, uint64_t node);
/* While memory is tight, files in memory are filled no further, but for those that somebody waits
 * for; as large as was reserved for them they may become. */
void bfs_backing_note_memory(struct bfs_backing *backing, bool is_tight);
/* Bytes that all backing files may take; 0: not started. */
uint64_t bfs_backing_limit(struct bfs_backing *backing);

enum bfs_backing_state {
    BFS_BACKING_NONE,
    BFS_BACKING_FILLING,
    BFS_BACKING_READY,
    BFS_BACKING_FAILED,
};
struct bfs_backing_status {
    enum bfs_backing_state state;
    uint64_t present; /* bytes of the content that are in the backing file */
    int error;        /* of FAILED: a negative errno */
};
struct bfs_backing_status bfs_backing_status(struct bfs_backing *backing, uint64_t node);

#endif
