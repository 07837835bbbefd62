/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/container/mutate.h"

enum { U8 = 0, U32 = 4, STRING = 8, ARRAY = 9 };

static int parse_buffer(const struct bfs_buffer *file, struct bfs_tensor_map *ret,
                        struct bfs_error *error)
{
    assert_int_equal(bfs_buffer_status(file), 0);
    return parse_copy(bfs_gguf_parse, file->bytes, file->size, file->size, ret, error);
}

/* Parses, checks and empties the buffer. */
static void refused(struct bfs_buffer *file, int code, const char *why)
{
    struct bfs_tensor_map map;
    struct bfs_error error = {0};
    memset(&map, 0x5a, sizeof(map));
    int r = parse_buffer(file, &map, &error);
    if (r != code || error.code != code || !strstr(error.what, why))
        fail_msg("expected %d %s, got %d %s", code, why, r, error.what);
    for (size_t i = 0; i < sizeof(map); i++)
        assert_int_equal(((const uint8_t *)&map)[i], 0x5a);
    bfs_buffer_done(file);
}

static void accepted(struct bfs_buffer *file, size_t n_tensors)
{
    bfs_autotensors struct bfs_tensor_map map = {0};
    struct bfs_error error = {0};
    if (parse_buffer(file, &map, &error) != 0)
        fail_msg("%s", error.what);
    assert_null(test_tensor_map_fault(&map, file->size));
    assert_int_equal(map.n_tensors, n_tensors);
    bfs_buffer_done(file);
}

static void put_zeros(struct bfs_buffer *file, size_t n)
{
    while (n-- > 0)
        bfs_buffer_put_u8(file, 0);
}

/* One tensor "a", padding and `data_size` bytes. */
static struct bfs_buffer one_tensor(uint32_t n_dims, const uint64_t *ne, uint32_t type,
                                    uint64_t offset, size_t data_size)
{
    struct bfs_buffer file = BFS_BUFFER_INIT;
    test_gguf_header(&file, 3, 1, 0);
    test_gguf_tensor(&file, "a", n_dims, ne, type, offset);
    bfs_buffer_align(&file, 32);
    put_zeros(&file, data_size);
    return file;
}

/* One key of this type; the caller adds the value. */
static struct bfs_buffer one_key(const char *key, uint32_t type)
{
    struct bfs_buffer file = BFS_BUFFER_INIT;
    test_gguf_header(&file, 3, 0, 1);
    test_gguf_key(&file, key, type);
    return file;
}

static void maps_every_tensor(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    bfs_autotensors struct bfs_tensor_map map = {0};
    test_gguf_small(&file);
    assert_int_equal(parse_buffer(&file, &map, NULL), 0);
    assert_null(test_tensor_map_fault(&map, file.size));
    assert_int_equal(map.container, BFS_CONTAINER_GGUF);
    assert_string_equal(map.architecture, "llama");
    assert_string_equal(map.quantization, "Q4_0");
    assert_int_equal(map.n_tensors, 5);
    assert_int_equal(map.n_elements, 64 + 0 + 4 + 1 + 32);
    assert_string_equal(map.tensors[0].name, "w");
    assert_int_equal(map.tensors[0].dtype, BFS_DTYPE_Q4_0);
    assert_int_equal(map.tensors[0].shape[0], 2);
    assert_int_equal(map.tensors[0].shape[1], 32);
    assert_int_equal(map.tensors[0].size, 36);
    assert_int_equal(map.tensors[0].offset % 16, 0);
    assert_int_equal(map.tensors[2].offset, map.tensors[0].offset + 48);
    assert_int_equal(map.tensors[3].n_dims, 0);
    assert_int_equal(map.tensors[4].size, 17);
    assert_int_equal(map.tensors[4].offset + 32, file.size);
}

static void builds_with_any_alignment(void **state)
{
    (void)state;
    static const struct test_tensor tensors[] = {{"a", BFS_DTYPE_Q8_0, 2, {3, 64}},
                                                 {"b", BFS_DTYPE_BF16, 1, {5}}};
    for (uint32_t alignment = 8; alignment <= 4096; alignment *= 2) {
        struct bfs_buffer file = BFS_BUFFER_INIT;
        test_gguf_build(tensors, 2, alignment, "x", 7, 1, &file);
        accepted(&file, 2);
    }
}

