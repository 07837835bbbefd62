/* SPDX-License-Identifier: Apache-2.0
 * Traces to pack with, and bundles whose trace is not what a packer makes. Included after cmocka.h.
 */
#ifndef BFS_TESTS_TRACED_H
#define BFS_TESTS_TRACED_H

#include "codec/trace/trace_text.h"
#include "tests/pack/packed.h"

#define TRACED_HEX "0584b0df696456f801715bb2da4c3f3f436ab7ddd7da3ffb2e4f49875a9c9447"

/* Lines of a trace, where '@' stands for what each begins with. */
static inline struct bfs_trace_steps traced_parse(const char *lines)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_trace_steps trace = {0};
    for (; *lines; lines++)
        if (*lines == '@')
            bfs_buffer_put_text(&text, "{\"ms\":0,\"bundle\":\"sha256:" TRACED_HEX "\",");
        else
            bfs_buffer_put_u8(&text, (uint8_t)*lines);
    assert_int_equal(bfs_trace_parse(text.bytes, text.size, &trace, NULL), 0);
    return trace;
}

static inline int traced_pack(const struct packed *packed, const char *name, const char *lines,
                              struct bfs_pack_options options, struct bfs_pack_report *ret)
{
    bfs_autotrace struct bfs_trace_steps trace = traced_parse(lines);
    options.trace = &trace;
    return packed_pack(packed, name, options, ret);
}

/* What to publish instead of what a packer made. */
struct traced_change {
    const struct bfs_buffer *bytes; /* of the trace; NULL: as they are */
    bool drop_layer;                /* the manifest does not name it */
    bool drop_member;               /* manifest.json does not */
    bool wrong_size, wrong_digest;  /* in manifest.json */
    bool is_data;                   /* the layer says that it is data */
    bool is_first;                  /* it is not the last layer, but the second */
};

/* Publishes the bundle `from`, which has a trace, once more with changes. */
static inline void traced_publish(const struct packed *packed, const char *from, const char *to,
                                  const struct traced_change *change)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(packed, from);
    bfs_autoconfig struct bfs_bundle_config config = {0};
    bfs_automanifest struct bfs_oci_manifest manifest = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT, manifest_text = BFS_BUFFER_INIT;
    struct bfs_descriptor descriptor = {0};
    struct bfs_reference reference;
    size_t size;
    const uint8_t *bytes = bfs_bundle_config_bytes(bundle, &size);
    assert_int_equal(bfs_bundle_config_parse(bytes, size, &config, NULL), 0);
    uint32_t n = bfs_bundle_n_layers(bundle);
    manifest.layers = calloc(n, sizeof(*manifest.layers));
    assert_non_null(manifest.layers);
    for (uint32_t i = 0; i < n; i++)
        manifest.layers[i] = *bfs_bundle_layer(bundle, i);
    struct bfs_descriptor *layer = &manifest.layers[n - 1];
    assert_string_equal(layer->media_type, BFS_MEDIA_TRACE);
    if (change->bytes) {
        layer->size = config.trace_size = change->bytes->size;
        assert_int_equal(bfs_store_put_blob(packed->store, change->bytes->bytes,
                                            change->bytes->size, &layer->digest, NULL),
                         0);
        config.trace_digest = layer->digest;
    }
    if (change->is_data)
        memcpy(layer->media_type, BFS_MEDIA_DATA, sizeof(BFS_MEDIA_DATA));
    if (change->is_first) {
        struct bfs_descriptor moved = *layer;
        *layer = manifest.layers[1];
        manifest.layers[1] = moved;
    }
    manifest.n_layers = n - change->drop_layer;
    config.has_trace = !change->drop_member;
    config.trace_size += change->wrong_size;
    config.trace_digest.bytes[31] ^= change->wrong_digest;
    assert_int_equal(bfs_bundle_config_write(&config, &text), 0);
    manifest.config.size = text.size;
    memcpy(manifest.config.media_type, BFS_MEDIA_CONFIG, sizeof(BFS_MEDIA_CONFIG));
    assert_int_equal(
        bfs_store_put_blob(packed->store, text.bytes, text.size, &manifest.config.digest, NULL), 0);
    assert_int_equal(bfs_oci_manifest_write(&manifest, config.created, &manifest_text), 0);
    descriptor.size = manifest_text.size;
    memcpy(descriptor.media_type, BFS_MEDIA_OCI_MANIFEST, sizeof(BFS_MEDIA_OCI_MANIFEST));
    assert_int_equal(bfs_store_put_blob(packed->store, manifest_text.bytes, manifest_text.size,
                                        &descriptor.digest, NULL),
                     0);
    assert_int_equal(bfs_reference_parse(to, &reference, NULL), 0);
    assert_int_equal(bfs_catalog_publish(packed->store, &reference, &descriptor, NULL), 0);
}

/* The outcome of opening it. */
static inline int traced_try(const struct packed *packed, const char *name, struct bfs_bundle **ret)
{
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    struct bfs_reference reference;
    assert_int_equal(bfs_reference_parse(name, &reference, NULL), 0);
    assert_int_equal(bfs_catalog_load(packed->store, &catalog, NULL), 0);
    const struct bfs_catalog_entry *entry = bfs_catalog_find(catalog, &reference);
    assert_non_null(entry);
    return bfs_bundle_open(packed->store, &entry->manifest, entry->manifest_size, ret, NULL);
}

#endif
