/* SPDX-License-Identifier: Apache-2.0
 * Chunk encodings against plain zstd, on seeded weights that the program makes itself: what is
 * left of the size, and how fast one core encodes and decodes. The contenders take turns within
 * each repeat, and medians are reported, so that a drifting clock hits all alike. */
#include "codec/chunk/codec.h"

#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

enum {
    CHUNK_SIZE = 256 * 1024,
    ROW_ELEMENTS = 4096, /* each row of weights has a scale of its own */
    N_CONTENDERS = 3,
    DEFAULT_REPEATS = 7,
    DEFAULT_MB = 32,
};

/* The standard deviation of the logarithm of the rows' scales. At 0.2, zstd leaves 78.2 % of bf16,
 * which is what it leaves of real models; 0 is one scale for all. */
static double row_spread = 0.2;

/* -- seeded data -- */

static uint64_t random_state = 0x2545f4914f6cdd1dULL;

static uint64_t next_random(void)
{
    random_state += 0x9e3779b97f4a7c15ULL;
    uint64_t z = random_state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

static double next_uniform(void)
{
    return ((double)(next_random() >> 11) + 0.5) / 9007199254740992.0;
}

static double next_normal(void)
{
    return sqrt(-2.0 * log(next_uniform())) * cos(6.283185307179586 * next_uniform());
}

static uint16_t to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Round to nearest, ties to even; the weights made here are far from overflow. */
static uint16_t to_fp16(float value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    int exponent;
    double fraction = frexp(fabs((double)value), &exponent); /* [0.5, 1) */
    if (exponent < -13)
        return (uint16_t)(sign | (uint16_t)nearbyint(ldexp(fabs((double)value), 24)));
    uint32_t mantissa = (uint32_t)nearbyint(ldexp(fraction, 11)); /* 1024..2048 */
    return (uint16_t)(sign | (uint16_t)(((uint32_t)(exponent + 13) << 10) + mantissa));
}

/* E4M3 with round to nearest, from weights scaled so that the largest of a row is near 448. */
static uint8_t to_fp8(float value)
{
    uint8_t sign = signbit(value) ? 0x80 : 0;
    double magnitude = fmin(fabs((double)value), 448.0);
    int exponent;
    double fraction = frexp(magnitude, &exponent);
    if (exponent < -5)
        return (uint8_t)(sign | (uint8_t)nearbyint(ldexp(magnitude, 9)));
    uint32_t mantissa = (uint32_t)nearbyint(ldexp(fraction, 4)); /* 8..16 */
    return (uint8_t)(sign | (uint8_t)(((uint32_t)(exponent + 5) << 3) + mantissa));
}

typedef void put_fn(uint8_t *at, float value);

static void put_bf16(uint8_t *at, float value)
{
    uint16_t v = to_bf16(value);
    memcpy(at, &v, sizeof(v));
}

static void put_fp16(uint8_t *at, float value)
{
    uint16_t v = to_fp16(value);
    memcpy(at, &v, sizeof(v));
}

static void put_fp32(uint8_t *at, float value)
{
    memcpy(at, &value, sizeof(value));
}

/* fp32 that was trained or stored as bf16 before. */
static void put_fp32_rounded(uint8_t *at, float value)
{
    uint32_t v = (uint32_t)to_bf16(value) << 16;
    memcpy(at, &v, sizeof(v));
}

/* Pruned weights: nine in ten are zero. */
static void put_bf16_sparse(uint8_t *at, float value)
{
    put_bf16(at, next_random() % 10 == 0 ? value : 0.0f);
}

static void put_fp64(uint8_t *at, float value)
{
    double v = (double)value * (1.0 + next_uniform() * 0x1p-24);
    memcpy(at, &v, sizeof(v));
}

static void put_fp8(uint8_t *at, float value)
{
    *at = to_fp8(value * 5000.0f);
}

/* E5M2 is the top byte of float16. */
static void put_fp8_e5m2(uint8_t *at, float value)
{
    *at = (uint8_t)((to_fp16(value) + 0x7f) >> 8);
}

static void put_int8(uint8_t *at, float value)
{
    double v = nearbyint((double)value * 1600.0);
    *at = (uint8_t)(int8_t)fmax(-127.0, fmin(127.0, v));
}

static const struct kind {
    const char *name;
    enum bfs_layout layout;
    size_t width;
    put_fn *put;
    enum bfs_transform transform; /* the file has float32, and the codec what is before */
} kinds[] = {
    {"bf16", BFS_LAYOUT_BFLOAT16, 2, put_bf16, BFS_TRANSFORM_NONE},
    {"fp16", BFS_LAYOUT_FLOAT16, 2, put_fp16, BFS_TRANSFORM_NONE},
    {"fp32", BFS_LAYOUT_FLOAT32, 4, put_fp32, BFS_TRANSFORM_NONE},
    {"fp64", BFS_LAYOUT_FLOAT64, 8, put_fp64, BFS_TRANSFORM_NONE},
    {"fp8", BFS_LAYOUT_FLOAT8, 1, put_fp8, BFS_TRANSFORM_NONE},
    {"fp8-e5m2", BFS_LAYOUT_FLOAT8, 1, put_fp8_e5m2, BFS_TRANSFORM_NONE},
    {"int8", BFS_LAYOUT_INTEGER, 1, put_int8, BFS_TRANSFORM_NONE},
    {"fp32-rounded", BFS_LAYOUT_FLOAT32, 4, put_fp32_rounded, BFS_TRANSFORM_NONE},
    {"bf16-sparse", BFS_LAYOUT_BFLOAT16, 2, put_bf16_sparse, BFS_TRANSFORM_NONE},
    {"bf16-widened", BFS_LAYOUT_BFLOAT16, 2, put_bf16, BFS_TRANSFORM_BF16_TO_F32},
    {"fp16-widened", BFS_LAYOUT_FLOAT16, 2, put_fp16, BFS_TRANSFORM_F16_TO_F32},
    {"random", BFS_LAYOUT_OPAQUE, 1, NULL, BFS_TRANSFORM_NONE},
};

static const size_t n_kinds = sizeof(kinds) / sizeof(kinds[0]);

static void make_data(const struct kind *kind, uint8_t *bytes, size_t size)
{
    random_state = 0x2545f4914f6cdd1dULL;
    double scale = 0.0;
    for (size_t i = 0; i < size / kind->width; i++) {
        if (kind->put == NULL) {
            bytes[i] = (uint8_t)(next_random() >> 56);
            continue;
        }
        if (i % ROW_ELEMENTS == 0)
            scale = 0.02 * exp(row_spread * next_normal());
        kind->put(bytes + i * kind->width, (float)(scale * next_normal()));
    }
}

/* -- contenders -- */

struct contender {
    const char *name;
    int level;       /* of zstd; 0 is our codec */
    uint8_t *stored; /* all chunks, CHUNK_SIZE + a margin apart */
    size_t *sizes;   /* stored, per chunk */
    struct bfs_encoding *encodings;
    double *encode_s; /* per repeat */
    double *decode_s;
};

struct bench {
    const struct kind *kind;
    uint8_t *raw;      /* as the file has it: what zstd gets, and what both decode to */
    uint8_t *narrow;   /* before the transform: what our codec gets */
    uint8_t *decoded;  /* one chunk, as a cache slot would be */
    size_t chunk_size; /* in the file: CHUNK_SIZE, or as much before the transform */
    size_t n_chunks;
    size_t slot;
    struct bfs_encoder *encoder;
    struct bfs_decoder *decoder;
    ZSTD_CCtx *cctx;
    ZSTD_DCtx *dctx;
};

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
    (void)fprintf(stderr, "chunk-bench: %s\n", what);
    exit(1);
}

