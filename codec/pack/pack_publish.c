/* SPDX-License-Identifier: Apache-2.0
 * The last step of a pack: index, manifest.json, OCI manifest, and then the name. */
#include "codec/pack/pack_private.h"

#include "codec/index/index_builder.h"
#include "codec/store/catalog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct bfs_inode inode_of(const struct bfs_pack *pack, uint32_t i)
{
    const struct bfs_scan_entry *entry = &pack->scan.entries[i];
    const struct bfs_laid_file *laid =
        &pack->laid[entry->source == BFS_ENTRY_SAME ? entry->same_as : i];
    struct timespec mtime = bfs_pack_time(pack, entry->mtime);
    struct bfs_inode inode = {.mode = entry->mode,
                              .flags = entry->generated ? BFS_INODE_GENERATED : 0,
                              .mtime_sec = mtime.tv_sec,
                              .mtime_nsec = (uint32_t)mtime.tv_nsec};
    if (S_ISLNK(entry->mode))
        inode.mode = S_IFLNK | 0777; /* the file system's idea of it; no tool can change it */
    if (!S_ISREG(entry->mode))
        return inode;
    inode.size = laid->size;
    inode.digest = laid->digest;
    inode.table_layer = laid->layer;
    inode.table_off = laid->table_off;
    inode.table_size = laid->table_size;
    inode.table_digest = laid->table_digest;
    inode.stored_size = laid->stored_size;
    return inode;
}

static struct bfs_inode contract_inode(const struct bfs_pack *pack)
{
    const struct bfs_laid_file *laid = &pack->laid[pack->scan.n_entries];
    return (struct bfs_inode){.mode = S_IFREG | 0444,
                              .flags = BFS_INODE_GENERATED,
                              .mtime_sec = bfs_pack_created(pack),
                              .size = laid->size,
                              .digest = laid->digest,
                              .table_layer = laid->layer,
                              .table_off = laid->table_off,
                              .table_size = laid->table_size,
                              .table_digest = laid->table_digest,
                              .stored_size = laid->stored_size};
}

static int build_index(struct bfs_pack *pack, struct bfs_buffer *ret)
{
    BFS_CLEANUP(bfs_index_builder_cleanup) struct bfs_index_builder *builder = NULL;
    struct bfs_inode root = inode_of(pack, 0);
    uint32_t number;
    int r = bfs_index_builder_new(&root, &builder);
    /* Entries come parents first, so entry numbers are inode numbers. */
    for (uint32_t i = 1; r == 0 && i < pack->scan.n_entries; i++) {
        const struct bfs_scan_entry *entry = &pack->scan.entries[i];
        struct bfs_inode inode = inode_of(pack, i);
        r = bfs_index_builder_add(builder, entry->parent, entry->name, &inode, entry->target,
                                  &number);
        if (r == 0 && S_ISREG(entry->mode))
            r = bfs_index_builder_tensors(builder, number,
                                          bfs_scan_map(&pack->scan, pack->maps, i));
    }
    if (r == 0 && pack->contract.size) {
        struct bfs_inode inode = contract_inode(pack);
        r = bfs_index_builder_add(builder, BFS_INODE_ROOT, "contract.json", &inode, NULL, &number);
    }
    return r ? r : bfs_index_builder_write(builder, ret);
}

/* Readers refuse an index with a fault, so it is read here before any name leads to it. */
static int put_index(struct bfs_pack *pack, uint32_t n_layers, struct bfs_index **ret_index,
                     struct bfs_descriptor *ret, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    int r = build_index(pack, &bytes);
    if (r)
        return bfs_fail(error, r, "index: %s", strerror(-r));
    ret->size = bytes.size;
    memcpy(ret->media_type, BFS_MEDIA_INDEX, sizeof(BFS_MEDIA_INDEX));
    r = bfs_store_put_blob(pack->store, bytes.bytes, bytes.size, &ret->digest, error);
    if (r)
        return r;
    r = bfs_index_parse(bytes.bytes, bytes.size, n_layers, ret_index, error);
    if (r)
        return bfs_fail_context(error, r, "a fault of this program, nothing was published");
    (void)bfs_buffer_steal(&bytes); /* transferred to the index */
    return 0;
}

static void warn_left_out(const struct bfs_pack *pack, const struct bfs_order_report *report)
{
    char line[512];
    if (!pack->options->warn)
        return;
    if (report->n_left_out) {
        (void)snprintf(line, sizeof(line),
                       "trace: %" PRIu64 " of %" PRIu64 " lines are left out; %s",
                       report->n_left_out, report->n_lines, report->reason);
        pack->options->warn(pack->options->context, line);
    }
    if (report->is_cut) {
        (void)snprintf(line, sizeof(line), "trace: only the first %d steps are kept",
                       BFS_ORDER_STEPS_MAX);
        pack->options->warn(pack->options->context, line);
    }
}

/* As the last layer. */
static int put_trace(struct bfs_pack *pack, const struct bfs_index *index,
                     struct bfs_oci_manifest *manifest, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_bundle_config *config = &pack->config;
    struct bfs_order_report report;
    int r;
    if (!pack->options->trace)
        return 0;
    if ((r = bfs_pack_write_trace(pack, index, &report, &text, error)) ||
        (r = bfs_store_put_blob(pack->store, text.bytes, text.size, &config->trace_digest, error)))
        return r;
    warn_left_out(pack, &report);
    struct bfs_descriptor *layer = &manifest->layers[manifest->n_layers++];
    config->has_trace = true;
    config->trace_size = layer->size = text.size;
    layer->digest = config->trace_digest;
    memcpy(layer->media_type, BFS_MEDIA_TRACE, sizeof(BFS_MEDIA_TRACE));
    return 0;
}

