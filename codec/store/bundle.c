/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/bundle.h"

#include "codec/index/format.h"

#include <stdatomic.h>
#include <string.h>

struct bfs_bundle {
    atomic_uint references;
    const struct bfs_store *store; /* borrowed */
    struct bfs_digest id;
    uint64_t manifest_size;
    struct bfs_oci_manifest manifest;
    uint32_t *by_digest; /* layer numbers sorted by digest */
    struct bfs_bundle_config config;
    uint8_t *config_bytes;
    struct bfs_index *index;
};

struct bfs_bundle *bfs_bundle_ref(struct bfs_bundle *bundle)
{
    atomic_fetch_add(&bundle->references, 1);
    return bundle;
}

struct bfs_bundle *bfs_bundle_unref(struct bfs_bundle *bundle)
{
    if (bundle && atomic_fetch_sub(&bundle->references, 1) == 1) {
        bfs_oci_manifest_done(&bundle->manifest);
        free(bundle->by_digest);
        free(bundle->config_bytes);
        bfs_bundle_config_done(&bundle->config);
        (void)bfs_index_free(bundle->index);
        free(bundle);
    }
    return NULL;
}

static int compare_layers(const void *a, const void *b, void *context)
{
    const struct bfs_descriptor *layers = context;
    return bfs_digest_compare(&layers[*(const uint32_t *)a].digest,
                              &layers[*(const uint32_t *)b].digest);
}

static int load_manifest(struct bfs_bundle *bundle, struct bfs_error *error)
{
    bfs_autofree uint8_t *text = NULL;
    int r = bfs_store_read_blob(bundle->store, &bundle->id, bundle->manifest_size,
                                BFS_OCI_MANIFEST_MAX, &text, error);
    if (r == 0)
        r = bfs_oci_manifest_parse(text, (size_t)bundle->manifest_size, &bundle->manifest, error);
    if (r)
        return r;
    bundle->by_digest = calloc(bundle->manifest.n_layers, sizeof(*bundle->by_digest));
    if (!bundle->by_digest)
        return bfs_fail(error, -ENOMEM, "manifest: out of memory");
    for (uint32_t i = 0; i < bundle->manifest.n_layers; i++)
        bundle->by_digest[i] = i;
    qsort_r(bundle->by_digest, bundle->manifest.n_layers, sizeof(*bundle->by_digest),
            compare_layers, bundle->manifest.layers);
    return 0;
}

static const struct bfs_descriptor *trace_layer(const struct bfs_bundle *bundle)
{
    const struct bfs_descriptor *last = &bundle->manifest.layers[bundle->manifest.n_layers - 1];
    return strcmp(last->media_type, BFS_MEDIA_TRACE) == 0 ? last : NULL;
}

/* manifest.json names the trace exactly when the manifest has it. */
static int check_trace(const struct bfs_bundle *bundle, struct bfs_error *error)
{
    const struct bfs_bundle_config *config = &bundle->config;
    const struct bfs_descriptor *layer = trace_layer(bundle);
    if (config->has_trace != (layer != NULL) ||
        (layer && (!bfs_digest_equal(&config->trace_digest, &layer->digest) ||
                   config->trace_size != layer->size)))
        return bfs_fail(error, -EBADMSG, "manifest.json names another trace than the manifest");
    return 0;
}

static int load_config(struct bfs_bundle *bundle, struct bfs_error *error)
{
    const struct bfs_descriptor *config = &bundle->manifest.config;
    const struct bfs_descriptor *index = &bundle->manifest.layers[0];
    int r = bfs_store_read_blob(bundle->store, &config->digest, config->size, BFS_CONFIG_SIZE_MAX,
                                &bundle->config_bytes, error);
    if (r == 0)
        r = bfs_bundle_config_parse(bundle->config_bytes, (size_t)config->size, &bundle->config,
                                    error);
    if (r)
        return r;
    if (!bfs_digest_equal(&bundle->config.index_digest, &index->digest) ||
        bundle->config.index_size != index->size)
        return bfs_fail(error, -EBADMSG, "manifest.json names another index than the manifest");
    return check_trace(bundle, error);
}

int bfs_bundle_trace(const struct bfs_bundle *bundle, struct bfs_order *ret,
                     struct bfs_error *error)
{
    const struct bfs_bundle_config *config = &bundle->config;
    bfs_autofree uint8_t *bytes = NULL;
    if (!config->has_trace) {
        *ret = (struct bfs_order){0};
        return 0;
    }
    int r = bfs_store_read_blob(bundle->store, &config->trace_digest, config->trace_size,
                                BFS_ORDER_SIZE_MAX, &bytes, error);
    return r ? r : bfs_order_parse(bytes, (size_t)config->trace_size, bundle->index, ret, error);
}