static void *must_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL)
        die("out of memory");
    return memory;
}

static void encode_chunk(struct bench *bench, struct contender *contender, size_t i)
{
    const uint8_t *raw = bench->raw + i * bench->chunk_size;
    uint8_t *slot = contender->stored + i * bench->slot;
    if (contender->level == 0) {
        const uint8_t *stored;
        if (bfs_encoder_encode(bench->encoder, bench->narrow + i * CHUNK_SIZE, CHUNK_SIZE,
                               bench->kind->layout, &stored, &contender->sizes[i],
                               &contender->encodings[i]))
            die("encoding failed");
        contender->encodings[i].transform = (uint8_t)bench->kind->transform;
        memcpy(slot, stored, contender->sizes[i]);
        return;
    }
    size_t n =
        ZSTD_compressCCtx(bench->cctx, slot, bench->slot, raw, bench->chunk_size, contender->level);
    if (ZSTD_isError(n))
        die(ZSTD_getErrorName(n));
    contender->sizes[i] = n;
}

static void decode_chunk(struct bench *bench, const struct contender *contender, size_t i)
{
    const uint8_t *stored = contender->stored + i * bench->slot;
    if (contender->level == 0) {
        if (bfs_decoder_decode(bench->decoder, contender->encodings[i], stored, contender->sizes[i],
                               bench->decoded, bench->chunk_size))
            die("decoding failed");
        return;
    }
    if (ZSTD_decompressDCtx(bench->dctx, bench->decoded, bench->chunk_size, stored,
                            contender->sizes[i]) != bench->chunk_size)
        die("zstd decoding failed");
}

