/* SPDX-License-Identifier: Apache-2.0
 * lookup, getattr, readlink: what is where. */
#include "fs/clock.h"
#include "fs/control_text.h"
#include "fs/lookups.h"
#include "fs/node.h"
#include "fs/op.h"

#include <string.h>

int bfs_store_errno(int code)
{
    switch (code) {
    case -ENOMEM:
    case -EMFILE:
    case -ENFILE:
    case -EWOULDBLOCK:
        return code;
    case -EKEYREJECTED:
    case -ENOKEY:
        return -EACCES;
    default:
        return -EIO; /* what exactly is in refused.json and the log */
    }
}

/* Whatever the policy says. */
static int get_bundle(struct bfs_fs *fs, uint64_t node, bool may_block, struct bfs_bundle **ret)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    uint32_t slot = bfs_node_slot(node);
    int r = bfs_bundles_get(fs->bundles, slot, may_block, &bundle);
    if (r)
        return bfs_store_errno(r);
    bfs_guard_note_inodes(fs->guard, slot, bfs_index_n_inodes(bfs_bundle_index(bundle)));
    if (!bfs_inode_is_virtual(bfs_node_inode(node)) &&
        bfs_node_inode(node) >= bfs_index_n_inodes(bfs_bundle_index(bundle)))
        return -ESTALE;
    *ret = bfs_steal(&bundle);
    return 0;
}

int bfs_op_bundle(struct bfs_fs *fs, uint64_t node, bool may_block, struct bfs_bundle **ret)
{
    int r = bfs_guard_admit(fs->guard, bfs_node_slot(node), may_block);
    return r ? bfs_store_errno(r) : get_bundle(fs, node, may_block, ret);
}

struct bfs_views bfs_op_views(struct bfs_fs *fs, uint64_t node)
{
    return bfs_bundles_views(fs->bundles, bfs_node_slot(node));
}

static void set_common(const struct bfs_fs *fs, struct stat *ret, uint64_t node)
{
    *ret = (struct stat){.st_ino = bfs_lookups_ino(fs, node), .st_uid = fs->uid, .st_gid = fs->gid};
    /* llama.cpp aligns its direct reads to this, and 512 broke it. */
    ret->st_blksize = 4096;
    ret->st_nlink = 1; /* for a directory: the number of subdirectories is not kept */
}

static void set_size(struct stat *ret, uint64_t size)
{
    ret->st_size = (off_t)size;
    ret->st_blocks = (blkcnt_t)((size + 511) / 512);
}

static void set_times(struct stat *ret, struct timespec time)
{
    ret->st_atim = ret->st_mtim = ret->st_ctim = time;
}

void bfs_attr_of_tree(struct bfs_fs *fs, const struct bfs_tree_node *tree_node, uint64_t node,
                      struct stat *ret)
{
    set_common(fs, ret, node);
    (void)pthread_mutex_lock(&fs->mutex);
    set_times(ret, fs->tree_time);
    (void)pthread_mutex_unlock(&fs->mutex);
    ret->st_mode = S_IFDIR | 0555;
    if (tree_node && tree_node->kind == BFS_TREE_LINK) {
        ret->st_mode = S_IFLNK | 0777;
        set_size(ret, strlen(tree_node->target));
    }
}

/* The directory that views/auto points to; "" when there is no such link. */
static struct bfs_dirent auto_target(struct bfs_fs *fs, const struct bfs_bundle *bundle,
                                     uint64_t node)
{
    const struct bfs_index *index = bfs_bundle_index(bundle);
    struct bfs_views views = bfs_op_views(fs, node);
    if (views.best < 0)
        return (struct bfs_dirent){.name = ""};
    struct bfs_inode directory = bfs_index_inode(index, views.directory);
    return bfs_index_dirent(index, &directory, (uint32_t)views.best);
}