/* manifest.json describes each directory in views/, and nothing else. */
static int check_views(const struct bfs_bundle *bundle, struct bfs_error *error)
{
    const struct bfs_bundle_config *config = &bundle->config;
    struct bfs_inode root = bfs_index_inode(bundle->index, BFS_INODE_ROOT), views = {0};
    uint32_t number;
    if (bfs_index_lookup(bundle->index, &root, "views", 5, &number))
        views = bfs_index_inode(bundle->index, number);
    if (views.n_dirents != config->n_views)
        return bfs_fail(error, -EBADMSG, "manifest.json describes %u views, and the index has %u",
                        config->n_views, views.n_dirents);
    for (uint32_t i = 0; i < config->n_views; i++)
        if (!bfs_index_lookup(bundle->index, &views, config->views[i].id,
                              strlen(config->views[i].id), &number))
            return bfs_fail(error, -EBADMSG, "manifest.json: the index has no view \"%s\"",
                            config->views[i].id);
    return 0;
}

static int load_index(struct bfs_bundle *bundle, struct bfs_error *error)
{
    const struct bfs_descriptor *layer = &bundle->manifest.layers[0];
    bfs_autofree uint8_t *bytes = NULL;
    int r = bfs_store_read_blob(bundle->store, &layer->digest, layer->size, BFS_INDEX_SIZE_MAX,
                                &bytes, error);
    if (r == 0)
        r = bfs_index_parse(bytes, (size_t)layer->size,
                            bundle->manifest.n_layers - (trace_layer(bundle) ? 1 : 0),
                            &bundle->index, error);
    if (r)
        return r;
    (void)bfs_steal(&bytes); /* transferred to the index */
    if (bundle->config.content_size != bfs_index_content_size(bundle->index))
        return bfs_fail(error, -EBADMSG, "manifest.json and the index differ in content size");
    return check_views(bundle, error);
}

int bfs_bundle_open(const struct bfs_store *store, const struct bfs_digest *manifest,
                    uint64_t manifest_size, struct bfs_bundle **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = calloc(1, sizeof(*bundle));
    if (!bundle)
        return bfs_fail(error, -ENOMEM, "out of memory");
    atomic_init(&bundle->references, 1);
    bundle->store = store;
    bundle->id = *manifest;
    bundle->manifest_size = manifest_size;
    int r;
    if ((r = load_manifest(bundle, error)) || (r = load_config(bundle, error)) ||
        (r = load_index(bundle, error)))
        return r;
    *ret = bfs_steal(&bundle);
    return 0;
}

const struct bfs_store *bfs_bundle_store(const struct bfs_bundle *bundle)
{
    return bundle->store;
}

const struct bfs_digest *bfs_bundle_id(const struct bfs_bundle *bundle)
{
    return &bundle->id;
}

uint64_t bfs_bundle_manifest_size(const struct bfs_bundle *bundle)
{
    return bundle->manifest_size;
}

const struct bfs_index *bfs_bundle_index(const struct bfs_bundle *bundle)
{
    return bundle->index;
}

const struct bfs_bundle_config *bfs_bundle_config(const struct bfs_bundle *bundle)
{
    return &bundle->config;
}

const uint8_t *bfs_bundle_config_bytes(const struct bfs_bundle *bundle, size_t *ret_size)
{
    *ret_size = (size_t)bundle->manifest.config.size;
    return bundle->config_bytes;
}

const struct bfs_digest *bfs_bundle_config_digest(const struct bfs_bundle *bundle)
{
    return &bundle->manifest.config.digest;
}

uint32_t bfs_bundle_n_layers(const struct bfs_bundle *bundle)
{
    return bundle->manifest.n_layers;
}

const struct bfs_descriptor *bfs_bundle_layer(const struct bfs_bundle *bundle, uint32_t i)
{
    return &bundle->manifest.layers[i];
}

bool bfs_bundle_find_blob(const struct bfs_bundle *bundle, const struct bfs_digest *digest,
                          uint64_t size, uint32_t *ret)
{
    uint32_t low = 0, high = bundle->manifest.n_layers;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct bfs_descriptor *layer = &bundle->manifest.layers[bundle->by_digest[middle]];
        int order = bfs_digest_compare(&layer->digest, digest);
        if (order == 0) {
            if (layer->size != size)
                return false;
            *ret = bundle->by_digest[middle];
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool bfs_bundle_has_blob(const struct bfs_bundle *bundle, const struct bfs_digest *digest,
                         uint64_t size)
{
    uint32_t layer;
    return bfs_bundle_find_blob(bundle, digest, size, &layer);
}

size_t bfs_bundle_memory(const struct bfs_bundle *bundle)
{
    return sizeof(*bundle) + (size_t)bundle->manifest.config.size +
           bundle->config.n_views * sizeof(*bundle->config.views) +
           bundle->manifest.n_layers * (sizeof(struct bfs_descriptor) + sizeof(uint32_t)) +
           bfs_index_size(bundle->index);
}

uint64_t bfs_bundle_stored_size(const struct bfs_bundle *bundle)
{
    uint64_t size = bundle->manifest_size + bundle->manifest.config.size;
    for (uint32_t i = 0; i < bundle->manifest.n_layers; i++)
        size += bundle->manifest.layers[i].size;
    return size;
}
