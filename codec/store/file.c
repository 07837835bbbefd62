/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/file.h"

#include "codec/store/files.h"
#include "verify/checked.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static atomic_size_t tables_size;

struct bfs_file {
    atomic_uint references;
    struct bfs_bundle *bundle; /* a reference */
    uint32_t inode;
    uint64_t size;
    struct bfs_chunk_table *table; /* NULL: empty */
    int *blobs;                    /* descriptors; [0] is the table's own blob */
    uint32_t n_blobs;
    size_t counted; /* in tables_size */
};

size_t bfs_file_tables_size(void)
{
    return atomic_load(&tables_size);
}

struct bfs_file *bfs_file_ref(struct bfs_file *file)
{
    atomic_fetch_add(&file->references, 1);
    return file;
}

struct bfs_file *bfs_file_unref(struct bfs_file *file)
{
    if (file && atomic_fetch_sub(&file->references, 1) == 1) {
        for (uint32_t i = 0; i < file->n_blobs; i++)
            bfs_cleanup_close(&file->blobs[i]);
        free(file->blobs);
        (void)bfs_chunk_table_free(file->table);
        atomic_fetch_sub(&tables_size, file->counted);
        (void)bfs_bundle_unref(file->bundle);
        free(file);
    }
    return NULL;
}

static int read_table(struct bfs_file *file, const struct bfs_inode *inode, uint64_t blob_size,
                      struct bfs_error *error)
{
    bfs_autofree uint8_t *bytes = NULL;
    if (!bfs_range_fits(inode->table_off, inode->table_size, blob_size))
        return bfs_fail_at(error, -EBADMSG, inode->table_off,
                           "the chunk table lies outside its blob of %" PRIu64 " bytes", blob_size);
    bytes = malloc(inode->table_size);
    if (!bytes)
        return bfs_fail(error, -ENOMEM, "chunk table: out of memory");
    file->counted = inode->table_size;
    atomic_fetch_add(&tables_size, file->counted);
    int r = bfs_pread_exact(file->blobs[0], bytes, inode->table_size, inode->table_off);
    if (r)
        return bfs_fail_at(error, r == -ENODATA ? -EBADMSG : r, inode->table_off,
                           "chunk table: cannot read: %s", strerror(-r));
    struct bfs_digest digest;
    r = bfs_sha256(bytes, inode->table_size, &digest);
    if (r)
        return bfs_fail(error, r, "cannot compute SHA-256");
    if (!bfs_digest_equal(&digest, &inode->table_digest)) {
        char expected[BFS_DIGEST_TEXT_SIZE], found[BFS_DIGEST_TEXT_SIZE];
        (void)bfs_fail_at(error, -EBADMSG, inode->table_off,
                          "chunk table does not match its digest");
        bfs_fail_values(error, bfs_digest_text(&inode->table_digest, expected),
                        bfs_digest_text(&digest, found));
        return -EBADMSG;
    }
    r = bfs_chunk_table_parse(bytes, inode->table_size, blob_size, &file->table, error);
    if (r)
        return r;
    (void)bfs_steal(&bytes); /* transferred to the table */
    if (bfs_chunk_table_file_size(file->table) != inode->size)
        return bfs_fail(error, -EBADMSG, "chunk table is for a file of another size");
    return 0;
}

static int open_blobs(struct bfs_file *file, struct bfs_error *error)
{
    uint32_t n = bfs_chunk_table_n_blobs(file->table);
    int *blobs = reallocarray(file->blobs, n + (size_t)1, sizeof(*blobs));
    if (!blobs)
        return bfs_fail(error, -ENOMEM, "out of memory");
    file->blobs = blobs;
    for (uint32_t k = 1; k <= n; k++) {
        struct bfs_table_blob blob = bfs_chunk_table_blob(file->table, k);
        char text[BFS_DIGEST_TEXT_SIZE];
        if (!bfs_bundle_has_blob(file->bundle, &blob.digest, blob.size))
            return bfs_fail(error, -EBADMSG, "blob %s is not a layer of the bundle",
                            bfs_digest_text(&blob.digest, text) + 7);
        int r = bfs_store_open_blob(bfs_bundle_store(file->bundle), &blob.digest, blob.size,
                                    &file->blobs[k], error);
        if (r)
            return r;
        file->n_blobs++;
    }
    return 0;
}

