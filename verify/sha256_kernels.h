/* SPDX-License-Identifier: Apache-2.0
 * The compression function of SHA-256 (FIPS 180-4, 6.2.2) for several messages at once. One message
 * is a chain in which every round waits for the one before, so a CPU's SHA unit is idle most of the
 * time; messages that do not depend on each other fill the gaps.
 *
 * THREAD SAFETY: pure functions; the choice of kernels is made once. */
#ifndef BFS_VERIFY_SHA256_KERNELS_H
#define BFS_VERIFY_SHA256_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum {
    BFS_SHA256_BLOCK_SIZE = 64,
    BFS_SHA256_STATE_WORDS = 8,
    BFS_SHA256_LANES = 16,
};

/* H(0) of FIPS 180-4, 5.3.3, and K of 4.2.2. */
extern const uint32_t bfs_sha256_initial[BFS_SHA256_STATE_WORDS];
extern const uint32_t bfs_sha256_rounds[64];

struct bfs_sha256_kernels {
    const char *name;
    /* n_blocks blocks of one message into its state. */
    void (*one)(uint32_t state[static BFS_SHA256_STATE_WORDS], const uint8_t *bytes,
                size_t n_blocks);
    /* The same for two messages, side by side. */
    void (*two)(uint32_t *const states[2], const uint8_t *const bytes[2], size_t n_blocks);
    /* For sixteen; word w of lane l is states[w][l]. NULL: this CPU has no such kernel. */
    void (*lanes)(uint32_t states[BFS_SHA256_STATE_WORDS][BFS_SHA256_LANES],
                  const uint8_t *const bytes[BFS_SHA256_LANES], size_t n_blocks);
    /* With fewer messages than this, pairs are faster than lanes, of which some stay empty. */
    size_t lanes_worth;
};

/* What this CPU runs best; NULL when libcrypto does better than all of these. The first call
 * measures, for some 0.1 ms: of two CPUs with the same instructions, one has lanes twice as fast as
 * pairs, and the other pairs that are faster than full lanes. */
const struct bfs_sha256_kernels *bfs_sha256_kernels(void);
/* `kernels` as they are best used where a call of `lanes` takes `lanes_ns` and one of `two`, with
 * as many blocks, `two_ns`: with lanes_worth set, or without lanes where even full ones do not pay.
 */
struct bfs_sha256_kernels bfs_sha256_kernels_tuned(const struct bfs_sha256_kernels *kernels,
                                                   uint64_t lanes_ns, uint64_t two_ns);
/* Each set that this CPU runs; NULL past the last. For tests and measurements. */
const struct bfs_sha256_kernels *bfs_sha256_kernels_at(size_t i);

#if defined(__x86_64__)
void bfs_sha256_ni_one(uint32_t state[static BFS_SHA256_STATE_WORDS], const uint8_t *bytes,
                       size_t n_blocks);
void bfs_sha256_ni_two(uint32_t *const states[2], const uint8_t *const bytes[2], size_t n_blocks);
void bfs_sha256_avx512_lanes(uint32_t states[BFS_SHA256_STATE_WORDS][BFS_SHA256_LANES],
                             const uint8_t *const bytes[BFS_SHA256_LANES], size_t n_blocks);
#endif

#endif
