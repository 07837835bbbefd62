/* SPDX-License-Identifier: Apache-2.0
 * Casts and tilings against memcpy() of their input, one core. As in packing, input and output are
 * bands of some MB in memory that is used again and again. An operation and its memcpy() take turns
 * within each repeat, and medians are reported, so that a drifting clock hits both alike. */
#include "accel/cast/cast.h"
#include "accel/tile/tile.h"

#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ROW_ELEMENTS = 4096,
    DEFAULT_REPEATS = 9,
    DEFAULT_MB = 8,
    PASSES = 8, /* over the band within a repeat */
};

static float total; /* of results that nothing else needs, so that they are computed */

/* -- operations: n is a multiple of ROW_ELEMENTS -- */

static void f32_f16(const void *from, void *to, size_t n)
{
    bfs_cast(BFS_FLOAT_F32, from, BFS_FLOAT_F16, to, n);
}

static void f32_bf16(const void *from, void *to, size_t n)
{
    bfs_cast(BFS_FLOAT_F32, from, BFS_FLOAT_BF16, to, n);
}

static void f16_f32(const void *from, void *to, size_t n)
{
    bfs_cast(BFS_FLOAT_F16, from, BFS_FLOAT_F32, to, n);
}

static void f16_bf16(const void *from, void *to, size_t n)
{
    bfs_cast(BFS_FLOAT_F16, from, BFS_FLOAT_BF16, to, n);
}

static void bf16_f32(const void *from, void *to, size_t n)
{
    bfs_cast(BFS_FLOAT_BF16, from, BFS_FLOAT_F32, to, n);
}

static void bf16_f16(const void *from, void *to, size_t n)
{
    bfs_cast(BFS_FLOAT_BF16, from, BFS_FLOAT_F16, to, n);
}

static void amax_f32(const void *from, void *to, size_t n)
{
    (void)to;
    total += bfs_amax(BFS_FLOAT_F32, from, n);
}

static void amax_bf16(const void *from, void *to, size_t n)
{
    (void)to;
    total += bfs_amax(BFS_FLOAT_BF16, from, n);
}

static void fp8(const void *from, void *to, size_t n)
{
    bfs_cast_fp8(from, 0.001f, to, n);
}

static void fp8_back(const void *from, void *to, size_t n)
{
    bfs_cast_fp8_back(from, 0.001f, to, n);
}

static void int8(const void *from, void *to, size_t n)
{
    bfs_cast_int8(from, 0.001f, to, n);
}

static void int8_back(const void *from, void *to, size_t n)
{
    bfs_cast_int8_back(from, 0.001f, to, n);
}

/* With a scale for each row. */
static void int8_rows(const void *from, void *to, size_t n)
{
    for (size_t i = 0; i < n; i += ROW_ELEMENTS) {
        const float *row = (const float *)from + i;
        float scale = bfs_int8_scale(bfs_amax(BFS_FLOAT_F32, row, ROW_ELEMENTS));
        bfs_cast_int8(row, scale, (int8_t *)to + i, ROW_ELEMENTS);
    }
}

/* Half of the band against the other half. */
static void measure(const void *from, void *to, size_t n)
{
    (void)to;
    struct bfs_measure measure = {0};
    bfs_measure_add(&measure, from, (const float *)from + n / 2, n / 2);
    total += (float)measure.sum_abs;
}

static void tile_8x128(const void *from, void *to, size_t n)
{
    for (size_t row = 0; row < n / ROW_ELEMENTS; row += 8) {
        size_t left = n / ROW_ELEMENTS - row;
        bfs_tile_8x128_band((const uint8_t *)from + row * ROW_ELEMENTS * 2,
                            left < 8 ? (uint32_t)left : 8, ROW_ELEMENTS, (size_t)ROW_ELEMENTS * 2,
                            (uint8_t *)to + row * ROW_ELEMENTS * 2);
    }
}

