/* SPDX-License-Identifier: Apache-2.0
 * Opening proves the whole and remembers the digest of each part, so that a part that is read again
 * later is known to be the one that was proved and judged. */
#include "codec/store/stored_table.h"

#include "codec/index/chunk_records.h"
#include "codec/index/format.h"
#include "codec/store/files.h"
#include "verify/checked.h"

#include <inttypes.h>
#include <string.h>

enum {
    PART_RECORDS = 8192, /* 640 KiB; the table of a file of 2 GB at the default chunk size */
    NO_PART = UINT32_MAX,
};

struct bfs_stored_table {
    struct bfs_bundle *bundle; /* borrowed */
    int fd;                    /* of the blob */
    uint64_t offset;           /* of the table in it */
    uint8_t *head;             /* header and named blobs */
    struct bfs_table_frame frame;
    uint32_t n_parts;
    struct bfs_digest *digests; /* of each part; NULL when there is only one */
    uint8_t *part;
    uint32_t loaded; /* which part that is */
};

struct bfs_stored_table *bfs_stored_table_free(struct bfs_stored_table *table)
{
    if (table) {
        bfs_cleanup_close(&table->fd);
        free(table->head);
        free(table->digests);
        free(table->part);
        free(table);
    }
    return NULL;
}

static int read_bytes(const struct bfs_stored_table *table, uint64_t offset, void *ret, size_t size,
                      struct bfs_error *error)
{
    int r = bfs_pread_exact(table->fd, ret, size, table->offset + offset);
    return r ? bfs_fail_at(error, r == -ENODATA ? -EBADMSG : r, table->offset + offset,
                           "chunk table: cannot read: %s", strerror(-r))
             : 0;
}

static int read_head(struct bfs_stored_table *table, uint32_t table_size, uint64_t blob_size,
                     struct bfs_error *error)
{
    uint8_t header[BFS_TABLE_HEADER_SIZE];
    size_t size = table_size < sizeof(header) ? table_size : sizeof(header);
    int r;
    if ((r = read_bytes(table, 0, header, size, error)) ||
        (r = bfs_table_frame_read(header, size, table_size, &table->frame, error)))
        return r;
    size = (size_t)bfs_table_frame_size(&table->frame);
    table->head = malloc(size);
    if (!table->head)
        return bfs_fail(error, -ENOMEM, "chunk table: out of memory");
    table->frame.blobs = table->head + BFS_TABLE_HEADER_SIZE;
    table->frame.self_blob_size = blob_size;
    memcpy(table->head, header, sizeof(header));
    return read_bytes(table, sizeof(header), table->head + sizeof(header), size - sizeof(header),
                      error);
}

static uint32_t records_of(const struct bfs_stored_table *table, uint32_t part)
{
    uint32_t left = table->frame.n_chunks - part * PART_RECORDS;
    return left < PART_RECORDS ? left : PART_RECORDS;
}

static int read_part(struct bfs_stored_table *table, uint32_t part, struct bfs_error *error)
{
    uint64_t offset =
        bfs_table_frame_size(&table->frame) + (uint64_t)part * PART_RECORDS * BFS_CHUNK_RECORD_SIZE;
    table->loaded = NO_PART;
    int r = read_bytes(table, offset, table->part,
                       (size_t)records_of(table, part) * BFS_CHUNK_RECORD_SIZE, error);
    if (r == 0)
        table->loaded = part;
    return r;
}

static int digest_part(const struct bfs_stored_table *table, struct bfs_digest *ret,
                       struct bfs_error *error)
{
    int r = bfs_sha256(table->part,
                       (size_t)records_of(table, table->loaded) * BFS_CHUNK_RECORD_SIZE, ret);
    return r ? bfs_fail(error, r, "cannot compute SHA-256") : 0;
}

/* Judges the records of the loaded part, which begin at *offset of the file. */
static int judge_part(const struct bfs_stored_table *table, uint64_t *offset,
                      struct bfs_error *error)
{
    for (uint32_t i = 0; i < records_of(table, table->loaded); i++) {
        struct bfs_chunk chunk;
        int r =
            bfs_chunk_record_read(&table->frame, table->part + (size_t)i * BFS_CHUNK_RECORD_SIZE,
                                  table->loaded * PART_RECORDS + i, *offset, &chunk, error);
        if (r)
            return r;
        *offset += chunk.raw_size;
    }
    return 0;
}

static int judge(struct bfs_stored_table *table, struct bfs_sha256_stream *sha256,
                 struct bfs_error *error)
{
    uint64_t offset = 0;
    int r =
        bfs_sha256_stream_update(sha256, table->head, (size_t)bfs_table_frame_size(&table->frame));
    for (uint32_t part = 0; r == 0 && part < table->n_parts; part++) {
        if ((r = read_part(table, part, error)) ||
            (table->digests && (r = digest_part(table, &table->digests[part], error))) ||
            (r = judge_part(table, &offset, error)))
            return r;
        r = bfs_sha256_stream_update(sha256, table->part,
                                     (size_t)records_of(table, part) * BFS_CHUNK_RECORD_SIZE);
    }
    if (r)
        return bfs_fail(error, r, "cannot compute SHA-256");
    if (offset != table->frame.file_size)
        return bfs_fail_at(error, -EBADMSG, 16, "chunk table: chunks end before the file");
    return 0;
}