static int open_content(struct bfs_file *file, const struct bfs_inode *inode,
                        struct bfs_error *error)
{
    const struct bfs_descriptor *layer = bfs_bundle_layer(file->bundle, inode->table_layer);
    file->blobs = malloc(sizeof(*file->blobs));
    if (!file->blobs)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = bfs_store_open_blob(bfs_bundle_store(file->bundle), &layer->digest, layer->size,
                                &file->blobs[0], error);
    if (r)
        return r;
    file->n_blobs = 1;
    r = read_table(file, inode, layer->size, error);
    return r ? r : open_blobs(file, error);
}

int bfs_file_open(struct bfs_bundle *bundle, uint32_t number, struct bfs_file **ret,
                  struct bfs_error *error)
{
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = calloc(1, sizeof(*file));
    if (!file)
        return bfs_fail(error, -ENOMEM, "out of memory");
    struct bfs_inode inode = bfs_index_inode(bfs_bundle_index(bundle), number);
    atomic_init(&file->references, 1);
    file->bundle = bfs_bundle_ref(bundle);
    file->inode = number;
    file->size = inode.size;
    if (inode.size > 0) {
        int r = open_content(file, &inode, error);
        if (r)
            return r;
    }
    *ret = bfs_steal(&file);
    return 0;
}

struct bfs_bundle *bfs_file_bundle(const struct bfs_file *file)
{
    return file->bundle;
}

uint32_t bfs_file_inode(const struct bfs_file *file)
{
    return file->inode;
}

uint64_t bfs_file_size(const struct bfs_file *file)
{
    return file->size;
}

const struct bfs_chunk_table *bfs_file_table(const struct bfs_file *file)
{
    return file->table;
}

int bfs_file_blob_state(const struct bfs_file *file, uint32_t blob, struct bfs_blob_state *ret)
{
    struct stat st;
    if (fstat(file->blobs[blob], &st) != 0)
        return -errno;
    *ret = (struct bfs_blob_state){.device = st.st_dev,
                                   .inode = st.st_ino,
                                   .size = st.st_size,
                                   .modified = st.st_mtim,
                                   .changed = st.st_ctim};
    return 0;
}

void bfs_file_will_need(const struct bfs_file *file, uint32_t blob, uint64_t offset, uint64_t size)
{
    (void)posix_fadvise(file->blobs[blob], (off_t)offset, (off_t)size, POSIX_FADV_WILLNEED);
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool bfs_blob_state_equal(const struct bfs_blob_state *a, const struct bfs_blob_state *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           is_same_time(&a->modified, &b->modified) && is_same_time(&a->changed, &b->changed);
}

static int tell_chunk(const struct bfs_chunk_want *want, int r, struct bfs_error *error)
{
    const struct bfs_file *file = want->file;
    struct bfs_chunk chunk = bfs_chunk_table_at(file->table, want->index);
    struct bfs_digest blob =
        chunk.blob ? bfs_chunk_table_blob(file->table, chunk.blob).digest
                   : bfs_bundle_layer(
                         file->bundle,
                         bfs_index_inode(bfs_bundle_index(file->bundle), file->inode).table_layer)
                         ->digest;
    char hex[BFS_DIGEST_HEX_SIZE];
    return bfs_fail_context(error, r, "chunk %u (file offset %" PRIu64 ") in blob %s", want->index,
                            chunk.raw_off, bfs_digest_hex(&blob, hex));
}

void bfs_file_fetch_chunks(struct bfs_chunk_reader *reader, const struct bfs_chunk_want wants[],
                           size_t n)
{
    struct bfs_chunk_place places[BFS_CHUNKS_MAX];
    for (size_t i = 0; i < n; i++) {
        places[i].chunk = bfs_chunk_table_at(wants[i].file->table, wants[i].index);
        places[i].blob_fd = wants[i].file->blobs[places[i].chunk.blob];
        places[i].is_proved = wants[i].is_proved;
    }
    bfs_chunks_fetch(reader, places, n);
}

int bfs_file_take_chunk(struct bfs_chunk_reader *reader, size_t k,
                        const struct bfs_chunk_want *want, uint8_t *raw, struct bfs_error *error)
{
    int r = bfs_chunk_take(reader, k, raw, error);
    return r ? tell_chunk(want, r, error) : 0;
}

int bfs_file_read_chunk(const struct bfs_file *file, struct bfs_chunk_reader *reader, uint32_t i,
                        uint8_t *raw, struct bfs_error *error)
{
    const struct bfs_chunk_want want = {.file = file, .index = i};
    bfs_file_fetch_chunks(reader, &want, 1);
    return bfs_file_take_chunk(reader, 0, &want, raw, error);
}
