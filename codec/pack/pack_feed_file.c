/* SPDX-License-Identifier: Apache-2.0
 * The bytes of one file, from wherever they come, into the pipeline. */
#include "codec/pack/pack_private.h"

#include "codec/container/container.h"
#include "codec/store/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Where a file's bytes come from, read from the first to the last. */
struct source {
    int (*read)(struct source *source, uint8_t *to, size_t size, struct bfs_error *error);
    uint64_t offset; /* of the next byte */
    int fd;
    const char *path;
    const uint8_t *bytes;
    const struct bfs_made *made;
};

static int read_disk(struct source *source, uint8_t *to, size_t size, struct bfs_error *error)
{
    int r = bfs_pread_exact(source->fd, to, size, source->offset);
    if (r)
        return bfs_fail(error, r == -ENODATA ? -ESTALE : r, "%s: %s", source->path,
                        r == -ENODATA ? "became shorter while it was being packed; pack again"
                                      : strerror(-r));
    return 0;
}

static int read_bytes(struct source *source, uint8_t *to, size_t size, struct bfs_error *error)
{
    (void)error;
    memcpy(to, source->bytes + source->offset, size);
    return 0;
}

static int read_made(struct source *source, uint8_t *to, size_t size, struct bfs_error *error)
{
    int r = source->made->ops->read(source->made->context, to, size, error);
    return r ? bfs_fail_context(error, r, "%.255s", source->path) : 0;
}

static int take_for_digest(void *context, const uint8_t *bytes, size_t size)
{
    return bfs_sha256_stream_update(context, bytes, size);
}

static int submit_chunk(struct bfs_pack *pack, uint32_t file, struct bfs_slot *slot,
                        const struct bfs_plan_chunk *chunk, struct bfs_error *error)
{
    slot->file = file;
    slot->is_end = false;
    slot->raw_size = chunk->size / bfs_transform_factor(chunk->transform);
    slot->layout = chunk->layout;
    slot->transform = chunk->transform;
    int r = bfs_transform_each(chunk->transform, slot->raw, slot->raw_size, take_for_digest,
                               pack->sha256);
    if (r)
        return bfs_fail(error, r, "cannot compute SHA-256");
    bfs_pipeline_submit(pack->pipeline);
    pack->done += chunk->size;
    return bfs_pack_progress(pack, error);
}

static int submit_end(struct bfs_pack *pack, uint32_t file, struct bfs_error *error)
{
    struct bfs_slot *slot;
    int r = bfs_pipeline_slot(pack->pipeline, &slot, error);
    if (r)
        return r;
    slot->file = file;
    slot->is_end = true;
    r = bfs_sha256_stream_finish(pack->sha256, &slot->file_digest);
    if (r)
        return bfs_fail(error, r, "cannot compute SHA-256");
    bfs_pipeline_submit(pack->pipeline);
    return 0;
}

static int feed_plan(struct bfs_pack *pack, uint32_t file, const struct bfs_plan *plan,
                     struct source *source, struct bfs_error *error)
{
    struct bfs_plan_cursor cursor = {.plan = plan};
    for (struct bfs_plan_chunk chunk; bfs_plan_next(&cursor, &chunk);) {
        uint32_t size = chunk.size / bfs_transform_factor(chunk.transform);
        struct bfs_slot *slot;
        int r = bfs_pipeline_slot(pack->pipeline, &slot, error);
        if (r)
            return r;
        r = source->read(source, slot->raw, size, error);
        if (r)
            return r;
        source->offset += size;
        r = submit_chunk(pack, file, slot, &chunk, error);
        if (r)
            return r;
    }
    return submit_end(pack, file, error);
}

/* Cuts the file where its tensors say. */
static int feed_source(struct bfs_pack *pack, uint32_t file, const struct bfs_tensor_map *map,
                       uint64_t size, struct source *source, struct bfs_error *error)
{
    bfs_autoplan struct bfs_plan plan = {0};
    int r = bfs_plan_make(map, size, pack->options->chunk_size, &plan);
    return r ? bfs_fail(error, r, "out of memory") : feed_plan(pack, file, &plan, source, error);
}

