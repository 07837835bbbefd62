/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/container/gguf.h"
#include "tests/support/folder.h"
#include "tests/support/tensor_files.h"

enum { HEADER_SIZE = 24 };

/* The key-values lie one behind the other from the end of the fixed header. */
static void check_values(const struct bfs_gguf_header *header, const uint8_t *bytes, size_t size)
{
    const uint8_t *at = bytes + HEADER_SIZE;
    for (size_t i = 0; i < header->n_values; i++) {
        const struct bfs_gguf_value *value = &header->values[i];
        assert_ptr_equal(value->bytes, at);
        assert_true(value->key_size > 0 && value->type < BFS_GGUF_N_TYPES);
        assert_ptr_equal(value->key, value->bytes + 8);
        assert_ptr_equal(value->value, value->key + value->key_size + 4);
        assert_ptr_equal(value->value + value->value_size, value->bytes + value->size);
        assert_true(value->type == BFS_GGUF_ARRAY || value->element_type == value->type);
        at += value->size;
    }
    assert_true(at <= bytes + size);
}

static void lists_every_value(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        enum bfs_gguf_type type, element_type;
        size_t size;
    } want[] = {
        {"a", BFS_GGUF_U8, BFS_GGUF_U8, 1},
        {"b", BFS_GGUF_I8, BFS_GGUF_I8, 1},
        {"c", BFS_GGUF_U16, BFS_GGUF_U16, 2},
        {"d", BFS_GGUF_I16, BFS_GGUF_I16, 2},
        {"e", BFS_GGUF_U32, BFS_GGUF_U32, 4},
        {"f", BFS_GGUF_I32, BFS_GGUF_I32, 4},
        {"g", BFS_GGUF_F32, BFS_GGUF_F32, 4},
        {"h", BFS_GGUF_BOOL, BFS_GGUF_BOOL, 1},
        {"k", BFS_GGUF_U64, BFS_GGUF_U64, 8},
        {"l", BFS_GGUF_I64, BFS_GGUF_I64, 8},
        {"m", BFS_GGUF_F64, BFS_GGUF_F64, 8},
        {"numbers", BFS_GGUF_ARRAY, BFS_GGUF_U16, 4 + 8 + 6},
        {"words", BFS_GGUF_ARRAY, BFS_GGUF_STRING, 4 + 8 + 9 + 8},
        {"nested", BFS_GGUF_ARRAY, BFS_GGUF_ARRAY, 4 + 8 + 2 * 13},
        {"general.architecture", BFS_GGUF_STRING, BFS_GGUF_STRING, 8 + 5},
        {"general.file_type", BFS_GGUF_U32, BFS_GGUF_U32, 4},
        {"general.alignment", BFS_GGUF_U32, BFS_GGUF_U32, 4},
    };
    enum { N = sizeof(want) / sizeof(want[0]) };
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    bfs_autogguf struct bfs_gguf_header header = {0};
    test_gguf_small(&file);
    assert_int_equal(bfs_gguf_header_parse(file.bytes, file.size, file.size, &header, NULL), 0);
    check_values(&header, file.bytes, file.size);
    assert_null(header.bytes);
    assert_int_equal(header.map.n_tensors, 5);
    assert_int_equal(header.n_values, N);
    for (size_t i = 0; i < N; i++) {
        const struct bfs_gguf_value *value = bfs_gguf_find(&header, want[i].key);
        assert_ptr_equal(value, &header.values[i]);
        assert_int_equal(value->type, want[i].type);
        assert_int_equal(value->element_type, want[i].element_type);
        assert_int_equal(value->value_size, want[i].size);
        uint64_t number = 77;
        bool is_number = i != 6 && i != 7 && i != 10 && i < 11;
        assert_int_equal(bfs_gguf_number(value, &number), is_number || i > 14);
        assert_int_equal(number, is_number ? 1 : i == 15 ? 2 : i == 16 ? 16 : 77);
    }
    assert_null(bfs_gguf_find(&header, "general"));
    assert_null(bfs_gguf_find(&header, "general.alignment2"));
}

