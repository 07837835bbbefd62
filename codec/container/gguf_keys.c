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

/* Bytes of a value by its type number; 0 for strings and arrays. */
static const uint8_t value_sizes[BFS_GGUF_N_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

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
    if (type >= BFS_GGUF_N_TYPES)
        return bfs_gguf_refuse(reader, -EBADMSG, "an array of an unknown value type");
    if (type == BFS_GGUF_STRING)
        return skip_texts(reader, n);
    if (type != BFS_GGUF_ARRAY)
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
    if (type >= BFS_GGUF_N_TYPES)
        return bfs_gguf_refuse(reader, -EBADMSG, "an unknown value type");
    if (type == BFS_GGUF_STRING)
        return skip_texts(reader, 1);
    if (type == BFS_GGUF_ARRAY)
        return skip_array(reader, 0);
    return bfs_gguf_skip(reader, 1, value_sizes[type]);
}

bool bfs_gguf_is_key(const struct bfs_gguf_value *value, const char *key)
{
    return value->key_size == strlen(key) && memcmp(value->key, key, value->key_size) == 0;
}

bool bfs_gguf_number(const struct bfs_gguf_value *value, uint64_t *ret)
{
    static const bool is_signed[BFS_GGUF_N_TYPES] = {
        [BFS_GGUF_I8] = true, [BFS_GGUF_I16] = true, [BFS_GGUF_I32] = true, [BFS_GGUF_I64] = true};
    uint64_t number = 0;
    switch (value->type) {
    case BFS_GGUF_U8:
    case BFS_GGUF_I8:
    case BFS_GGUF_U16:
    case BFS_GGUF_I16:
    case BFS_GGUF_U32:
    case BFS_GGUF_I32:
    case BFS_GGUF_U64:
    case BFS_GGUF_I64:
        memcpy(&number, value->value, value->value_size);
        if (is_signed[value->type] && number >> (value->value_size * 8 - 1))
            return false;
        *ret = number;
        return true;
    default:
        return false;
    }
}

static int judge_alignment(struct bfs_gguf_reader *reader, const struct bfs_gguf_value *value,
                           uint32_t *ret)
{
    uint64_t alignment;
    if (value->type != BFS_GGUF_U32 || !bfs_gguf_number(value, &alignment))
        return bfs_gguf_refuse(reader, -EBADMSG, "general.alignment is not a u32");
    if (alignment < ALIGNMENT_MIN || !bfs_is_power_of_two(alignment))
        return bfs_gguf_refuse(reader, -EBADMSG,
                               "general.alignment is not a power of two of at least 8");
    *ret = (uint32_t)alignment;
    return 0;
}

/* Leaves `ret` empty for what a report could not print. */
static void take_architecture(const struct bfs_gguf_value *value, char *ret, size_t ret_size)
{
    const uint8_t *text = value->value + sizeof(uint64_t);
    if (value->type != BFS_GGUF_STRING || value->value_size - sizeof(uint64_t) >= ret_size)
        return;
    size_t size = value->value_size - sizeof(uint64_t);
    for (size_t i = 0; i < size; i++)
        if (text[i] < ' ' || text[i] > '~')
            return;
    memcpy(ret, text, size);
    ret[size] = '\0';
}

static void take_file_type(const struct bfs_gguf_value *value, char *ret, size_t ret_size)
{
    uint64_t number;
    if (value->type == BFS_GGUF_U32 && bfs_gguf_number(value, &number) &&
        number < sizeof(file_types) / sizeof(file_types[0]) && file_types[number])
        (void)snprintf(ret, ret_size, "%s", file_types[number]);
}

static int read_key(struct bfs_gguf_reader *reader, struct bfs_gguf_value *value)
{
    struct bfs_gguf_text text;
    int r = bfs_gguf_text(reader, &text);
    if (r)
        return r;
    if (text.size == 0)
        return bfs_gguf_refuse(reader, -EBADMSG, "an empty key");
    if (text.size > KEY_SIZE_MAX)
        return bfs_gguf_refuse(reader, -E2BIG, "a key longer than 65535 bytes");
    value->key = text.bytes;
    value->key_size = text.size;
    return 0;
}

