/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/chunk_log.h"

void bfs_log_chunk(const struct bfs_log *log, struct bfs_metrics *metrics,
                   const struct bfs_file *file, int status, const struct bfs_error *error)
{
    struct bfs_bundle *bundle = bfs_file_bundle(file);
    char name[BFS_REFERENCE_MAX + 1], text[BFS_ERROR_TEXT_SIZE], hex[BFS_DIGEST_HEX_SIZE];
    bfs_autofree char *path = bfs_index_path(bfs_bundle_index(bundle), bfs_file_inode(file));
    if (status == -EBADMSG || status == -EPROTONOSUPPORT)
        bfs_metric_add(metrics, BFS_METRIC_CORRUPT_CHUNKS, 1);
    bfs_log(log, BFS_LOG_ERROR, "%s (%.12s): %s: %s",
            bfs_reference_text(&bfs_bundle_config(bundle)->reference, name),
            bfs_digest_hex(bfs_bundle_id(bundle), hex), path ? path : "?",
            bfs_error_text(error, text));
}