static int prove(struct bfs_stored_table *table, const struct bfs_inode *inode,
                 struct bfs_error *error)
{
    BFS_CLEANUP(bfs_sha256_stream_cleanup) struct bfs_sha256_stream *sha256 = NULL;
    struct bfs_digest digest;
    table->n_parts = (table->frame.n_chunks + PART_RECORDS - 1) / PART_RECORDS;
    if (table->n_parts > 1)
        table->digests = calloc(table->n_parts, sizeof(*table->digests));
    table->part = malloc((size_t)(table->n_parts > 1 ? PART_RECORDS : table->frame.n_chunks + 1) *
                         BFS_CHUNK_RECORD_SIZE);
    if (!table->part || (table->n_parts > 1 && !table->digests) || bfs_sha256_stream_new(&sha256))
        return bfs_fail(error, -ENOMEM, "chunk table: out of memory");
    int r = judge(table, sha256, error);
    if (r)
        return r;
    r = bfs_sha256_stream_finish(sha256, &digest);
    if (r)
        return bfs_fail(error, r, "cannot compute SHA-256");
    if (!bfs_digest_equal(&digest, &inode->table_digest))
        return bfs_fail_at(error, -EBADMSG, table->offset, "chunk table does not match its digest");
    if (table->frame.file_size != inode->size)
        return bfs_fail(error, -EBADMSG, "chunk table is for a file of another size");
    return 0;
}

static int check_blobs(const struct bfs_stored_table *table, struct bfs_error *error)
{
    for (uint32_t k = 1; k <= table->frame.n_blobs; k++) {
        struct bfs_table_blob blob = bfs_table_frame_blob(&table->frame, k);
        char text[BFS_DIGEST_TEXT_SIZE];
        bfs_autoclose int fd = -1;
        if (!bfs_bundle_has_blob(table->bundle, &blob.digest, blob.size))
            return bfs_fail(error, -EBADMSG, "blob %s is not a layer of the bundle",
                            bfs_digest_text(&blob.digest, text) + 7);
        int r = bfs_store_open_blob(bfs_bundle_store(table->bundle), &blob.digest, blob.size, &fd,
                                    error);
        if (r)
            return r;
    }
    return 0;
}

int bfs_stored_table_open(struct bfs_bundle *bundle, uint32_t number, struct bfs_stored_table **ret,
                          struct bfs_error *error)
{
    BFS_CLEANUP(bfs_stored_table_cleanup)
    struct bfs_stored_table *table = calloc(1, sizeof(*table));
    if (!table)
        return bfs_fail(error, -ENOMEM, "chunk table: out of memory");
    struct bfs_inode inode = bfs_index_inode(bfs_bundle_index(bundle), number);
    const struct bfs_descriptor *layer = bfs_bundle_layer(bundle, inode.table_layer);
    table->bundle = bundle;
    table->fd = -1;
    table->offset = inode.table_off;
    table->loaded = NO_PART;
    if (!bfs_range_fits(inode.table_off, inode.table_size, layer->size))
        return bfs_fail_at(error, -EBADMSG, inode.table_off,
                           "the chunk table lies outside its blob of %" PRIu64 " bytes",
                           layer->size);
    int r;
    if ((r = bfs_store_open_blob(bfs_bundle_store(bundle), &layer->digest, layer->size, &table->fd,
                                 error)) ||
        (r = read_head(table, inode.table_size, layer->size, error)) ||
        (r = prove(table, &inode, error)) || (r = check_blobs(table, error)))
        return r;
    *ret = bfs_steal(&table);
    return 0;
}

uint32_t bfs_stored_table_n_chunks(const struct bfs_stored_table *table)
{
    return table->frame.n_chunks;
}

uint32_t bfs_stored_table_n_blobs(const struct bfs_stored_table *table)
{
    return table->frame.n_blobs;
}

struct bfs_table_blob bfs_stored_table_blob(const struct bfs_stored_table *table, uint32_t k)
{
    return bfs_table_frame_blob(&table->frame, k);
}

static int load_again(struct bfs_stored_table *table, uint32_t part, struct bfs_error *error)
{
    struct bfs_digest digest;
    int r;
    if ((r = read_part(table, part, error)) || (r = digest_part(table, &digest, error)))
        return r;
    if (bfs_digest_equal(&digest, &table->digests[part]))
        return 0;
    table->loaded = NO_PART;
    return bfs_fail_at(error, -EBADMSG, table->offset, "chunk table has changed");
}

int bfs_stored_table_at(struct bfs_stored_table *table, uint32_t i, struct bfs_chunk *ret,
                        struct bfs_error *error)
{
    uint32_t part = i / PART_RECORDS;
    int r = part == table->loaded ? 0 : load_again(table, part, error);
    if (r == 0)
        *ret =
            bfs_chunk_record_get(table->part + (size_t)(i % PART_RECORDS) * BFS_CHUNK_RECORD_SIZE);
    return r;
}
