/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/same.h"

#include "codec/store/files.h"

#include <fcntl.h>
#include <string.h>

enum { STEP_SIZE = 1 << 20 };

static bool is_same_entry(const struct bfs_pack *pack, const struct bfs_index *index,
                          const struct bfs_scan_entry *entry, struct bfs_inode *ret)
{
    uint32_t number;
    if (bfs_index_resolve(index, entry->path, &number))
        return false;
    struct bfs_inode inode = bfs_index_inode(index, number);
    struct timespec mtime = bfs_pack_time(pack, entry->mtime);
    *ret = inode;
    if ((inode.mode & S_IFMT) != (entry->mode & S_IFMT) || inode.mtime_sec != mtime.tv_sec ||
        inode.mtime_nsec != mtime.tv_nsec || (inode.flags & BFS_INODE_GENERATED))
        return false;
    if (S_ISLNK(inode.mode))
        return strlen(entry->target) == inode.size &&
               memcmp(bfs_index_target(index, &inode), entry->target, inode.size) == 0;
    return inode.mode == entry->mode && (!S_ISREG(inode.mode) || inode.size == entry->size);
}

static bool is_same_tree(const struct bfs_pack *pack, const struct bfs_index *index)
{
    uint32_t n_generated = 0;
    for (uint32_t i = 0; i < bfs_index_n_inodes(index); i++)
        n_generated += (bfs_index_inode(index, i).flags & BFS_INODE_GENERATED) != 0;
    if (bfs_index_n_inodes(index) - n_generated != pack->scan.n_entries)
        return false;
    for (uint32_t i = 0; i < pack->scan.n_entries; i++) {
        struct bfs_inode inode;
        if (!is_same_entry(pack, index, &pack->scan.entries[i], &inode))
            return false;
    }
    return true;
}

static int digest_file(struct bfs_pack *pack, const struct bfs_scan_entry *entry,
                       struct bfs_digest *ret, struct bfs_error *error)
{
    bfs_autofree char *path = bfs_join(pack->options->directory, entry->path);
    bfs_autofree uint8_t *bytes = malloc(STEP_SIZE);
    if (!path || !bytes)
        return bfs_fail(error, -ENOMEM, "out of memory");
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    for (uint64_t offset = 0; offset < entry->size;) {
        size_t step = entry->size - offset < STEP_SIZE ? (size_t)(entry->size - offset) : STEP_SIZE;
        int r = bfs_pread_exact(fd, bytes, step, offset);
        if (r == 0)
            r = bfs_sha256_stream_update(pack->sha256, bytes, step);
        if (r)
            return bfs_fail(error, r == -ENODATA ? -ESTALE : r, "%s: %s", path,
                            r == -ENODATA ? "became shorter while it was being read"
                                          : strerror(-r));
        offset += step;
        pack->done += step;
        r = bfs_pack_progress(pack, error);
        if (r)
            return r;
    }
    int r = bfs_sha256_stream_finish(pack->sha256, ret);
    return r ? bfs_fail(error, r, "cannot compute SHA-256") : 0;
}

int bfs_pack_is_same(struct bfs_pack *pack, const struct bfs_bundle *bundle, bool *ret,
                     struct bfs_error *error)
{
    const struct bfs_index *index = bfs_bundle_index(bundle);
    bool same = is_same_tree(pack, index);
    for (uint32_t i = 0; same && i < pack->scan.n_entries; i++) {
        struct bfs_inode inode;
        struct bfs_digest digest;
        if (!S_ISREG(pack->scan.entries[i].mode))
            continue;
        int r = digest_file(pack, &pack->scan.entries[i], &digest, error);
        if (r)
            return r;
        same = is_same_entry(pack, index, &pack->scan.entries[i], &inode) &&
               bfs_digest_equal(&inode.digest, &digest);
    }
    pack->done = 0;
    *ret = same;
    return 0;
}
