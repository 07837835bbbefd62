/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/container.h"
#include "tests/support/seeded.h"
#include "tests/support/tensor_files.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file_of(const struct bfs_buffer *bytes)
{
    assert_int_equal(bfs_buffer_status(bytes), 0);
    int fd = memfd_create("container", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes->bytes, bytes->size), (ssize_t)bytes->size);
    return fd;
}

static void names_containers(void **state)
{
    (void)state;
    assert_string_equal(bfs_container_name(BFS_CONTAINER_OPAQUE), "opaque");
    assert_string_equal(bfs_container_name(BFS_CONTAINER_SAFETENSORS), "safetensors");
    assert_string_equal(bfs_container_name(BFS_CONTAINER_GGUF), "gguf");
    assert_null(bfs_container_name(3));
    assert_null(bfs_container_name(UINT32_MAX));
}

static void guesses(void **state)
{
    (void)state;
    static const uint8_t tensors[16] = "\x08\0\0\0\0\0\0\0{       ";
    static const uint8_t list[16] = "\x08\0\0\0\0\0\0\0[       ";
    static const uint8_t gguf[16] = "GGUF";
    assert_int_equal(bfs_container_guess(tensors, 16, 16, "a.safetensors"),
                     BFS_CONTAINER_SAFETENSORS);
    assert_int_equal(bfs_container_guess(tensors, 16, 15, "a.safetensors"), BFS_CONTAINER_OPAQUE);
    assert_int_equal(bfs_container_guess(tensors, 8, 16, "a.safetensors"), BFS_CONTAINER_OPAQUE);
    assert_int_equal(bfs_container_guess(tensors, 16, 16, "safetensors"), BFS_CONTAINER_OPAQUE);
    assert_int_equal(bfs_container_guess(tensors, 16, 16, "a.bin"), BFS_CONTAINER_OPAQUE);
    assert_int_equal(bfs_container_guess(list, 16, 16, "a.safetensors"), BFS_CONTAINER_OPAQUE);
    assert_int_equal(bfs_container_guess(gguf, 16, 16, "a.bin"), BFS_CONTAINER_GGUF);
    assert_int_equal(bfs_container_guess(gguf, 3, 3, "a.gguf"), BFS_CONTAINER_OPAQUE);
    assert_int_equal(bfs_container_guess(gguf, 0, 0, ""), BFS_CONTAINER_OPAQUE);
}

static void read_gives(const struct bfs_buffer *bytes, const char *name,
                       enum bfs_container container, size_t n_tensors)
{
    bfs_autotensors struct bfs_tensor_map map = {0};
    bfs_autoclose int fd = file_of(bytes);
    struct bfs_error error = {0};
    if (bfs_container_read(fd, bytes->size, name, &map, &error) != 0)
        fail_msg("%s", error.what);
    assert_int_equal(error.code, 0);
    assert_int_equal(map.container, container);
    assert_int_equal(map.n_tensors, n_tensors);
    assert_null(test_tensor_map_fault(&map, bytes->size));
}

static void reads_each_kind(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    read_gives(&file, "empty.safetensors", BFS_CONTAINER_OPAQUE, 0);
    test_safetensors_small(&file);
    read_gives(&file, "a.safetensors", BFS_CONTAINER_SAFETENSORS, 7);
    read_gives(&file, "a.bin", BFS_CONTAINER_OPAQUE, 0);
    bfs_buffer_done(&file);
    test_gguf_small(&file);
    read_gives(&file, "a.gguf", BFS_CONTAINER_GGUF, 5);
}

/* A GGUF file whose key-values take `size` bytes, as large vocabularies do. */
static void put_long_header(size_t size, struct bfs_buffer *ret)
{
    static const uint64_t ne[] = {8};
    test_gguf_header(ret, 3, 1, 1);
    test_gguf_key(ret, "vocabulary", 9);
    bfs_buffer_put_u32(ret, 0);
    bfs_buffer_put_u64(ret, size);
    for (size_t i = 0; i < size; i++)
        bfs_buffer_put_u8(ret, 'x');
    test_gguf_tensor(ret, "a", 1, ne, 0, 0);
    bfs_buffer_align(ret, 32);
    bfs_buffer_put(ret, "01234567890123456789012345678901", 32);
}

