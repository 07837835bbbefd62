/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/layout_writer.h"

#include "codec/pack/slot_known.h"
#include "codec/store/blob_writer.h"
#include "verify/array.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

/* Blobs are numbered in two ranges: fresh ones of this pack, and known ones of the store. */
#define KNOWN_BIT UINT32_C(0x80000000)
#define NO_BLOB UINT32_MAX

struct open_blob {
    struct bfs_blob_writer *writer; /* NULL: none open */
    uint32_t number;                /* fresh number */
};

struct bfs_layout_writer {
    const struct bfs_store *store; /* borrowed */
    struct bfs_dedup *known;       /* borrowed */
    struct bfs_dedup *fresh;
    struct open_blob own;    /* of the current large file */
    struct open_blob shared; /* of the small files of this section */
    uint32_t n_fresh;

    bool large;
    struct bfs_chunk *chunks; /* of the current file; .blob is a number as above */
    size_t n_chunks;
    size_t n_appended; /* of them, how many are new */
    uint64_t file_size;

    uint32_t *used; /* known blobs that the bundle needs, in order of first use */
    uint32_t n_used;
    uint64_t new_size;
    uint64_t known_size;
    _Atomic uint64_t written;
};

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
        free(writer->chunks);
        free(writer->used);
        free(writer);
    }
    return NULL;
}

void bfs_layout_writer_begin(struct bfs_layout_writer *writer, bool large)
{
    writer->large = large;
    writer->n_chunks = 0;
    writer->n_appended = 0;
    writer->file_size = 0;
}

static int commit(struct bfs_layout_writer *writer, struct open_blob *blob, struct bfs_error *error)
{
    struct bfs_table_blob committed;
    if (!blob->writer)
        return 0;
    int r = bfs_blob_writer_commit(blob->writer, &committed, error);
    if (r)
        return r;
    bfs_dedup_close_blob(writer->fresh, blob->number, &committed);
    writer->new_size += committed.size;
    blob->writer = bfs_blob_writer_free(blob->writer);
    return 0;
}

/* Makes sure that `blob` can take `size` more bytes. */
static int prepare(struct bfs_layout_writer *writer, struct open_blob *blob, size_t size,
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
        return bfs_fail(error, r, "out of memory");
    writer->n_fresh++;
    return 0;
}

static int remember(struct bfs_layout_writer *writer, const struct bfs_chunk *chunk,
                    struct bfs_error *error)
{
    if (bfs_array_grow(&writer->chunks, writer->n_chunks, sizeof(*writer->chunks)))
        return bfs_fail(error, -ENOMEM, "out of memory");
    writer->chunks[writer->n_chunks++] = *chunk;
    writer->file_size += chunk->raw_size;
    return 0;
}

static int append(struct bfs_layout_writer *writer, const struct bfs_slot *slot,
                  struct bfs_chunk *ret, struct bfs_error *error)
{
    struct open_blob *blob = writer->large ? &writer->own : &writer->shared;
    int r = prepare(writer, blob, slot->stored_size, error);
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
        return bfs_fail(error, r, "out of memory");
    writer->n_appended++;
    atomic_fetch_add_explicit(&writer->written, slot->stored_size, memory_order_relaxed);
    *ret = chunk;
    return 0;
}

/* Can a table that will lie in this file's blob name the chunk's blob? An open blob has no digest,
 * so only the very blob of the table may still be open. */
static bool is_nameable(const struct bfs_layout_writer *writer, uint32_t number)
{
    struct bfs_table_blob blob;
    const struct open_blob *target = writer->large ? &writer->own : &writer->shared;
    return bfs_dedup_blob(writer->fresh, number, &blob) ||
           (target->writer && target->number == number);
}

int bfs_layout_writer_chunk(struct bfs_layout_writer *writer,
                            const struct bfs_pipeline_tools *tools, struct bfs_slot *slot,
                            struct bfs_error *error)
{
    struct bfs_chunk chunk;
    uint32_t twin = bfs_slot_find(slot, writer->fresh);
    uint32_t file_bytes = slot->raw_size * bfs_transform_factor(slot->transform);
    if (slot->known != BFS_DEDUP_NONE) {
        chunk = bfs_dedup_chunk(writer->known, slot->known);
        chunk.blob |= KNOWN_BIT;
        writer->known_size += file_bytes;
    } else if (twin != BFS_DEDUP_NONE &&
               is_nameable(writer, bfs_dedup_chunk(writer->fresh, twin).blob) &&
               bfs_slot_confirm(slot, tools, writer->fresh, twin)) {
        chunk = bfs_dedup_chunk(writer->fresh, twin);
        writer->known_size += file_bytes;
    } else {
        int r = append(writer, slot, &chunk, error);
        if (r)
            return r;
    }
    chunk = bfs_slot_record(slot, chunk);
    return remember(writer, &chunk, error);
}

static int use_known(struct bfs_layout_writer *writer, uint32_t number)
{
    for (uint32_t i = 0; i < writer->n_used; i++)
        if (writer->used[i] == number)
            return 0;
    int r = bfs_array_grow(&writer->used, writer->n_used, sizeof(*writer->used));
    if (r == 0)
        writer->used[writer->n_used++] = number;
    return r;
}

/* The file's chunks were all known: is the file itself, with its table? */
static int reuse_table(struct bfs_layout_writer *writer, const struct bfs_digest *digest,
                       struct bfs_laid_file *ret, bool *ret_found)
{
    uint32_t bit = KNOWN_BIT;
    const struct bfs_dedup_file *file =
        bfs_dedup_find_file(writer->known, digest, writer->file_size);
    if (!file) {
        bit = 0;
        file = bfs_dedup_find_file(writer->fresh, digest, writer->file_size);
    }
    *ret_found = file != NULL;
    if (!file)
        return 0;
    *ret = (struct bfs_laid_file){.digest = *digest,
                                  .size = file->size,
                                  .layer = file->blob | bit,
                                  .table_off = file->table_off,
                                  .table_size = file->table_size,
                                  .table_digest = file->table_digest,
                                  .stored_size = file->stored_size};
    int r = bit ? use_known(writer, file->blob) : 0;
    for (uint32_t i = 0; r == 0 && bit && i < file->n_blobs; i++)
        r = use_known(writer, file->blobs[i]);
    return r;
}