static int put_config(struct bfs_pack *pack, const struct bfs_descriptor *index,
                      struct bfs_descriptor *ret, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_bundle_config *config = &pack->config;
    config->reference = pack->options->reference;
    config->index_digest = index->digest;
    config->index_size = index->size;
    config->n_files += pack->contract.size > 0;
    config->content_size = pack->scan.total_size + pack->contract.size;
    config->chunk_size = pack->options->chunk_size;
    memcpy(config->packer_version, BFS_VERSION, sizeof(BFS_VERSION));
    int r = bfs_time_text(bfs_pack_created(pack), config->created);
    if (r)
        return bfs_fail(error, r,
                        "the newest file's time is not in the years 1970 to 9999; set "
                        "SOURCE_DATE_EPOCH");
    r = bfs_bundle_config_write(config, &text);
    if (r)
        return bfs_fail(error, r, "manifest.json: %s", strerror(-r));
    ret->size = text.size;
    memcpy(ret->media_type, BFS_MEDIA_CONFIG, sizeof(BFS_MEDIA_CONFIG));
    return bfs_store_put_blob(pack->store, text.bytes, text.size, &ret->digest, error);
}

static int put_manifest(struct bfs_pack *pack, const struct bfs_oci_manifest *manifest,
                        struct bfs_descriptor *ret, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    int r = bfs_oci_manifest_write(manifest, pack->config.created, &text);
    if (r == 0 && text.size <= BFS_OCI_MANIFEST_MAX &&
        !bfs_oci_manifest_is(text.bytes, text.size, manifest))
        r = -ENOMEM;
    if (r)
        return bfs_fail(error, r, "manifest: out of memory");
    if (text.size > BFS_OCI_MANIFEST_MAX)
        return bfs_fail(error, -E2BIG, "the manifest of %u blobs is larger than registries accept",
                        manifest->n_layers);
    ret->size = text.size;
    memcpy(ret->media_type, BFS_MEDIA_OCI_MANIFEST, sizeof(BFS_MEDIA_OCI_MANIFEST));
    return bfs_store_put_blob(pack->store, text.bytes, text.size, &ret->digest, error);
}

static int collect_layers(struct bfs_pack *pack, struct bfs_oci_manifest *ret,
                          struct bfs_error *error)
{
    bfs_autofree struct bfs_descriptor *data = NULL;
    uint32_t n;
    int r = bfs_layout_writer_layers(pack->writer, &data, &n, error);
    if (r)
        return r;
    ret->layers = calloc(n + (size_t)2, sizeof(*ret->layers)); /* the index, and room for a trace */
    if (!ret->layers)
        return bfs_fail(error, -ENOMEM, "out of memory");
    memcpy(ret->layers + 1, data, n * sizeof(*data));
    ret->n_layers = n + 1;
    for (uint32_t i = 0; i <= pack->scan.n_entries; i++)
        bfs_layout_writer_resolve(pack->writer, &pack->laid[i]);
    pack->known = bfs_dedup_free(pack->known); /* nobody asks any more, and the index is large */
    return 0;
}

static void fill_report(const struct bfs_pack *pack, const struct bfs_oci_manifest *manifest,
                        const struct bfs_descriptor *descriptor, struct bfs_pack_report *ret)
{
    uint64_t metadata = descriptor->size + manifest->config.size + manifest->layers[0].size +
                        pack->config.trace_size;
    *ret = (struct bfs_pack_report){
        .bundle = descriptor->digest,
        .n_files = pack->config.n_files,
        .n_tensors = pack->config.n_tensors,
        .content_size = pack->config.content_size,
        .new_size = bfs_layout_writer_new_size(pack->writer) + metadata,
        .known_size = bfs_layout_writer_known_size(pack->writer),
        .stored_size = descriptor->size + manifest->config.size,
    };
    for (uint32_t i = 0; i < manifest->n_layers; i++)
        ret->stored_size += manifest->layers[i].size;
}

int bfs_pack_name(const struct bfs_pack *pack, const struct bfs_descriptor *manifest,
                  struct bfs_error *error)
{
    const struct bfs_reference *reference = &pack->options->reference;
    return pack->options->is_hidden
               ? bfs_catalog_publish_hidden(pack->store, reference, manifest, error)
               : bfs_catalog_publish(pack->store, reference, manifest, error);
}

int bfs_pack_publish(struct bfs_pack *pack, struct bfs_pack_report *ret, struct bfs_error *error)
{
    bfs_automanifest struct bfs_oci_manifest manifest = {0};
    BFS_CLEANUP(bfs_index_cleanup) struct bfs_index *index = NULL;
    struct bfs_descriptor descriptor = {0};
    int r;
    if ((r = collect_layers(pack, &manifest, error)) ||
        (r = put_index(pack, manifest.n_layers, &index, &manifest.layers[0], error)) ||
        (r = put_trace(pack, index, &manifest, error)) ||
        (r = put_config(pack, &manifest.layers[0], &manifest.config, error)) ||
        (r = put_manifest(pack, &manifest, &descriptor, error)) ||
        (r = bfs_pack_name(pack, &descriptor, error)))
        return r;
    fill_report(pack, &manifest, &descriptor, ret);
    return 0;
}