int bfs_attr_of_inode(struct bfs_fs *fs, const struct bfs_bundle *bundle, uint64_t node,
                      struct stat *ret)
{
    uint32_t number = bfs_node_inode(node);
    bool is_link = number == BFS_INODE_AUTO;
    bool is_virtual = bfs_inode_is_virtual(number);
    struct bfs_inode inode =
        bfs_index_inode(bfs_bundle_index(bundle), is_virtual ? BFS_INODE_ROOT : number);
    uint64_t size = inode.size;
    set_common(fs, ret, node);
    set_times(ret, (struct timespec){.tv_sec = inode.mtime_sec, .tv_nsec = inode.mtime_nsec});
    ret->st_mode = is_link                          ? S_IFLNK | 0777
                   : number == BFS_INODE_SIGNATURES ? S_IFDIR | 0555
                   : is_virtual                     ? S_IFREG | 0444
                                                    : inode.mode;
    if (number == BFS_INODE_MANIFEST) {
        size_t config_size;
        (void)bfs_bundle_config_bytes(bundle, &config_size);
        size = config_size;
    } else if (number == BFS_INODE_SUMS) {
        size = bfs_bundle_sums_size(bundle, bfs_op_views(fs, node).hidden);
    } else if (is_link) {
        size = auto_target(fs, bundle, node).name_length;
    }
    if (!S_ISDIR(ret->st_mode))
        set_size(ret, size);
    bfs_guard_apply(fs->guard, bfs_node_slot(node), ret);
    return 0;
}

/* Of a name that a listing may leave bare. */
static void note_curiosity(struct bfs_fs *fs)
{
    atomic_store_explicit(&fs->curious_ms, bfs_now_ms(), memory_order_relaxed);
}

static void set_entry(const struct bfs_fs *fs, struct bfs_reply *ret, uint64_t node, double timeout)
{
    ret->kind = BFS_REPLY_ENTRY;
    ret->entry.ino = node;
    ret->entry.generation = fs->incarnation;
    ret->entry.attr_timeout = timeout;
    ret->entry.entry_timeout = timeout;
}

/* A name that is not there is an answer too, and one worth remembering. */
static int no_entry(struct bfs_reply *ret)
{
    ret->kind = BFS_REPLY_ENTRY;
    ret->entry.ino = 0;
    ret->entry.attr_timeout = ret->entry.entry_timeout = BFS_TIMEOUT_LONG;
    return 0;
}

/* The root of a bundle. One that is refused still has a place: its attributes say why. */
static int attr_of_root(struct bfs_fs *fs, uint64_t node, bool may_block, struct stat *ret,
                        double *ret_timeout)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    int r = bfs_op_bundle(fs, node, may_block, &bundle);
    if (r == -EWOULDBLOCK || r == -ENOMEM)
        return r;
    *ret_timeout = r ? BFS_TIMEOUT_SHORT : BFS_TIMEOUT_LONG;
    if (r == 0)
        return bfs_attr_of_inode(fs, bundle, node, ret);
    bfs_attr_of_tree(fs, NULL, node, ret);
    bfs_guard_apply(fs->guard, bfs_node_slot(node), ret);
    /* Its attributes can be read, among them the reason, but nobody gets in. */
    if (r == -EACCES)
        ret->st_mode &= ~(mode_t)0111;
    return 0;
}

static int attr_of_control(struct bfs_fs *fs, uint64_t node, struct stat *ret)
{
    uint64_t size;
    int r = bfs_control_text_size(fs, (enum bfs_control)(node - BFS_NODE_CONTROL - 1), &size);
    if (r)
        return r;
    bfs_attr_of_tree(fs, NULL, node, ret);
    ret->st_mode = S_IFREG | 0444;
    set_size(ret, size);
    return 0;
}

static int lookup_control(struct bfs_fs *fs, const struct bfs_op *op, struct bfs_reply *ret)
{
    for (unsigned i = 0; i < BFS_N_CONTROLS; i++) {
        if (strcmp(op->name, bfs_control_name((enum bfs_control)i)) != 0)
            continue;
        set_entry(fs, ret, BFS_NODE_CONTROL + 1 + i, BFS_TIMEOUT_LONG);
        ret->entry.attr_timeout = 0;
        return attr_of_control(fs, ret->entry.ino, &ret->entry.attr);
    }
    return no_entry(ret);
}

