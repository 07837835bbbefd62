/* SPDX-License-Identifier: Apache-2.0
 * Bytes that are the same in every run: what tests feed to encoders and parsers. */
#ifndef BFS_TESTS_SEEDED_H
#define BFS_TESTS_SEEDED_H

#include "codec/chunk/layout.h"

#include <stddef.h>
#include <stdint.h>

/* splitmix64; the state is the seed. */
uint64_t test_random(uint64_t *state);
/* Roughly Gaussian, mean 0, deviation 1, within +-6. */
double test_gaussian(uint64_t *state);

void test_fill_random(uint8_t *bytes, size_t size, uint64_t seed);
/* Words of lower-case letters. */
void test_fill_text(uint8_t *bytes, size_t size, uint64_t seed);
/* Gaussian values of this deviation for the float layouts; BLOCKS, OPAQUE and FLOAT8 give random
 * bytes; INTEGER gives i32 below 30000. Only whole values are written, the rest is zero. */
void test_fill_layout(uint8_t *bytes, size_t size, enum bfs_layout layout, double deviation,
                      uint64_t seed);

#endif
