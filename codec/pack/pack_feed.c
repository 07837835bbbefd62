/* SPDX-License-Identifier: Apache-2.0
 * The reading end of a pack, and the encoding of what it read. */
#include "codec/pack/pack_private.h"

#include "codec/container/container.h"
#include "codec/pack/describe.h"
#include "codec/store/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PROGRESS_STEP_MS = 250 };

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int bfs_pack_progress(struct bfs_pack *pack, struct bfs_error *error)
{
    uint64_t now = now_ms();
    if (!pack->options->progress || now - pack->last_progress_ms < PROGRESS_STEP_MS)
        return 0;
    pack->last_progress_ms = now;
    const struct bfs_pack_progress progress = {
        .done = pack->done,
        .total = pack->scan.total_size,
        .stored = pack->writer ? bfs_layout_writer_written(pack->writer) : 0};
    if (pack->options->progress(pack->options->context, &progress))
        return bfs_fail(error, -EINTR, "interrupted; nothing was published");
    return 0;
}

static int submit_chunk(struct bfs_pack *pack, uint32_t file, struct bfs_slot *slot,
                        const struct bfs_plan_chunk *chunk, struct bfs_error *error)
{
    slot->file = file;
    slot->is_end = false;
    slot->raw_size = chunk->size;
    slot->layout = chunk->layout;
    int r = bfs_sha256_stream_update(pack->sha256, slot->raw, chunk->size);
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

static bool is_unchanged(const struct bfs_scan_entry *entry, const struct stat *st)
{
    return S_ISREG(st->st_mode) && (uint64_t)st->st_size == entry->size &&
           st->st_mtim.tv_sec == entry->mtime.tv_sec &&
           st->st_mtim.tv_nsec == entry->mtime.tv_nsec &&
           st->st_ctim.tv_sec == entry->ctime.tv_sec && st->st_ctim.tv_nsec == entry->ctime.tv_nsec;
}

static int check_unchanged(const struct bfs_pack *pack, const struct bfs_scan_entry *entry, int fd,
                           struct bfs_error *error)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && is_unchanged(entry, &st))
        return 0;
    return bfs_fail(error, -ESTALE, "%s/%.200s: changed while it was being packed; pack again",
                    pack->options->directory, entry->path);
}

/* A tensor file that does not parse is still packed, as bytes: whether to refuse it is not the
 * packer's business, but its author should know. */
static int read_map(struct bfs_pack *pack, uint32_t file, int fd, struct bfs_error *error)
{
    const struct bfs_scan_entry *entry = &pack->scan.entries[file];
    struct bfs_error why = {0};
    int r = bfs_container_read(fd, entry->size, entry->name, &pack->maps[file], &why);
    if (r == -ENOMEM || r == -ESTALE || r == -EIO) {
        if (error)
            *error = why;
        return bfs_fail_context(error, r, "%s/%.200s", pack->options->directory, entry->path);
    }
    if (r && pack->options->warn) {
        char text[BFS_ERROR_TEXT_SIZE], line[BFS_ERROR_TEXT_SIZE + 512];
        (void)snprintf(line, sizeof(line), "%.255s: packed as plain bytes: %s", entry->path,
                       bfs_error_text(&why, text));
        pack->options->warn(pack->options->context, line);
    }
    return 0;
}

static int feed_chunks(struct bfs_pack *pack, uint32_t file, int fd, const struct bfs_plan *plan,
                       struct bfs_error *error)
{
    const struct bfs_scan_entry *entry = &pack->scan.entries[file];
    uint64_t offset = 0;
    for (size_t i = 0; i < plan->n_chunks; i++) {
        struct bfs_slot *slot;
        int r = bfs_pipeline_slot(pack->pipeline, &slot, error);
        if (r)
            return r;
        r = bfs_pread_exact(fd, slot->raw, plan->chunks[i].size, offset);
        if (r)
            return bfs_fail(error, r == -ENODATA ? -ESTALE : r, "%s/%.200s: %s",
                            pack->options->directory, entry->path,
                            r == -ENODATA ? "became shorter while it was being packed; pack again"
                                          : strerror(-r));
        offset += plan->chunks[i].size;
        r = submit_chunk(pack, file, slot, &plan->chunks[i], error);
        if (r)
            return r;
    }
    return 0;
}

