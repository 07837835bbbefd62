/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/gguf_reader.h"

#include "verify/checked.h"
#include "verify/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    KEYS_MAX = 1 << 16,   /* real files have about 30, with tokenizers and split marks about 60 */
    KEY_SIZE_MAX = 65535, /* the specification's limit on a key */
    KEY_VALUE_SIZE_MIN = 14, /* u64 length, one letter, u32 type, one byte */
    ARRAY_DEPTH_MAX = 4,     /* arrays in arrays; ggml's own reader knows none */
    ALIGNMENT_DEFAULT = 32,
    ALIGNMENT_MIN = 8, /* the specification: a multiple of 8 */
};

enum value_type {
    TYPE_U32 = 4,
    TYPE_STRING = 8,
    TYPE_ARRAY = 9,
    N_TYPES = 13,
};

/* Bytes of a value by its type number; 0 for strings and arrays. */
static const uint8_t value_sizes[N_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

/* ggml's general.file_type by number, as llama.cpp names them; the gaps are removed types. */
static const char *const file_types[] = {
    [0] = "F32",      [1] = "F16",      [2] = "Q4_0",       [3] = "Q4_1",    [7] = "Q8_0",
    [8] = "Q5_0",     [9] = "Q5_1",     [10] = "Q2_K",      [11] = "Q3_K_S", [12] = "Q3_K_M",
    [13] = "Q3_K_L",  [14] = "Q4_K_S",  [15] = "Q4_K_M",    [16] = "Q5_K_S", [17] = "Q5_K_M",
    [18] = "Q6_K",    [19] = "IQ2_XXS", [20] = "IQ2_XS",    [21] = "Q2_K_S", [22] = "IQ3_XS",
    [23] = "IQ3_XXS", [24] = "IQ1_S",   [25] = "IQ4_NL",    [26] = "IQ3_S",  [27] = "IQ3_M",
    [28] = "IQ2_S",   [29] = "IQ2_M",   [30] = "IQ4_XS",    [31] = "IQ1_M",  [32] = "BF16",
    [36] = "TQ1_0",   [37] = "TQ2_0",   [38] = "MXFP4_MOE", [39] = "NVFP4",  [40] = "Q1_0",
    [41] = "Q2_0",
};

static int skip_texts(struct bfs_gguf_reader *reader, uint64_t n)
{
    int r = bfs_gguf_need(reader, n, sizeof(uint64_t));
    for (uint64_t i = 0; i < n && r == 0; i++) {
        struct bfs_gguf_text text;
        r = bfs_gguf_text(reader, &text);
    }
    return r;
}

static int skip_array(struct bfs_gguf_reader *reader, unsigned depth)
{
    uint32_t type;
    uint64_t n;
    int r = bfs_gguf_u32(reader, &type);
    if (r == 0)
        r = bfs_gguf_u64(reader, &n);
    if (r)
        return r;
    if (type >= N_TYPES)
        return bfs_gguf_refuse(reader, -EBADMSG, "an array of an unknown value type");
    if (type == TYPE_STRING)
        return skip_texts(reader, n);
    if (type != TYPE_ARRAY)
        return bfs_gguf_skip(reader, n, value_sizes[type]);
    if (depth + 1 >= ARRAY_DEPTH_MAX)
        return bfs_gguf_refuse(reader, -E2BIG, "arrays nested too deep");
    r = bfs_gguf_need(reader, n, sizeof(type) + sizeof(n));
    for (uint64_t i = 0; i < n && r == 0; i++)
        r = skip_array(reader, depth + 1);
    return r;
}

static int skip_value(struct bfs_gguf_reader *reader, uint32_t type)
{
    if (type >= N_TYPES)
        return bfs_gguf_refuse(reader, -EBADMSG, "an unknown value type");
    if (type == TYPE_STRING)
        return skip_texts(reader, 1);
    if (type == TYPE_ARRAY)
        return skip_array(reader, 0);
    return bfs_gguf_skip(reader, 1, value_sizes[type]);
}

static int read_alignment(struct bfs_gguf_reader *reader, uint32_t type, uint32_t *ret)
{
    uint32_t alignment;
    if (type != TYPE_U32)
        return bfs_gguf_refuse(reader, -EBADMSG, "general.alignment is not a u32");
    int r = bfs_gguf_u32(reader, &alignment);
    if (r)
        return r;
    if (alignment < ALIGNMENT_MIN || !bfs_is_power_of_two(alignment))
        return bfs_gguf_refuse(reader, -EBADMSG,
                               "general.alignment is not a power of two of at least 8");
    *ret = alignment;
    return 0;
}

/* Leaves `ret` empty for what a report could not print. */
static int read_architecture(struct bfs_gguf_reader *reader, char *ret, size_t ret_size)
{
    struct bfs_gguf_text text;
    int r = bfs_gguf_text(reader, &text);
    if (r || text.size >= ret_size)
        return r;
    for (size_t i = 0; i < text.size; i++)
        if (text.bytes[i] < ' ' || text.bytes[i] > '~')
            return 0;
    memcpy(ret, text.bytes, text.size);
    ret[text.size] = '\0';
    return 0;
}

static int read_file_type(struct bfs_gguf_reader *reader, char *ret, size_t ret_size)
{
    uint32_t number;
    int r = bfs_gguf_u32(reader, &number);
    if (r == 0 && number < sizeof(file_types) / sizeof(file_types[0]) && file_types[number])
        (void)snprintf(ret, ret_size, "%s", file_types[number]);
    return r;
}

static bool is_key(const struct bfs_gguf_text *key, const char *name)
{
    return key->size == strlen(name) && memcmp(key->bytes, name, key->size) == 0;
}

static int read_key_value(struct bfs_gguf_reader *reader, struct bfs_gguf_text *ret_key,
                          struct bfs_gguf_keys *keys)
{
    uint32_t type;
    int r = bfs_gguf_text(reader, ret_key);
    if (r)
        return r;
    if (ret_key->size == 0)
        return bfs_gguf_refuse(reader, -EBADMSG, "an empty key");
    if (ret_key->size > KEY_SIZE_MAX)
        return bfs_gguf_refuse(reader, -E2BIG, "a key longer than 65535 bytes");
    r = bfs_gguf_u32(reader, &type);
    if (r)
        return r;
    if (is_key(ret_key, "general.alignment"))
        return read_alignment(reader, type, &keys->alignment);
    if (is_key(ret_key, "general.architecture") && type == TYPE_STRING)
        return read_architecture(reader, keys->architecture, sizeof(keys->architecture));
    if (is_key(ret_key, "general.file_type") && type == TYPE_U32)
        return read_file_type(reader, keys->quantization, sizeof(keys->quantization));
    return skip_value(reader, type);
}

static int compare_texts(const void *left, const void *right)
{
    const struct bfs_gguf_text *a = left, *b = right;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return memcmp(a->bytes, b->bytes, a->size);
}

int bfs_gguf_keys_read(struct bfs_gguf_reader *reader, uint64_t n_keys, struct bfs_gguf_keys *ret)
{
    struct bfs_gguf_keys keys = {.alignment = ALIGNMENT_DEFAULT};
    if (n_keys > KEYS_MAX)
        return bfs_gguf_refuse(reader, -E2BIG, "more than 65536 key-values");
    int r = bfs_gguf_need(reader, n_keys, KEY_VALUE_SIZE_MIN);
    if (r)
        return r;
    bfs_autofree struct bfs_gguf_text *names = calloc((size_t)n_keys + 1, sizeof(*names));
    if (!names)
        return bfs_gguf_refuse(reader, -ENOMEM, "out of memory");
    for (uint64_t i = 0; i < n_keys; i++) {
        r = read_key_value(reader, &names[i], &keys);
        if (r)
            return r;
    }
    qsort(names, (size_t)n_keys, sizeof(*names), compare_texts);
    for (uint64_t i = 1; i < n_keys; i++)
        if (compare_texts(&names[i - 1], &names[i]) == 0)
            return bfs_gguf_refuse(reader, -EBADMSG, "a key occurs twice");
    *ret = keys;
    return 0;
}
