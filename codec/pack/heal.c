/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/heal.h"

#include "verify/array.h"

#include <stdio.h>
#include <string.h>

static int on_progress(void *context, uint64_t bytes)
{
    (void)bytes; /* the totals are of what is packed */
    return bfs_pack_progress(context, NULL);
}

static int prove(struct bfs_pack *pack, const struct bfs_descriptor *layer,
                 struct bfs_error *error)
{
    bfs_autoclose int fd = -1;
    int r = bfs_store_open_blob(pack->store, &layer->digest, layer->size, &fd, error);
    return r ? r : bfs_blob_prove(fd, &layer->digest, layer->size, on_progress, pack, error);
}

static int add_damaged(struct bfs_pack *pack, const struct bfs_descriptor *layer)
{
    char hex[BFS_DIGEST_HEX_SIZE], line[BFS_DIGEST_HEX_SIZE + 80];
    int r = bfs_array_grow(&pack->damaged, pack->n_damaged, sizeof(*pack->damaged));
    if (r)
        return r;
    pack->damaged[pack->n_damaged++] = layer->digest;
    (void)snprintf(line, sizeof(line), "blob %s is damaged or missing; it is made again",
                   bfs_digest_hex(&layer->digest, hex));
    if (pack->options->warn)
        pack->options->warn(pack->options->context, line);
    return 0;
}

int bfs_heal_survey(struct bfs_pack *pack, const struct bfs_bundle *bundle, struct bfs_error *error)
{
    for (uint32_t i = 0; i < bfs_bundle_n_layers(bundle); i++) {
        const struct bfs_descriptor *layer = bfs_bundle_layer(bundle, i);
        struct bfs_error found = {0};
        int r = prove(pack, layer, &found);
        if (r == -EINTR || r == -ENOMEM)
            return bfs_fail(error, r, "%s", r == -EINTR ? "interrupted" : "out of memory");
        if (r && add_damaged(pack, layer))
            return bfs_fail(error, -ENOMEM, "out of memory");
    }
    return 0;
}

static bool is_damaged(const struct bfs_pack *pack, const struct bfs_digest *digest)
{
    for (size_t i = 0; i < pack->n_damaged; i++)
        if (bfs_digest_equal(&pack->damaged[i], digest))
            return true;
    return false;
}

bool bfs_heal_is_damaged(const struct bfs_pack *pack, const struct bfs_bundle *bundle)
{
    for (uint32_t i = 0; pack->n_damaged && i < bfs_bundle_n_layers(bundle); i++)
        if (is_damaged(pack, &bfs_bundle_layer(bundle, i)->digest))
            return true;
    return false;
}

static int write_trace(struct bfs_pack *pack, const struct bfs_bundle *bundle,
                       struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_order_report report;
    struct bfs_digest digest;
    if (!pack->options->trace)
        return 0;
    int r = bfs_pack_write_trace(pack, bfs_bundle_index(bundle), &report, &text, error);
    return r ? r : bfs_store_put_blob(pack->store, text.bytes, text.size, &digest, error);
}

int bfs_heal_finish(struct bfs_pack *pack, const struct bfs_bundle *bundle, struct bfs_error *error)
{
    char name[BFS_REFERENCE_MAX + 1];
    int r = write_trace(pack, bundle, error);
    for (uint32_t i = 0; r == 0 && i < bfs_bundle_n_layers(bundle); i++) {
        const struct bfs_descriptor *layer = bfs_bundle_layer(bundle, i);
        if (!is_damaged(pack, &layer->digest))
            continue;
        r = prove(pack, layer, error);
        if (r == -EBADMSG || r == -ENOENT)
            return bfs_fail_context(
                error, r,
                "%s has this content, but packing it again does not give a blob that is damaged; "
                "if another bundle brought the blob, pack that one again, and use the options and "
                "the bundlefs of the first time; or pack a new version; not repaired",
                bfs_reference_text(&pack->options->reference, name));
    }
    return r;
}
