/* SPDX-License-Identifier: Apache-2.0
 * Whole blobs: a registry that gets one refuses it when a single byte does not fit its name, also
 * one that no chunk uses. */
#include "codec/check/check_private.h"
#include "codec/parallel.h"
#include "codec/store/files.h"

#include <string.h>

static int on_progress(void *context, uint64_t bytes)
{
    struct bfs_check *check = context;
    (void)atomic_fetch_add(&check->blob_bytes, bytes);
    return 0;
}

static int work(void *context, unsigned worker, uint64_t i, struct bfs_error *error)
{
    struct bfs_check *check = context;
    const struct bfs_digest_item *item = &check->blobs.items[i];
    struct bfs_error found = {0};
    bfs_autoclose int fd = -1;
    (void)worker;
    int r = bfs_store_open_blob(check->store, &item->digest, item->size, &fd, &found);
    if (r == 0 && !check->options->quick &&
        (r = bfs_blob_prove(fd, &item->digest, item->size, on_progress, check, &found))) {
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
