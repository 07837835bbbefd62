/* SPDX-License-Identifier: Apache-2.0
 * Packing a version again is fine when nothing changed, which only the digest at the end proves.
 * What the tree alone shows to have changed is refused before hours of packing, and before anything
 * is written. */
#include "codec/pack/pack_private.h"

#include <string.h>

static bool same_entry(const struct bfs_pack *pack, const struct bfs_index *index, uint32_t number)
{
    const struct bfs_scan_entry *entry = &pack->scan.entries[number];
    struct bfs_inode inode = bfs_index_inode(index, number);
    struct timespec mtime = bfs_pack_time(pack, entry->mtime);
    mode_t mode = S_ISLNK(entry->mode) ? S_IFLNK | 0777 : entry->mode;
    if (inode.mode != mode || inode.mtime_sec != mtime.tv_sec ||
        inode.mtime_nsec != (uint32_t)mtime.tv_nsec || inode.parent != entry->parent ||
        (S_ISREG(mode) && inode.size != entry->size))
        return false;
    bfs_autofree char *path = bfs_index_path(index, number);
    return !path || strcmp(path, entry->path) == 0;
}

/* Inodes are numbered as the entries of the scan; a generated contract is the last. */
static bool could_be_same(const struct bfs_pack *pack, const struct bfs_bundle *bundle)
{
    const struct bfs_index *index = bfs_bundle_index(bundle);
    uint32_t n = bfs_index_n_inodes(index);
    if (n > 1 && bfs_index_inode(index, n - 1).flags & BFS_INODE_GENERATED)
        n--;
    if (n != pack->scan.n_entries ||
        bfs_bundle_config(bundle)->chunk_size != pack->options->chunk_size)
        return false;
    for (uint32_t number = 0; number < n; number++)
        if (!same_entry(pack, index, number))
            return false;
    return true;
}

int bfs_pack_check_taken(const struct bfs_pack *pack, const struct bfs_catalog *catalog,
                         struct bfs_error *error)
{
    const struct bfs_reference *reference = &pack->options->reference;
    const struct bfs_catalog_entry *taken = bfs_catalog_find(catalog, reference);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    /* A damaged one is left to the end: packing the same again heals it. */
    if (!taken ||
        bfs_bundle_open(pack->store, &taken->manifest, taken->manifest_size, &bundle, NULL) ||
        could_be_same(pack, bundle))
        return 0;
    return bfs_catalog_check_new(catalog, reference, NULL, error);
}
