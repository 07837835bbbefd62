/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/blob_writer.h"

#include "codec/store/files.h"
#include "verify/errno_text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Start writing back this much at a time, so that the fsync at the end finds little left to do. */
enum { WRITEBACK_STEP = 16 << 20 };

struct bfs_blob_writer {
    const struct bfs_store *store; /* borrowed */
    int fd;
    char *path; /* of the temporary file; NULL once it is gone */
    uint64_t size;
    uint64_t written_back;
    struct bfs_sha256_stream *sha256;
};

struct bfs_blob_writer *bfs_blob_writer_free(struct bfs_blob_writer *writer)
{
    if (!writer)
        return NULL;
    if (writer->path)
        (void)unlink(writer->path);
    free(writer->path);
    bfs_cleanup_close(&writer->fd);
    (void)bfs_sha256_stream_free(writer->sha256);
    free(writer);
    return NULL;
}

int bfs_blob_writer_new(const struct bfs_store *store, struct bfs_blob_writer **ret,
                        struct bfs_error *error)
{
    BFS_CLEANUP(bfs_blob_writer_cleanup)
    struct bfs_blob_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        return bfs_fail(error, -ENOMEM, "out of memory");
    writer->store = store;
    writer->fd = -1;
    int r = bfs_sha256_stream_new(&writer->sha256);
    if (r)
        return bfs_fail(error, r, "cannot compute SHA-256");
    r = bfs_create_temporary(bfs_store_tmp_path(store), &writer->fd, &writer->path, error);
    if (r)
        return r;
    *ret = bfs_steal(&writer);
    return 0;
}

uint64_t bfs_blob_writer_size(const struct bfs_blob_writer *writer)
{
    return writer->size;
}

int bfs_blob_writer_append(struct bfs_blob_writer *writer, const void *bytes, size_t size,
                           struct bfs_error *error)
{
    int r = bfs_sha256_stream_update(writer->sha256, bytes, size);
    if (r == 0)
        r = bfs_write_all(writer->fd, bytes, size);
    if (r)
        return bfs_fail(error, r, "%s: cannot write: %s", bfs_store_path(writer->store),
                        bfs_write_errno_text(-r));
    writer->size += size;
    if (writer->size - writer->written_back >= WRITEBACK_STEP) {
        (void)sync_file_range(writer->fd, (off_t)writer->written_back,
                              (off_t)(writer->size - writer->written_back), SYNC_FILE_RANGE_WRITE);
        writer->written_back = writer->size;
    }
    return 0;
}

int bfs_blob_writer_duplicate(const struct bfs_blob_writer *writer)
{
    int fd = fcntl(writer->fd, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

int bfs_blob_writer_commit(struct bfs_blob_writer *writer, struct bfs_table_blob *ret,
                           struct bfs_error *error)
{
    struct bfs_table_blob blob = {.size = writer->size};
    int r = bfs_sha256_stream_finish(writer->sha256, &blob.digest);
    if (r)
        return bfs_fail(error, r, "cannot compute SHA-256");
    bfs_autofree char *path = bfs_store_blob_path(writer->store, &blob.digest);
    if (!path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    /* An existing blob of the right size may be damaged; replacing it by proved bytes heals it. */
    if (fchmod(writer->fd, bfs_mode_within(bfs_store_mode(writer->store), 0444)) != 0 ||
        fsync(writer->fd) != 0 || rename(writer->path, path) != 0)
        return bfs_fail(error, -errno, "%s: cannot store the blob: %s",
                        bfs_store_path(writer->store), strerror(errno));
    free(bfs_steal(&writer->path));
    r = bfs_sync_folder(bfs_store_blobs_path(writer->store));
    if (r)
        return bfs_fail(error, r, "%s: cannot sync: %s", bfs_store_blobs_path(writer->store),
                        strerror(-r));
    *ret = blob;
    return 0;
}