static void reads_signs(void **state)
{
    (void)state;
    static const uint8_t minus[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const struct {
        enum bfs_gguf_type type;
        size_t size;
        bool is_number;
    } types[] = {{BFS_GGUF_U8, 1, true},   {BFS_GGUF_I8, 1, false},  {BFS_GGUF_U16, 2, true},
                 {BFS_GGUF_I16, 2, false}, {BFS_GGUF_U32, 4, true},  {BFS_GGUF_I32, 4, false},
                 {BFS_GGUF_U64, 8, true},  {BFS_GGUF_I64, 8, false}, {BFS_GGUF_F32, 4, false},
                 {BFS_GGUF_BOOL, 1, false}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct bfs_gguf_value value = {
            .type = types[i].type, .value = minus, .value_size = types[i].size};
        uint64_t number = 5;
        assert_int_equal(bfs_gguf_number(&value, &number), types[i].is_number);
        assert_true(number ==
                    (types[i].is_number ? UINT64_MAX >> (64 - 8 * types[i].size) : UINT64_C(5)));
    }
}

static void reads_a_file(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    /* A header longer than the first read: 3 MiB of one string. */
    test_gguf_header(&file, 3, 0, 2);
    test_gguf_key(&file, "long", BFS_GGUF_STRING);
    bfs_buffer_put_u64(&file, 3 << 20);
    for (size_t i = 0; i < 3 << 20; i++)
        bfs_buffer_put_u8(&file, 'x');
    test_gguf_key(&file, "last", BFS_GGUF_U8);
    bfs_buffer_put_u8(&file, 9);
    assert_int_equal(bfs_buffer_status(&file), 0);
    test_write_file(&folder, "m.gguf", file.bytes, file.size);
    bfs_autofree char *path = test_path(&folder, "m.gguf");
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    bfs_autogguf struct bfs_gguf_header header = {0};
    uint64_t number;
    assert_int_equal(bfs_gguf_header_read(fd, file.size, "m.gguf", &header, NULL), 0);
    check_values(&header, header.bytes, file.size);
    assert_int_equal(header.n_values, 2);
    assert_true(bfs_gguf_number(bfs_gguf_find(&header, "last"), &number));
    assert_int_equal(number, 9);

    struct bfs_gguf_header other;
    struct bfs_error error = {0};
    memset(&other, 0x5a, sizeof(other));
    assert_int_equal(bfs_gguf_header_read(fd, file.size - 1, "m.gguf", &other, &error), -EBADMSG);
    assert_non_null(strstr(error.what, "m.gguf: GGUF: the header goes beyond"));
    assert_int_equal(bfs_gguf_header_read(fd, file.size + 1, "m.gguf", &other, &error), -ESTALE);
    for (size_t i = 0; i < sizeof(other); i++)
        assert_int_equal(((const uint8_t *)&other)[i], 0x5a);
}

/* Every mutant that is accepted lists key-values that cover what they were read from. */
static void lists_values_of_every_mutant(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    test_gguf_small(&file);
    size_t n_accepted = 0, n_refused = 0;
    for (size_t bit = 0; bit < file.size * 8; bit++) {
        bfs_autogguf struct bfs_gguf_header header = {0};
        uint8_t *copy = malloc(file.size);
        assert_non_null(copy);
        memcpy(copy, file.bytes, file.size);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (bfs_gguf_header_parse(copy, file.size, file.size, &header, NULL) == 0) {
            check_values(&header, copy, file.size);
            n_accepted++;
        } else {
            assert_null(header.values);
            n_refused++;
        }
        free(copy);
    }
    assert_int_equal(n_accepted + n_refused, file.size * 8);
    assert_true(n_accepted > 100 && n_refused > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_every_value),
        cmocka_unit_test(reads_signs),
        cmocka_unit_test(reads_a_file),
        cmocka_unit_test(lists_values_of_every_mutant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
