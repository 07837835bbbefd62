/* SPDX-License-Identifier: Apache-2.0
 * opendir, readdir, readdirplus. Offsets: 1 after ".", 2 after "..", 3 after the first entry. */
#include "fs/control.h"
#include "fs/node.h"
#include "fs/op.h"

#include <string.h>

/* A directory as its handle saw it: a bundle, or the catalogue of that moment. */
struct directory {
    struct bfs_bundle *bundle; /* a reference, or NULL */
    struct bfs_tree *tree;     /* a reference, or NULL */
};

void bfs_release_directory(struct bfs_fs *fs, uint64_t node, uint64_t handle)
{
    (void)fs;
    (void)node;
    struct directory *directory = (struct directory *)(uintptr_t)handle;
    (void)bfs_bundle_unref(directory->bundle);
    (void)bfs_tree_unref(directory->tree);
    free(directory);
}

static void undo_directory(struct bfs_fs *fs, uint64_t handle)
{
    bfs_release_directory(fs, 0, handle);
}

int bfs_op_opendir(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                   struct bfs_reply *ret)
{
    struct directory found = {0};
    if (bfs_node_is_text(op->node) ||
        (bfs_node_in_bundle(op->node) && bfs_node_inode(op->node) == BFS_INODE_AUTO))
        return -ENOTDIR;
    if (bfs_node_in_bundle(op->node)) {
        int r = bfs_op_bundle(fs, op->node, may_block, &found.bundle);
        if (r)
            return r;
    } else {
        found.tree = bfs_fs_tree(fs);
    }
    struct directory *directory = malloc(sizeof(*directory));
    if (!directory) {
        (void)bfs_bundle_unref(found.bundle);
        (void)bfs_tree_unref(found.tree);
        return -ENOMEM;
    }
    *directory = found;
    ret->kind = BFS_REPLY_OPEN;
    ret->open.fh = (uintptr_t)directory;
    ret->undo = undo_directory;
    /* A bundle's directories never change, so the kernel may keep them. */
    ret->open.keep_cache = found.bundle != NULL;
    ret->open.cache_readdir = found.bundle != NULL;
    return 0;
}

struct listing {
    struct bfs_fs *fs;
    const struct bfs_op *op;
    const struct directory *directory;
    uint8_t *bytes; /* op->size of them */
    size_t used;
};

/* One entry; false when it does not fit any more. `known` attributes make a plus entry, without
 * them the kernel only learns name and number. */
static bool put(struct listing *listing, const char *name, off_t next,
                const struct fuse_entry_param *entry)
{
    char *at = (char *)listing->bytes + listing->used;
    size_t left = listing->op->size - listing->used;
    size_t size = listing->op->plus
                      ? fuse_add_direntry_plus(listing->op->request, at, left, name, entry, next)
                      : fuse_add_direntry(listing->op->request, at, left, name, &entry->attr, next);
    if (size > left)
        return false;
    listing->used += size;
    return true;
}

/* Only what getdents(2) shows: a plus entry of number 0 is not looked up by it. */
static struct fuse_entry_param name_only(uint64_t node, mode_t type)
{
    return (struct fuse_entry_param){.attr = {.st_ino = node, .st_mode = type}};
}