void bfs_attr_of_link(struct bfs_fs *fs, const struct bfs_link *link, struct stat *ret)
{
    struct bfs_tree_node node = {.kind = BFS_TREE_LINK, .target = link->target};
    bfs_attr_of_tree(fs, &node, link->node, ret);
}

static int lookup_link(struct bfs_fs *fs, const struct bfs_tree *tree, const struct bfs_op *op,
                       bool may_block, struct bfs_reply *ret)
{
    const struct bfs_tree_node *directory = bfs_tree_find(tree, op->node);
    BFS_CLEANUP(bfs_link_set_cleanup) struct bfs_link_set *set = NULL;
    if (!directory || !directory->has_links)
        return no_entry(ret);
    int r = bfs_links_get(fs, op->node, may_block, &set);
    if (r)
        return bfs_store_errno(r);
    const struct bfs_link *link = bfs_link_set_find(set, op->name);
    if (!link)
        return no_entry(ret);
    note_curiosity(fs);
    set_entry(fs, ret, link->node, BFS_TIMEOUT_LONG);
    bfs_attr_of_link(fs, link, &ret->entry.attr);
    return 0;
}

static int lookup_catalog(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                          struct bfs_reply *ret)
{
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(fs);
    const struct bfs_tree_node *node = bfs_tree_lookup(tree, op->node, op->name);
    if (!node)
        return lookup_link(fs, tree, op, may_block, ret);
    set_entry(fs, ret, node->node, BFS_TIMEOUT_LONG);
    if (node->kind == BFS_TREE_LINK)
        note_curiosity(fs);
    if (node->kind != BFS_TREE_BUNDLE) {
        bfs_attr_of_tree(fs, node, node->node, &ret->entry.attr);
        return 0;
    }
    double timeout = BFS_TIMEOUT_LONG;
    bfs_lookahead_note(fs->lookahead, tree, node->position);
    int r = attr_of_root(fs, node->node, may_block, &ret->entry.attr, &timeout);
    ret->entry.attr_timeout = timeout;
    return r;
}

/* A name in the directory of views: false when it is no view, or one that is not shown. */
static bool find_view(const struct bfs_bundle *bundle, const struct bfs_views *views,
                      const char *name, uint32_t *ret)
{
    const struct bfs_index *index = bfs_bundle_index(bundle);
    struct bfs_inode directory = bfs_index_inode(index, views->directory);
    if (strcmp(name, BFS_VIEW_AUTO) == 0) {
        *ret = BFS_INODE_AUTO;
        return views->best >= 0;
    }
    for (uint32_t i = 0; i < directory.n_dirents; i++) {
        struct bfs_dirent entry = bfs_index_dirent(index, &directory, i);
        if (strlen(name) == entry.name_length && memcmp(name, entry.name, entry.name_length) == 0) {
            *ret = entry.inode;
            return !bfs_views_hides(views, views->directory, i);
        }
    }
    return false;
}

/* Inode number of a name in a bundle's directory; false: none. */
static bool find_in_bundle(const struct bfs_bundle *bundle, const struct bfs_views *views,
                           uint32_t directory, const char *name, uint32_t *ret)
{
    const struct bfs_index *index = bfs_bundle_index(bundle);
    if (views->directory && directory == views->directory)
        return find_view(bundle, views, name, ret);
    if (directory == BFS_INODE_ROOT && strcmp(name, "manifest.json") == 0) {
        *ret = BFS_INODE_MANIFEST;
        return true;
    }
    if (directory == BFS_INODE_ROOT && strcmp(name, "SHA256SUMS") == 0) {
        *ret = BFS_INODE_SUMS;
        return true;
    }
    if (directory >= bfs_index_n_inodes(index))
        return false;
    struct bfs_inode inode = bfs_index_inode(index, directory);
    return bfs_index_lookup(index, &inode, name, strlen(name), ret);
}

