/* SPDX-License-Identifier: Apache-2.0
 * Reading whole files of a bundle on several threads: every chunk is proved and decoded, and the
 * SHA-256 of the decoded bytes is compared with what the index says.
 *
 * Small files are read side by side, one thread each; a large one by all threads together, which
 * hash their chunks in turn while they are still in the processor's cache.
 *
 * THREAD SAFETY: the callbacks are called from several threads at once unless they say otherwise.
 */
#ifndef BFS_CODEC_CONTENT_H
#define BFS_CODEC_CONTENT_H

#include "codec/store/file.h"

struct bfs_content_ops {
    /* A file's bytes follow; what it sets *ret_sink to goes to the two below. NULL is fine. */
    int (*begin)(void *context, struct bfs_file *file, void **ret_sink, struct bfs_error *error);
    /* Decoded bytes of one chunk; the chunks of a file come in any order and at once. NULL is fine.
     */
    int (*take)(void *context, void *sink, const struct bfs_chunk *chunk, const uint8_t *raw,
                struct bfs_error *error);
    /* After begin(), in any case: with `result` 0 the whole file was proved. NULL is fine. */
    int (*end)(void *context, void *sink, struct bfs_file *file, int result,
               struct bfs_error *error);
    /* Something is wrong with a file: with that chunk, or (NULL) as a whole. Returns 0 to go on
     * with what else there is, anything else to stop. NULL stops, with the file's path in the
     * error. */
    int (*failed)(void *context, uint32_t inode, const uint32_t *chunk,
                  const struct bfs_error *error);
    /* Called by the calling thread only, about five times a second, with the bytes decoded since
     * the last call. Non-zero stops with that code. NULL is fine. */
    int (*progress)(void *context, uint64_t bytes);
};

/* Reads the `n` regular files with these inode numbers. Errors: those of the callbacks, of
 * bfs_file_open() and bfs_file_read_chunk(), -EBADMSG (another digest), -ENOMEM. */
int bfs_content_read(struct bfs_bundle *bundle, const uint32_t *files, size_t n, unsigned n_jobs,
                     const struct bfs_content_ops *ops, void *context, struct bfs_error *error);

#endif
