/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/chunk/estimate.h"

#include <string.h>

enum {
    SAMPLE_RUN = 256, /* bytes in a row; several cache lines, so that the prefetcher helps */
    SAMPLE_RUNS = 32,
    WORD_SIZE = 8,
    WORDS_WANTED = 1024,
    WORD_SLOTS_LOG = 11, /* twice the words wanted, so that few overwrite each other */
    GATHER_PIECE = 4096,
};

bool bfs_is_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* Two tables, because equal neighbours would wait for each other's store in one. */
static void count_bytes(const uint8_t *bytes, size_t size, uint32_t even[256], uint32_t odd[256])
{
    size_t i = 0;
    for (; size - i >= 2; i += 2) {
        even[bytes[i]]++;
        odd[bytes[i + 1]]++;
    }
    if (i < size)
        even[bytes[i]]++;
}

/* log2 in 1/65536 for v > 0. Between powers of two log2(1 + f) is taken as f + 0.3437 f (1 - f):
 * wrong by less than 0.01. */
static uint64_t log2_fixed(uint32_t v)
{
    unsigned whole = 31U - (unsigned)__builtin_clz(v);
    uint64_t f = (((uint64_t)v << 16) >> whole) - 65536;
    return ((uint64_t)whole << 16) + f + ((f * (65536 - f)) >> 16) * 22525 / 65536;
}

unsigned bfs_estimate_entropy(const uint8_t *bytes, size_t size)
{
    uint32_t counts[256] = {0};
    uint32_t odd[256] = {0};
    uint32_t n = 0;
    if (size <= (size_t)SAMPLE_RUN * SAMPLE_RUNS) {
        count_bytes(bytes, size, counts, odd);
        n = (uint32_t)size;
    } else {
        size_t step = (size - SAMPLE_RUN) / (SAMPLE_RUNS - 1);
        for (size_t i = 0; i < SAMPLE_RUNS; i++)
            count_bytes(bytes + i * step, SAMPLE_RUN, counts, odd);
        n = SAMPLE_RUN * SAMPLE_RUNS;
    }
    if (n == 0)
        return 0;
    uint64_t sum = 0; /* of count * log2(count) */
    uint64_t symbols = 0;
    for (size_t i = 0; i < 256; i++) {
        uint32_t count = counts[i] + odd[i];
        if (count == 0)
            continue;
        sum += count * log2_fixed(count);
        symbols++;
    }
    uint64_t total = n * log2_fixed(n);
    uint64_t bits = total > sum ? (total - sum) / n : 0;
    /* A sample shows too little entropy: by (symbols - 1) / (2 n ln 2) bits (Miller and Madow). */
    uint64_t thousandths = bits * 1000 / 65536 + (symbols - 1) * 721 / n;
    return thousandths > 8000 ? 8000 : (unsigned)thousandths;
}

unsigned bfs_estimate_repeats(const uint8_t *bytes, size_t size)
{
    size_t words = size / WORD_SIZE;
    if (words == 0)
        return 0;
    unsigned rare = 0; /* one word of 2^rare is looked at */
    while ((words >> rare) > WORDS_WANTED)
        rare++;
    uint64_t slots[1 << WORD_SLOTS_LOG] = {0};
    uint64_t zeros = 0;
    uint64_t repeats = 0;
    for (size_t i = 0; i < words; i++) {
        uint64_t word;
        memcpy(&word, bytes + i * WORD_SIZE, sizeof(word));
        uint64_t hash = word * 0x9e3779b97f4a7c15ULL;
        /* two shifts, because one by 64 is undefined */
        if ((hash >> 1) >> (63 - rare) != 0)
            continue;
        if (word == 0) {
            zeros++;
            continue;
        }
        uint64_t *slot =
            &slots[(hash >> (64 - rare - WORD_SLOTS_LOG)) & ((1 << WORD_SLOTS_LOG) - 1)];
        repeats += *slot == word;
        *slot = word;
    }
    uint64_t found = zeros + (repeats << rare);
    return found >= words ? 1000 : (unsigned)(found * 1000 / words);
}

void bfs_gather_sample(const uint8_t *bytes, size_t size, uint8_t *sample, size_t sample_size)
{
    size_t pieces = sample_size / GATHER_PIECE;
    size_t step = (size - GATHER_PIECE) / (pieces - 1);
    for (size_t i = 0; i < pieces; i++)
        memcpy(sample + i * GATHER_PIECE, bytes + i * step, GATHER_PIECE);
}
