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
        inode.mtime_nsec != mtime.tv_nsec ||
        entry->generated != ((inode.flags & BFS_INODE_GENERATED) != 0))
        return false;
    if (S_ISLNK(inode.mode))
        return strlen(entry->target) == inode.size &&
               memcmp(bfs_index_target(index, &inode), entry->target, inode.size) == 0;
    return inode.mode == entry->mode && (!S_ISREG(inode.mode) || inode.size == entry->size);
}

/* What makes views is part of the program, so the packer's version is theirs. */
static bool is_same_maker(const struct bfs_pack *pack, const struct bfs_bundle_config *config)
{
    bool made = false;
    for (uint32_t i = 0; i < pack->scan.n_entries; i++)
        made |= pack->scan.entries[i].generated;
    return !made || strcmp(config->packer_version, BFS_VERSION) == 0;
}

static bool is_same_tree(const struct bfs_pack *pack, const struct bfs_bundle *bundle)
{
    const struct bfs_index *index = bfs_bundle_index(bundle);
    uint32_t contract, n_entries = bfs_index_n_inodes(index);
    if (bfs_index_resolve(index, "contract.json", &contract) == 0 &&
        (bfs_index_inode(index, contract).flags & BFS_INODE_GENERATED))
        n_entries--; /* it is none of the scan's */
    if (n_entries != pack->scan.n_entries || !is_same_maker(pack, bfs_bundle_config(bundle)))
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

static int compare_entry(struct bfs_pack *pack, const struct bfs_index *index, uint32_t number,
                         bool *ret, struct bfs_error *error)
{
    const struct bfs_scan_entry *entry = &pack->scan.entries[number];
    struct bfs_inode inode, source;
    struct bfs_digest digest;
    int r;
    *ret = is_same_entry(pack, index, entry, &inode);
    if (!*ret || !S_ISREG(entry->mode))
        return 0;
    switch (entry->source) {
    case BFS_ENTRY_MADE:
        return 0;
    case BFS_ENTRY_SAME: /* the source is compared on its own */
        *ret = is_same_entry(pack, index, &pack->scan.entries[entry->same_as], &source) &&
               bfs_digest_equal(&inode.digest, &source.digest);
        return 0;
    case BFS_ENTRY_BYTES:
        r = bfs_sha256(entry->bytes.bytes, entry->bytes.size, &digest);
        if (r)
            return bfs_fail(error, r, "cannot compute SHA-256");
        break;
    case BFS_ENTRY_DISK:
        r = digest_file(pack, entry, &digest, error);
        if (r)
            return r;
        break;
    }
    *ret = bfs_digest_equal(&inode.digest, &digest);
    return 0;
}

/* When one is asked for, else any will do, as with the size of chunks. */
static int compare_trace(const struct bfs_pack *pack, const struct bfs_bundle *bundle, bool *ret,
                         struct bfs_error *error)
{
    const struct bfs_bundle_config *config = bfs_bundle_config(bundle);
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_order_report report;
    struct bfs_digest digest;
    if (!pack->options->trace)
        return 0;
    int r = bfs_pack_write_trace(pack, bfs_bundle_index(bundle), &report, &text, error);
    if (r)
        return r;
    r = bfs_sha256(text.bytes, text.size, &digest);
    if (r)
        return bfs_fail(error, r, "cannot compute SHA-256");
    *ret = config->has_trace && bfs_digest_equal(&digest, &config->trace_digest);
    return 0;
}

int bfs_pack_is_same(struct bfs_pack *pack, const struct bfs_bundle *bundle, bool *ret,
                     struct bfs_error *error)
{
    bool same = is_same_tree(pack, bundle);
    for (uint32_t i = 0; same && i < pack->scan.n_entries; i++) {
        int r = compare_entry(pack, bfs_bundle_index(bundle), i, &same, error);
        if (r)
            return r;
    }
    pack->done = 0;
    int r = same ? compare_trace(pack, bundle, &same, error) : 0;
    if (r)
        return r;
    *ret = same;
    return 0;
}