/* A band of columns: ROW_ELEMENTS rows of what fits. */
static void vnni_16(const void *from, void *to, size_t n)
{
    size_t n_k = n / ROW_ELEMENTS;
    bfs_vnni_band(from, ROW_ELEMENTS, (uint32_t)n_k, n_k * 2, 2, to);
}

static void vnni_8(const void *from, void *to, size_t n)
{
    size_t n_k = n / ROW_ELEMENTS;
    bfs_vnni_band(from, ROW_ELEMENTS, (uint32_t)n_k, n_k, 1, to);
}

enum data { DATA_F32, DATA_F16, DATA_BF16, DATA_BYTES };

static const struct operation {
    const char *name;
    void (*run)(const void *from, void *to, size_t n);
    enum data data;
    size_t size; /* of an element that goes in */
} operations[] = {
    {"f32-f16", f32_f16, DATA_F32, 4},
    {"f32-bf16", f32_bf16, DATA_F32, 4},
    {"f16-f32", f16_f32, DATA_F16, 2},
    {"f16-bf16", f16_bf16, DATA_F16, 2},
    {"bf16-f32", bf16_f32, DATA_BF16, 2},
    {"bf16-f16", bf16_f16, DATA_BF16, 2},
    {"fp8", fp8, DATA_F32, 4},
    {"int8", int8, DATA_F32, 4},
    {"int8-rows", int8_rows, DATA_F32, 4},
    {"fp8-back", fp8_back, DATA_BYTES, 1},
    {"int8-back", int8_back, DATA_BYTES, 1},
    {"amax-f32", amax_f32, DATA_F32, 4},
    {"amax-bf16", amax_bf16, DATA_BF16, 2},
    {"measure", measure, DATA_F32, 4},
    {"tile-8x128", tile_8x128, DATA_BF16, 2},
    {"vnni-16", vnni_16, DATA_BF16, 2},
    {"vnni-8", vnni_8, DATA_BYTES, 1},
};

static const size_t n_operations = sizeof(operations) / sizeof(operations[0]);

/* -- data -- */

static void *must_alloc(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL) {
        (void)fprintf(stderr, "cast-bench: out of memory\n");
        exit(1);
    }
    memset(memory, 0, size); /* pages are there before anything is timed */
    return memory;
}

static double next_uniform(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ULL;
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return ((double)((z ^ z >> 31) >> 11) + 0.5) / 9007199254740992.0;
}

/* Weights of deviation 0.02, in each form. */
static void make_data(void *const data[4], size_t size)
{
    uint64_t state = 1;
    size_t n = size / sizeof(float);
    float *weights = data[DATA_F32];
    for (size_t i = 0; i < n; i++)
        weights[i] = (float)(0.02 * sqrt(-2.0 * log(next_uniform(&state))) *
                             cos(6.283185307179586 * next_uniform(&state)));
    for (size_t half = 0; half < 2; half++) {
        bfs_cast(BFS_FLOAT_F32, weights, BFS_FLOAT_F16, (uint16_t *)data[DATA_F16] + half * n, n);
        bfs_cast(BFS_FLOAT_F32, weights, BFS_FLOAT_BF16, (uint16_t *)data[DATA_BF16] + half * n, n);
    }
    for (size_t quarter = 0; quarter < 4; quarter++)
        bfs_cast_int8(weights, 0.001f, (int8_t *)data[DATA_BYTES] + quarter * n, n);
}

/* -- measuring -- */

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), by_value);
    return values[n / 2];
}

struct bench {
    void *data[4];
    void *to;
    size_t size; /* bytes that go in */
    size_t n_repeats;
    double *seconds;
    double *copy_seconds;
    double *ratios;
};

static double timed_copy(const struct bench *bench, const void *from)
{
    double start = now();
    for (size_t pass = 0; pass < PASSES; pass++) {
        memcpy(bench->to, from, bench->size);
        __asm__ volatile("" : : "r"(bench->to) : "memory"); /* each copy counts */
    }
    return now() - start;
}

