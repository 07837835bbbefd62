/* SPDX-License-Identifier: Apache-2.0
 * What is known of files, found by node number and by content, and ordered by last use. */
#include "fs/backing_private.h"

#include <string.h>

enum { BACKED_MAX = 4096 }; /* files that are remembered while nothing is held for them */

void bfs_backed_free(struct bfs_backed *backed)
{
    (void)bfs_fill_free(backed->fill);
    (void)bfs_backing_file_unref(backed->file);
    free(backed->name);
    free(backed);
}

static struct bfs_backed **bucket_of(struct bfs_backing *backing, uint64_t node)
{
    return &backing->buckets[(node ^ node >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 54];
}

struct bfs_digest bfs_backing_content(const struct bfs_file *file)
{
    return bfs_index_inode(bfs_bundle_index(bfs_file_bundle(file)), bfs_file_inode(file))
        .table_digest;
}

static struct bfs_backed **content_bucket(struct bfs_backing *backing,
                                          const struct bfs_digest *content)
{
    uint64_t key;
    memcpy(&key, content->bytes, sizeof(key));
    return &backing->contents[key % BFS_BACKED_BUCKETS];
}

struct bfs_backed *bfs_backed_content_locked(struct bfs_backing *backing,
                                             const struct bfs_digest *content)
{
    return *content_bucket(backing, content);
}

void bfs_backed_set_content_locked(struct bfs_backed *backed, const struct bfs_file *file)
{
    if (backed->has_content)
        return; /* a node's content never changes */
    backed->has_content = true;
    backed->content = bfs_backing_content(file);
    struct bfs_backed **bucket = content_bucket(backed->backing, &backed->content);
    backed->content_next = *bucket;
    *bucket = backed;
}

static void list_add(struct bfs_backing *backing, struct bfs_backed *backed)
{
    backed->older = backing->newest;
    backed->newer = NULL;
    *(backing->newest ? &backing->newest->newer : &backing->oldest) = backed;
    backing->newest = backed;
}

static void list_remove(struct bfs_backing *backing, struct bfs_backed *backed)
{
    *(backed->older ? &backed->older->newer : &backing->oldest) = backed->newer;
    *(backed->newer ? &backed->newer->older : &backing->newest) = backed->older;
}

static void touch(struct bfs_backing *backing, struct bfs_backed *backed)
{
    list_remove(backing, backed);
    list_add(backing, backed);
}

struct bfs_backed *bfs_backed_find_locked(struct bfs_backing *backing, uint64_t node)
{
    struct bfs_backed *backed = *bucket_of(backing, node);
    while (backed && backed->node != node)
        backed = backed->bucket_next;
    return backed;
}

/* Nothing is held for it, and nobody has it open. */
static bool is_idle(const struct bfs_backed *backed)
{
    return (backed->state == BFS_BACKED_NONE || backed->state == BFS_BACKED_FAILED) &&
           backed->opens == 0 && backed->plain_opens == 0 && !backed->is_queued;
}

static void forget_oldest_idle(struct bfs_backing *backing)
{
    struct bfs_backed *backed = backing->oldest;
    while (backed && !is_idle(backed))
        backed = backed->newer;
    if (!backed)
        return;
    struct bfs_backed **at = bucket_of(backing, backed->node);
    while (*at != backed)
        at = &(*at)->bucket_next;
    *at = backed->bucket_next;
    at = content_bucket(backing, &backed->content);
    while (backed->has_content && *at != backed)
        at = &(*at)->content_next;
    if (backed->has_content)
        *at = backed->content_next;
    list_remove(backing, backed);
    backing->n_backed--;
    bfs_backed_free(backed);
}

struct bfs_backed *bfs_backed_get_locked(struct bfs_backing *backing, uint64_t node)
{
    struct bfs_backed *backed = bfs_backed_find_locked(backing, node);
    if (backed) {
        touch(backing, backed);
        return backed;
    }
    if (backing->n_backed >= BACKED_MAX)
        forget_oldest_idle(backing);
    backed = calloc(1, sizeof(*backed));
    if (!backed)
        return NULL;
    backed->backing = backing;
    backed->node = node;
    struct bfs_backed **bucket = bucket_of(backing, node);
    backed->bucket_next = *bucket;
    *bucket = backed;
    list_add(backing, backed);
    backing->n_backed++;
    return backed;
}
