/* SPDX-License-Identifier: Apache-2.0
 * Casts or tiles what comes on stdin, for cases that compare the result with others'.
 *
 *   cast-filter cast FROM TO                        f32, f16, bf16
 *   cast-filter fp8|fp8-back|int8|int8-back SCALE
 *   cast-filter amax TYPE                           gives one f32
 *   cast-filter fp8-scale|int8-scale                for each f32
 *   cast-filter measure                             two arrays of f32, one after the other; text
 *   cast-filter tile ROWS COLS                      of 2-byte elements
 *   cast-filter vnni N K SIZE BAND                  in bands of so many groups */
#include "accel/cast/cast.h"
#include "accel/tile/tile.h"
#include "verify/buffer.h"
#include "verify/cleanup.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUT_FACTOR = 4 }; /* of bytes that come out to bytes that go in, at most, but for padding */

struct job {
    char *const *words; /* after the verb */
    uint8_t *in;
    size_t size;
    uint8_t *out; /* OUT_FACTOR times the input, or what a tiling needs */
    size_t out_size;
};

static bool parse_type(const char *name, enum bfs_float_type *ret)
{
    static const char *const names[] = {
        [BFS_FLOAT_F32] = "f32", [BFS_FLOAT_F16] = "f16", [BFS_FLOAT_BF16] = "bf16"};
    for (int i = BFS_FLOAT_F32; i <= BFS_FLOAT_BF16; i++)
        if (strcmp(name, names[i]) == 0) {
            *ret = (enum bfs_float_type)i;
            return true;
        }
    return false;
}

static bool do_cast(struct job *job)
{
    enum bfs_float_type from;
    enum bfs_float_type to;
    if (!parse_type(job->words[0], &from) || !parse_type(job->words[1], &to))
        return false;
    size_t n = job->size / bfs_float_size(from);
    bfs_cast(from, job->in, to, job->out, n);
    job->out_size = n * bfs_float_size(to);
    return true;
}

static bool do_amax(struct job *job)
{
    enum bfs_float_type type;
    if (!parse_type(job->words[0], &type))
        return false;
    float amax = bfs_amax(type, job->in, job->size / bfs_float_size(type));
    memcpy(job->out, &amax, sizeof(amax));
    job->out_size = sizeof(amax);
    return true;
}

static bool do_fp8(struct job *job)
{
    job->out_size = job->size / sizeof(float);
    bfs_cast_fp8((const float *)(void *)job->in, strtof(job->words[0], NULL), job->out,
                 job->out_size);
    return true;
}

static bool do_int8(struct job *job)
{
    job->out_size = job->size / sizeof(float);
    bfs_cast_int8((const float *)(void *)job->in, strtof(job->words[0], NULL), (int8_t *)job->out,
                  job->out_size);
    return true;
}

static bool do_fp8_back(struct job *job)
{
    bfs_cast_fp8_back(job->in, strtof(job->words[0], NULL), (float *)(void *)job->out, job->size);
    job->out_size = job->size * sizeof(float);
    return true;
}

static bool do_int8_back(struct job *job)
{
    bfs_cast_int8_back((const int8_t *)job->in, strtof(job->words[0], NULL),
                       (float *)(void *)job->out, job->size);
    job->out_size = job->size * sizeof(float);
    return true;
}

static bool each_scale(struct job *job, float (*scale)(float))
{
    job->out_size = job->size / sizeof(float) * sizeof(float);
    for (size_t at = 0; at < job->out_size; at += sizeof(float)) {
        float value;
        memcpy(&value, job->in + at, sizeof(value));
        value = scale(value);
        memcpy(job->out + at, &value, sizeof(value));
    }
    return true;
}

static bool do_fp8_scale(struct job *job)
{
    return each_scale(job, bfs_fp8_scale);
}

static bool do_int8_scale(struct job *job)
{
    return each_scale(job, bfs_int8_scale);
}