static double timed_run(const struct bench *bench, const struct operation *operation)
{
    const void *from = bench->data[operation->data];
    double start = now();
    for (size_t pass = 0; pass < PASSES; pass++)
        operation->run(from, bench->to, bench->size / operation->size);
    return now() - start;
}

struct result {
    double mb_s;
    double copy_mb_s;
    double ratio;
};

static struct result bench_operation(const struct bench *bench, const struct operation *operation)
{
    const void *from = bench->data[operation->data];
    (void)timed_run(bench, operation);
    for (size_t i = 0; i < bench->n_repeats; i++) {
        bench->copy_seconds[i] = timed_copy(bench, from);
        bench->seconds[i] = timed_run(bench, operation);
        bench->ratios[i] = bench->copy_seconds[i] / bench->seconds[i];
    }
    double mb = (double)bench->size * PASSES / 1e6;
    return (struct result){
        .mb_s = mb / median(bench->seconds, bench->n_repeats),
        .copy_mb_s = mb / median(bench->copy_seconds, bench->n_repeats),
        .ratio = median(bench->ratios, bench->n_repeats),
    };
}

static void print_result(const char *name, const struct result *result, bool json, bool first)
{
    if (json)
        (void)printf("%s\n    {\"operation\": \"%s\", \"mb_s\": %.1f, \"memcpy_mb_s\": %.1f, "
                     "\"ratio\": %.4f}",
                     first ? "" : ",", name, result->mb_s, result->copy_mb_s, result->ratio);
    else
        (void)printf("%-10s %9.0f %9.0f %9.3f\n", name, result->mb_s, result->copy_mb_s,
                     result->ratio);
}

static void usage(FILE *out)
{
    (void)fprintf(out,
                  "Usage: cast-bench [OPTION]...\n\n"
                  "  --size MB     of input in a band (default %d)\n"
                  "  --repeats N   of each measurement (default %d)\n"
                  "  --only NAME   this operation alone\n"
                  "  --json        a JSON object instead of a table\n",
                  DEFAULT_MB, DEFAULT_REPEATS);
}

static size_t parse_count(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value == 0 || value > 1024) {
        (void)fprintf(stderr, "cast-bench: not a number from 1 to 1024: %s\n", text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"size", required_argument, NULL, 's'}, {"repeats", required_argument, NULL, 'r'},
        {"only", required_argument, NULL, 'o'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},       {0},
    };
    size_t size_mb = DEFAULT_MB;
    struct bench bench = {.n_repeats = DEFAULT_REPEATS};
    const char *only = NULL;
    bool json = false;
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 's':
            size_mb = parse_count(optarg);
            break;
        case 'r':
            bench.n_repeats = parse_count(optarg);
            break;
        case 'o':
            only = optarg;
            break;
        case 'j':
            json = true;
            break;
        default:
            usage(option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    }
    bench.size = size_mb << 20;
    for (size_t i = 0; i < 4; i++)
        bench.data[i] = must_alloc(bench.size);
    bench.to = must_alloc(4 * bench.size); /* a byte becomes an f32 */
    bench.seconds = must_alloc(bench.n_repeats * sizeof(double));
    bench.copy_seconds = must_alloc(bench.n_repeats * sizeof(double));
    bench.ratios = must_alloc(bench.n_repeats * sizeof(double));
    make_data(bench.data, bench.size);

    bool first = true;
    (void)printf(json ? "{\n  \"results\": [" : "operation       MB/s    memcpy   /memcpy\n");
    for (size_t i = 0; i < n_operations; i++) {
        if (only != NULL && strcmp(only, operations[i].name) != 0)
            continue;
        struct result result = bench_operation(&bench, &operations[i]);
        print_result(operations[i].name, &result, json, first);
        first = false;
    }
    (void)printf(json ? "\n  ]\n}\n" : "");
    if (first || !isfinite(total)) {
        (void)fprintf(stderr, "cast-bench: no such operation\n");
        return 2;
    }
    return 0;
}
