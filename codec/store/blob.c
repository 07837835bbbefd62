/* SPDX-License-Identifier: Apache-2.0
 * Reading and adding whole blobs. */
#include "codec/store/blob_writer.h"
#include "codec/store/files.h"
#include "codec/store/store.h"
#include "verify/errno_text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int bfs_store_open_blob(const struct bfs_store *store, const struct bfs_digest *digest,
                        uint64_t size, int *ret_fd, struct bfs_error *error)
{
    char hex[BFS_DIGEST_HEX_SIZE];
    bfs_autofree char *path = bfs_store_blob_path(store, digest);
    if (!path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return bfs_fail(error, -errno, "blob %s: %s", bfs_digest_hex(digest, hex),
                        errno == ENOENT ? "missing from the store" : bfs_read_errno_text(errno));
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != size) {
        char expected[32], found[32];
        (void)snprintf(expected, sizeof(expected), "%" PRIu64 " bytes", size);
        (void)snprintf(found, sizeof(found), "%lld bytes", (long long)st.st_size);
        (void)bfs_fail(error, -EBADMSG, "blob %s: wrong size", bfs_digest_hex(digest, hex));
        bfs_fail_values(error, expected, found);
        return -EBADMSG;
    }
    *ret_fd = bfs_steal_fd(&fd);
    return 0;
}

int bfs_blob_prove(int fd, const struct bfs_digest *digest, uint64_t size,
                   int (*progress)(void *context, uint64_t bytes), void *context,
                   struct bfs_error *error)
{
    enum { BUFFER_SIZE = 1 << 20 };
    BFS_CLEANUP(bfs_sha256_stream_cleanup) struct bfs_sha256_stream *sha256 = NULL;
    bfs_autofree uint8_t *buffer = malloc(BUFFER_SIZE);
    struct bfs_digest actual;
    int r = buffer ? bfs_sha256_stream_new(&sha256) : -ENOMEM;
    for (uint64_t at = 0; r == 0 && at < size;) {
        size_t step = size - at < BUFFER_SIZE ? (size_t)(size - at) : BUFFER_SIZE;
        r = bfs_pread_exact(fd, buffer, step, at);
        if (r)
            return bfs_fail_at(error, r == -ENODATA ? -EBADMSG : r, at, "cannot read: %s",
                               r == -ENODATA ? "it ends early" : bfs_read_errno_text(-r));
        r = bfs_sha256_stream_update(sha256, buffer, step);
        at += step;
        if (r == 0 && progress && (r = progress(context, step)))
            return bfs_fail(error, r, "interrupted");
    }
    if (r == 0)
        r = bfs_sha256_stream_finish(sha256, &actual);
    if (r)
        return bfs_fail(error, r, "%s", strerror(-r));
    if (bfs_digest_equal(&actual, digest))
        return 0;
    char expected[BFS_DIGEST_TEXT_SIZE], found[BFS_DIGEST_TEXT_SIZE];
    (void)bfs_fail(error, -EBADMSG, "the blob does not match its name");
    bfs_fail_values(error, bfs_digest_text(digest, expected), bfs_digest_text(&actual, found));
    return -EBADMSG;
}

int bfs_store_read_blob(const struct bfs_store *store, const struct bfs_digest *digest,
                        uint64_t size, uint64_t limit, uint8_t **ret, struct bfs_error *error)
{
    char expected[BFS_DIGEST_TEXT_SIZE], found[BFS_DIGEST_TEXT_SIZE];
    (void)bfs_digest_text(digest, expected);
    if (size > limit)
        return bfs_fail(error, -E2BIG, "blob %s: %" PRIu64 " bytes are more than %" PRIu64,
                        expected + 7, size, limit);
    bfs_autoclose int fd = -1;
    int r = bfs_store_open_blob(store, digest, size, &fd, error);
    if (r)
        return r;
    bfs_autofree uint8_t *bytes = malloc((size_t)size + 1);
    if (!bytes)
        return bfs_fail(error, -ENOMEM, "blob %s: out of memory", expected + 7);
    r = bfs_pread_exact(fd, bytes, (size_t)size, 0);
    if (r)
        return bfs_fail(error, r == -ENODATA ? -EBADMSG : r, "blob %s: %s", expected + 7,
                        r == -ENODATA ? "ends early" : bfs_read_errno_text(-r));
    struct bfs_digest actual;
    r = bfs_sha256(bytes, (size_t)size, &actual);
    if (r)
        return bfs_fail(error, r, "blob %s: cannot compute SHA-256", expected + 7);
    if (!bfs_digest_equal(&actual, digest)) {
        (void)bfs_fail(error, -EBADMSG, "blob %s: content does not match its digest", expected + 7);
        bfs_fail_values(error, expected, bfs_digest_text(&actual, found));
        return -EBADMSG;
    }
    bytes[size] = '\0';
    *ret = bfs_steal(&bytes);
    return 0;
}

int bfs_store_put_blob(const struct bfs_store *store, const void *bytes, size_t size,
                       struct bfs_digest *ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_blob_writer_cleanup) struct bfs_blob_writer *writer = NULL;
    struct bfs_table_blob blob;
    int r;
    if ((r = bfs_blob_writer_new(store, &writer, error)) ||
        (r = bfs_blob_writer_append(writer, bytes, size, error)) ||
        (r = bfs_blob_writer_commit(writer, &blob, error)))
        return r;
    *ret = blob.digest;
    return 0;
}
