/* SPDX-License-Identifier: Apache-2.0
 * File system operations as functions from a request to a reply, apart from how the kernel is
 * answered: so that one that must read the store can be run again by a worker, and so that tests
 * can call them.
 *
 * THREAD SAFETY: operations run on any thread. */
#ifndef BFS_FS_OP_H
#define BFS_FS_OP_H

#include "fs/state.h"

#include <stdatomic.h>
#include <sys/statvfs.h>

enum { BFS_OP_NAME_MAX = 255 };

struct bfs_op;
struct bfs_reply;

/* 0 with *ret set, a negative errno for the kernel, or -EWOULDBLOCK (only without may_block): call
 * again where blocking is fine. */
typedef int (*bfs_op_function)(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                               struct bfs_reply *ret);

struct bfs_op {
    bfs_op_function function;
    uint64_t node;
    char name[BFS_OP_NAME_MAX + 1]; /* lookup, getxattr */
    size_t size;                    /* readdir, xattrs */
    off_t offset;                   /* readdir */
    bool plus;                      /* readdirplus */
    fuse_req_t request;             /* for libfuse's formatting of directory entries */
    uid_t uid;                      /* open: who asks */
    pid_t pid;                      /* open; 0: of another namespace */
    bool is_direct;                 /* open: with O_DIRECT */
};

enum bfs_reply_kind {
    BFS_REPLY_ENTRY,
    BFS_REPLY_ATTR,
    BFS_REPLY_OPEN,
    BFS_REPLY_BYTES,
    BFS_REPLY_LINK,
    BFS_REPLY_COUNT, /* the size an xattr would take */
    BFS_REPLY_STATFS,
};

struct bfs_reply {
    enum bfs_reply_kind kind;
    struct fuse_entry_param entry;                    /* ENTRY; ATTR uses attr and attr_timeout */
    struct fuse_file_info open;                       /* OPEN */
    int32_t backing_id;                               /* OPEN: of passthrough; 0: none */
    void (*undo)(struct bfs_fs *fs, uint64_t handle); /* OPEN: when it cannot be delivered */
    struct bfs_file *to_prove; /* OPEN: first, all of it; the handle's. NULL: nothing */
    struct bfs_buffer bytes;   /* BYTES, LINK; owned */
    struct bfs_buffer counted; /* BYTES: nodes whose lookups are counted; owned */
    size_t count;
    struct statvfs statfs;
};

/* Content never changes; what does change is invalidated by name. */
#define BFS_TIMEOUT_LONG (365.0 * 86400)
/* What may change by itself: a bundle that is refused now and may be mended. */
#define BFS_TIMEOUT_SHORT 1.0

/* The kernel asks for attributes with the first page of each listing, wanted or not, and makes an
 * inode for each that it gets: two thirds of the work of `ls -R`, and memory. On a long walk
 * through the catalogue, files are listed with them only while names are looked up, which is what
 * somebody does who wants attributes and got none; from then on, and so long after, they come with
 * the listing. */
#define BFS_CURIOUS_MS 1000

/* The text of a generated file; what open handles of such files hold. Counted, because the kernel
 * may release the handle while the thread that answered a read is still on its way back. */
struct bfs_text {
    atomic_uint references;
    struct bfs_buffer bytes;
};

struct bfs_text *bfs_text_ref(struct bfs_text *text);
void bfs_text_unref(struct bfs_text *text);

int bfs_op_lookup(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                  struct bfs_reply *ret);
int bfs_op_getattr(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                   struct bfs_reply *ret);
int bfs_op_readlink(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                    struct bfs_reply *ret);
int bfs_op_open(struct bfs_fs *fs, const struct bfs_op *op, bool may_block, struct bfs_reply *ret);
/* The same for what the policy admits, recorded in the audit log. */
int bfs_op_open_admitted(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                         struct bfs_reply *ret);
int bfs_op_opendir(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                   struct bfs_reply *ret);
int bfs_op_readdir(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                   struct bfs_reply *ret);
int bfs_op_getxattr(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                    struct bfs_reply *ret);
int bfs_op_listxattr(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                     struct bfs_reply *ret);
int bfs_op_statfs(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                  struct bfs_reply *ret);

/* Is the node a generated file, whose open handle is a struct bfs_text? */
bool bfs_node_is_text(uint64_t node);
/* Is it the handle of a file that the kernel reads by itself? Others are a struct bfs_text or a
 * struct bfs_open_file. */
bool bfs_handle_is_in_kernel(uint64_t handle);
/* The open file of any other handle that is no text. */
struct bfs_open_file *bfs_handle_file(uint64_t handle);
void bfs_release_file(struct bfs_fs *fs, uint64_t node, uint64_t handle);

/* The errno that a failure to read the store is to the user of the mount. */
int bfs_store_errno(int code);
/* The bundle of a node: 0 with a reference, -EWOULDBLOCK, or an errno for the user. */
int bfs_op_bundle(struct bfs_fs *fs, uint64_t node, bool may_block, struct bfs_bundle **ret);
/* What the mount shows of the views of a node's bundle, which bfs_op_bundle() has given. */
struct bfs_views bfs_op_views(struct bfs_fs *fs, uint64_t node);
/* Fills the attributes of a bundle's inode, virtual files included. Errors: -ENOMEM. */
int bfs_attr_of_inode(struct bfs_fs *fs, const struct bfs_bundle *bundle, uint64_t node,
                      struct stat *ret);
int bfs_attr_of_signature(struct bfs_fs *fs, const struct bfs_bundle *bundle,
                          const struct bfs_signature *item, uint32_t slot, struct stat *ret);
void bfs_attr_of_link(struct bfs_fs *fs, const struct bfs_link *link, struct stat *ret);
/* Of a catalogue directory or link; NULL for the root and other directories that are no nodes. */
void bfs_attr_of_tree(struct bfs_fs *fs, const struct bfs_tree_node *tree_node, uint64_t node,
                      struct stat *ret);

#endif