static void run_repeat(struct bench *bench, struct contender *contender, size_t repeat)
{
    double start = now();
    for (size_t i = 0; i < bench->n_chunks; i++)
        encode_chunk(bench, contender, i);
    double encoded = now();
    for (size_t i = 0; i < bench->n_chunks; i++)
        decode_chunk(bench, contender, i);
    contender->decode_s[repeat] = now() - encoded;
    contender->encode_s[repeat] = encoded - start;
}

static void check_round_trip(struct bench *bench, const struct contender *contender)
{
    for (size_t i = 0; i < bench->n_chunks; i++) {
        decode_chunk(bench, contender, i);
        if (memcmp(bench->decoded, bench->raw + i * bench->chunk_size, bench->chunk_size) != 0)
            die("decoded bytes differ");
    }
}

/* -- results -- */

struct result {
    const char *kind;
    const char *contender;
    const char *codec;
    double left; /* stored / raw */
    double encode_mb_s;
    double decode_mb_s;
    double decode_ratio; /* to zstd -3 */
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void bench_kind(const struct kind *kind, size_t size_mb, size_t n_repeats,
                       struct result results[N_CONTENDERS])
{
    struct contender contenders[N_CONTENDERS] = {
        {.name = "bundlefs"}, {.name = "zstd -3", .level = 3}, {.name = "zstd -1", .level = 1}};
    struct bench bench = {.kind = kind,
                          .chunk_size = CHUNK_SIZE * bfs_transform_factor(kind->transform)};
    bench.n_chunks = size_mb * 1000000 / bench.chunk_size + 1;
    bench.slot = ZSTD_compressBound(bench.chunk_size) + 64;
    bench.narrow = must_alloc(bench.n_chunks * CHUNK_SIZE);
    bench.raw = must_alloc(bench.n_chunks * bench.chunk_size);
    bench.decoded = must_alloc(bench.chunk_size);
    bench.cctx = ZSTD_createCCtx();
    bench.dctx = ZSTD_createDCtx();
    if (bench.cctx == NULL || bench.dctx == NULL || bfs_encoder_new(&bench.encoder) ||
        bfs_decoder_new(&bench.decoder))
        die("out of memory");
    make_data(kind, bench.narrow, bench.n_chunks * CHUNK_SIZE);
    if (kind->transform == BFS_TRANSFORM_NONE)
        memcpy(bench.raw, bench.narrow, bench.n_chunks * CHUNK_SIZE);
    else
        bfs_transform_widen(kind->transform, bench.narrow, bench.n_chunks * CHUNK_SIZE, bench.raw);
    for (size_t c = 0; c < N_CONTENDERS; c++) {
        contenders[c].stored = must_alloc(bench.n_chunks * bench.slot);
        contenders[c].sizes = must_alloc(bench.n_chunks * sizeof(size_t));
        contenders[c].encodings = must_alloc(bench.n_chunks * sizeof(struct bfs_encoding));
        contenders[c].encode_s = must_alloc(n_repeats * sizeof(double));
        contenders[c].decode_s = must_alloc(n_repeats * sizeof(double));
        run_repeat(&bench, &contenders[c], 0); /* warms caches and contexts; overwritten below */
        check_round_trip(&bench, &contenders[c]);
    }
    for (size_t repeat = 0; repeat < n_repeats; repeat++)
        for (size_t c = 0; c < N_CONTENDERS; c++)
            run_repeat(&bench, &contenders[c], repeat);

