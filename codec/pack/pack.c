/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/pack.h"

#include "codec/pack/heal.h"
#include "codec/pack/pack_private.h"
#include "codec/pack/place.h"
#include "codec/pack/same.h"

#include <stdio.h>
#include <string.h>

static void pack_done(struct bfs_pack *pack)
{
    /* The pipeline first: its threads use all the rest. */
    (void)bfs_pipeline_free(pack->pipeline);
    (void)bfs_layout_writer_free(pack->writer);
    (void)bfs_dedup_free(pack->known);
    (void)bfs_sha256_stream_free(pack->sha256);
    for (uint32_t i = 0; pack->maps && i <= pack->scan.n_entries; i++)
        bfs_tensor_map_done(&pack->maps[i]);
    free(pack->maps);
    free(pack->laid);
    free(pack->damaged);
    bfs_buffer_done(&pack->contract);
    bfs_bundle_config_done(&pack->config);
    bfs_scan_done(&pack->scan);
}

struct timespec bfs_pack_time(const struct bfs_pack *pack, struct timespec time)
{
    int64_t epoch = pack->options->source_date_epoch;
    if (epoch >= 0 && time.tv_sec >= epoch)
        return (struct timespec){.tv_sec = epoch};
    return time;
}

int64_t bfs_pack_created(const struct bfs_pack *pack)
{
    return pack->options->source_date_epoch >= 0 ? pack->options->source_date_epoch
                                                 : pack->scan.newest;
}

static void warn_damaged(const struct bfs_pack *pack, const struct bfs_catalog_entry *entry,
                         int code)
{
    char name[BFS_REFERENCE_MAX + 1], line[BFS_REFERENCE_MAX + 128];
    if (!pack->options->warn)
        return;
    (void)snprintf(line, sizeof(line), "%s: not used for deduplication: %s",
                   bfs_reference_text(&entry->reference, name), bfs_error_word(code));
    pack->options->warn(pack->options->context, line);
}

static int learn_bundle(struct bfs_pack *pack, const struct bfs_catalog_entry *entry, uint32_t most,
                        struct bfs_error *error)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    bool damaged = true;
    int r = bfs_bundle_open(pack->store, &entry->manifest, entry->manifest_size, &bundle, NULL);
    if (r == 0 && bfs_heal_is_damaged(pack, bundle))
        return 0;
    if (r == 0)
        r = bfs_dedup_add_bundle(pack->known, bundle, most, &damaged);
    if (r == -ENOMEM || (r && !damaged))
        return bfs_dedup_fail(pack->known, r, error);
    if (r)
        warn_damaged(pack, entry, r);
    return 0;
}

/* Two rounds: first the versions of the same model, however much they hold, for that is where a
 * new version finds its chunks; then the others, so many that a small model does not read the
 * tables of a large store for minutes. Newer versions sort later, and what is added first wins:
 * hence backwards. */
static int learn_store(struct bfs_pack *pack, const struct bfs_catalog *catalog,
                       struct bfs_error *error)
{
    for (int same = 1; same >= 0; same--) {
        uint32_t most = same ? BFS_PACK_KNOWN_SAME_MAX : BFS_PACK_KNOWN_OTHERS_MAX;
        for (size_t i = catalog->n_entries; i-- > 0;) {
            const struct bfs_catalog_entry *entry = &catalog->entries[i];
            if ((strcmp(entry->reference.name, pack->options->reference.name) == 0) != same)
                continue;
            if (bfs_dedup_n_chunks(pack->known) >= most)
                break;
            int r = learn_bundle(pack, entry, most, error);
            if (r)
                return r;
        }
    }
    return 0;
}

/* The version is there already: with this content, or is it refused? *ret_taken is set when it is
 * this content. */
static int check_taken(struct bfs_pack *pack, const struct bfs_catalog *catalog,
                       struct bfs_bundle **ret_taken, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    const struct bfs_catalog_entry *taken = bfs_catalog_find(catalog, &pack->options->reference);
    bool is_same = false;
    if (!taken ||
        bfs_bundle_open(pack->store, &taken->manifest, taken->manifest_size, &bundle, NULL))
        return 0; /* packing a damaged bundle again may heal it */
    int r = bfs_pack_is_same(pack, bundle, &is_same, error);
    if (r)
        return r;
    if (!is_same)
        return bfs_catalog_check_new(catalog, &pack->options->reference, NULL, error);
    r = bfs_heal_survey(pack, bundle, error);
    if (r == 0)
        *ret_taken = bfs_steal(&bundle);
    return r;
}

static struct bfs_pack_report report_taken(const struct bfs_pack *pack,
                                           const struct bfs_bundle *bundle)
{
    const struct bfs_bundle_config *config = bfs_bundle_config(bundle);
    struct bfs_pack_report report = {.bundle = *bfs_bundle_id(bundle),
                                     .n_files = config->n_files,
                                     .n_tensors = config->n_tensors,
                                     .content_size = config->content_size,
                                     .known_size = config->content_size,
                                     .stored_size = bfs_bundle_stored_size(bundle)};
    if (pack->n_damaged) {
        report.new_size = bfs_layout_writer_new_size(pack->writer);
        report.known_size = bfs_layout_writer_known_size(pack->writer);
    }
    return report;
}

/* It may have been hidden so far. */
static int name_taken(const struct bfs_pack *pack, const struct bfs_bundle *bundle,
                      struct bfs_error *error)
{
    const struct bfs_descriptor manifest = {.media_type = BFS_MEDIA_OCI_MANIFEST,
                                            .digest = *bfs_bundle_id(bundle),
                                            .size = bfs_bundle_manifest_size(bundle)};
    return bfs_pack_name(pack, &manifest, error);
}

