/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/layout_writer.h"

#include "codec/pack/layout_private.h"
#include "codec/pack/slot_known.h"

#include <string.h>

int bfs_layout_writer_new(const struct bfs_store *store, struct bfs_dedup *known,
                          struct bfs_layout_writer **ret)
{
    BFS_CLEANUP(bfs_layout_writer_cleanup)
    struct bfs_layout_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        return -ENOMEM;
    writer->store = store;
    writer->known = known;
    int r = bfs_dedup_new(store, &writer->fresh);
    if (r == 0)
        r = bfs_file_chunks_new(bfs_store_tmp_path(store), &writer->chunks);
    if (r == 0)
        r = bfs_xxh_stream_new(&writer->places);
    if (r)
        return r;
    *ret = bfs_steal(&writer);
    return 0;
}

struct bfs_layout_writer *bfs_layout_writer_free(struct bfs_layout_writer *writer)
{
    if (writer) {
        (void)bfs_blob_writer_free(writer->own.writer);
        (void)bfs_blob_writer_free(writer->shared.writer);
        (void)bfs_dedup_free(writer->fresh);
        (void)bfs_file_chunks_free(writer->chunks);
        (void)bfs_xxh_stream_free(writer->places);
        free(writer->used);
        free(writer);
    }
    return NULL;
}

void bfs_layout_writer_begin(struct bfs_layout_writer *writer, bool large)
{
    writer->large = large;
    writer->n_appended = 0;
    (void)bfs_xxh_stream_finish(writer->places);
    bfs_file_chunks_clear(writer->chunks);
}

static int commit(struct bfs_layout_writer *writer, struct bfs_open_blob *blob,
                  struct bfs_error *error)
{
    struct bfs_table_blob committed;
    if (!blob->writer)
        return 0;
    int r = bfs_blob_writer_commit(blob->writer, &committed, error);
    if (r)
        return r;
    r = bfs_dedup_close_blob(writer->fresh, blob->number, &committed);
    if (r)
        return bfs_dedup_fail(writer->fresh, r, error);
    writer->new_size += committed.size;
    blob->writer = bfs_blob_writer_free(blob->writer);
    return 0;
}

int bfs_layout_prepare(struct bfs_layout_writer *writer, struct bfs_open_blob *blob, size_t size,
                       struct bfs_error *error)
{
    int r = 0;
    if (blob->writer && bfs_blob_writer_size(blob->writer) + size > BFS_BLOB_SIZE_MAX)
        r = commit(writer, blob, error);
    if (r || blob->writer)
        return r;
    r = bfs_blob_writer_new(writer->store, &blob->writer, error);
    if (r)
        return r;
    int fd = bfs_blob_writer_duplicate(blob->writer);
    if (fd < 0)
        return bfs_fail(error, fd, "%s: %s", bfs_store_path(writer->store), strerror(-fd));
    r = bfs_dedup_add_open_blob(writer->fresh, fd, &blob->number);
    if (r)
        return bfs_dedup_fail(writer->fresh, r, error);
    writer->n_fresh++;
    return 0;
}

static int append(struct bfs_layout_writer *writer, const struct bfs_slot *slot,
                  struct bfs_chunk *ret, struct bfs_error *error)
{
    struct bfs_open_blob *blob = writer->large ? &writer->own : &writer->shared;
    int r = bfs_layout_prepare(writer, blob, slot->stored_size, error);
    if (r)
        return r;
    struct bfs_chunk chunk = {.raw_size = slot->raw_size,
                              .stored_size = (uint32_t)slot->stored_size,
                              .stored_off = bfs_blob_writer_size(blob->writer),
                              .blob = blob->number,
                              .encoding = slot->encoding,
                              .digest = slot->digest,
                              .check = slot->check};
    r = bfs_blob_writer_append(blob->writer, slot->stored, slot->stored_size, error);
    if (r)
        return r;
    r = bfs_dedup_add_chunk(writer->fresh, &chunk);
    if (r)
        return bfs_dedup_fail(writer->fresh, r, error);
    writer->n_appended++;
    atomic_fetch_add_explicit(&writer->written, slot->stored_size, memory_order_relaxed);
    *ret = chunk;
    return 0;
}

/* Can a table that will lie in this file's blob name the chunk's blob? An open blob has no digest,
 * so only the very blob of the table may still be open. */
static int is_nameable(const struct bfs_layout_writer *writer, uint32_t number, bool *ret)
{
    const struct bfs_open_blob *target = writer->large ? &writer->own : &writer->shared;
    struct bfs_table_blob blob;
    bool closed;
    int r = bfs_dedup_blob(writer->fresh, number, &blob, &closed);
    if (r == 0)
        *ret = closed || (target->writer && target->number == number);
    return r;
}

/* A chunk of this pack with the slot's bytes. */
static int find_twin(struct bfs_layout_writer *writer, const struct bfs_pipeline_tools *tools,
                     const struct bfs_slot *slot, struct bfs_chunk *ret, bool *ret_found)
{
    bool found = false, usable = false;
    int r = bfs_slot_find(slot, writer->fresh, ret, &found);
    if (r == 0 && found)
        r = is_nameable(writer, ret->blob, &usable);
    if (r == 0 && usable)
        r = bfs_slot_confirm(slot, tools, writer->fresh, ret, &usable);
    if (r == 0)
        *ret_found = usable;
    return r;
}

