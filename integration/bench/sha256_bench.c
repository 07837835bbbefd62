/* SPDX-License-Identifier: Apache-2.0
 * What each way to compute SHA-256 does on one core, for messages as long as stored chunks. With
 * --libcrypto only that of one stream. */
#include "verify/sha256_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE = 174 << 10, MESSAGES = 32, ROUNDS = 5 };

static const double seconds_each = 0.2;

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const struct bfs_sha256_kernels *kernels, const struct bfs_bytes *inputs,
                    size_t n)
{
    double speeds[ROUNDS];
    struct bfs_digest digests[MESSAGES];
    for (size_t i = 0; i < ROUNDS; i++) {
        double start = now(), bytes = 0;
        while (now() - start < seconds_each) {
            if (bfs_sha256_many_with(kernels, inputs, n, digests))
                exit(1);
            bytes += (double)n * SIZE;
        }
        speeds[i] = bytes / (now() - start) / 1e6;
    }
    qsort(speeds, ROUNDS, sizeof(speeds[0]), by_value);
    (void)printf("%-16s %2zu at once %8.0f MB/s   %.0f to %.0f\n",
                 n == 1 || !kernels ? "libcrypto" : kernels->name, n, speeds[ROUNDS / 2], speeds[0],
                 speeds[ROUNDS - 1]);
}

int main(int argc, char **argv)
{
    static const size_t counts[] = {2, 3, 4, 8, 10, 12, 16, 24, 32};
    const struct bfs_sha256_kernels *kernels;
    struct bfs_bytes inputs[MESSAGES];
    uint8_t *bytes = malloc((size_t)SIZE * MESSAGES);
    if (!bytes)
        return 1;
    for (size_t i = 0; i < (size_t)SIZE * MESSAGES; i++)
        bytes[i] = (uint8_t)(i * 2654435761U >> 13);
    for (size_t i = 0; i < MESSAGES; i++)
        inputs[i] = (struct bfs_bytes){bytes + i * SIZE, SIZE};
    measure(NULL, inputs, 1);
    bool all = argc < 2 || strcmp(argv[1], "--libcrypto") != 0;
    for (size_t s = 0; all && (kernels = bfs_sha256_kernels_at(s)); s++)
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
            measure(kernels, inputs, counts[i]);
    const struct bfs_sha256_kernels *best = bfs_sha256_kernels();
    if (all && best && best->lanes)
        (void)printf("lanes are used for %zu messages and more\n", best->lanes_worth);
    else if (all && best)
        (void)printf("lanes are not used\n");
    free(bytes);
    return 0;
}
