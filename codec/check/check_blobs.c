/* SPDX-License-Identifier: Apache-2.0
 * Whole blobs: a registry that gets one refuses it when a single byte does not fit its name, also
 * one that no chunk uses. */
#include "codec/check/check_private.h"
#include "codec/parallel.h"
#include "codec/store/files.h"

#include <string.h>

enum { BUFFER_SIZE = 1 << 20 };

static int hash_blob(struct bfs_check *check, int fd, const struct bfs_digest_item *item,
                     struct bfs_error *error)
{
    BFS_CLEANUP(bfs_sha256_stream_cleanup) struct bfs_sha256_stream *sha256 = NULL;
    bfs_autofree uint8_t *buffer = malloc(BUFFER_SIZE);
    struct bfs_digest digest;
    int r = buffer ? bfs_sha256_stream_new(&sha256) : -ENOMEM;
    for (uint64_t at = 0; r == 0 && at < item->size;) {
        size_t size = item->size - at < BUFFER_SIZE ? (size_t)(item->size - at) : BUFFER_SIZE;
        r = bfs_pread_exact(fd, buffer, size, at);
        if (r)
            return bfs_fail_at(error, r == -ENODATA ? -EBADMSG : r, at, "cannot read: %s",
                               strerror(-r));
        r = bfs_sha256_stream_update(sha256, buffer, size);
        (void)atomic_fetch_add(&check->blob_bytes, size);
        at += size;
    }
    if (r == 0)
        r = bfs_sha256_stream_finish(sha256, &digest);
    if (r)
        return bfs_fail(error, r, "%s", strerror(-r));
    if (bfs_digest_equal(&digest, &item->digest))
        return 0;
    char expected[BFS_DIGEST_TEXT_SIZE], found[BFS_DIGEST_TEXT_SIZE];
    (void)bfs_fail(error, -EBADMSG, "the blob does not match its name");
    (void)bfs_fail_values(error, bfs_digest_text(&item->digest, expected),
                          bfs_digest_text(&digest, found));
    return -EBADMSG;
}

static int work(void *context, unsigned worker, uint64_t i, struct bfs_error *error)
{
    struct bfs_check *check = context;
    const struct bfs_digest_item *item = &check->blobs.items[i];
    struct bfs_error found = {0};
    bfs_autoclose int fd = -1;
    (void)worker;
    int r = bfs_store_open_blob(check->store, &item->digest, item->size, &fd, &found);
    if (r == 0 && !check->options->quick && (r = hash_blob(check, fd, item, &found))) {
        char hex[BFS_DIGEST_HEX_SIZE];
        (void)bfs_fail_context(&found, r, "blob %s", bfs_digest_hex(&item->digest, hex));
    }
    if (r == -ENOMEM)
        return bfs_fail(error, r, "out of memory");
    if (r)
        bfs_check_problem(check, BFS_CHECK_BLOB, item->owner, NULL, NULL, &found);
    return 0;
}

static int tick(void *context)
{
    struct bfs_check *check = context;
    return bfs_check_progress(check, atomic_exchange(&check->blob_bytes, 0));
}

int bfs_check_blobs(struct bfs_check *check, struct bfs_error *error)
{
    static const struct bfs_parallel_ops ops = {.work = work, .tick = tick};
    return bfs_parallel_run(check->options->n_jobs, check->blobs.n_items, &ops, check, error);
}
