/* SPDX-License-Identifier: Apache-2.0
 * Independent messages: sixteen at once while there are enough, then two at once, then the last one
 * alone. Each takes as many blocks as the shortest has left; who is done makes room for another. */
#include "verify/sha256_internal.h"

#include <string.h>

enum {
    TAIL_SIZE = 2 * BFS_SHA256_BLOCK_SIZE,
    GROUP = 32, /* messages that are prepared at a time */
};

struct message {
    uint32_t state[BFS_SHA256_STATE_WORDS];
    const uint8_t *at;
    size_t n_blocks; /* at `at` */
    size_t n_tail;   /* blocks in `tail` that follow; 0 when `at` is there already */
    uint8_t tail[TAIL_SIZE];
};

struct group {
    const struct bfs_sha256_kernels *kernels;
    struct message messages[GROUP];
    struct message *waiting[GROUP]; /* none of its blocks is in a lane */
    size_t n_waiting;
};

/* Writes the last blocks of a message of `size` bytes (FIPS 180-4, 5.1.1), which end with `rest`,
 * size % 64 bytes. Returns their number, 1 or 2. */
static size_t pad(uint8_t tail[static TAIL_SIZE], const uint8_t *rest, uint64_t size)
{
    size_t n = size % BFS_SHA256_BLOCK_SIZE;
    size_t n_blocks = n + 1 + sizeof(uint64_t) <= BFS_SHA256_BLOCK_SIZE ? 1 : 2;
    uint64_t bits = __builtin_bswap64(size * 8);
    memset(tail, 0, n_blocks * BFS_SHA256_BLOCK_SIZE);
    if (n > 0)
        memcpy(tail, rest, n);
    tail[n] = 0x80;
    memcpy(tail + n_blocks * BFS_SHA256_BLOCK_SIZE - sizeof(bits), &bits, sizeof(bits));
    return n_blocks;
}

static struct bfs_digest digest_of(const uint32_t state[static BFS_SHA256_STATE_WORDS])
{
    struct bfs_digest digest;
    for (size_t i = 0; i < BFS_SHA256_STATE_WORDS; i++) {
        uint32_t word = __builtin_bswap32(state[i]);
        memcpy(digest.bytes + i * sizeof(word), &word, sizeof(word));
    }
    return digest;
}

static void advance(struct message *m, size_t n_blocks)
{
    m->at += n_blocks * BFS_SHA256_BLOCK_SIZE;
    m->n_blocks -= n_blocks;
    if (m->n_blocks == 0 && m->n_tail > 0) {
        m->at = m->tail;
        m->n_blocks = m->n_tail;
        m->n_tail = 0;
    }
}

static void prepare(struct message *m, const struct bfs_bytes *input)
{
    size_t n_blocks = input->size / BFS_SHA256_BLOCK_SIZE;
    const uint8_t *bytes = input->bytes;
    memcpy(m->state, bfs_sha256_initial, sizeof(m->state));
    m->at = bytes;
    m->n_blocks = n_blocks;
    m->n_tail =
        pad(m->tail, n_blocks > 0 ? bytes + n_blocks * BFS_SHA256_BLOCK_SIZE : bytes, input->size);
    advance(m, 0);
}

static struct message *next(struct group *group)
{
    return group->n_waiting > 0 ? group->waiting[--group->n_waiting] : NULL;
}

/* -- sixteen at once -- */

struct lanes {
    _Alignas(64) uint32_t states[BFS_SHA256_STATE_WORDS][BFS_SHA256_LANES];
    const uint8_t *at[BFS_SHA256_LANES];
    struct message *messages[BFS_SHA256_LANES]; /* NULL: nobody is there */
    size_t n;
};

static void enter(struct lanes *lanes, size_t lane, struct message *m)
{
    lanes->messages[lane] = m;
    if (!m)
        return;
    lanes->n++;
    for (size_t i = 0; i < BFS_SHA256_STATE_WORDS; i++)
        lanes->states[i][lane] = m->state[i];
}

static void leave(struct lanes *lanes, size_t lane)
{
    struct message *m = lanes->messages[lane];
    for (size_t i = 0; i < BFS_SHA256_STATE_WORDS; i++)
        m->state[i] = lanes->states[i][lane];
    lanes->messages[lane] = NULL;
    lanes->n--;
}