static int number_blob(struct bfs_layout_writer *writer, struct bfs_chunk_table_builder *builder,
                       uint32_t target, uint32_t number, uint32_t *ret)
{
    struct bfs_table_blob blob = {0};
    if (number == target) {
        *ret = 0;
        return 0;
    }
    bool is_known = number & KNOWN_BIT;
    int r = is_known ? use_known(writer, number & ~KNOWN_BIT) : 0;
    if (r)
        return r;
    (void)bfs_dedup_blob(is_known ? writer->known : writer->fresh, number & ~KNOWN_BIT, &blob);
    return bfs_chunk_table_builder_blob(builder, &blob, ret);
}

static int build_table(struct bfs_layout_writer *writer, uint32_t target,
                       struct bfs_chunk_table_builder *builder, struct bfs_buffer *ret)
{
    uint32_t last = NO_BLOB, last_number = 0;
    for (size_t i = 0; i < writer->n_chunks; i++) {
        struct bfs_chunk chunk = writer->chunks[i];
        if (chunk.blob != last) {
            int r = number_blob(writer, builder, target, chunk.blob, &last_number);
            if (r)
                return r;
            last = chunk.blob;
        }
        chunk.blob = last_number;
        int r = bfs_chunk_table_builder_add(builder, &chunk);
        if (r)
            return r;
    }
    return bfs_chunk_table_builder_write(builder, ret);
}

static int write_table(struct bfs_layout_writer *writer, const struct bfs_digest *digest,
                       struct bfs_laid_file *ret, struct bfs_error *error)
{
    /* A large file without a new chunk has no blob of its own to hold the table. */
    struct open_blob *blob = writer->own.writer ? &writer->own : &writer->shared;
    bfs_autobuffer struct bfs_buffer table = BFS_BUFFER_INIT;
    BFS_CLEANUP(bfs_chunk_table_builder_done) struct bfs_chunk_table_builder builder = {0};
    static const uint8_t zeros[8];
    /* Room first: a blob that is full is closed before the table looks for its chunks. */
    int r = prepare(writer, blob, writer->n_chunks * 96 + 65536, error);
    if (r)
        return r;
    r = build_table(writer, blob->number, &builder, &table);
    if (r)
        return bfs_fail(error, r, "chunk table: %s", strerror(-r));
    size_t padding = (size_t)(-bfs_blob_writer_size(blob->writer) & 7);
    struct bfs_laid_file laid = {.digest = *digest,
                                 .size = writer->file_size,
                                 .layer = blob->number,
                                 .table_off = bfs_blob_writer_size(blob->writer) + padding,
                                 .table_size = (uint32_t)table.size,
                                 .stored_size = builder.stored_size};
    if (table.size > UINT32_MAX)
        return bfs_fail(error, -E2BIG, "chunk table: %zu bytes are too many", table.size);
    if ((r = bfs_sha256(table.bytes, table.size, &laid.table_digest)))
        return bfs_fail(error, r, "cannot compute SHA-256");
    if ((r = bfs_blob_writer_append(blob->writer, zeros, padding, error)) ||
        (r = bfs_blob_writer_append(blob->writer, table.bytes, table.size, error)))
        return r;
    *ret = laid;
    return 0;
}

int bfs_layout_writer_end(struct bfs_layout_writer *writer, const struct bfs_digest *digest,
                          struct bfs_laid_file *ret, struct bfs_error *error)
{
    struct bfs_laid_file laid = {.digest = *digest};
    bool found = writer->file_size == 0;
    int r = 0;
    if (!found && writer->n_appended == 0) {
        r = reuse_table(writer, digest, &laid, &found);
        if (r)
            return bfs_fail(error, r, "out of memory");
    }
    if (!found) {
        r = write_table(writer, digest, &laid, error);
        if (r)
            return r;
        struct bfs_dedup_file file = {.digest = *digest,
                                      .size = laid.size,
                                      .blob = laid.layer,
                                      .table_off = laid.table_off,
                                      .table_size = laid.table_size,
                                      .table_digest = laid.table_digest,
                                      .stored_size = laid.stored_size};
        r = bfs_dedup_add_file(writer->fresh, &file);
        if (r)
            return bfs_fail(error, r, "out of memory");
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
    struct bfs_descriptor *layers = calloc(n + (size_t)1, sizeof(*layers));
    if (!layers)
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        struct bfs_table_blob blob = {0};
        if (i < writer->n_fresh)
            (void)bfs_dedup_blob(writer->fresh, i, &blob);
        else
            (void)bfs_dedup_blob(writer->known, writer->used[i - writer->n_fresh], &blob);
        layers[i] = (struct bfs_descriptor){.digest = blob.digest, .size = blob.size};
        memcpy(layers[i].media_type, BFS_MEDIA_DATA, sizeof(BFS_MEDIA_DATA));
    }
    *ret = layers;
    *ret_n = n;
    return 0;
}

void bfs_layout_writer_resolve(const struct bfs_layout_writer *writer, struct bfs_laid_file *file)
{
    if (file->size == 0)
        return;
    if (!(file->layer & KNOWN_BIT)) {
        file->layer += 1;
        return;
    }
    uint32_t number = file->layer & ~KNOWN_BIT, i = 0;
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
