/* SPDX-License-Identifier: Apache-2.0
 * The index of a bundle: its tree (inodes, sorted names) and its tensor map. One blob, proved whole
 * by the digest in the bundle's OCI manifest before it comes here.
 *
 * THREAD SAFETY: a parsed index is immutable and may be shared. */
#ifndef BFS_CODEC_INDEX_H
#define BFS_CODEC_INDEX_H

#include "codec/container/tensor.h"
#include "verify/digest.h"
#include "verify/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
    BFS_INODE_ROOT = 0,
    BFS_INODE_GENERATED = 1 << 0, /* made by the packer; not part of what was packed */
    BFS_INODE_FLAGS = BFS_INODE_GENERATED,
};

/* One inode record, as values. */
struct bfs_inode {
    mode_t mode; /* S_IFREG, S_IFDIR or S_IFLNK, and permission bits 0777 */
    uint32_t flags;
    uint64_t size; /* of the content; of a link's target; 0 for a directory */
    int64_t mtime_sec;
    uint32_t mtime_nsec;
    uint32_t parent;       /* inode number, less than this one's; 0 for the root itself */
    uint32_t first_dirent; /* directories */
    uint32_t n_dirents;
    uint32_t target_off;  /* links: in the string pool */
    uint32_t table_layer; /* 0: no table, the file is empty; k: the manifest's layers[k] */
    uint64_t table_off;
    uint32_t table_size;
    uint32_t first_tensor;
    uint32_t n_tensors;
    uint8_t container;              /* enum bfs_container */
    uint64_t stored_size;           /* bytes of this file's chunks on disk, shared ones included */
    struct bfs_digest digest;       /* of a regular file's content */
    struct bfs_digest table_digest; /* of its chunk table */
};

/* A name in a directory; borrowed from the index, not NUL-terminated. */
struct bfs_dirent {
    const char *name;
    uint16_t name_length;
    uint32_t inode;
};

struct bfs_index_tensor {
    const char *name; /* borrowed, not NUL-terminated */
    uint16_t name_length;
    uint16_t dtype;
    uint32_t n_dims;
    uint64_t shape[BFS_TENSOR_DIMS_MAX];
    uint64_t offset; /* in the file */
    uint64_t size;
};

struct bfs_index;

/* Validates the whole structure: every reference in range, one name per inode, parents before
 * children, names sorted and legal, no reserved name at the root but views/, a directory of
 * directories, link targets inside the root or, in a view, inside that, tensors in order inside
 * their file, nothing left over. `n_layers` bounds table_layer.
 * Takes ownership of `bytes` (malloc'ed) on success.
 * Errors: -EBADMSG, -EPROTONOSUPPORT, -E2BIG, -ENOMEM. */
int bfs_index_parse(uint8_t *bytes, size_t size, uint32_t n_layers, struct bfs_index **ret,
                    struct bfs_error *error);
struct bfs_index *bfs_index_free(struct bfs_index *index);
BFS_DEFINE_CLEANUP(bfs_index, bfs_index_free)

uint32_t bfs_index_n_inodes(const struct bfs_index *index);
uint32_t bfs_index_n_tensors(const struct bfs_index *index);
/* Sum of the sizes of all regular files. */
uint64_t bfs_index_content_size(const struct bfs_index *index);
/* Bytes that the index holds in memory. */
size_t bfs_index_size(const struct bfs_index *index);

/* number < n_inodes; position < n_dirents of the directory; i < n_tensors of the file. */
struct bfs_inode bfs_index_inode(const struct bfs_index *index, uint32_t number);
struct bfs_dirent bfs_index_dirent(const struct bfs_index *index, const struct bfs_inode *directory,
                                   uint32_t position);
struct bfs_index_tensor bfs_index_tensor(const struct bfs_index *index,
                                         const struct bfs_inode *file, uint32_t i);
/* The first of the file's tensors that has bytes in [offset, end); false when there is none. */
bool bfs_index_tensor_in(const struct bfs_index *index, const struct bfs_inode *file,
                         uint64_t offset, uint64_t end, struct bfs_index_tensor *ret);
/* A link's target, inode->size bytes, borrowed, not NUL-terminated. */
const char *bfs_index_target(const struct bfs_index *index, const struct bfs_inode *link);

/* Finds a name in a directory by binary search; false when there is none. */
bool bfs_index_lookup(const struct bfs_index *index, const struct bfs_inode *directory,
                      const char *name, size_t name_length, uint32_t *ret);
/* Follows a relative path of plain components ("a/b") from the root. Errors: -ENOENT, -ENOTDIR. */
int bfs_index_resolve(const struct bfs_index *index, const char *path, uint32_t *ret);
/* The same, following links on the way and at the end; the path may have "." and "..". Errors:
 * -ENOENT (also a path or link that leaves the root), -ENOTDIR, -ELOOP, -ENOMEM. */
int bfs_index_follow(const struct bfs_index *index, const char *path, uint32_t *ret);
/* Path of an inode relative to the root ("" for the root itself), malloc'ed; NULL: no memory. */
char *bfs_index_path(const struct bfs_index *index, uint32_t number);

#endif