static void judges_versions(void **state)
{
    (void)state;
    for (uint32_t version = 0; version < 6; version++) {
        struct bfs_buffer file = BFS_BUFFER_INIT;
        test_gguf_header(&file, version, 0, 0);
        if (version == 2 || version == 3)
            accepted(&file, 0);
        else
            refused(&file, -EPROTONOSUPPORT, version ? "unknown version" : "big-endian");
    }
    struct bfs_buffer file = BFS_BUFFER_INIT;
    test_gguf_header(&file, 3u << 24, 0, 0);
    refused(&file, -EPROTONOSUPPORT, "big-endian");
    test_gguf_header(&file, 3, 0, 0);
    file.bytes[3] = 'f';
    refused(&file, -EBADMSG, "magic");
}

static void reads_identity(void **state)
{
    (void)state;
    static const struct {
        uint32_t number;
        const char *word;
    } types[] = {{0, "F32"},     {1, "F16"},      {2, "Q4_0"},    {7, "Q8_0"},  {14, "Q4_K_S"},
                 {15, "Q4_K_M"}, {18, "Q6_K"},    {25, "IQ4_NL"}, {32, "BF16"}, {38, "MXFP4_MOE"},
                 {39, "NVFP4"},  {41, "Q2_0"},    {4, ""},        {33, ""},     {42, ""},
                 {1024, ""},     {UINT32_MAX, ""}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        bfs_autobuffer struct bfs_buffer file = one_key("general.file_type", U32);
        bfs_autotensors struct bfs_tensor_map map = {0};
        bfs_buffer_put_u32(&file, types[i].number);
        assert_int_equal(parse_buffer(&file, &map, NULL), 0);
        assert_string_equal(map.quantization, types[i].word);
        assert_string_equal(map.architecture, "");
    }
    static const char longest[] = "123456789012345678901234567890123456789012345678901234567890123";
    static const char *const names[][2] = {{"llama", "llama"},
                                           {longest, longest},
                                           {"1234567890123456789012345678901234567890"
                                            "123456789012345678901234",
                                            ""},
                                           {"a\nb", ""},
                                           {"\xc3\xa9", ""}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bfs_autobuffer struct bfs_buffer file = one_key("general.architecture", STRING);
        bfs_autotensors struct bfs_tensor_map map = {0};
        test_gguf_text(&file, names[i][0]);
        assert_int_equal(parse_buffer(&file, &map, NULL), 0);
        assert_string_equal(map.architecture, names[i][1]);
    }
    struct bfs_buffer file = one_key("general.architecture", U8);
    bfs_buffer_put_u8(&file, 1);
    accepted(&file, 0);
}

static void judges_alignment(void **state)
{
    (void)state;
    static const uint32_t bad[] = {0, 1, 4, 12, 33, UINT32_MAX};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bfs_buffer file = one_key("general.alignment", U32);
        bfs_buffer_put_u32(&file, bad[i]);
        refused(&file, -EBADMSG, "power of two");
    }
    struct bfs_buffer file = one_key("general.alignment", U32);
    bfs_buffer_put_u32(&file, 1u << 31);
    accepted(&file, 0);
    file = one_key("general.alignment", 10);
    bfs_buffer_put_u64(&file, 32);
    refused(&file, -EBADMSG, "not a u32");
}

static void judges_keys(void **state)
{
    (void)state;
    struct bfs_buffer file = BFS_BUFFER_INIT;
    test_gguf_header(&file, 3, 0, 3);
    for (int i = 0; i < 3; i++) {
        test_gguf_key(&file, i == 1 ? "other" : "same", U8);
        bfs_buffer_put_u8(&file, 0);
    }
    refused(&file, -EBADMSG, "twice");

    file = one_key("", U8);
    put_zeros(&file, 8);
    refused(&file, -EBADMSG, "empty key");
    file = one_key("a", 13);
    put_zeros(&file, 8);
    refused(&file, -EBADMSG, "unknown value type");
    file = one_key("a", ARRAY);
    bfs_buffer_put_u32(&file, 13);
    bfs_buffer_put_u64(&file, 0);
    refused(&file, -EBADMSG, "unknown value type");

    test_gguf_header(&file, 3, 0, 65537);
    refused(&file, -E2BIG, "key-values");
    test_gguf_header(&file, 3, 0, 65536);
    refused(&file, -EBADMSG, "beyond the file");
    for (size_t length = 65535; length <= 65536; length++) {
        test_gguf_header(&file, 3, 0, 1);
        bfs_buffer_put_u64(&file, length);
        for (size_t i = 0; i < length; i++)
            bfs_buffer_put_u8(&file, 'k');
        bfs_buffer_put_u32(&file, U8);
        bfs_buffer_put_u8(&file, 0);
        if (length == 65535)
            accepted(&file, 0);
        else
            refused(&file, -E2BIG, "65535");
    }
}