/* How far all can go together. Empty lanes follow any other, for nothing. */
static size_t aim(struct lanes *lanes)
{
    const struct message *shortest = NULL;
    for (size_t lane = 0; lane < BFS_SHA256_LANES; lane++) {
        const struct message *m = lanes->messages[lane];
        if (m && (!shortest || m->n_blocks < shortest->n_blocks))
            shortest = m;
    }
    for (size_t lane = 0; lane < BFS_SHA256_LANES; lane++)
        lanes->at[lane] = lanes->messages[lane] ? lanes->messages[lane]->at : shortest->at;
    return shortest->n_blocks;
}

static void run_lanes(struct group *group)
{
    struct lanes lanes = {.n = 0};
    for (size_t lane = 0; lane < BFS_SHA256_LANES; lane++)
        enter(&lanes, lane, next(group));
    while (lanes.n >= group->kernels->lanes_worth) {
        size_t n_blocks = aim(&lanes);
        group->kernels->lanes(lanes.states, lanes.at, n_blocks);
        for (size_t lane = 0; lane < BFS_SHA256_LANES; lane++) {
            struct message *m = lanes.messages[lane];
            if (!m)
                continue;
            advance(m, n_blocks);
            if (m->n_blocks > 0)
                continue;
            leave(&lanes, lane);
            enter(&lanes, lane, next(group));
        }
    }
    for (size_t lane = 0; lane < BFS_SHA256_LANES; lane++) {
        if (!lanes.messages[lane])
            continue;
        group->waiting[group->n_waiting++] = lanes.messages[lane];
        leave(&lanes, lane);
    }
}

/* -- two at once, and the last one -- */

static void run_pairs(struct group *group)
{
    struct message *pair[2] = {next(group), NULL};
    while (pair[0] && (pair[1] || (pair[1] = next(group)))) {
        uint32_t *const states[2] = {pair[0]->state, pair[1]->state};
        const uint8_t *const at[2] = {pair[0]->at, pair[1]->at};
        size_t n_blocks =
            pair[0]->n_blocks < pair[1]->n_blocks ? pair[0]->n_blocks : pair[1]->n_blocks;
        group->kernels->two(states, at, n_blocks);
        for (size_t i = 0; i < 2; i++)
            advance(pair[i], n_blocks);
        if (pair[1]->n_blocks == 0)
            pair[1] = NULL;
        if (pair[0]->n_blocks == 0) {
            pair[0] = pair[1] ? pair[1] : next(group);
            pair[1] = NULL;
        }
    }
    while (pair[0] && pair[0]->n_blocks > 0) {
        size_t n_blocks = pair[0]->n_blocks;
        group->kernels->one(pair[0]->state, pair[0]->at, n_blocks);
        advance(pair[0], n_blocks);
    }
}

static void run_group(struct group *group, const struct bfs_bytes inputs[], size_t n,
                      struct bfs_digest ret[])
{
    group->n_waiting = n;
    for (size_t i = 0; i < n; i++) {
        prepare(&group->messages[i], &inputs[i]);
        group->waiting[i] = &group->messages[i];
    }
    if (group->kernels->lanes && n >= group->kernels->lanes_worth)
        run_lanes(group);
    run_pairs(group);
    for (size_t i = 0; i < n; i++)
        ret[i] = digest_of(group->messages[i].state);
}

int bfs_sha256_many_with(const struct bfs_sha256_kernels *kernels, const struct bfs_bytes inputs[],
                         size_t n, struct bfs_digest ret[])
{
    if (!kernels || n == 1) {
        for (size_t i = 0; i < n; i++) {
            int r = bfs_sha256(inputs[i].bytes, inputs[i].size, &ret[i]);
            if (r)
                return r;
        }
        return 0;
    }
    struct group group = {.kernels = kernels};
    for (size_t at = 0; at < n; at += GROUP)
        run_group(&group, inputs + at, n - at < GROUP ? n - at : GROUP, ret + at);
    return 0;
}

int bfs_sha256_many(const struct bfs_bytes inputs[], size_t n, struct bfs_digest ret[])
{
    return bfs_sha256_many_with(bfs_sha256_kernels(), inputs, n, ret);
}

size_t bfs_sha256_many_best(void)
{
    const struct bfs_sha256_kernels *kernels = bfs_sha256_kernels();
    if (!kernels)
        return 1;
    return kernels->lanes ? BFS_SHA256_LANES : 2;
}
