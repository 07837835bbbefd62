/* SPDX-License-Identifier: Apache-2.0
 * opendir, readdir, readdirplus. Nothing is remembered between the pages of a listing: an offset
 * says all. 1 is after ".", 2 after ".."; in a bundle the entries follow in order; in the
 * catalogue, which may change meanwhile, an offset is the number of the node that was listed last.
 */
#include "fs/clock.h"
#include "fs/control.h"
#include "fs/lookups.h"
#include "fs/node.h"
#include "fs/op.h"

#include <string.h>

enum { OFFSET_DOT = 1, OFFSET_DOTS = 2, OFFSET_CONTROL = 3 };

_Static_assert(OFFSET_CONTROL < BFS_NODE_FIRST_CATALOG, "other offsets are node numbers");

int bfs_op_opendir(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                   struct bfs_reply *ret)
{
    if (bfs_node_is_text(op->node) ||
        (bfs_node_in_bundle(op->node) && bfs_node_inode(op->node) == BFS_INODE_AUTO))
        return -ENOTDIR;
    if (bfs_node_in_bundle(op->node)) {
        BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
        int r = bfs_op_bundle(fs, op->node, may_block, &bundle);
        if (r)
            return r;
    }
    ret->kind = BFS_REPLY_OPEN;
    /* What becomes another is invalidated by the watch. */
    ret->open.keep_cache = 1;
    ret->open.cache_readdir = 1;
    return 0;
}

struct listing {
    struct bfs_fs *fs;
    const struct bfs_op *op;
    const struct bfs_bundle *bundle; /* of a directory in a bundle */
    struct bfs_views views;          /* of that bundle */
    uint8_t *bytes;                  /* op->size of them */
    size_t used;
    struct bfs_buffer *counted; /* nodes of plus entries, whose lookups are counted */
    off_t at;                   /* where it goes on */
    bool with_files;            /* the attributes of what is no directory too */
};

/* One entry; false when it does not fit any more. `known` attributes make a plus entry, without
 * them the kernel only learns name and number. */
