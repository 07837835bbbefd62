/* SPDX-License-Identifier: Apache-2.0
 * Node numbers. Those of a bundle follow from its slot and the inode number, so nothing must be
 * remembered for them; those of catalogue directories are interned; none is ever reused. Slots and
 * interned numbers are kept while a tree or the kernel refers to them (fs/lookups.h).
 *
 * A file has two: the highest bit marks the one under which it is found while it has a full backing
 * file, since the kernel keeps an inode to one way of reading (fs/backing.h). It names the same
 * file in every respect, st_ino included.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_FS_NODE_H
#define BFS_FS_NODE_H

#include "codec/index/format.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define BFS_NODE_ROOT UINT64_C(1)    /* FUSE_ROOT_ID */
#define BFS_NODE_CONTROL UINT64_C(2) /* .bundlefs; its files follow */
#define BFS_NODE_FIRST_CATALOG UINT64_C(256)
#define BFS_NODE_FIRST_BUNDLE (UINT64_C(1) << 32)
#define BFS_NODE_BACKED (UINT64_C(1) << 63)

/* Inode numbers, which users see. Those of the daemon's own directories and files are their node
 * numbers; all others follow from names and content. Those of a bundle are a block: the low bits
 * are the file, the bits above follow from the bundle's name and digest. */
#define BFS_INO_FIRST_CATALOG (UINT64_C(1) << 61)
#define BFS_INO_N_CATALOG (UINT64_C(1) << 61)
#define BFS_INO_FIRST_BUNDLE (UINT64_C(1) << 62)
#define BFS_INO_BUNDLE (UINT64_C(1) << 24) /* numbers in a block */
#define BFS_INO_N_BUNDLES (UINT64_C(1) << 38)
#define BFS_INO_VIRTUAL (UINT64_C(1) << 23) /* files that the index does not hold */

/* What a bundle shows that its index does not hold. */
#define BFS_INODE_MANIFEST UINT32_C(0xfffffff0)
#define BFS_INODE_SUMS UINT32_C(0xfffffff1)
#define BFS_INODE_AUTO UINT32_C(0xfffffff2)       /* the link views/auto */
#define BFS_INODE_SIGNATURES UINT32_C(0xfffffff3) /* the directory of statements; its files: */
#define BFS_INODE_FIRST_SIGNATURE UINT32_C(0xfff00000)
#define BFS_INODE_SIGNATURES_MAX UINT32_C(0x000f0000)

_Static_assert(BFS_INODES_MAX < BFS_INODE_FIRST_SIGNATURE,
               "virtual files have numbers of their own");
_Static_assert(BFS_INODES_MAX <= BFS_INO_VIRTUAL &&
                   UINT32_MAX - BFS_INODE_FIRST_SIGNATURE < BFS_INO_BUNDLE - BFS_INO_VIRTUAL,
               "a bundle fits into its block of inode numbers");

static inline bool bfs_node_in_bundle(uint64_t node)
{
    return node >= BFS_NODE_FIRST_BUNDLE;
}

static inline uint64_t bfs_node_of(uint32_t slot, uint32_t inode)
{
    return ((uint64_t)slot + 1) << 32 | inode;
}

/* The first number of the same file. */
static inline uint64_t bfs_node_plain(uint64_t node)
{
    return node & ~BFS_NODE_BACKED;
}

static inline bool bfs_node_is_backed(uint64_t node)
{
    return node & BFS_NODE_BACKED;
}

static inline uint32_t bfs_node_slot(uint64_t node)
{
    return (uint32_t)(bfs_node_plain(node) >> 32) - 1;
}

static inline uint32_t bfs_node_inode(uint64_t node)
{
    return (uint32_t)node;
}

/* Of a bundle, and not in its index? */
static inline bool bfs_inode_is_virtual(uint32_t inode)
{
    return inode >= BFS_INODE_FIRST_SIGNATURE;
}

static inline bool bfs_inode_is_signature(uint32_t inode)
{
    return inode >= BFS_INODE_FIRST_SIGNATURE &&
           inode < BFS_INODE_FIRST_SIGNATURE + BFS_INODE_SIGNATURES_MAX;
}

/* The place of a bundle's inode in its block of inode numbers. */
static inline uint64_t bfs_inode_place(uint32_t inode)
{
    return bfs_inode_is_virtual(inode) ? BFS_INO_VIRTUAL + (inode - BFS_INODE_FIRST_SIGNATURE)
                                       : inode;
}

#endif