int bfs_attr_of_signature(struct bfs_fs *fs, const struct bfs_bundle *bundle,
                          const struct bfs_signature *item, uint32_t slot, struct stat *ret)
{
    int r = bfs_attr_of_inode(fs, bundle, bfs_node_of(slot, item->inode), ret);
    set_size(ret, item->size);
    set_times(ret, (struct timespec){.tv_sec = item->when});
    return r;
}

static int lookup_signature(struct bfs_fs *fs, const struct bfs_bundle *bundle,
                            const struct bfs_op *op, bool may_block, struct bfs_reply *ret)
{
    uint32_t slot = bfs_node_slot(op->node);
    BFS_CLEANUP(bfs_signature_set_cleanup) struct bfs_signature_set *set = NULL;
    int r = bfs_signatures_get(fs, slot, bfs_bundle_id(bundle), may_block, &set);
    if (r)
        return bfs_store_errno(r);
    const struct bfs_signature *item = bfs_signature_set_name(set, op->name);
    if (!item)
        return no_entry(ret);
    note_curiosity(fs);
    set_entry(fs, ret, bfs_node_of(slot, item->inode), BFS_TIMEOUT_LONG);
    return bfs_attr_of_signature(fs, bundle, item, slot, &ret->entry.attr);
}

static int attr_of_known_signature(struct bfs_fs *fs, const struct bfs_bundle *bundle,
                                   const struct bfs_op *op, bool may_block, struct stat *ret)
{
    uint32_t slot = bfs_node_slot(op->node);
    BFS_CLEANUP(bfs_signature_set_cleanup) struct bfs_signature_set *set = NULL;
    int r = bfs_signatures_get(fs, slot, bfs_bundle_id(bundle), may_block, &set);
    if (r)
        return bfs_store_errno(r);
    const struct bfs_signature *item = bfs_signature_set_inode(set, bfs_node_inode(op->node));
    return item ? bfs_attr_of_signature(fs, bundle, item, slot, ret) : -ESTALE;
}

int bfs_op_lookup(struct bfs_fs *fs, const struct bfs_op *op, bool may_block, struct bfs_reply *ret)
{
    if (op->node == BFS_NODE_CONTROL)
        return lookup_control(fs, op, ret);
    if (op->node == BFS_NODE_ROOT && strcmp(op->name, ".bundlefs") == 0) {
        set_entry(fs, ret, BFS_NODE_CONTROL, BFS_TIMEOUT_LONG);
        bfs_attr_of_tree(fs, NULL, BFS_NODE_CONTROL, &ret->entry.attr);
        return 0;
    }
    if (!bfs_node_in_bundle(op->node))
        return lookup_catalog(fs, op, may_block, ret);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    uint32_t inode;
    int r = bfs_op_bundle(fs, op->node, may_block, &bundle);
    if (r)
        return r;
    if (bfs_node_inode(op->node) == BFS_INODE_SIGNATURES)
        return lookup_signature(fs, bundle, op, may_block, ret);
    if (bfs_node_inode(op->node) == BFS_INODE_ROOT && strcmp(op->name, BFS_SIGNATURES_NAME) == 0) {
        if (!bfs_signatures_exist(fs, bfs_bundle_id(bundle)))
            return no_entry(ret);
        set_entry(fs, ret, bfs_node_of(bfs_node_slot(op->node), BFS_INODE_SIGNATURES),
                  BFS_TIMEOUT_LONG);
        return bfs_attr_of_inode(fs, bundle, ret->entry.ino, &ret->entry.attr);
    }
    struct bfs_views views = bfs_op_views(fs, op->node);
    if (!find_in_bundle(bundle, &views, bfs_node_inode(op->node), op->name, &inode))
        return no_entry(ret);
    set_entry(fs, ret, bfs_backing_node(fs->backing, bfs_node_of(bfs_node_slot(op->node), inode)),
              BFS_TIMEOUT_LONG);
    r = bfs_attr_of_inode(fs, bundle, ret->entry.ino, &ret->entry.attr);
    if (r == 0 && !S_ISDIR(ret->entry.attr.st_mode))
        note_curiosity(fs);
    return r;
}