static bool put_bytes(struct listing *listing, const char *name, off_t next,
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

static bool put(struct listing *listing, const char *name, off_t next,
                const struct fuse_entry_param *entry)
{
    struct fuse_entry_param shown = *entry;
    if (!listing->op->plus || !shown.ino)
        return put_bytes(listing, name, next, &shown);
    /* A node that is gone is listed by name alone, and so is one that cannot be remembered. */
    bool is_counted = bfs_lookups_add(listing->fs, shown.ino);
    if (is_counted) {
        bfs_buffer_put(listing->counted, &shown.ino, sizeof(shown.ino));
        if (bfs_buffer_status(listing->counted) == 0 && put_bytes(listing, name, next, &shown))
            return true;
        bfs_lookups_forget(listing->fs, shown.ino, 1);
        if (bfs_buffer_status(listing->counted) == 0) {
            listing->counted->size -= sizeof(shown.ino);
            return false;
        }
    }
    shown.ino = 0;
    return put_bytes(listing, name, next, &shown);
}

/* Only what getdents(2) shows: a plus entry of number 0 is not looked up by it. */
static struct fuse_entry_param name_only(const struct bfs_fs *fs, uint64_t node, mode_t type)
{
    return (struct fuse_entry_param){
        .attr = {.st_ino = bfs_lookups_ino(fs, node), .st_mode = type}};
}

static void fill_entry(const struct bfs_fs *fs, struct fuse_entry_param *ret, uint64_t node)
{
    *ret = (struct fuse_entry_param){.ino = node,
                                     .generation = fs->incarnation,
                                     .attr_timeout = BFS_TIMEOUT_LONG,
                                     .entry_timeout = BFS_TIMEOUT_LONG};
}

/* See BFS_CURIOUS_MS. */
static bool wants_files(struct bfs_fs *fs)
{
    uint64_t curious_ms = atomic_load_explicit(&fs->curious_ms, memory_order_relaxed);
    return !bfs_lookahead_is_long(fs->lookahead) ||
           (curious_ms && bfs_now_ms() - curious_ms < BFS_CURIOUS_MS);
}

/* Directories come with all attributes, whoever lists them: he goes on into them. */
static bool is_bare(const struct listing *listing, mode_t type)
{
    return !listing->op->plus || (type != S_IFDIR && !listing->with_files);
}

static mode_t type_in_bundle(const struct bfs_index *index, uint32_t inode)
{
    if (!bfs_inode_is_virtual(inode))
        return bfs_index_inode(index, inode).mode & S_IFMT;
    return inode == BFS_INODE_AUTO ? S_IFLNK : inode == BFS_INODE_SIGNATURES ? S_IFDIR : S_IFREG;
}

/* -ENOENT: past the last; -EAGAIN: not shown, go on. */
static int entry_in_bundle(const struct listing *listing, const struct bfs_inode *directory,
                           uint64_t position, char *name, struct fuse_entry_param *ret)
{
    const struct bfs_index *index = bfs_bundle_index(listing->bundle);
    const struct bfs_views *views = &listing->views;
    uint32_t slot = bfs_node_slot(listing->op->node), number = bfs_node_inode(listing->op->node);
    bool is_views = views->directory && number == views->directory;
    uint32_t inode;
    if (bfs_views_hides(views, number, position))
        return -EAGAIN;
    if (position < directory->n_dirents) {
        struct bfs_dirent entry = bfs_index_dirent(index, directory, (uint32_t)position);
        memcpy(name, entry.name, entry.name_length);
        name[entry.name_length] = '\0';
        inode = entry.inode;
    } else if (is_views && views->best >= 0 && position == directory->n_dirents) {
        strcpy(name, BFS_VIEW_AUTO);
        inode = BFS_INODE_AUTO;
    } else if (number == BFS_INODE_ROOT && position - directory->n_dirents == 2 &&
               bfs_signatures_exist(listing->fs, bfs_bundle_id(listing->bundle))) {
        strcpy(name, BFS_SIGNATURES_NAME);
        inode = BFS_INODE_SIGNATURES;
    } else if (number == BFS_INODE_ROOT && position - directory->n_dirents < 2) {
        bool is_sums = position - directory->n_dirents == 0;
        strcpy(name, is_sums ? "SHA256SUMS" : "manifest.json");
        inode = is_sums ? BFS_INODE_SUMS : BFS_INODE_MANIFEST;
    } else {
        return -ENOENT;
    }
    mode_t type = type_in_bundle(index, inode);
    if (is_bare(listing, type)) {
        *ret = name_only(listing->fs, bfs_node_of(slot, inode), type);
        return 0;
    }
    fill_entry(listing->fs, ret, bfs_backing_node(listing->fs->backing, bfs_node_of(slot, inode)));
    return bfs_attr_of_inode(listing->fs, listing->bundle, ret->ino, &ret->attr);
}

/* An offset is the number of the file listed last, counted from one, after the dots. */
static int list_signatures(struct listing *listing, bool may_block)
{
    uint32_t slot = bfs_node_slot(listing->op->node);
    BFS_CLEANUP(bfs_signature_set_cleanup) struct bfs_signature_set *set = NULL;
    size_t n;
    int r = bfs_signatures_get(listing->fs, slot, bfs_bundle_id(listing->bundle), may_block, &set);
    if (r)
        return bfs_store_errno(r);
    const struct bfs_signature *items = bfs_signature_set_items(set, &n);
    for (size_t i = 0; i < n; i++) {
        off_t offset = OFFSET_DOTS + 1 + (off_t)(items[i].inode - BFS_INODE_FIRST_SIGNATURE);
        struct fuse_entry_param entry;
        if (offset <= listing->at)
            continue;
        uint64_t node = bfs_node_of(slot, items[i].inode);
        entry = name_only(listing->fs, node, S_IFREG);
        if (!is_bare(listing, S_IFREG)) {
            fill_entry(listing->fs, &entry, node);
            r = bfs_attr_of_signature(listing->fs, listing->bundle, &items[i], slot, &entry.attr);
            if (r)
                return r;
        }
        if (!put(listing, items[i].name, offset, &entry))
            return 0;
    }
    return 0;
}

static int list_bundle(struct listing *listing)
{
    struct bfs_inode directory =
        bfs_index_inode(bfs_bundle_index(listing->bundle), bfs_node_inode(listing->op->node));
    for (off_t next = listing->at + 1;; next++) {
        char name[BFS_COMPONENT_MAX + 1];
        struct fuse_entry_param entry;
        int r =
            entry_in_bundle(listing, &directory, (uint64_t)next - OFFSET_DOTS - 1, name, &entry);
        if (r == -EAGAIN)
            continue;
        if (r)
            return r == -ENOENT ? 0 : r;
        if (!put(listing, name, next, &entry))
            return 0;
    }
}

static void list_control(struct listing *listing)
{
    for (off_t next = listing->at + 1;; next++) {
        uint64_t position = (uint64_t)next - OFFSET_DOTS - 1;
        if (position >= BFS_N_CONTROLS)
            return;
        struct fuse_entry_param entry =
            name_only(listing->fs, BFS_NODE_CONTROL + 1 + position, S_IFREG);
        if (!put(listing, bfs_control_name((enum bfs_control)position), next, &entry))
            return;
    }
}

/* A bundle that nobody has looked into yet is not loaded to be listed: there may be thousands. */
static struct fuse_entry_param entry_of(const struct listing *listing,
                                        const struct bfs_tree_node *node)
{
    struct fuse_entry_param entry;
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    mode_t type = node->kind == BFS_TREE_LINK ? S_IFLNK : S_IFDIR;
    if (is_bare(listing, type))
        return name_only(listing->fs, node->node, type);
    fill_entry(listing->fs, &entry, node->node);
    if (node->kind != BFS_TREE_BUNDLE)
        bfs_attr_of_tree(listing->fs, node, node->node, &entry.attr);
    else if (bfs_op_bundle(listing->fs, node->node, false, &bundle) ||
             bfs_attr_of_inode(listing->fs, bundle, node->node, &entry.attr))
        return name_only(listing->fs, node->node, S_IFDIR);
    return entry;
}

/* The name that was listed last; "" before the first. False: it is gone, and so many others after
 * it that nobody knows where the listing was (fs/names.h). */
static bool last_name(const struct listing *listing, char ret[static BFS_COMPONENT_MAX + 1])
{
    uint64_t node = (uint64_t)listing->at;
    ret[0] = '\0';
    if (node <= OFFSET_DOTS)
        return true;
    if (!bfs_node_in_bundle(node))
        return bfs_tree_numbers_name(listing->fs->numbers, node, ret);
    struct bfs_reference reference;
    struct bfs_digest manifest;
    bool found =
        bfs_bundles_identity(listing->fs->bundles, bfs_node_slot(node), &reference, &manifest);
    if (found)
        memcpy(ret, reference.version, strlen(reference.version) + 1);
    return found;
}

/* The links of a model's directory that are not in the tree; none when they need no statements. */
static int get_links(const struct listing *listing, const struct bfs_tree *tree, bool may_block,
                     struct bfs_link_set **ret)
{
    const struct bfs_tree_node *directory = bfs_tree_find(tree, listing->op->node);
    if (!directory || !directory->has_links)
        return 0;
    int r = bfs_links_get(listing->fs, listing->op->node, may_block, ret);
    return r ? bfs_store_errno(r) : 0;
}

static bool put_link(struct listing *listing, const struct bfs_link *link)
{
    struct fuse_entry_param entry = name_only(listing->fs, link->node, S_IFLNK);
    if (!is_bare(listing, S_IFLNK)) {
        fill_entry(listing->fs, &entry, link->node);
        bfs_attr_of_link(listing->fs, link, &entry.attr);
    }
    return put(listing, link->name, (off_t)link->node, &entry);
}

/* Puts the links whose names come after `after` and before `name` (NULL: all that follow); what has
 * the name of a version or directory is hidden by it. False: no more room. */
static bool put_links(struct listing *listing, const struct bfs_link_set *set, const char *after,
                      const char *name)
{
    size_t n = 0;
    const struct bfs_link *links = set ? bfs_link_set_items(set, &n) : NULL;
    for (size_t i = 0; i < n; i++)
        if (strcmp(links[i].name, after) > 0 && (!name || strcmp(links[i].name, name) < 0) &&
            !put_link(listing, &links[i]))
            return false;
    return true;
}

static int list_tree(struct listing *listing, bool may_block)
{
    BFS_CLEANUP(bfs_link_set_cleanup) struct bfs_link_set *set = NULL;
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(listing->fs);
    char after[BFS_COMPONENT_MAX + 1];
    bool noted = false;
    size_t n;
    int r = get_links(listing, tree, may_block, &set);
    if (r || listing->at == OFFSET_CONTROL) /* which comes last */
        return r;
    if (!last_name(listing, after))
        return -ESTALE;
    const struct bfs_tree_node *nodes = bfs_tree_children(tree, listing->op->node, after, &n);
    for (size_t i = 0; i < n; i++) {
        if (listing->op->plus && nodes[i].kind == BFS_TREE_BUNDLE && !noted) {
            bfs_lookahead_note(listing->fs->lookahead, tree, nodes[i].position);
            noted = true;
        }
        struct fuse_entry_param entry = entry_of(listing, &nodes[i]);
        if (!put_links(listing, set, i ? nodes[i - 1].name : after, nodes[i].name) ||
            !put(listing, nodes[i].name, (off_t)nodes[i].node, &entry))
            return 0;
    }
    if (!put_links(listing, set, n ? nodes[n - 1].name : after, NULL))
        return 0;
    struct fuse_entry_param control = name_only(listing->fs, BFS_NODE_CONTROL, S_IFDIR);
    if (listing->op->node == BFS_NODE_ROOT)
        (void)put(listing, ".bundlefs", OFFSET_CONTROL, &control);
    return 0;
}

/* "." and "..", where they are wanted and fit. */
static bool put_dots(struct listing *listing)
{
    static const char *const names[] = {".", ".."};
    struct fuse_entry_param self = name_only(listing->fs, listing->op->node, S_IFDIR);
    for (; listing->at < OFFSET_DOTS; listing->at++)
        if (!put(listing, names[listing->at], listing->at + 1, &self))
            return false;
    return true;
}

static int list(struct listing *listing, bool may_block)
{
    if (!put_dots(listing))
        return 0;
    if (listing->bundle)
        return bfs_node_inode(listing->op->node) == BFS_INODE_SIGNATURES
                   ? list_signatures(listing, may_block)
                   : list_bundle(listing);
    if (listing->op->node != BFS_NODE_CONTROL)
        return list_tree(listing, may_block);
    list_control(listing);
    return 0;
}

int bfs_op_readdir(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                   struct bfs_reply *ret)
{
    enum { SIZE_MAX_ASKED = 4 << 20 };
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    if (op->offset < 0 || op->size > SIZE_MAX_ASKED)
        return -EINVAL;
    struct listing listing = {.fs = fs,
                              .op = op,
                              .at = op->offset,
                              .with_files = wants_files(fs),
                              .counted = &ret->counted};
    if (bfs_node_in_bundle(op->node)) {
        int r = bfs_op_bundle(fs, op->node, may_block, &bundle);
        if (r)
            return r;
        listing.bundle = bundle;
        listing.views = bfs_op_views(fs, op->node);
    }
    bfs_autofree uint8_t *bytes = malloc(op->size + 1);
    if (!bytes)
        return -ENOMEM;
    listing.bytes = bytes;
    int r = list(&listing, may_block);
    if (r)
        return r;
    ret->kind = BFS_REPLY_BYTES;
    bfs_buffer_put(&ret->bytes, bytes, listing.used);
    return bfs_buffer_status(&ret->bytes);
}