int bfs_layout_writer_chunk(struct bfs_layout_writer *writer,
                            const struct bfs_pipeline_tools *tools, struct bfs_slot *slot,
                            struct bfs_error *error)
{
    struct bfs_chunk chunk = slot->known;
    bool shared = slot->is_known;
    int r = 0;
    if (slot->is_known)
        chunk.blob |= BFS_LAYOUT_KNOWN;
    else if ((r = find_twin(writer, tools, slot, &chunk, &shared)))
        return bfs_dedup_fail(writer->fresh, r, error);
    if (shared)
        writer->known_size += slot->raw_size * bfs_transform_factor(slot->transform);
    else if ((r = append(writer, slot, &chunk, error)))
        return r;
    chunk = bfs_slot_record(slot, chunk);
    /* No blob of the store has the number of one of this pack. */
    bfs_dedup_place(writer->places, &chunk, chunk.blob ^ BFS_LAYOUT_KNOWN);
    r = bfs_file_chunks_add(writer->chunks, &chunk);
    if (r == -E2BIG)
        return bfs_fail(error, r,
                        "a file has more chunks, or in more blobs, than a table can hold");
    return r ? bfs_dedup_fail(writer->fresh, r, error) : 0;
}

int bfs_layout_writer_end(struct bfs_layout_writer *writer, const struct bfs_digest *digest,
                          struct bfs_laid_file *ret, struct bfs_error *error)
{
    struct bfs_laid_file laid = {.digest = *digest};
    bool found = bfs_file_chunks_size(writer->chunks) == 0;
    int r = 0;
    if (!found && writer->n_appended == 0) {
        r = bfs_layout_reuse_table(writer, digest, &laid, &found, error);
        if (r)
            return r;
    }
    if (!found) {
        r = bfs_layout_write_table(writer, digest, &laid, error);
        if (r)
            return r;
        struct bfs_dedup_file file = {.digest = *digest,
                                      .size = laid.size,
                                      .blob = laid.layer,
                                      .table_off = laid.table_off,
                                      .table_size = laid.table_size,
                                      .table_digest = laid.table_digest,
                                      .stored_size = laid.stored_size};
        r = bfs_dedup_add_file(writer->fresh, &file, NULL);
        if (r)
            return bfs_dedup_fail(writer->fresh, r, error);
    }
    r = commit(writer, &writer->own, error);
    if (r == 0)
        *ret = laid;
    return r;
}

int bfs_layout_writer_section(struct bfs_layout_writer *writer, struct bfs_error *error)
{
    return commit(writer, &writer->shared, error);
}

int bfs_layout_writer_finish(struct bfs_layout_writer *writer, struct bfs_error *error)
{
    return commit(writer, &writer->shared, error);
}

int bfs_layout_writer_layers(struct bfs_layout_writer *writer, struct bfs_descriptor **ret,
                             uint32_t *ret_n, struct bfs_error *error)
{
    uint32_t n = writer->n_fresh + writer->n_used;
    if (n >= BFS_OCI_LAYERS_MAX)
        return bfs_fail(error, -E2BIG, "%u blobs are more than one bundle can name", n);
    bfs_autofree struct bfs_descriptor *layers = calloc(n + (size_t)1, sizeof(*layers));
    if (!layers)
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        struct bfs_table_blob blob = {0};
        bool closed;
        int r =
            i < writer->n_fresh
                ? bfs_dedup_blob(writer->fresh, i, &blob, &closed)
                : bfs_dedup_blob(writer->known, writer->used[i - writer->n_fresh], &blob, &closed);
        if (r)
            return bfs_dedup_fail(writer->fresh, r, error);
        layers[i] = (struct bfs_descriptor){.digest = blob.digest, .size = blob.size};
        memcpy(layers[i].media_type, BFS_MEDIA_DATA, sizeof(BFS_MEDIA_DATA));
    }
    *ret = bfs_steal(&layers);
    *ret_n = n;
    return 0;
}

void bfs_layout_writer_resolve(const struct bfs_layout_writer *writer, struct bfs_laid_file *file)
{
    if (file->size == 0)
        return;
    if (!(file->layer & BFS_LAYOUT_KNOWN)) {
        file->layer += 1;
        return;
    }
    uint32_t number = file->layer & ~BFS_LAYOUT_KNOWN, i = 0;
    while (writer->used[i] != number)
        i++;
    file->layer = writer->n_fresh + i + 1;
}

uint64_t bfs_layout_writer_written(const struct bfs_layout_writer *writer)
{
    return atomic_load_explicit(&writer->written, memory_order_relaxed);
}

uint64_t bfs_layout_writer_new_size(const struct bfs_layout_writer *writer)
{
    return writer->new_size;
}

uint64_t bfs_layout_writer_known_size(const struct bfs_layout_writer *writer)
{
    return writer->known_size;
}
