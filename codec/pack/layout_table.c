/* SPDX-License-Identifier: Apache-2.0
 * The chunk table of a file that was laid out: an old one, or a new one with its names for blobs.
 */
#include "codec/pack/layout_private.h"

#include "codec/index/format.h"
#include "verify/array.h"

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

static int reuse(struct bfs_layout_writer *writer, const struct bfs_digest *digest,
                 struct bfs_laid_file *ret, bool *ret_found)
{
    uint64_t size = bfs_file_chunks_size(writer->chunks);
    uint32_t bit = BFS_LAYOUT_KNOWN;
    struct bfs_xxh128 places = bfs_xxh_stream_finish(writer->places);
    struct bfs_dedup_file file;
    bool found = false;
    int r = bfs_dedup_find_file(writer->known, digest, size, &file, &found);
    /* A table of other stored bytes was not confirmed: they may be damaged. */
    found = found && bfs_xxh128_equal(&file.places, &places);
    if (r == 0 && !found) {
        bit = 0;
        r = bfs_dedup_find_file(writer->fresh, digest, size, &file, &found);
    }
    if (r)
        return r;
    *ret_found = found;
    if (!found)
        return 0;
    *ret = (struct bfs_laid_file){.digest = *digest,
                                  .size = file.size,
                                  .layer = file.blob | bit,
                                  .table_off = file.table_off,
                                  .table_size = file.table_size,
                                  .table_digest = file.table_digest,
                                  .stored_size = file.stored_size};
    if (!bit)
        return 0;
    bfs_autofree uint32_t *blobs = calloc(file.n_blobs + (size_t)1, sizeof(*blobs));
    if (!blobs)
        return -ENOMEM;
    r = bfs_dedup_file_blobs(writer->known, &file, blobs);
    if (r == 0)
        r = use_known(writer, file.blob);
    for (uint32_t i = 0; r == 0 && i < file.n_blobs; i++)
        r = use_known(writer, blobs[i]);
    return r;
}

int bfs_layout_reuse_table(struct bfs_layout_writer *writer, const struct bfs_digest *digest,
                           struct bfs_laid_file *ret, bool *ret_found, struct bfs_error *error)
{
    int r = reuse(writer, digest, ret, ret_found);
    return r ? bfs_dedup_fail(writer->known, r, error) : 0;
}

/* The blobs that a table names, and what the blobs of its chunks are numbered in it. */
struct names {
    uint32_t *numbers; /* as bfs_file_chunks_write() wants them */
    struct bfs_table_blob *named;
    uint32_t n_named;
};

static void names_done(struct names *names)
{
    free(names->numbers);
    free(names->named);
}

/* The same bytes may be a blob of the store and one of this pack: they have one name. */
static uint32_t name_blob(struct names *names, const struct bfs_table_blob *blob)
{
    uint32_t k = 0;
    while (k < names->n_named && !bfs_digest_equal(&names->named[k].digest, &blob->digest))
        k++;
    names->named[k] = *blob;
    if (k == names->n_named)
        names->n_named++;
    return k + 1;
}

static int name_blobs(struct bfs_layout_writer *writer, uint32_t target, struct names *ret)
{
    uint32_t n;
    const uint32_t *blobs = bfs_file_chunks_blobs(writer->chunks, &n);
    ret->numbers = calloc(n + (size_t)1, sizeof(*ret->numbers));
    ret->named = calloc(n + (size_t)1, sizeof(*ret->named));
    if (!ret->numbers || !ret->named)
        return -ENOMEM;
    for (uint32_t k = 0; k < n; k++) {
        bool is_known = blobs[k] & BFS_LAYOUT_KNOWN, closed;
        uint32_t number = blobs[k] & ~BFS_LAYOUT_KNOWN;
        struct bfs_table_blob blob = {0};
        if (blobs[k] == target)
            continue;
        int r = is_known ? use_known(writer, number) : 0;
        if (r == 0)
            r = bfs_dedup_blob(is_known ? writer->known : writer->fresh, number, &blob, &closed);
        if (r)
            return r;
        ret->numbers[k] = name_blob(ret, &blob);
    }
    return ret->n_named > BFS_TABLE_BLOBS_MAX ? -E2BIG : 0;
}

int bfs_layout_write_table(struct bfs_layout_writer *writer, const struct bfs_digest *digest,
                           struct bfs_laid_file *ret, struct bfs_error *error)
{
    /* A large file without a new chunk has no blob of its own to hold the table. */
    struct bfs_open_blob *blob = writer->own.writer ? &writer->own : &writer->shared;
    BFS_CLEANUP(names_done) struct names names = {0};
    static const uint8_t zeros[8];
    /* Room first: a blob that is full is closed before the table looks for its chunks. */
    int r = bfs_layout_prepare(writer, blob, (size_t)bfs_file_chunks_n(writer->chunks) * 96 + 65536,
                               error);
    if (r)
        return r;
    r = name_blobs(writer, blob->number, &names);
    if (r == -E2BIG)
        return bfs_fail(error, r, "chunk table: %u blobs are too many", names.n_named);
    if (r)
        return bfs_dedup_fail(writer->fresh, r, error);
    uint64_t size = bfs_file_chunks_table_size(writer->chunks, names.n_named);
    size_t padding = (size_t)(-bfs_blob_writer_size(blob->writer) & 7);
    struct bfs_laid_file laid = {.digest = *digest,
                                 .size = bfs_file_chunks_size(writer->chunks),
                                 .layer = blob->number,
                                 .table_off = bfs_blob_writer_size(blob->writer) + padding,
                                 .table_size = (uint32_t)size,
                                 .stored_size = bfs_file_chunks_stored_size(writer->chunks)};
    _Static_assert(BFS_TABLE_HEADER_SIZE + BFS_TABLE_BLOBS_MAX * (uint64_t)BFS_TABLE_BLOB_SIZE +
                           BFS_TABLE_CHUNKS_MAX * (uint64_t)BFS_CHUNK_RECORD_SIZE <=
                       UINT32_MAX,
                   "no table is too large for its field");
    if ((r = bfs_blob_writer_append(blob->writer, zeros, padding, error)) ||
        (r = bfs_file_chunks_write(writer->chunks, names.numbers, names.named, names.n_named,
                                   blob->writer, &laid.table_digest, error)))
        return r;
    *ret = laid;
    return 0;
}
