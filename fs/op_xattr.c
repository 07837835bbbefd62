/* SPDX-License-Identifier: Apache-2.0
 * Extended attributes: what is known about a file, without opening it. */
#include "fs/clock.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/warm.h"

#include <inttypes.h>
#include <string.h>

#define PREFIX "user.bundlefs."

enum {
    COUNTED_AT_ONCE = 1024, /* chunks: a request thread counts so many whenever it is asked */
    COUNTED_FOR_MS = 1000,  /* how long the sum of a larger file is believed */
};

/* What the attributes of one node are made from. */
struct subject {
    struct bfs_fs *fs;
    uint64_t node;
    struct bfs_bundle *bundle; /* a reference; NULL when it is refused */
    struct bfs_inode inode;    /* with a bundle */
    bool is_file;              /* a regular file of the index */
    bool may_block;
    bool names_only; /* listing names is no reason to read a chunk table */
};

/* Each appends the value, or says -ENODATA when the node has no such attribute. */

static int put_digest(const struct subject *subject, struct bfs_buffer *ret)
{
    char text[BFS_DIGEST_TEXT_SIZE];
    if (subject->bundle && bfs_node_inode(subject->node) == BFS_INODE_MANIFEST)
        bfs_buffer_put_text(ret, bfs_digest_text(bfs_bundle_config_digest(subject->bundle), text));
    else if (subject->is_file)
        bfs_buffer_put_text(ret, bfs_digest_text(&subject->inode.digest, text));
    else
        return -ENODATA;
    return bfs_buffer_status(ret);
}

static int put_bundle(const struct subject *subject, struct bfs_buffer *ret)
{
    char text[BFS_DIGEST_TEXT_SIZE];
    if (!subject->bundle)
        return -ENODATA;
    bfs_buffer_put_text(ret, bfs_digest_text(bfs_bundle_id(subject->bundle), text));
    return bfs_buffer_status(ret);
}

/* Of what lies in a view: its id. */
static int put_view(const struct subject *subject, struct bfs_buffer *ret)
{
    static const char prefix[] = "views/";
    uint32_t number = bfs_node_inode(subject->node);
    if (!subject->bundle || number >= bfs_index_n_inodes(bfs_bundle_index(subject->bundle)))
        return -ENODATA;
    bfs_autofree char *path = bfs_index_path(bfs_bundle_index(subject->bundle), number);
    if (!path)
        return -ENOMEM;
    if (strncmp(path, prefix, strlen(prefix)) != 0)
        return -ENODATA;
    const char *id = path + strlen(prefix);
    bfs_buffer_put(ret, id, strcspn(id, "/"));
    return bfs_buffer_status(ret);
}

static int put_stored(const struct subject *subject, struct bfs_buffer *ret)
{
    if (!subject->is_file)
        return -ENODATA;
    bfs_buffer_printf(ret, "%" PRIu64, subject->inode.stored_size);
    return bfs_buffer_status(ret);
}

static uint32_t n_chunks(const struct bfs_file *file)
{
    const struct bfs_chunk_table *table = bfs_file_table(file);
    return table ? bfs_chunk_table_n_chunks(table) : 0;
}

static uint64_t count_resident(struct bfs_fs *fs, const struct bfs_file *file)
{
    const struct bfs_chunk_table *table = bfs_file_table(file);
    uint64_t size = 0;
    for (uint32_t i = 0; table && i < bfs_chunk_table_n_chunks(table); i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(table, i);
        if (bfs_cache_has(fs->cache, &chunk))
            size += chunk.raw_size;
    }
    return size;
}

/* Each chunk takes a lock and a look-up, and a file may have millions: one thread counts those of a
 * large one, a worker, once a second at most. */
static int find_resident(const struct subject *subject, struct bfs_open_file *open, uint64_t *ret)
{
    uint64_t counted_ms = atomic_load(&open->resident_ms);
    bool is_large = n_chunks(open->file) > COUNTED_AT_ONCE;
    if (!is_large) {
        *ret = count_resident(subject->fs, open->file);
        return 0;
    }
    if (counted_ms && bfs_now_ms() - counted_ms < COUNTED_FOR_MS) {
        *ret = atomic_load(&open->resident);
        return 0;
    }
    if (!subject->may_block)
        return -EWOULDBLOCK;
    bool is_ours = !atomic_flag_test_and_set(&open->is_counting);
    if (is_ours) {
        atomic_store(&open->resident, count_resident(subject->fs, open->file));
        atomic_store(&open->resident_ms, bfs_now_ms());
        atomic_flag_clear(&open->is_counting);
    }
    *ret = atomic_load(&open->resident);
    return 0;
}

static int put_resident(const struct subject *subject, struct bfs_buffer *ret)
{
    struct bfs_fs *fs = subject->fs;
    if (!subject->is_file)
        return -ENODATA;
    if (subject->names_only)
        return 0;
    struct bfs_backing_status backing = bfs_backing_status(fs->backing, subject->node);
    if (backing.state == BFS_BACKING_READY) {
        bfs_buffer_printf(ret, "%" PRIu64, subject->inode.size);
        return bfs_buffer_status(ret);
    }
    struct bfs_open_file *open = bfs_files_find(fs->files, subject->node);
    if (!open) {
        if (!subject->may_block)
            return -EWOULDBLOCK;
        int failure = bfs_files_open(fs->files, subject->node, subject->bundle,
                                     bfs_node_inode(subject->node), &open, NULL);
        if (failure)
            return bfs_store_errno(failure);
    }
    uint64_t size;
    int r = find_resident(subject, open, &size);
    bfs_files_unref(fs->files, open);
    if (r)
        return r;
    bfs_buffer_printf(ret, "%" PRIu64, size);
    return bfs_buffer_status(ret);
}