/* -ENOENT: past the last; -EAGAIN: not shown, go on. */
static int entry_in_bundle(struct listing *listing, uint64_t position, char *name,
                           struct fuse_entry_param *ret)
{
    const struct bfs_bundle *bundle = listing->directory->bundle;
    const struct bfs_index *index = bfs_bundle_index(bundle);
    uint32_t slot = bfs_node_slot(listing->op->node), number = bfs_node_inode(listing->op->node);
    struct bfs_inode directory = bfs_index_inode(index, number);
    struct bfs_views views = bfs_op_views(listing->fs, listing->op->node);
    bool is_views = views.directory && number == views.directory;
    uint32_t inode;
    if (bfs_views_hides(&views, number, position))
        return -EAGAIN;
    if (position < directory.n_dirents) {
        struct bfs_dirent entry = bfs_index_dirent(index, &directory, (uint32_t)position);
        memcpy(name, entry.name, entry.name_length);
        name[entry.name_length] = '\0';
        inode = entry.inode;
    } else if (is_views && views.best >= 0 && position == directory.n_dirents) {
        strcpy(name, BFS_VIEW_AUTO);
        inode = BFS_INODE_AUTO;
    } else if (number == BFS_INODE_ROOT && position - directory.n_dirents < 2) {
        bool is_sums = position - directory.n_dirents == 0;
        strcpy(name, is_sums ? "SHA256SUMS" : "manifest.json");
        inode = is_sums ? BFS_INODE_SUMS : BFS_INODE_MANIFEST;
    } else {
        return -ENOENT;
    }
    *ret = (struct fuse_entry_param){.ino = bfs_node_of(slot, inode),
                                     .attr_timeout = BFS_TIMEOUT_LONG,
                                     .entry_timeout = BFS_TIMEOUT_LONG};
    return bfs_attr_of_inode(listing->fs, bundle, ret->ino, &ret->attr);
}

static int entry_in_tree(struct listing *listing, uint64_t position, char *name,
                         struct fuse_entry_param *ret)
{
    size_t n;
    const struct bfs_tree_node *nodes =
        bfs_tree_children(listing->directory->tree, listing->op->node, &n);
    if (position < n) {
        mode_t type = nodes[position].kind == BFS_TREE_LINK ? S_IFLNK : S_IFDIR;
        strcpy(name, nodes[position].name);
        *ret = name_only(nodes[position].node, type);
        return 0;
    }
    if (listing->op->node != BFS_NODE_ROOT || position != n)
        return -ENOENT;
    strcpy(name, ".bundlefs");
    *ret = name_only(BFS_NODE_CONTROL, S_IFDIR);
    return 0;
}

static int entry_in_control(uint64_t position, char *name, struct fuse_entry_param *ret)
{
    if (position >= BFS_N_CONTROLS)
        return -ENOENT;
    strcpy(name, bfs_control_name((enum bfs_control)position));
    *ret = name_only(BFS_NODE_CONTROL + 1 + position, S_IFREG);
    return 0;
}

static int entry_at(struct listing *listing, uint64_t position, char *name,
                    struct fuse_entry_param *ret)
{
    if (listing->directory->bundle)
        return entry_in_bundle(listing, position, name, ret);
    if (listing->op->node == BFS_NODE_CONTROL)
        return entry_in_control(position, name, ret);
    return entry_in_tree(listing, position, name, ret);
}

static int list(struct listing *listing)
{
    for (off_t offset = listing->op->offset;; offset++) {
        char name[BFS_COMPONENT_MAX + 1];
        struct fuse_entry_param entry = name_only(listing->op->node, S_IFDIR);
        int r = 0;
        if (offset < 2)
            strcpy(name, offset == 0 ? "." : "..");
        else
            r = entry_at(listing, (uint64_t)offset - 2, name, &entry);
        if (r == -EAGAIN)
            continue;
        if (r == -ENOENT || (r == 0 && !put(listing, name, offset + 1, &entry)))
            return 0;
        if (r)
            return r;
    }
}

int bfs_op_readdir(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                   struct bfs_reply *ret)
{
    enum { SIZE_MAX_ASKED = 4 << 20 };
    (void)may_block;
    if (op->offset < 0 || op->size > SIZE_MAX_ASKED)
        return -EINVAL;
    bfs_autofree uint8_t *bytes = malloc(op->size + 1);
    if (!bytes)
        return -ENOMEM;
    struct listing listing = {.fs = fs,
                              .op = op,
                              .directory = (const struct directory *)(uintptr_t)op->handle,
                              .bytes = bytes};
    int r = list(&listing);
    if (r)
        return r;
    ret->kind = BFS_REPLY_BYTES;
    bfs_buffer_put(&ret->bytes, bytes, listing.used);
    return bfs_buffer_status(&ret->bytes);
}