static bool is_unchanged(const struct bfs_scan_entry *entry, const struct stat *st)
{
    return S_ISREG(st->st_mode) && (uint64_t)st->st_size == entry->size &&
           st->st_mtim.tv_sec == entry->mtime.tv_sec &&
           st->st_mtim.tv_nsec == entry->mtime.tv_nsec &&
           st->st_ctim.tv_sec == entry->ctime.tv_sec && st->st_ctim.tv_nsec == entry->ctime.tv_nsec;
}

static int check_unchanged(const struct bfs_scan_entry *entry, const struct source *source,
                           struct bfs_error *error)
{
    struct stat st;
    if (fstat(source->fd, &st) == 0 && is_unchanged(entry, &st))
        return 0;
    return bfs_fail(error, -ESTALE, "%s: changed while it was being packed; pack again",
                    source->path);
}

/* A tensor file that does not parse is still packed, as bytes: whether to refuse it is not the
 * packer's business, but its author should know. */
static int read_map(struct bfs_pack *pack, uint32_t file, const struct source *source,
                    struct bfs_error *error)
{
    const struct bfs_scan_entry *entry = &pack->scan.entries[file];
    struct bfs_error why = {0};
    int r = bfs_container_read(source->fd, entry->size, bfs_scan_format_name(entry),
                               &pack->maps[file], &why);
    if (r == -ENOMEM || r == -ESTALE || r == -EIO) {
        if (error)
            *error = why;
        return bfs_fail_context(error, r, "%s", source->path);
    }
    if (r && pack->options->warn) {
        char text[BFS_ERROR_TEXT_SIZE], line[BFS_ERROR_TEXT_SIZE + 512];
        (void)snprintf(line, sizeof(line), "%.255s: packed as plain bytes: %s", entry->path,
                       bfs_error_text(&why, text));
        pack->options->warn(pack->options->context, line);
    }
    return 0;
}

static int feed_disk(struct bfs_pack *pack, uint32_t file, struct bfs_error *error)
{
    const struct bfs_scan_entry *entry = &pack->scan.entries[file];
    bfs_autofree char *path = bfs_join(pack->options->directory, entry->path);
    if (!path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
                                          (pack->options->dereference ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    struct source source = {.read = read_disk, .fd = fd, .path = path};
    int r;
    if ((r = check_unchanged(entry, &source, error)) || (r = read_map(pack, file, &source, error)))
        return r;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    r = feed_source(pack, file, &pack->maps[file], entry->size, &source, error);
    return r ? r : check_unchanged(entry, &source, error);
}

static int feed_made(struct bfs_pack *pack, uint32_t file, struct bfs_error *error)
{
    const struct bfs_scan_entry *entry = &pack->scan.entries[file];
    const struct bfs_made *made = entry->made;
    struct source source = {.read = read_made, .path = entry->path, .made = made};
    int r = made->ops->begin ? made->ops->begin(made->context, error) : 0;
    if (r)
        return bfs_fail_context(error, r, "%.255s", entry->path);
    if (made->plan.n_runs)
        r = feed_plan(pack, file, &made->plan, &source, error);
    else
        r = feed_source(pack, file, &made->map, made->size, &source, error);
    if (made->ops->end)
        made->ops->end(made->context);
    return r;
}

static int feed_bytes(struct bfs_pack *pack, uint32_t file, const struct bfs_buffer *bytes,
                      struct bfs_error *error)
{
    static const struct bfs_tensor_map none;
    struct source source = {.read = read_bytes, .bytes = bytes->bytes};
    return feed_source(pack, file, &none, bytes->size, &source, error);
}

int bfs_pack_feed_file(struct bfs_pack *pack, uint32_t file, struct bfs_error *error)
{
    const struct bfs_scan_entry *entry = &pack->scan.entries[file];
    switch (entry->source) {
    case BFS_ENTRY_BYTES:
        return feed_bytes(pack, file, &entry->bytes, error);
    case BFS_ENTRY_MADE:
        return feed_made(pack, file, error);
    case BFS_ENTRY_DISK:
    case BFS_ENTRY_SAME:
        break;
    }
    return feed_disk(pack, file, error);
}

int bfs_pack_feed_contract(struct bfs_pack *pack, struct bfs_error *error)
{
    return feed_bytes(pack, pack->scan.n_entries, &pack->contract, error);
}
