/* SPDX-License-Identifier: Apache-2.0
 * Seeded bytes for the tests of chunk encodings. */
#ifndef BFS_TESTS_CHUNK_SAMPLES_H
#define BFS_TESTS_CHUNK_SAMPLES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t sample_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ULL;
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

static inline float sample_normal(uint64_t *state)
{
    double u = ((double)(sample_random(state) >> 11) + 0.5) * 0x1p-53;
    double v = (double)(sample_random(state) >> 11) * 0x1p-53;
    return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

static inline void sample_noise(uint8_t *bytes, size_t size)
{
    uint64_t state = 7;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(sample_random(&state) >> 56);
}

static inline void sample_fp32(uint8_t *bytes, size_t size)
{
    uint64_t state = 11;
    for (size_t i = 0; i + 4 <= size; i += 4) {
        float v = 0.02f * sample_normal(&state);
        memcpy(bytes + i, &v, sizeof(v));
    }
    memset(bytes + size / 4 * 4, 0x55, size % 4);
}

static inline void sample_bf16(uint8_t *bytes, size_t size)
{
    uint64_t state = 13;
    for (size_t i = 0; i + 2 <= size; i += 2) {
        float v = 0.02f * sample_normal(&state);
        memcpy(bytes + i, (const uint8_t *)&v + 2, 2);
    }
    memset(bytes + size / 2 * 2, 0x55, size % 2);
}

/* What quantizing rows of weights to one byte gives. */
static inline void sample_int8(uint8_t *bytes, size_t size)
{
    uint64_t state = 17;
    for (size_t i = 0; i < size; i++) {
        float v = 30.0f * sample_normal(&state);
        v = v > 127 ? 127 : v < -127 ? -127 : v;
        bytes[i] = (uint8_t)(int8_t)nearbyintf(v);
    }
}

/* What rounding a bf16 model up to fp32 gives. */
static inline void sample_fp32_rounded(uint8_t *bytes, size_t size)
{
    sample_fp32(bytes, size);
    for (size_t i = 0; i + 4 <= size; i += 4)
        memset(bytes + i, 0, 2);
}

static inline void sample_fp64(uint8_t *bytes, size_t size)
{
    uint64_t state = 17;
    sample_noise(bytes, size);
    for (size_t i = 0; i + 8 <= size; i += 8) {
        double v = (double)sample_normal(&state) * (1.0 + 1e-9 * (double)bytes[i]);
        memcpy(bytes + i, &v, sizeof(v));
    }
}

/* E4M3, truncated. */
static inline void sample_fp8(uint8_t *bytes, size_t size)
{
    uint64_t state = 19;
    for (size_t i = 0; i < size; i++) {
        float v = 100.0f * sample_normal(&state);
        uint32_t bits;
        memcpy(&bits, &v, sizeof(bits));
        uint32_t exponent = (bits >> 23 & 0xff) < 120 ? 0 : (bits >> 23 & 0xff) - 120;
        bytes[i] = (uint8_t)((bits >> 31) << 7 | (exponent & 15) << 3 | (bits >> 20 & 7));
    }
}

static inline void sample_fp8_e5m2(uint8_t *bytes, size_t size)
{
    uint64_t state = 37;
    for (size_t i = 0; i < size; i++) {
        float v = 0.02f * sample_normal(&state);
        uint32_t bits;
        memcpy(&bits, &v, sizeof(bits));
        uint32_t exponent = (bits >> 23 & 0xff) < 112 ? 0 : (bits >> 23 & 0xff) - 112;
        bytes[i] = (uint8_t)((bits >> 31) << 7 | exponent << 2 | (bits >> 21 & 3));
    }
}

static inline void sample_text(uint8_t *bytes, size_t size)
{
    static const char *const words[] = {"\"model.layers.", "self_attn", "weight\": ", "embed",
                                        ".k_proj",         ", ",        "17",         "\n"};
    uint64_t state = 23;
    size_t i = 0;
    while (i < size) {
        const char *word = words[sample_random(&state) % 8];
        for (size_t j = 0; word[j] != '\0' && i < size; j++)
            bytes[i++] = (uint8_t)word[j];
    }
}

static inline void sample_zeros(uint8_t *bytes, size_t size)
{
    memset(bytes, 0, size);
}

static inline void sample_ones(uint8_t *bytes, size_t size)
{
    memset(bytes, 0xff, size);
}

/* Quiet and signalling NaNs with payloads, infinities and negative zeros, as fp32. */
static inline void sample_nans(uint8_t *bytes, size_t size)
{
    static const uint32_t patterns[] = {0x7fc00000, 0xffc00001, 0x7f800001, 0xffbfffff,
                                        0x7f800000, 0xff800000, 0x80000000, 0x00000001};
    uint64_t state = 29;
    for (size_t i = 0; i < size; i++) {
        uint32_t v = patterns[(i / 4 * 5 + sample_random(&state) % 2) % 8];
        bytes[i] = (uint8_t)(v >> (8 * (i % 4)));
    }
}

/* Nine in ten elements of bf16 pruned away. */
static inline void sample_sparse(uint8_t *bytes, size_t size)
{
    uint64_t state = 31;
    sample_bf16(bytes, size);
    for (size_t i = 0; i + 2 <= size; i += 2)
        if (sample_random(&state) % 10 != 0)
            memset(bytes + i, 0, 2);
}

#endif