static uint32_t raw_capacity(const struct bfs_pack_options *options)
{
    return options->chunk_size + options->chunk_size / 4;
}

/* The damaged blobs come out as they were only when they are cut as they were. */
static void pack_as_before(struct bfs_pack *pack, const struct bfs_bundle *taken)
{
    uint64_t size = bfs_bundle_config(taken)->chunk_size;
    if (size < BFS_CHUNK_SIZE_MIN || size > BFS_CHUNK_SIZE_MAX || (size & (size - 1)) != 0)
        return;
    pack->as_packed = *pack->options;
    pack->as_packed.chunk_size = (uint32_t)size;
    pack->options = &pack->as_packed;
}

static int check_made(const struct bfs_pack_options *options, const struct bfs_scan *scan,
                      struct bfs_error *error)
{
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < scan->n_entries; i++)
        if (scan->entries[i].source == BFS_ENTRY_MADE)
            r = bfs_made_check(scan->entries[i].made, raw_capacity(options), scan->entries[i].path,
                               error);
    return r;
}

/* The directory, and what the extension adds to it. */
static int take_stock(const struct bfs_pack_options *options, struct bfs_scan *ret,
                      struct bfs_error *error)
{
    bfs_autoscan struct bfs_scan scan = {0};
    const struct bfs_pack_extension *extension = options->extension;
    int r;
    if ((r = bfs_scan_directory(options->directory, options->dereference, &scan, error)) ||
        (extension && (r = extension->extend(extension->context, &scan, error))) ||
        (r = bfs_scan_finish(&scan, error)) || (r = check_made(options, &scan, error)) ||
        (r = bfs_pack_check_trace(options, &scan, error)))
        return r;
    if (!extension && scan.n_sections > 1)
        return bfs_fail(error, -EINVAL, "%s/views: views cannot be packed here; move them away",
                        options->directory);
    *ret = scan;
    scan = (struct bfs_scan){0}; /* transferred */
    return 0;
}

/* *ret_taken is set when the store has it, with pack->damaged. */
static int prepare(struct bfs_pack *pack, struct bfs_bundle **ret_taken, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    const struct bfs_pack_options *options = pack->options;
    int r;
    if ((r = bfs_catalog_load(pack->store, &catalog, error)) ||
        (r = bfs_place_check(pack->store, catalog, &options->reference, options->directory,
                             error)) ||
        (r = take_stock(options, &pack->scan, error)))
        return r;
    if (bfs_sha256_stream_new(&pack->sha256))
        return bfs_fail(error, -ENOMEM, "out of memory");
    r = check_taken(pack, catalog, ret_taken, error);
    if (r || (*ret_taken && !pack->n_damaged))
        return r;
    if (*ret_taken)
        pack_as_before(pack, *ret_taken);
    uint32_t made = raw_capacity(options), own = raw_capacity(pack->options);
    pack->maps = calloc(pack->scan.n_entries + (size_t)1, sizeof(*pack->maps));
    pack->laid = calloc(pack->scan.n_entries + (size_t)1, sizeof(*pack->laid));
    if (!pack->maps || !pack->laid || bfs_dedup_new(pack->store, &pack->known) ||
        bfs_layout_writer_new(pack->store, pack->known, &pack->writer))
        return bfs_fail(error, -ENOMEM, "out of memory");
    if (!options->no_dedup && (r = learn_store(pack, catalog, error)))
        return r;
    r = bfs_pipeline_new(&bfs_pack_pipeline_ops, pack, options->n_jobs, made > own ? made : own,
                         &pack->pipeline);
    return r ? bfs_fail(error, r, "cannot start %u threads: %s", options->n_jobs, strerror(-r)) : 0;
}

int bfs_pack_check(const char *store_path, const struct bfs_pack_options *options,
                   struct bfs_error *error)
{
    bfs_autoscan struct bfs_scan scan = {0};
    int r = store_path
                ? bfs_place_check_path(store_path, &options->reference, options->directory, error)
                : 0;
    if (r == 0)
        r = take_stock(options, &scan, error);
    if (r == 0 && options->review)
        r = options->review(options->context, &scan, error);
    return r;
}

int bfs_pack(const struct bfs_store *store, const struct bfs_pack_options *options,
             struct bfs_pack_report *ret, struct bfs_error *error)
{
    /* A gc takes seconds; hours of packing may wait a minute for it. */
    enum { GC_WAIT_MS = 60000 };
    bfs_autoclose int content = -1;
    int r = bfs_store_lock(store, BFS_STORE_LOCK_CONTENT, false, GC_WAIT_MS, &content, error);
    if (r)
        return r;
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *taken = NULL;
    BFS_CLEANUP(pack_done)
    struct bfs_pack pack = {.store = store, .options = options, .current = UINT32_MAX};
    struct bfs_pack_report report = {0};
    r = prepare(&pack, &taken, error);
    if (r)
        return r;
    if ((!taken || pack.n_damaged) &&
        ((r = bfs_pack_feed(&pack, error)) || (r = bfs_layout_writer_finish(pack.writer, error)) ||
         (taken && (r = bfs_heal_finish(&pack, taken, error)))))
        return r;
    pack.pipeline = bfs_pipeline_free(pack.pipeline); /* its memory is the index's now */
    r = taken ? name_taken(&pack, taken, error) : bfs_pack_publish(&pack, &report, error);
    if (r)
        return r;
    *ret = taken ? report_taken(&pack, taken) : report;
    return 0;
}
