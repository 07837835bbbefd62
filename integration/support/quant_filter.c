/* SPDX-License-Identifier: Apache-2.0
 * Quantizes or dequantizes what comes on stdin, for cases that compare the result with others'.
 *
 *   quant-filter quantize|dequantize TYPE KERNELS     KERNELS: scalar, avx2, ..., or best
 *   quant-filter kernels                              the names that this processor runs */
#include "accel/quant/kernels.h"
#include "accel/quant/quant.h"
#include "verify/cleanup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum bfs_dtype type;
} types[] = {
#define TYPE_ROW(NAME) {#NAME, BFS_DTYPE_##NAME},
    BFS_QUANT_LIST(TYPE_ROW)
#undef TYPE_ROW
};

static int fail(const char *what, const char *which)
{
    (void)fprintf(stderr, "quant-filter: %s: %s\n", what, which);
    return 1;
}

/* All of stdin; NULL when memory or reading fails. */
static uint8_t *read_all(size_t *ret_size)
{
    size_t room = 1 << 20;
    size_t size = 0;
    bfs_autofree uint8_t *bytes = malloc(room);
    while (bytes != NULL) {
        size_t n = fread(bytes + size, 1, room - size, stdin);
        size += n;
        if (n == 0)
            break;
        if (size == room) {
            room *= 2;
            uint8_t *larger = realloc(bytes, room);
            if (larger == NULL)
                return NULL;
            bytes = larger;
        }
    }
    if (bytes == NULL || ferror(stdin))
        return NULL;
    *ret_size = size;
    return bfs_steal(&bytes);
}

static const struct bfs_quant_kernels *find_kernels(const char *name)
{
    if (strcmp(name, "best") == 0)
        return bfs_quant_kernels();
    for (size_t i = 0; bfs_quant_kernels_at(i) != NULL; i++)
        if (strcmp(bfs_quant_kernels_at(i)->name, name) == 0)
            return bfs_quant_kernels_at(i);
    return NULL;
}

static int filter(bool back, size_t slot, const struct bfs_quant_kernels *kernels)
{
    const struct bfs_dtype_info *info = bfs_dtype_info(types[slot].type);
    size_t values = (size_t)info->block_elements * sizeof(float);
    size_t unit = back ? info->block_bytes : values;
    size_t size;
    bfs_autofree uint8_t *in = read_all(&size);
    if (in == NULL)
        return fail("cannot read", "stdin");
    if (size == 0 || size % unit != 0)
        return fail("input is not whole blocks of", info->name);
    size_t n = size / unit;
    size_t made = n * (back ? values : info->block_bytes);
    bfs_autofree uint8_t *out = malloc(made);
    if (out == NULL)
        return fail("out of memory", info->name);
    if (back)
        kernels->of[slot].dequantize(in, (float *)(void *)out, n);
    else
        kernels->of[slot].quantize((const float *)(const void *)in, out, n);
    if (fwrite(out, 1, made, stdout) != made || fflush(stdout) != 0)
        return fail("cannot write", "stdout");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "kernels") == 0) {
        for (size_t i = 0; bfs_quant_kernels_at(i) != NULL; i++)
            (void)puts(bfs_quant_kernels_at(i)->name);
        return 0;
    }
    if (argc != 4)
        return fail("usage", "quantize|dequantize TYPE KERNELS, or kernels");
    bool back = strcmp(argv[1], "dequantize") == 0;
    if (!back && strcmp(argv[1], "quantize") != 0)
        return fail("no such direction", argv[1]);
    const struct bfs_quant_kernels *kernels = find_kernels(argv[3]);
    if (kernels == NULL)
        return fail("no such kernels here", argv[3]);
    for (size_t i = 0; i < BFS_QUANT_SLOTS; i++)
        if (strcmp(types[i].name, argv[2]) == 0)
            return filter(back, i, kernels);
    return fail("no such type", argv[2]);
}