static int feed_file(struct bfs_pack *pack, uint32_t file, struct bfs_error *error)
{
    const struct bfs_scan_entry *entry = &pack->scan.entries[file];
    bfs_autofree char *path = bfs_join(pack->options->directory, entry->path);
    bfs_autoplan struct bfs_plan plan = {0};
    if (!path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
                                          (pack->options->dereference ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    int r;
    if ((r = check_unchanged(pack, entry, fd, error)) || (r = read_map(pack, file, fd, error)))
        return r;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    r = bfs_plan_make(&pack->maps[file], entry->size, pack->options->chunk_size, &plan);
    if (r)
        return bfs_fail(error, r, "out of memory");
    if ((r = feed_chunks(pack, file, fd, &plan, error)) ||
        (r = check_unchanged(pack, entry, fd, error)))
        return r;
    return submit_end(pack, file, error);
}

static int feed_contract(struct bfs_pack *pack, struct bfs_error *error)
{
    const struct bfs_tensor_map none = {0};
    bfs_autoplan struct bfs_plan plan = {0};
    uint32_t file = pack->scan.n_entries;
    size_t offset = 0;
    int r = bfs_plan_make(&none, pack->contract.size, pack->options->chunk_size, &plan);
    if (r)
        return bfs_fail(error, r, "out of memory");
    for (size_t i = 0; i < plan.n_chunks; i++) {
        struct bfs_slot *slot;
        r = bfs_pipeline_slot(pack->pipeline, &slot, error);
        if (r)
            return r;
        memcpy(slot->raw, pack->contract.bytes + offset, plan.chunks[i].size);
        offset += plan.chunks[i].size;
        r = submit_chunk(pack, file, slot, &plan.chunks[i], error);
        if (r)
            return r;
    }
    return submit_end(pack, file, error);
}

/* Once all tensor maps are known. A model's own contract.json is a file like any other. */
static int make_contract(struct bfs_pack *pack, struct bfs_error *error)
{
    bfs_describe_config(&pack->scan, pack->maps, pack->options->directory, &pack->config);
    for (uint32_t i = 1; i < pack->scan.n_entries; i++)
        if (strcmp(pack->scan.entries[i].path, "contract.json") == 0)
            return 0;
    int r = bfs_describe_contract(&pack->scan, pack->maps, &pack->config, &pack->contract);
    return r ? bfs_fail(error, r, "contract.json: out of memory") : 0;
}

int bfs_pack_feed(struct bfs_pack *pack, struct bfs_error *error)
{
    for (int large = 1; large >= 0; large--) {
        for (uint32_t i = 0; i < pack->scan.n_entries; i++) {
            if (!S_ISREG(pack->scan.entries[i].mode) || bfs_pack_is_large(pack, i) != large)
                continue;
            int r = feed_file(pack, i, error);
            if (r)
                return r;
        }
    }
    int r = make_contract(pack, error);
    if (r == 0 && pack->contract.size)
        r = feed_contract(pack, error);
    return r ? r : bfs_pipeline_finish(pack->pipeline, error);
}

static int encode(void *context, struct bfs_slot *slot, struct bfs_error *error)
{
    struct bfs_pack *pack = context;
    slot->check = bfs_xxh128(slot->raw, slot->raw_size);
    slot->known = bfs_dedup_find(pack->known, &slot->check, slot->raw_size);
    if (slot->known != BFS_DEDUP_NONE &&
        bfs_dedup_confirm(pack->known, slot->known, slot->raw, slot->reader, slot->scratch))
        return 0;
    slot->known = BFS_DEDUP_NONE;
    enum bfs_layout layout = slot->layout;
    if (layout == BFS_LAYOUT_OPAQUE)
        layout = bfs_layout_probe(slot->raw, slot->raw_size);
    int r = bfs_encoder_encode(slot->encoder, slot->raw, slot->raw_size, layout, &slot->stored,
                               &slot->stored_size, &slot->encoding);
    if (r == 0)
        r = bfs_sha256(slot->stored, slot->stored_size, &slot->digest);
    return r ? bfs_fail(error, r, "cannot encode a chunk: %s", strerror(-r)) : 0;
}

static int write_slot(void *context, struct bfs_slot *slot, struct bfs_error *error)
{
    struct bfs_pack *pack = context;
    if (pack->current != slot->file) {
        bfs_layout_writer_begin(pack->writer, bfs_pack_is_large(pack, slot->file));
        pack->current = slot->file;
    }
    if (!slot->is_end)
        return bfs_layout_writer_chunk(pack->writer, slot, error);
    return bfs_layout_writer_end(pack->writer, &slot->file_digest, &pack->laid[slot->file], error);
}

const struct bfs_pipeline_ops bfs_pack_pipeline_ops = {.encode = encode, .write = write_slot};
