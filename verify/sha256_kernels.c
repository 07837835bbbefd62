/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/sha256_kernels.h"

#include <pthread.h>
#include <stdbool.h>
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
                                                        .lanes = bfs_sha256_avx512_lanes};
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

static const struct bfs_sha256_kernels *widest;
static pthread_once_t widest_once = PTHREAD_ONCE_INIT;

static void choose_widest(void)
{
    for (size_t j = 0; implementations[j].kernels; j++)
        if (implementations[j].supported())
            widest = implementations[j].kernels;
}

/* Once: asking the CPU what it is traps to the hypervisor of a virtual machine, and would cost more
 * than hashing a small chunk. */
const struct bfs_sha256_kernels *bfs_sha256_kernels(void)
{
    (void)pthread_once(&widest_once, choose_widest);
    return widest;
}