static int read_key_value(struct bfs_gguf_reader *reader, struct bfs_gguf_value *value)
{
    const uint8_t *base = reader->cursor.base;
    size_t start = reader->cursor.position, value_start;
    uint32_t type;
    int r;
    if ((r = read_key(reader, value)) || (r = bfs_gguf_u32(reader, &type)))
        return r;
    value_start = reader->cursor.position;
    r = skip_value(reader, type);
    if (r)
        return r;
    value->bytes = base + start;
    value->size = reader->cursor.position - start;
    value->value = base + value_start;
    value->value_size = reader->cursor.position - value_start;
    value->type = value->element_type = (enum bfs_gguf_type)type;
    if (type == BFS_GGUF_ARRAY) {
        uint32_t element_type;
        memcpy(&element_type, value->value, sizeof(element_type));
        value->element_type = (enum bfs_gguf_type)element_type;
    }
    return 0;
}

static int judge(struct bfs_gguf_reader *reader, const struct bfs_gguf_value *value,
                 struct bfs_gguf_keys *keys)
{
    if (bfs_gguf_is_key(value, BFS_GGUF_KEY_ALIGNMENT))
        return judge_alignment(reader, value, &keys->alignment);
    if (bfs_gguf_is_key(value, BFS_GGUF_KEY_ARCHITECTURE))
        take_architecture(value, keys->architecture, sizeof(keys->architecture));
    if (bfs_gguf_is_key(value, BFS_GGUF_KEY_FILE_TYPE))
        take_file_type(value, keys->quantization, sizeof(keys->quantization));
    return 0;
}

static int compare_keys(const void *left, const void *right)
{
    const struct bfs_gguf_value *a = *(struct bfs_gguf_value *const *)left;
    const struct bfs_gguf_value *b = *(struct bfs_gguf_value *const *)right;
    if (a->key_size != b->key_size)
        return a->key_size < b->key_size ? -1 : 1;
    return memcmp(a->key, b->key, a->key_size);
}

static int check_keys(struct bfs_gguf_reader *reader, struct bfs_gguf_value *values, size_t n)
{
    bfs_autofree struct bfs_gguf_value **sorted = calloc(n + 1, sizeof(struct bfs_gguf_value *));
    if (!sorted)
        return bfs_gguf_refuse(reader, -ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        sorted[i] = &values[i];
    qsort(sorted, n, sizeof(struct bfs_gguf_value *), compare_keys);
    for (size_t i = 1; i < n; i++)
        if (compare_keys(&sorted[i - 1], &sorted[i]) == 0)
            return bfs_gguf_refuse(reader, -EBADMSG, "a key occurs twice");
    return 0;
}

int bfs_gguf_keys_read(struct bfs_gguf_reader *reader, uint64_t n_keys, struct bfs_gguf_keys *ret)
{
    struct bfs_gguf_keys keys = {.alignment = ALIGNMENT_DEFAULT};
    if (n_keys > KEYS_MAX)
        return bfs_gguf_refuse(reader, -E2BIG, "more than 65536 key-values");
    int r = bfs_gguf_need(reader, n_keys, KEY_VALUE_SIZE_MIN);
    if (r)
        return r;
    bfs_autofree struct bfs_gguf_value *values = calloc((size_t)n_keys + 1, sizeof(*values));
    if (!values)
        return bfs_gguf_refuse(reader, -ENOMEM, "out of memory");
    for (uint64_t i = 0; i < n_keys; i++)
        if ((r = read_key_value(reader, &values[i])) || (r = judge(reader, &values[i], &keys)))
            return r;
    r = check_keys(reader, values, (size_t)n_keys);
    if (r)
        return r;
    keys.values = bfs_steal(&values);
    keys.n_values = (size_t)n_keys;
    *ret = keys;
    return 0;
}