static void judges_arrays(void **state)
{
    (void)state;
    static const uint64_t counts[] = {1, UINT64_C(1) << 61, UINT64_MAX};
    static const uint32_t types[] = {10, STRING, ARRAY};
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++) {
            struct bfs_buffer file = one_key("a", ARRAY);
            bfs_buffer_put_u32(&file, types[i]);
            bfs_buffer_put_u64(&file, counts[j]);
            put_zeros(&file, 7);
            refused(&file, -EBADMSG, "beyond the file");
        }
    for (int depth = 1; depth <= 6; depth++) {
        struct bfs_buffer file = one_key("a", ARRAY);
        for (int i = 1; i < depth; i++) {
            bfs_buffer_put_u32(&file, ARRAY);
            bfs_buffer_put_u64(&file, 1);
        }
        bfs_buffer_put_u32(&file, U8);
        bfs_buffer_put_u64(&file, 0);
        if (depth <= 4)
            accepted(&file, 0);
        else
            refused(&file, -E2BIG, "nested");
    }
}

static void judges_shapes(void **state)
{
    (void)state;
    static const uint64_t ne[] = {4, 2, 1, 1, 1}, odd[] = {33}, minus[] = {UINT64_MAX};
    static const uint64_t vast[] = {UINT64_C(1) << 62, UINT64_C(1) << 62};
    static const uint64_t vast_zero[] = {UINT64_C(1) << 62, UINT64_C(1) << 62, 0};
    static const uint64_t vast_bytes[] = {UINT64_C(1) << 62, 2};
    struct bfs_buffer file = one_tensor(2, ne, 0, 0, 32);
    accepted(&file, 1);
    file = one_tensor(0, ne, 0, 0, 4);
    accepted(&file, 1);
    file = one_tensor(4, ne, 0, 0, 32);
    accepted(&file, 1);
    file = one_tensor(5, ne, 0, 0, 32);
    refused(&file, -EBADMSG, "dimensions");
    file = one_tensor(1, odd, 2, 0, 64);
    refused(&file, -EBADMSG, "whole blocks");
    file = one_tensor(0, odd, 2, 0, 64);
    refused(&file, -EBADMSG, "whole blocks");
    file = one_tensor(1, minus, 0, 0, 64);
    refused(&file, -EBADMSG, "negative");
    file = one_tensor(2, vast, 0, 0, 64);
    refused(&file, -EBADMSG, "64 bits");
    file = one_tensor(2, vast_bytes, 0, 0, 64);
    refused(&file, -EBADMSG, "64 bits");
    file = one_tensor(3, vast_zero, 0, 0, 64);
    accepted(&file, 1);
}

static void judges_types(void **state)
{
    (void)state;
    static const uint64_t ne[] = {256};
    static const uint32_t bad[] = {4, 5, 31, 32, 33, 36, 37, 38, 43, 1000, UINT32_MAX};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bfs_buffer file = one_tensor(1, ne, bad[i], 0, 4096);
        refused(&file, -EPROTONOSUPPORT, "ggml type");
    }
    for (uint32_t type = 0; type < 43; type++) {
        if (!bfs_dtype_from_ggml(type))
            continue;
        struct bfs_buffer file = one_tensor(1, ne, type, 0, 2048);
        accepted(&file, 1);
    }
}

static void judges_offsets(void **state)
{
    (void)state;
    static const uint64_t ne[] = {9};
    static const uint64_t offsets[] = {0, 8, 9, 31, 32, 33, 64, UINT64_MAX};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        struct bfs_buffer file = BFS_BUFFER_INIT;
        test_gguf_header(&file, 3, 2, 0);
        test_gguf_tensor(&file, "a", 1, ne, 24, 0);
        test_gguf_tensor(&file, "b", 1, ne, 24, offsets[i]);
        bfs_buffer_align(&file, 32);
        put_zeros(&file, 128);
        if (offsets[i] == 32)
            accepted(&file, 2);
        else
            refused(&file, -EBADMSG, "padded sum");
    }
    struct bfs_buffer file = one_tensor(1, ne, 24, 32, 64);
    refused(&file, -EBADMSG, "padded sum");
    file = one_tensor(1, ne, 24, 0, 9);
    accepted(&file, 1);
    file = one_tensor(1, ne, 24, 0, 8);
    refused(&file, -EBADMSG, "data beyond");
    file = one_tensor(1, ne, 24, 0, 0);
    file.size -= 1;
    refused(&file, -EBADMSG, "data begins beyond");
}