static void grows_the_prefix(void **state)
{
    (void)state;
    static const size_t sizes[] = {(1 << 20) - 100, (1 << 20) - 40, 1 << 20, (5 << 20) + 3};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
        put_long_header(sizes[i], &file);
        read_gives(&file, "a.gguf", BFS_CONTAINER_GGUF, 1);
    }
}

static void limits_the_prefix(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer start = BFS_BUFFER_INIT;
    bfs_autotensors struct bfs_tensor_map map = {0};
    struct bfs_error error = {0};
    test_gguf_header(&start, 3, 0, 1);
    test_gguf_key(&start, "a", 9);
    bfs_buffer_put_u32(&start, 0);
    bfs_buffer_put_u64(&start, UINT64_C(300) << 20);
    bfs_autoclose int fd = file_of(&start);
    assert_int_equal(ftruncate(fd, (off_t)400 << 20), 0);
    assert_int_equal(bfs_container_read(fd, UINT64_C(400) << 20, "a.gguf", &map, &error), -E2BIG);
    assert_int_equal(error.code, -E2BIG);
    assert_non_null(strstr(error.what, "256 MiB"));
}

static void refuses_with_the_name(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    struct bfs_tensor_map map;
    struct bfs_error error = {0};
    memset(&map, 0x5a, sizeof(map));
    test_safetensors_raw("{}", 1, &file);
    bfs_autoclose int fd = file_of(&file);
    assert_int_equal(bfs_container_read(fd, file.size, "m.safetensors", &map, &error), -EBADMSG);
    assert_int_equal(error.code, -EBADMSG);
    assert_non_null(strstr(error.what, "m.safetensors: "));
    assert_int_equal(((const uint8_t *)&map)[0], 0x5a);
    assert_int_equal(bfs_container_read(fd, file.size, "m.safetensors", &map, NULL), -EBADMSG);
}

static void reports_a_shrunken_file(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    struct bfs_tensor_map map;
    struct bfs_error error = {0};
    test_gguf_small(&file);
    bfs_autoclose int fd = file_of(&file);
    assert_int_equal(bfs_container_read(fd, file.size + 1, "a.gguf", &map, &error), -ESTALE);
    assert_int_equal(error.code, -ESTALE);
    assert_int_equal(bfs_container_read(-1, file.size, "a.gguf", &map, &error), -EBADF);
    assert_int_equal(error.code, -EBADF);
}

static void measures(void **state)
{
    (void)state;
    static const struct {
        enum bfs_dtype dtype;
        uint32_t n_dims;
        uint64_t shape[3];
        int result;
        uint64_t elements, size;
    } cases[] = {
        {BFS_DTYPE_F32, 0, {0}, 0, 1, 4},
        {BFS_DTYPE_F32, 2, {3, 5}, 0, 15, 60},
        {BFS_DTYPE_Q4_K, 2, {2, 256}, 0, 512, 288},
        {BFS_DTYPE_Q4_K, 2, {2, 255}, -EBADMSG, 0, 0},
        {BFS_DTYPE_F4, 1, {7}, -EBADMSG, 0, 0},
        {BFS_DTYPE_U8, 1, {UINT64_MAX}, 0, UINT64_MAX, UINT64_MAX},
        {BFS_DTYPE_U16, 1, {UINT64_MAX}, -EBADMSG, 0, 0},
        {BFS_DTYPE_U8, 2, {UINT64_MAX, 2}, -EBADMSG, 0, 0},
        {BFS_DTYPE_U8, 3, {UINT64_MAX, UINT64_MAX, 0}, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t elements = 0, size = 0;
        assert_int_equal(bfs_tensor_measure(bfs_dtype_info(cases[i].dtype), cases[i].shape,
                                            cases[i].n_dims, &elements, &size),
                         cases[i].result);
        assert_int_equal(elements, cases[i].elements);
        assert_int_equal(size, cases[i].size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_containers),        cmocka_unit_test(guesses),
        cmocka_unit_test(reads_each_kind),         cmocka_unit_test(grows_the_prefix),
        cmocka_unit_test(limits_the_prefix),       cmocka_unit_test(refuses_with_the_name),
        cmocka_unit_test(reports_a_shrunken_file), cmocka_unit_test(measures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