static bool do_measure(struct job *job)
{
    struct bfs_measure measure = {0};
    size_t n = job->size / sizeof(float) / 2;
    const float *source = (const float *)(void *)job->in;
    bfs_measure_add(&measure, source, source + n, n);
    (void)printf("%" PRIu64 " %" PRIu64 " %a %a %a %a\n", measure.n, measure.n_nonfinite,
                 measure.max_abs, measure.sum_abs, measure.sum_squares_error, measure.sum_squares);
    return true;
}

/* Room for a tiling, which must be what the size function says. */
static bool take_room(struct job *job, uint64_t size)
{
    if (size > UINT32_MAX)
        return false;
    free(job->out);
    job->out = malloc(size + 1);
    job->out_size = (size_t)size;
    return job->out != NULL;
}

static bool do_tile(struct job *job)
{
    uint64_t rows = strtoull(job->words[0], NULL, 10);
    uint64_t cols = strtoull(job->words[1], NULL, 10);
    if (rows * cols * 2 != job->size || !take_room(job, bfs_tile_8x128_size(rows, cols)))
        return false;
    for (uint64_t row = 0; row < rows; row += 8)
        bfs_tile_8x128_band(job->in + row * cols * 2, rows - row < 8 ? (uint32_t)(rows - row) : 8,
                            cols, cols * 2, job->out + row / 8 * ((cols + 127) / 128) * 2048);
    return true;
}

static bool do_vnni(struct job *job)
{
    uint64_t n = strtoull(job->words[0], NULL, 10);
    uint64_t k = strtoull(job->words[1], NULL, 10);
    unsigned size = (unsigned)strtoul(job->words[2], NULL, 10);
    uint64_t band = strtoull(job->words[3], NULL, 10) * (size == 1 ? 4 : 2);
    if (n * k * size != job->size || band == 0 || !take_room(job, bfs_vnni_size(n, k, size)))
        return false;
    for (uint64_t k0 = 0; k0 < k; k0 += band)
        bfs_vnni_band(job->in + k0 * size, n, (uint32_t)(k - k0 < band ? k - k0 : band), k * size,
                      size, job->out + k0 * n * size);
    return true;
}

static const struct {
    const char *name;
    int n_words;
    bool (*run)(struct job *job);
} verbs[] = {
    {"cast", 2, do_cast},
    {"amax", 1, do_amax},
    {"fp8", 1, do_fp8},
    {"fp8-back", 1, do_fp8_back},
    {"int8", 1, do_int8},
    {"int8-back", 1, do_int8_back},
    {"fp8-scale", 0, do_fp8_scale},
    {"int8-scale", 0, do_int8_scale},
    {"measure", 0, do_measure},
    {"tile", 2, do_tile},
    {"vnni", 4, do_vnni},
};

static bool read_all(struct bfs_buffer *ret)
{
    enum { PIECE = 1 << 16 };
    uint8_t piece[PIECE];
    size_t n;
    while ((n = fread(piece, 1, PIECE, stdin)) != 0)
        bfs_buffer_put(ret, piece, n);
    bfs_buffer_put_u8(ret, 0); /* so that there are bytes even when none came */
    return !ferror(stdin) && bfs_buffer_status(ret) == 0;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(argv[1], verbs[i].name) != 0 || argc != verbs[i].n_words + 2)
            continue;
        bfs_autobuffer struct bfs_buffer in = {0};
        struct job job = {.words = argv + 2};
        if (!read_all(&in))
            return 1;
        job.in = in.bytes;
        job.size = in.size - 1;
        job.out = malloc(job.size * OUT_FACTOR + sizeof(float));
        bool done = job.out != NULL && verbs[i].run(&job) &&
                    fwrite(job.out, 1, job.out_size, stdout) == job.out_size && fflush(stdout) == 0;
        free(job.out);
        return done ? 0 : 1;
    }
    (void)fprintf(stderr, "cast-filter: see the top of cast_filter.c\n");
    return 2;
}
