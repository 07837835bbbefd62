/* SPDX-License-Identifier: Apache-2.0
 * Quantizers against memcpy() of their input, on seeded weights, one core. The contenders take
 * turns within each repeat, and medians are reported, so that a drifting clock hits all alike.
 * Rates are bytes of floats per second, whichever direction. */
#include "accel/quant/kernels.h"

#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ROW_VALUES = 4096, /* a call of a kernel, as packing makes them */
    DEFAULT_REPEATS = 5,
    DEFAULT_MB = 16,
};

static const struct {
    const char *name;
    enum bfs_dtype type;
} types[] = {
#define TYPE_ROW(NAME) {#NAME, BFS_DTYPE_##NAME},
    BFS_QUANT_LIST(TYPE_ROW)
#undef TYPE_ROW
};

enum way { COPY, QUANTIZE, DEQUANTIZE };

struct contender {
    enum way way;
    size_t slot;
    const struct bfs_quant_kernels *kernels;
    uint8_t *blocks; /* of this type, for all values */
    double *seconds; /* per repeat */
};

struct bench {
    float *values;
    float *back;
    size_t n_rows;
    size_t n_repeats;
};

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *must_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        (void)fprintf(stderr, "quant-bench: out of memory\n");
        exit(1);
    }
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

static void make_values(float *values, size_t n)
{
    uint64_t state = 1;
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(0.02 * sqrt(-2.0 * log(next_uniform(&state))) *
                            cos(6.283185307179586 * next_uniform(&state)));
}

static size_t row_bytes(size_t slot)
{
    const struct bfs_dtype_info *info = bfs_dtype_info(types[slot].type);
    return (size_t)ROW_VALUES / info->block_elements * info->block_bytes;
}

static void run(const struct bench *bench, struct contender *contender, size_t repeat)
{
    const struct bfs_quant_kernel *kernel = &contender->kernels->of[contender->slot];
    size_t n_blocks = ROW_VALUES / bfs_dtype_info(types[contender->slot].type)->block_elements;
    size_t bytes = row_bytes(contender->slot);
    double start = now();
    for (size_t i = 0; i < bench->n_rows; i++) {
        const float *from = bench->values + i * ROW_VALUES;
        float *back = bench->back + i * ROW_VALUES;
        if (contender->way == COPY)
            memcpy(back, from, ROW_VALUES * sizeof(float));
        else if (contender->way == QUANTIZE)
            kernel->quantize(from, contender->blocks + i * bytes, n_blocks);
        else
            kernel->dequantize(contender->blocks + i * bytes, back, n_blocks);
    }
    contender->seconds[repeat] = now() - start;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double megabytes_per_second(const struct bench *bench, struct contender *contender)
{
    qsort(contender->seconds, bench->n_repeats, sizeof(double), by_value);
    return (double)(bench->n_rows * ROW_VALUES * sizeof(float)) / 1e6 /
           contender->seconds[bench->n_repeats / 2];
}

static size_t add_contenders(struct contender *contenders, const struct bench *bench, bool all)
{
    size_t n = 0;
    const struct bfs_quant_kernels *best = bfs_quant_kernels();
    contenders[n++] = (struct contender){.way = COPY, .kernels = best};
    for (size_t i = 0; bfs_quant_kernels_at(i) != NULL; i++) {
        const struct bfs_quant_kernels *kernels = bfs_quant_kernels_at(i);
        for (size_t slot = 0; (all || kernels == best) && slot < BFS_QUANT_SLOTS; slot++) {
            uint8_t *blocks = must_alloc(bench->n_rows * row_bytes(slot));
            contenders[n++] = (struct contender){QUANTIZE, slot, kernels, blocks, NULL};
            contenders[n++] = (struct contender){DEQUANTIZE, slot, kernels, blocks, NULL};
        }
    }
    for (size_t i = 0; i < n; i++)
        contenders[i].seconds = must_alloc(bench->n_repeats * sizeof(double));
    return n;
}

static void print_result(const struct contender *contender, double rate, double copy_rate,
                         bool json, bool first)
{
    static const char *const ways[] = {"memcpy", "quantize", "dequantize"};
    const char *type = contender->way == COPY ? "F32" : types[contender->slot].name;
    if (json)
        (void)printf("%s\n    {\"type\": \"%s\", \"way\": \"%s\", \"kernels\": \"%s\", "
                     "\"mb_s\": %.1f, \"ratio\": %.4f}",
                     first ? "" : ",", type, ways[contender->way], contender->kernels->name, rate,
                     rate / copy_rate);
    else
        (void)printf("%-5s %-11s %-7s %9.0f %9.3f\n", type, ways[contender->way],
                     contender->kernels->name, rate, rate / copy_rate);
}

static size_t parse_count(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value == 0 || value > 4096) {
        (void)fprintf(stderr, "quant-bench: not a number from 1 to 4096: %s\n", text);
        exit(2);
    }
    return value;
}

static void usage(FILE *out)
{
    (void)fprintf(out,
                  "Usage: quant-bench [OPTION]...\n\n"
                  "  --size MB     of floats (default %d)\n"
                  "  --repeats N   of each measurement (default %d)\n"
                  "  --all         every instruction set, not the best alone\n"
                  "  --json        a JSON object instead of a table\n",
                  DEFAULT_MB, DEFAULT_REPEATS);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"size", required_argument, NULL, 's'}, {"repeats", required_argument, NULL, 'r'},
        {"all", no_argument, NULL, 'a'},        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},       {0},
    };
    size_t size_mb = DEFAULT_MB;
    struct bench bench = {.n_repeats = DEFAULT_REPEATS};
    bool json = false;
    bool all = false;
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 's':
            size_mb = parse_count(optarg);
            break;
        case 'r':
            bench.n_repeats = parse_count(optarg);
            break;
        case 'a':
            all = true;
            break;
        case 'j':
            json = true;
            break;
        default:
            usage(option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    }
    bench.n_rows = size_mb * 1000000 / (ROW_VALUES * sizeof(float)) + 1;
    size_t n_values = bench.n_rows * ROW_VALUES;
    bench.values = must_alloc(n_values * sizeof(float));
    bench.back = must_alloc(n_values * sizeof(float));
    make_values(bench.values, n_values);

    static struct contender contenders[128];
    size_t n = add_contenders(contenders, &bench, all);
    for (size_t i = 0; i < n; i++)
        run(&bench, &contenders[i], 0); /* warms up; overwritten below */
    for (size_t repeat = 0; repeat < bench.n_repeats; repeat++)
        for (size_t i = 0; i < n; i++)
            run(&bench, &contenders[i], repeat);

    double copy_rate = megabytes_per_second(&bench, &contenders[0]);
    (void)printf(json ? "{\n  \"results\": [" : "type  way         by           MB/s   /memcpy\n");
    for (size_t i = 0; i < n; i++)
        print_result(&contenders[i],
                     i == 0 ? copy_rate : megabytes_per_second(&bench, &contenders[i]), copy_rate,
                     json, i == 0);
    (void)printf(json ? "\n  ]\n}\n" : "");
    return 0;
}
