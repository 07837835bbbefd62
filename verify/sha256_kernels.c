/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/sha256_kernels.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

const uint32_t bfs_sha256_initial[BFS_SHA256_STATE_WORDS] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

_Alignas(64) const uint32_t bfs_sha256_rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#if defined(__x86_64__)
static bool has_sha_ni(void)
{
    enum { LEAF = 7, EBX_SHA = 1 << 29 };
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(LEAF, 0, &eax, &ebx, &ecx, &edx) && (ebx & EBX_SHA) != 0 &&
           __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1");
}

/* Asks the operating system, too: it must keep the wide registers. */
static bool has_sha_ni_and_avx512(void)
{
    return has_sha_ni() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}

static const struct bfs_sha256_kernels sha_ni = {
    .name = "sha-ni", .one = bfs_sha256_ni_one, .two = bfs_sha256_ni_two};
static const struct bfs_sha256_kernels sha_ni_avx512 = {.name = "sha-ni, avx512",
                                                        .one = bfs_sha256_ni_one,
                                                        .two = bfs_sha256_ni_two,
                                                        .lanes = bfs_sha256_avx512_lanes,
                                                        .lanes_worth = 10};
#endif

/* From the plainest to the widest. */
static const struct {
    const struct bfs_sha256_kernels *kernels;
    bool (*supported)(void);
} implementations[] = {
#if defined(__x86_64__)
    {&sha_ni, has_sha_ni},
    {&sha_ni_avx512, has_sha_ni_and_avx512},
#endif
    {NULL, NULL},
};

const struct bfs_sha256_kernels *bfs_sha256_kernels_at(size_t i)
{
    for (size_t j = 0; implementations[j].kernels; j++)
        if (implementations[j].supported() && i-- == 0)
            return implementations[j].kernels;
    return NULL;
}

struct bfs_sha256_kernels bfs_sha256_kernels_tuned(const struct bfs_sha256_kernels *kernels,
                                                   uint64_t lanes_ns, uint64_t two_ns)
{
    struct bfs_sha256_kernels tuned = *kernels;
    /* n messages take n / 2 calls of `two`. */
    tuned.lanes_worth = (size_t)(2 * lanes_ns / (two_ns ? two_ns : 1)) + 1;
    if (tuned.lanes_worth <= 2)
        tuned.lanes_worth = 3;
    if (tuned.lanes_worth > BFS_SHA256_LANES)
        tuned.lanes = NULL;
    return tuned;
}

static uint64_t now_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* The least of several: whatever else the machine does only adds. */
static struct bfs_sha256_kernels measured(const struct bfs_sha256_kernels *kernels)
{
    enum { ROUNDS = 8, BLOCKS = 32 };
    static const uint8_t message[BLOCKS * BFS_SHA256_BLOCK_SIZE];
    static uint32_t states[BFS_SHA256_STATE_WORDS][BFS_SHA256_LANES],
        pair[2][BFS_SHA256_STATE_WORDS];
    const uint8_t *at[BFS_SHA256_LANES];
    uint64_t lanes_ns = UINT64_MAX, two_ns = UINT64_MAX;
    for (size_t lane = 0; lane < BFS_SHA256_LANES; lane++)
        at[lane] = message;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns();
        kernels->lanes(states, at, BLOCKS);
        uint64_t between = now_ns();
        kernels->two((uint32_t *const[]){pair[0], pair[1]}, at, BLOCKS);
        uint64_t end = now_ns();
        lanes_ns = between - start < lanes_ns ? between - start : lanes_ns;
        two_ns = end - between < two_ns ? end - between : two_ns;
    }
    return bfs_sha256_kernels_tuned(kernels, lanes_ns, two_ns);
}

static struct bfs_sha256_kernels best;
static bool has_best;
static pthread_once_t best_once = PTHREAD_ONCE_INIT;

static void choose_best(void)
{
    for (size_t j = 0; implementations[j].kernels; j++) {
        const struct bfs_sha256_kernels *kernels = implementations[j].kernels;
        if (!implementations[j].supported())
            continue;
        best = kernels->lanes ? measured(kernels) : *kernels;
        has_best = true;
    }
}

/* Once: asking the CPU what it is traps to the hypervisor of a virtual machine, and would cost more
 * than hashing a small chunk. */
const struct bfs_sha256_kernels *bfs_sha256_kernels(void)
{
    (void)pthread_once(&best_once, choose_best);
    return has_best ? &best : NULL;
}
