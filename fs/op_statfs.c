/* SPDX-License-Identifier: Apache-2.0
 * statfs tells what the store holds: its size is the logical size of all bundles, what is used of
 * it is what the blobs take on disk, so df shows both. */
#include "fs/op.h"

#include "verify/checked.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

enum { BLOCK_SIZE = 4096 };

/* Errors: -ECANCELED: the mount ends; errno of opendir(3). */
static int stored_size(const struct bfs_fs *fs, uint64_t *ret)
{
    DIR *folder = opendir(bfs_store_blobs_path(fs->store));
    if (!folder)
        return -errno;
    uint64_t size = 0;
    int r = 0;
    const struct dirent *entry;
    struct stat st;
    while (r == 0 && (entry = readdir(folder))) {
        if (bfs_pool_is_stopping(fs->pool))
            r = -ECANCELED;
        else if (fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                 S_ISREG(st.st_mode))
            size += (uint64_t)st.st_size;
    }
    (void)closedir(folder);
    if (r == 0)
        *ret = size;
    return r;
}

/* From manifest and manifest.json alone: no index is read for it. False: the bundle is damaged. */
static bool read_logical_size(const struct bfs_store *store, const struct bfs_catalog_entry *entry,
                              uint64_t *ret)
{
    bfs_autofree uint8_t *text = NULL;
    bfs_autofree uint8_t *config_text = NULL;
    bfs_automanifest struct bfs_oci_manifest manifest = {0};
    bfs_autoconfig struct bfs_bundle_config config = {0};
    if (bfs_store_read_blob(store, &entry->manifest, entry->manifest_size, BFS_OCI_MANIFEST_MAX,
                            &text, NULL) ||
        bfs_oci_manifest_parse(text, (size_t)entry->manifest_size, &manifest, NULL) ||
        bfs_store_read_blob(store, &manifest.config.digest, manifest.config.size,
                            BFS_CONFIG_SIZE_MAX, &config_text, NULL) ||
        bfs_bundle_config_parse(config_text, (size_t)manifest.config.size, &config, NULL))
        return false;
    *ret = config.content_size;
    return true;
}

/* Reads only bundles whose size no slot has. A damaged bundle counts as 0, and is read again after
 * the next change of the catalogue. Errors: -ECANCELED: the mount ends. */
static int logical_size(struct bfs_fs *fs, const struct bfs_tree *tree, uint64_t *ret)
{
    const struct bfs_catalog *catalog = bfs_tree_catalog(tree);
    size_t n;
    const uint32_t *slots = bfs_tree_slots(tree, &n);
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t size = 0;
        if (bfs_pool_is_stopping(fs->pool))
            return -ECANCELED;
        if (!bfs_bundles_content_size(fs->bundles, slots[i], &size) &&
            read_logical_size(fs->store, &catalog->entries[i], &size))
            bfs_bundles_note_content_size(fs->bundles, slots[i], size);
        if (!bfs_add_u64(sum, size, &sum))
            sum = UINT64_MAX;
    }
    *ret = sum;
    return 0;
}

static int measure(struct bfs_fs *fs)
{
    (void)pthread_mutex_lock(&fs->mutex);
    uint64_t generation = fs->generation;
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_tree_ref(fs->tree);
    (void)pthread_mutex_unlock(&fs->mutex);
    uint64_t logical = 0, stored = 0;
    int r = stored_size(fs, &stored);
    if (r == 0)
        r = logical_size(fs, tree, &logical);
    if (r)
        return r;
    (void)pthread_mutex_lock(&fs->mutex);
    fs->usage_logical = logical;
    fs->usage_stored = stored;
    fs->usage_generation = generation;
    (void)pthread_mutex_unlock(&fs->mutex);
    return 0;
}

int bfs_op_statfs(struct bfs_fs *fs, const struct bfs_op *op, bool may_block, struct bfs_reply *ret)
{
    (void)op;
    (void)pthread_mutex_lock(&fs->mutex);
    bool known = fs->usage_generation == fs->generation;
    (void)pthread_mutex_unlock(&fs->mutex);
    if (!known && !may_block)
        return -EWOULDBLOCK;
    int r = known ? 0 : measure(fs);
    if (r)
        return bfs_store_errno(r);
    (void)pthread_mutex_lock(&fs->mutex);
    uint64_t logical = fs->usage_logical, stored = fs->usage_stored;
    (void)pthread_mutex_unlock(&fs->mutex);
    /* Blobs that no bundle needs, or metadata of tiny ones, may take more than the content. */
    if (logical < stored)
        logical = stored;
    ret->kind = BFS_REPLY_STATFS;
    ret->statfs = (struct statvfs){.f_bsize = BLOCK_SIZE,
                                   .f_frsize = BLOCK_SIZE,
                                   .f_blocks = logical / BLOCK_SIZE + (logical % BLOCK_SIZE != 0),
                                   .f_bfree = (logical - stored) / BLOCK_SIZE,
                                   .f_namemax = BFS_COMPONENT_MAX};
    return 0;
}
