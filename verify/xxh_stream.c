/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/xxh_stream.h"

#include "verify/xxh_internal.h"

#include <errno.h>
#include <string.h>

/* The library's state, by its stable interface, has no size at compile time: only pointers to it
 * exist, so the type here is a name for the same pointer. */
static XXH3_state_t *state_of(struct bfs_xxh_stream *stream)
{
    return (XXH3_state_t *)(void *)stream;
}

int bfs_xxh_stream_new(struct bfs_xxh_stream **ret)
{
    bfs_xxh_choose();
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return -ENOMEM;
    (void)XXH3_128bits_reset(state); /* fails for NULL alone, as update() does */
    *ret = (struct bfs_xxh_stream *)(void *)state;
    return 0;
}

void bfs_xxh_stream_update(struct bfs_xxh_stream *stream, const void *bytes, size_t size)
{
    if (size)
        (void)XXH3_128bits_update(state_of(stream), bytes, size);
}

struct bfs_xxh128 bfs_xxh_stream_finish(struct bfs_xxh_stream *stream)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_of(stream)));
    (void)XXH3_128bits_reset(state_of(stream));
    struct bfs_xxh128 hash;
    _Static_assert(sizeof(hash.bytes) == sizeof(canonical.digest), "XXH3-128 has 16 bytes");
    memcpy(hash.bytes, canonical.digest, sizeof(hash.bytes));
    return hash;
}

struct bfs_xxh_stream *bfs_xxh_stream_free(struct bfs_xxh_stream *stream)
{
    if (stream)
        (void)XXH3_freeState(state_of(stream));
    return NULL;
}