static int put_refused(const struct subject *subject, struct bfs_buffer *ret)
{
    char reason[BFS_ERROR_TEXT_SIZE];
    if (subject->bundle || !bfs_fs_refusal(subject->fs, bfs_node_slot(subject->node), reason))
        return -ENODATA;
    bfs_buffer_put_text(ret, reason);
    return bfs_buffer_status(ret);
}

static const struct {
    const char *name;
    int (*put)(const struct subject *subject, struct bfs_buffer *ret);
} attributes[] = {
    {PREFIX "bundle", put_bundle},   {PREFIX "digest", put_digest},
    {PREFIX "refused", put_refused}, {PREFIX "resident", put_resident},
    {PREFIX "stored", put_stored},   {PREFIX "view", put_view},
};

enum { N_ATTRIBUTES = sizeof(attributes) / sizeof(attributes[0]) };

static void subject_done(struct subject *subject)
{
    (void)bfs_bundle_unref(subject->bundle);
}

static int find_subject(struct bfs_fs *fs, uint64_t node, bool may_block, struct subject *ret)
{
    *ret = (struct subject){.fs = fs, .node = node, .may_block = may_block};
    int r = bfs_op_bundle(fs, node, may_block, &ret->bundle);
    if (r == -EWOULDBLOCK || r == -ENOMEM)
        return r;
    if (r) {
        ret->bundle = NULL;
        return bfs_node_inode(node) == BFS_INODE_ROOT ? 0 : r;
    }
    if (!bfs_inode_is_virtual(bfs_node_inode(node))) {
        ret->inode = bfs_index_inode(bfs_bundle_index(ret->bundle), bfs_node_inode(node));
        ret->is_file = S_ISREG(ret->inode.mode);
    }
    return 0;
}

/* The size alone is asked for with a size of 0. */
static int give(const struct bfs_op *op, struct bfs_reply *ret)
{
    if (op->size == 0) {
        ret->kind = BFS_REPLY_COUNT;
        ret->count = ret->bytes.size;
        return 0;
    }
    ret->kind = BFS_REPLY_BYTES;
    return ret->bytes.size > op->size ? -ERANGE : 0;
}

/* Asks for all below to be made such that the kernel reads it by itself, and says how far that is.
 * No list names it, because asking has an effect. */
static int get_warm(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                    struct bfs_reply *ret)
{
    struct bfs_warm_status status;
    if (!may_block)
        return -EWOULDBLOCK;
    int r = bfs_warm(fs, op->node, NULL, &status);
    if (r)
        return r == -EINVAL ? -ENODATA : r;
    bfs_warm_write(fs, &status, &ret->bytes);
    r = bfs_buffer_status(&ret->bytes);
    return r ? r : give(op, ret);
}

static int get_acl(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                   struct bfs_reply *ret)
{
    struct bfs_reply found = {0};
    int r = bfs_op_getattr(fs, op, may_block, &found);
    if (r == 0)
        r = bfs_guard_acl(fs->guard, bfs_node_slot(op->node), &found.entry.attr, &ret->bytes);
    return r ? r : give(op, ret);
}

int bfs_op_getxattr(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                    struct bfs_reply *ret)
{
    if (fs->guard && bfs_node_in_bundle(op->node) && strcmp(op->name, BFS_ACL_NAME) == 0)
        return get_acl(fs, op, may_block, ret);
    /* The kernel asks every file for ACLs and capabilities; that needs no bundle. */
    if (!bfs_node_in_bundle(op->node) || strncmp(op->name, PREFIX, strlen(PREFIX)) != 0)
        return -ENODATA;
    if (strcmp(op->name, PREFIX "warm") == 0)
        return get_warm(fs, op, may_block, ret);
    BFS_CLEANUP(subject_done) struct subject subject = {0};
    int r = find_subject(fs, op->node, may_block, &subject);
    for (unsigned i = 0; r == 0 && i < N_ATTRIBUTES; i++) {
        if (strcmp(op->name, attributes[i].name) != 0)
            continue;
        r = attributes[i].put(&subject, &ret->bytes);
        return r ? r : give(op, ret);
    }
    return r ? r : -ENODATA;
}

int bfs_op_listxattr(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                     struct bfs_reply *ret)
{
    if (!bfs_node_in_bundle(op->node))
        return give(op, ret);
    BFS_CLEANUP(subject_done) struct subject subject = {0};
    int r = find_subject(fs, op->node, may_block, &subject);
    subject.names_only = true;
    for (unsigned i = 0; r == 0 && i < N_ATTRIBUTES; i++) {
        bfs_autobuffer struct bfs_buffer value = BFS_BUFFER_INIT;
        r = attributes[i].put(&subject, &value);
        if (r == 0)
            bfs_buffer_put(&ret->bytes, attributes[i].name, strlen(attributes[i].name) + 1);
        else if (r == -ENODATA)
            r = 0;
    }
    return r ? r : give(op, ret);
}