/* Of a file that is refused, nobody may do anything, but handles that were open before go on, and
 * these need its size. */
static int attr_of_inner(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                         struct stat *ret)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    int refusal = bfs_guard_admit(fs->guard, bfs_node_slot(op->node), may_block);
    if (refusal == -EWOULDBLOCK || refusal == -ENOMEM)
        return refusal;
    int r = get_bundle(fs, op->node, may_block, &bundle);
    if (r == 0 && bfs_inode_is_signature(bfs_node_inode(op->node)))
        r = attr_of_known_signature(fs, bundle, op, may_block, ret);
    else if (r == 0)
        r = bfs_attr_of_inode(fs, bundle, op->node, ret);
    if (r == 0 && refusal)
        ret->st_mode &= S_IFMT;
    return r;
}

int bfs_op_getattr(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                   struct bfs_reply *ret)
{
    ret->kind = BFS_REPLY_ATTR;
    ret->entry.attr_timeout = BFS_TIMEOUT_LONG;
    if (bfs_node_in_bundle(op->node)) {
        if (bfs_node_inode(op->node) == BFS_INODE_ROOT)
            return attr_of_root(fs, op->node, may_block, &ret->entry.attr,
                                &ret->entry.attr_timeout);
        return attr_of_inner(fs, op, may_block, &ret->entry.attr);
    }
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(fs);
    const struct bfs_tree_node *node = bfs_tree_find(tree, op->node);
    char target[BFS_VERSION_MAX + 1];
    if (!node && bfs_tree_numbers_target(fs->numbers, op->node, target)) {
        bfs_attr_of_link(fs, &(struct bfs_link){.node = op->node, .target = target},
                         &ret->entry.attr);
        return 0;
    }
    if (!node && op->node >= BFS_NODE_FIRST_CATALOG)
        return -ESTALE; /* its last bundle was removed */
    if (bfs_node_is_text(op->node)) {
        ret->entry.attr_timeout = 0;
        return attr_of_control(fs, op->node, &ret->entry.attr);
    }
    bfs_attr_of_tree(fs, node, op->node, &ret->entry.attr);
    return 0;
}

int bfs_op_readlink(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                    struct bfs_reply *ret)
{
    ret->kind = BFS_REPLY_LINK;
    if (!bfs_node_in_bundle(op->node)) {
        BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(fs);
        char target[BFS_VERSION_MAX + 1];
        if (!bfs_tree_numbers_target(fs->numbers, op->node, target))
            return bfs_tree_find(tree, op->node) ? -EINVAL : -ENOENT;
        bfs_buffer_put_text(&ret->bytes, target);
        return bfs_buffer_status(&ret->bytes);
    }
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    int r = bfs_op_bundle(fs, op->node, may_block, &bundle);
    if (r)
        return r;
    if (bfs_node_inode(op->node) == BFS_INODE_AUTO) {
        struct bfs_dirent target = auto_target(fs, bundle, op->node);
        bfs_buffer_put(&ret->bytes, target.name, target.name_length);
        return bfs_buffer_status(&ret->bytes);
    }
    if (bfs_inode_is_virtual(bfs_node_inode(op->node)))
        return -EINVAL;
    const struct bfs_index *index = bfs_bundle_index(bundle);
    struct bfs_inode inode = bfs_index_inode(index, bfs_node_inode(op->node));
    if (!S_ISLNK(inode.mode))
        return -EINVAL;
    bfs_buffer_put(&ret->bytes, bfs_index_target(index, &inode), (size_t)inode.size);
    return bfs_buffer_status(&ret->bytes);
}
