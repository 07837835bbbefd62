/* SPDX-License-Identifier: Apache-2.0
 * Names that somebody refers to, each with an identifier and an inode number. A name is kept while
 * it has references, and a bounded number of names is kept a little longer, so that a listing that
 * stopped at a name can go on behind it. Identifiers are never reused; an identifier that is gone
 * is simply not found.
 *
 * The inode number follows from the name alone, so it is the same after a remount and in other
 * daemons. Names whose numbers would collide take the next free one, in the order they come.
 *
 * THREAD SAFETY: the owner's mutex protects all of it. */
#ifndef BFS_FS_NAMES_H
#define BFS_FS_NAMES_H

#include "verify/cleanup.h"

#include <stddef.h>
#include <stdint.h>

enum {
    BFS_NAMES_KEPT = 4096,   /* names without a reference */
    BFS_NAME_KEY_MAX = 1024, /* bytes of a key */
};

struct bfs_name {
    uint64_t id;
    uint64_t ino;        /* the first of the name's block of inode numbers */
    uint64_t references; /* 0: kept for a while */
    struct bfs_name *next_key, *next_id, *next_ino;
    size_t size;  /* of the key */
    uint8_t *key; /* inside this allocation, like the payload */
    max_align_t payload[];
};

struct bfs_names_setup {
    uint64_t first_id, end_id; /* identifiers: [first_id, end_id) */
    uint64_t first_ino;        /* inode numbers: first_ino + k * block, for k < n_blocks; */
    uint64_t block;            /* both are powers of two */
    uint64_t n_blocks;
    size_t payload;              /* bytes of the owner, zeroed when a name is made */
    void (*done)(void *payload); /* before a name is freed; NULL: nothing to do */
};

struct bfs_names;
/* Errors: -ENOMEM. */
int bfs_names_new(const struct bfs_names_setup *setup, struct bfs_names **ret);
struct bfs_names *bfs_names_free(struct bfs_names *names);
BFS_DEFINE_CLEANUP(bfs_names, bfs_names_free)

/* The name with these bytes, made if need be, with one more reference. Errors: -ENOMEM,
 * -E2BIG (a longer key, or no identifiers are left). */
int bfs_names_intern(struct bfs_names *names, const void *key, size_t size, struct bfs_name **ret);
/* NULL: there is none with that identifier. */
struct bfs_name *bfs_names_find(const struct bfs_names *names, uint64_t id);
/* Takes n references away, or all. Whether the last one went is in `references`; only then, and
 * with names that had lost theirs before, may this free names. The name itself stays valid until
 * the next call of bfs_names_unref(). */
void bfs_names_unref(struct bfs_names *names, struct bfs_name *name, uint64_t n);
/* How many names there are, kept ones included. */
size_t bfs_names_count(const struct bfs_names *names);

#endif