static void judges_names(void **state)
{
    (void)state;
    static const uint64_t ne[] = {8};
    static const struct {
        const char *bytes;
        size_t size;
        const char *why;
    } names[] = {{"\xff", 1, "UTF-8"}, {"a\0b", 3, "UTF-8"}, {"\xed\xa0\x80", 3, "UTF-8"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct bfs_buffer file = BFS_BUFFER_INIT;
        test_gguf_header(&file, 3, 1, 0);
        bfs_buffer_put_u64(&file, names[i].size);
        bfs_buffer_put(&file, names[i].bytes, names[i].size);
        put_zeros(&file, 64);
        refused(&file, -EBADMSG, names[i].why);
    }
    struct bfs_buffer file = BFS_BUFFER_INIT;
    test_gguf_header(&file, 3, 1, 0);
    bfs_buffer_put_u64(&file, 1025);
    put_zeros(&file, 2000);
    refused(&file, -E2BIG, "1024");

    test_gguf_header(&file, 3, 3, 0);
    test_gguf_tensor(&file, "a", 1, ne, 24, 0);
    test_gguf_tensor(&file, "b", 1, ne, 24, 32);
    test_gguf_tensor(&file, "a", 1, ne, 24, 64);
    bfs_buffer_align(&file, 32);
    put_zeros(&file, 96);
    refused(&file, -EBADMSG, "twice");
}

static void judges_counts_before_memory(void **state)
{
    (void)state;
    struct bfs_buffer file = BFS_BUFFER_INIT;
    test_gguf_header(&file, 3, (1 << 20) + 1, 0);
    refused(&file, -E2BIG, "tensors");
    test_gguf_header(&file, 3, UINT64_MAX, 0);
    refused(&file, -E2BIG, "tensors");
    test_gguf_header(&file, 3, 1 << 20, 0);
    refused(&file, -EBADMSG, "beyond the file");

    struct bfs_tensor_map map;
    test_gguf_header(&file, 3, 1 << 20, 0);
    assert_int_equal(bfs_gguf_parse(file.bytes, file.size, UINT64_MAX, &map, NULL), -ENODATA);
    assert_int_equal(bfs_gguf_parse(file.bytes, 23, 23, &map, NULL), -EBADMSG);
    assert_int_equal(bfs_gguf_parse(file.bytes, 23, 24, &map, NULL), -ENODATA);
    assert_int_equal(bfs_gguf_parse(file.bytes, 0, 24, &map, NULL), -ENODATA);
    assert_int_equal(bfs_gguf_parse(file.bytes, 0, 0, &map, NULL), -EBADMSG);
    bfs_buffer_done(&file);
}

/* Where the tensor infos of the small file end: "m" and 40 bytes of its info are the last of it. */
static size_t header_size(const struct bfs_buffer *file)
{
    static const uint8_t last[] = {1, 0, 0, 0, 0, 0, 0, 0, 'm', 1, 0, 0, 0, 32};
    const uint8_t *at = memmem(file->bytes, file->size, last, sizeof(last));
    assert_non_null(at);
    return (size_t)(at - file->bytes) + 8 + 1 + 4 + 8 + 4 + 8;
}

static void survives_every_truncation(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    test_gguf_small(&file);
    cut_everywhere(bfs_gguf_parse, file.bytes, file.size, header_size(&file));
    /* As a file of its own it lacks data, but for the 15 bytes of padding at the end. */
    for (size_t cut = 0; cut < file.size; cut++) {
        struct bfs_tensor_map map;
        int r = parse_copy(bfs_gguf_parse, file.bytes, cut, cut, &map, NULL);
        assert_int_equal(r, cut < file.size - 15 ? -EBADMSG : 0);
        if (r == 0)
            bfs_tensor_map_done(&map);
    }
}

static void survives_every_bit_flip(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    test_gguf_small(&file);
    struct mutants mutants = flip_every_bit(bfs_gguf_parse, file.bytes, file.size);
    assert_true(mutants.n_accepted >= (file.size - header_size(&file)) * 8);
    assert_true(mutants.n_refused > (size_t)100 * 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_every_tensor),
        cmocka_unit_test(builds_with_any_alignment),
        cmocka_unit_test(judges_versions),
        cmocka_unit_test(reads_identity),
        cmocka_unit_test(judges_alignment),
        cmocka_unit_test(judges_keys),
        cmocka_unit_test(judges_arrays),
        cmocka_unit_test(judges_shapes),
        cmocka_unit_test(judges_types),
        cmocka_unit_test(judges_offsets),
        cmocka_unit_test(judges_names),
        cmocka_unit_test(judges_counts_before_memory),
        cmocka_unit_test(survives_every_truncation),
        cmocka_unit_test(survives_every_bit_flip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