    double mb = (double)(bench.n_chunks * bench.chunk_size) / 1e6;
    for (size_t c = 0; c < N_CONTENDERS; c++) {
        struct contender *contender = &contenders[c];
        size_t total = 0;
        for (size_t i = 0; i < bench.n_chunks; i++)
            total += contender->sizes[i];
        results[c] = (struct result){
            .kind = kind->name,
            .contender = contender->name,
            .codec = contender->level ? "zstd" : bfs_codec_name(contender->encodings[0].codec),
            .left = (double)total / (mb * 1e6),
            .encode_mb_s = mb / median(contender->encode_s, n_repeats),
            .decode_mb_s = mb / median(contender->decode_s, n_repeats),
        };
        free(contender->stored);
        free(contender->sizes);
        free(contender->encodings);
        free(contender->encode_s);
        free(contender->decode_s);
    }
    for (size_t c = 0; c < N_CONTENDERS; c++)
        results[c].decode_ratio = results[c].decode_mb_s / results[1].decode_mb_s;
    bfs_encoder_free(bench.encoder);
    bfs_decoder_free(bench.decoder);
    (void)ZSTD_freeCCtx(bench.cctx);
    (void)ZSTD_freeDCtx(bench.dctx);
    free(bench.narrow);
    free(bench.raw);
    free(bench.decoded);
}

static void print_result(const struct result *r, bool json, bool first)
{
    if (json)
        (void)printf("%s\n    {\"dtype\": \"%s\", \"contender\": \"%s\", \"codec\": \"%s\", "
                     "\"left\": %.4f, \"encode_mb_s\": %.0f, \"decode_mb_s\": %.0f, "
                     "\"decode_ratio\": %.2f}",
                     first ? "" : ",", r->kind, r->contender, r->codec, r->left, r->encode_mb_s,
                     r->decode_mb_s, r->decode_ratio);
    else
        (void)printf("%-12s  %-9s %-7s %7.2f %% %9.0f %9.0f %9.2f\n", r->kind, r->contender,
                     r->codec, r->left * 100, r->encode_mb_s, r->decode_mb_s, r->decode_ratio);
}

static void usage(FILE *out)
{
    (void)fprintf(out,
                  "Usage: chunk-bench [OPTION]...\n\n"
                  "  --size MB     bytes of each kind (default %d)\n"
                  "  --dtype NAME  only this kind of data:",
                  DEFAULT_MB);
    for (size_t i = 0; i < n_kinds; i++)
        (void)fprintf(out, " %s", kinds[i].name);
    (void)fprintf(out,
                  "\n  --spread X    of the logarithm of the rows' scales (default %.1f)\n"
                  "  --repeats N   of each measurement (default %d)\n"
                  "  --json        a JSON object instead of a table\n",
                  row_spread, DEFAULT_REPEATS);
}

static size_t parse_count(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value == 0 || value > 4096) {
        usage(stderr);
        exit(2);
    }
    return value;
}

static double parse_spread(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value >= 0 && value <= 3)) {
        usage(stderr);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"size", required_argument, NULL, 's'},
        {"dtype", required_argument, NULL, 'd'},
        {"repeats", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},
        {"spread", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    size_t size_mb = DEFAULT_MB;
    size_t n_repeats = DEFAULT_REPEATS;
    const char *only = NULL;
    bool json = false;
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 's':
            size_mb = parse_count(optarg);
            break;
        case 'd':
            only = optarg;
            break;
        case 'r':
            n_repeats = parse_count(optarg);
            break;
        case 'p':
            row_spread = parse_spread(optarg);
            break;
        case 'j':
            json = true;
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    }
    if (json)
        (void)printf("{\n  \"chunk_size\": %d,\n  \"results\": [", CHUNK_SIZE);
    else
        (void)printf("%-12s  %-9s %-7s %9s %9s %9s %9s\n", "data", "by", "codec", "left",
                     "enc MB/s", "dec MB/s", "/zstd -3");
    bool first = true;
    for (size_t i = 0; i < n_kinds; i++) {
        if (only != NULL && strcmp(only, kinds[i].name) != 0)
            continue;
        struct result results[N_CONTENDERS];
        bench_kind(&kinds[i], size_mb, n_repeats, results);
        for (size_t c = 0; c < N_CONTENDERS; c++) {
            print_result(&results[c], json, first);
            first = false;
        }
    }
    if (json)
        (void)printf("\n  ]\n}\n");
    if (first) {
        usage(stderr);
        return 2;
    }
    return 0;
}
