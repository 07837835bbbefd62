/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/decoded.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { N_SLOTS = 1 << 16 };

struct bfs_decoded {
    struct bfs_metrics *metrics;
    _Atomic uint64_t slots[N_SLOTS]; /* the last chunk that belongs there; 0: none */
};

int bfs_decoded_new(struct bfs_metrics *metrics, struct bfs_decoded **ret)
{
    struct bfs_decoded *decoded = calloc(1, sizeof(*decoded));
    if (!decoded)
        return -ENOMEM;
    decoded->metrics = metrics;
    *ret = decoded;
    return 0;
}

struct bfs_decoded *bfs_decoded_free(struct bfs_decoded *decoded)
{
    free(decoded);
    return NULL;
}

/* Was it decoded before, as far as is known? */
static bool is_known(struct bfs_decoded *decoded, const struct bfs_chunk *chunk)
{
    uint64_t stored, raw;
    memcpy(&stored, chunk->digest.bytes, sizeof(stored));
    memcpy(&raw, chunk->check.bytes, sizeof(raw));
    uint64_t mark = (stored ^ raw) | 1;
    return atomic_exchange_explicit(&decoded->slots[(mark >> 1) % N_SLOTS], mark,
                                    memory_order_relaxed) == mark;
}

void bfs_decoded_count(struct bfs_decoded *decoded, const struct bfs_chunk *chunk, bool was_proved)
{
    struct bfs_metrics *metrics = decoded->metrics;
    bfs_metric_add(metrics, was_proved ? BFS_METRIC_CHUNKS_RECHECKED : BFS_METRIC_CHUNKS_PROVED, 1);
    bfs_metric_add(metrics, BFS_METRIC_CHUNKS_DECODED, 1);
    bfs_metric_add(metrics, BFS_METRIC_DECODED_BYTES, chunk->raw_size);
    bfs_metric_add(metrics, BFS_METRIC_STORED_BYTES, chunk->stored_size);
    /* Zeros take no work, and are the same chunk everywhere. */
    if (chunk->stored_size > 0 && is_known(decoded, chunk))
        bfs_metric_add(metrics, BFS_METRIC_DECODED_AGAIN_BYTES, chunk->raw_size);
}
