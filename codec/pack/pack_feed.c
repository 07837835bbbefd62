/* SPDX-License-Identifier: Apache-2.0
 * The order in which files are packed, and the encoding of what was read of them. */
#include "codec/pack/pack_private.h"

#include "codec/container/container.h"
#include "codec/pack/describe.h"
#include "codec/pack/slot_known.h"

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
        .total = pack->scan.work_size + pack->contract.size,
        .stored = pack->writer ? bfs_layout_writer_written(pack->writer) : 0,
        .section = pack->section};
    if (pack->options->progress(pack->options->context, &progress))
        return bfs_fail(error, -EINTR, "interrupted; nothing was published");
    return 0;
}

/* Once all tensor maps of the model are known. A model's own contract.json is a file like any
 * other. */
static int make_contract(struct bfs_pack *pack, struct bfs_error *error)
{
    int r =
        bfs_describe_config(&pack->scan, pack->maps, pack->options->directory, &pack->config);
    for (uint32_t i = 1; r == 0 && i < pack->scan.n_entries; i++)
        if (strcmp(pack->scan.entries[i].path, "contract.json") == 0)
            return 0;
    if (r == 0)
        r = bfs_describe_contract(&pack->scan, pack->maps, &pack->config, &pack->contract);
    return r ? bfs_fail(error, r, "contract.json: out of memory") : 0;
}

/* Large files before small ones: the table of a large file can then name every blob before it by
 * its digest, and only the shared blob of the small ones is still open. */
static int feed_section(struct bfs_pack *pack, uint32_t section, struct bfs_error *error)
{
    for (int large = 1; large >= 0; large--) {
        for (uint32_t i = 0; i < pack->scan.n_entries; i++) {
            const struct bfs_scan_entry *entry = &pack->scan.entries[i];
            if (!S_ISREG(entry->mode) || entry->source == BFS_ENTRY_SAME ||
                entry->section != section || bfs_pack_is_large(pack, i) != large)
                continue;
            int r = bfs_pack_feed_file(pack, i, error);
            if (r)
                return r;
        }
    }
    return 0;
}

/* Their id is what "views/ID", the first of the section, is called. */
static const char *section_name(const struct bfs_scan *scan, uint32_t section)
{
    uint32_t i = 0;
    while (scan->entries[i].section != section)
        i++;
    return scan->entries[i].name;
}

/* Every view is described, and nothing else is. */
static int describe_views(struct bfs_pack *pack, struct bfs_error *error)
{
    const struct bfs_pack_extension *extension = pack->options->extension;
    const struct bfs_bundle_config *config = &pack->config;
    bfs_describe_counts(&pack->scan, pack->maps, &pack->config);
    if (pack->scan.n_sections == 1)
        return 0;
    int r = extension->describe(extension->context, &pack->config, error);
    if (r)
        return r;
    for (uint32_t i = 1; i < pack->scan.n_sections; i++)
        if (!bfs_bundle_config_view(config, section_name(&pack->scan, i)))
            return bfs_fail(error, -EINVAL, "views/%s is not described",
                            section_name(&pack->scan, i));
    if (config->n_views + 1 != pack->scan.n_sections)
        return bfs_fail(error, -EINVAL, "a view without a directory is described");
    return 0;
}

int bfs_pack_feed(struct bfs_pack *pack, struct bfs_error *error)
{
    int r;
    if ((r = feed_section(pack, 0, error)) || (r = make_contract(pack, error)) ||
        (pack->contract.size && (r = bfs_pack_feed_contract(pack, error))))
        return r;
    for (uint32_t section = 1; section < pack->scan.n_sections; section++) {
        pack->section = section_name(&pack->scan, section);
        pack->last_progress_ms = 0; /* who watches learns of the view at once */
        r = feed_section(pack, section, error);
        if (r)
            return r;
    }
    r = bfs_pipeline_finish(pack->pipeline, error);
    return r ? r : describe_views(pack, error);
}

static int find_known(struct bfs_pack *pack, const struct bfs_pipeline_tools *tools,
                      struct bfs_slot *slot, struct bfs_error *error)
{
    bool found = false;
    slot->is_known = false;
    int r = bfs_slot_find(slot, pack->known, &slot->known, &found);
    if (r == 0 && found)
        r = bfs_slot_confirm(slot, tools, pack->known, &slot->known, &slot->is_known);
    return r ? bfs_dedup_fail(pack->known, r, error) : 0;
}

static int encode(void *context, const struct bfs_pipeline_tools *tools, struct bfs_slot *slot,
                  struct bfs_error *error)
{
    struct bfs_pack *pack = context;
    slot->check = bfs_xxh128(slot->raw, slot->raw_size);
    slot->file_check = slot->check;
    if (slot->transform != BFS_TRANSFORM_NONE &&
        bfs_transform_check(slot->transform, slot->raw, slot->raw_size, &slot->file_check))
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = find_known(pack, tools, slot, error);
    if (r || slot->is_known)
        return r;
    enum bfs_layout layout = slot->layout;
    if (layout == BFS_LAYOUT_OPAQUE)
        layout = bfs_layout_probe(slot->raw, slot->raw_size);
    r = bfs_encoder_encode(tools->encoder, slot->raw, slot->raw_size, layout, &slot->stored,
                           &slot->stored_size, &slot->encoding);
    if (r)
        return bfs_fail(error, r, "cannot encode a chunk: %s", strerror(-r));
    if (slot->stored != slot->raw) {
        /* The encoder goes on to the next; what is not raw is smaller, so it fits. */
        memcpy(slot->memory, slot->stored, slot->stored_size);
        slot->stored = slot->memory;
    }
    return 0;
}

static int digest(void *context, struct bfs_slot *slots[], size_t n, struct bfs_error *error)
{
    struct bfs_bytes inputs[BFS_PIPELINE_TOGETHER] = {{0}};
    struct bfs_digest digests[BFS_PIPELINE_TOGETHER];
    size_t n_new = 0;
    (void)context;
    for (size_t i = 0; i < n; i++)
        if (!slots[i]->is_known)
            inputs[n_new++] = (struct bfs_bytes){slots[i]->stored, slots[i]->stored_size};
    int r = bfs_sha256_many(inputs, n_new, digests);
    if (r)
        return bfs_fail(error, r, "cannot compute SHA-256");
    n_new = 0;
    for (size_t i = 0; i < n; i++)
        if (!slots[i]->is_known)
            slots[i]->digest = digests[n_new++];
    return 0;
}

/* The small files of a view get a blob of their own. */
static int enter_section(struct bfs_pack *pack, uint32_t file, struct bfs_error *error)
{
    uint32_t section = bfs_pack_section(pack, file);
    if (section == pack->current_section)
        return 0;
    pack->current_section = section;
    return bfs_layout_writer_section(pack->writer, error);
}

static int write_slot(void *context, const struct bfs_pipeline_tools *tools, struct bfs_slot *slot,
                      struct bfs_error *error)
{
    struct bfs_pack *pack = context;
    if (pack->current != slot->file) {
        int r = enter_section(pack, slot->file, error);
        if (r)
            return r;
        bfs_layout_writer_begin(pack->writer, bfs_pack_is_large(pack, slot->file));
        pack->current = slot->file;
    }
    if (!slot->is_end)
        return bfs_layout_writer_chunk(pack->writer, tools, slot, error);
    return bfs_layout_writer_end(pack->writer, &slot->file_digest, &pack->laid[slot->file], error);
}

const struct bfs_pipeline_ops bfs_pack_pipeline_ops = {
    .encode = encode, .digest = digest, .write = write_slot};
