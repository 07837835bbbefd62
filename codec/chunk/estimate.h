/* SPDX-License-Identifier: Apache-2.0
 * Cheap looks at bytes before paying for a compressor. All are integer arithmetic over fixed
 * samples, so that the choice of an encoding does not depend on the host's libm.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_CODEC_ESTIMATE_H
#define BFS_CODEC_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool bfs_is_zero(const uint8_t *bytes, size_t size);

/* Order-0 entropy in thousandths of a bit per byte, 0..8000, from at most 8 KiB spread over the
 * bytes. Good to 1 % and 40 thousandths. */
unsigned bfs_estimate_entropy(const uint8_t *bytes, size_t size);

/* How many thousandths of the aligned 8-byte words are zero or equal an earlier one, from about
 * a thousand words picked by their content, so that repetitions at any distance show. Weights give
 * 0; text, sparse and constant data give more than BFS_REPEATS_FEW. */
unsigned bfs_estimate_repeats(const uint8_t *bytes, size_t size);

enum { BFS_REPEATS_FEW = 20 };

/* Copies `sample_size` bytes out of a larger run, in pieces of 4 KiB spread over it. */
void bfs_gather_sample(const uint8_t *bytes, size_t size, uint8_t *sample, size_t sample_size);

#endif
