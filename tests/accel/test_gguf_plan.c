/* SPDX-License-Identifier: Apache-2.0
 * GGUF views from a directory to the bytes that the packer reads. */
#include <stddef.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/quant/quant.h"
#include "accel/view/plan_private.h"
#include "accel/view/planners.h"
#include "accel/view/stream.h"
#include "codec/container/container.h"
#include "codec/container/gguf.h"
#include "tests/support/folder.h"
#include "tests/support/tensor_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One view of one directory. */
struct world {
    struct test_folder folder;
    struct bfs_scan scan;
    struct bfs_view_directory directory;
    struct bfs_view_plan plan;
};

static void put_u16(struct bfs_buffer *keys, const char *key, uint16_t value)
{
    test_gguf_key(keys, key, BFS_GGUF_U16);
    bfs_buffer_put_u16(keys, value);
}

static void put_i32(struct bfs_buffer *keys, const char *key, uint32_t value)
{
    test_gguf_key(keys, key, BFS_GGUF_I32);
    bfs_buffer_put_u32(keys, value);
}

static void put_text(struct bfs_buffer *keys, const char *key, const char *value)
{
    test_gguf_key(keys, key, BFS_GGUF_STRING);
    test_gguf_text(keys, value);
}

/* A file with these tensors, and these key-values instead of its own; empties the buffer. */
static void put_file(const struct world *world, const char *name, struct bfs_buffer *keys,
                     uint64_t n_keys, const struct test_tensor *tensors, size_t n)
{
    enum { OWN_KEYS_OFFSET = 24, ALIGNMENT = 32 };
    bfs_autobuffer struct bfs_buffer plain = BFS_BUFFER_INIT, file = BFS_BUFFER_INIT;
    bfs_autogguf struct bfs_gguf_header header = {0};
    test_gguf_build(tensors, n, ALIGNMENT, "llama", 1, 3, &plain);
    assert_int_equal(bfs_gguf_header_parse(plain.bytes, plain.size, plain.size, &header, NULL), 0);
    const uint8_t *infos =
        header.values[header.n_values - 1].bytes + header.values[header.n_values - 1].size;
    size_t infos_at = (size_t)(infos - plain.bytes);
    size_t data_at = n ? header.map.tensors[0].offset : plain.size;
    uint64_t infos_size = 0;
    for (size_t i = 0; i < n; i++)
        infos_size += 8 + strlen(tensors[i].name) + 4 + 8 * (uint64_t)tensors[i].n_dims + 4 + 8;
    test_gguf_header(&file, 3, n, n_keys);
    bfs_buffer_put(&file, keys->bytes, keys->size);
    bfs_buffer_put(&file, plain.bytes + infos_at, infos_size);
    bfs_buffer_align(&file, ALIGNMENT);
    bfs_buffer_put(&file, plain.bytes + data_at, plain.size - data_at);
    assert_int_equal(bfs_buffer_status(&file), 0);
    test_write_file(&world->folder, name, file.bytes, file.size);
    bfs_buffer_done(keys);
}

static void begin(struct world *world)
{
    *world = (struct world){.folder = test_folder_make()};
    test_write_text(&world->folder, "tokenizer.json", "{}");
}

static int plan(struct world *world, const char *profile, struct bfs_error *error)
{
    assert_int_equal(bfs_scan_directory(world->folder.path, false, &world->scan, NULL), 0);
    world->directory = (struct bfs_view_directory){
        .path = world->folder.path,
        .chunk_size = BFS_CHUNK_SIZE_DEFAULT,
        .n_threads = 1,
        .scan = &world->scan,
    };
    assert_int_equal(bfs_view_directory_read(&world->directory, NULL), 0);
    assert_non_null(bfs_profile_find(profile));
    bfs_view_plan_init(&world->plan, bfs_profile_find(profile), &world->directory);
    return bfs_view_plan_gguf(&world->plan, error);
}

static void plan_done(struct world *world)
{
    bfs_view_plan_done(&world->plan);
    bfs_view_directory_done(&world->directory);
    bfs_scan_done(&world->scan);
}

static void end(struct world *world)
{
    plan_done(world);
    test_folder_remove(&world->folder);
}

/* The bytes of planned file number i, and its measures in world->plan; the caller frees them. */
static uint8_t *make(struct world *world, size_t i, unsigned n_threads, uint64_t *ret_size)
{
    struct bfs_view_output *output = &world->plan.files[i].output;
    const struct bfs_stream_options options = {.what = "file",
                                               .n_threads = n_threads,
                                               .measures = world->plan.measures,
                                               .n_measures = world->plan.n_classes};
    struct bfs_made made = {0};
    uint64_t size = output->parts.size;
    assert_true(output->size == 0 || output->size == size);
    assert_int_equal(bfs_stream_new(&output->parts, &options, &made, NULL), 0);
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    assert_int_equal(made.ops->begin(made.context, NULL), 0);
    for (uint64_t at = 0; at < size;) {
        size_t n = size - at < 100000 ? (size_t)(size - at) : 100000;
        assert_int_equal(made.ops->read(made.context, bytes + at, n, NULL), 0);
        at += n;
    }
    made.ops->end(made.context);
    made.ops->free(made.context);
    *ret_size = size;
    return bytes;
}

static uint8_t *read_source(const struct world *world, const char *name, size_t *ret_size)
{
    bfs_autofree char *path = test_path(&world->folder, name);
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    uint8_t *bytes = malloc((size_t)st.st_size);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, (size_t)st.st_size, 0), st.st_size);
    *ret_size = (size_t)st.st_size;
    return bytes;
}

/* What the tensor's bytes must be, converted in one piece. */
static void check_tensor(const struct bfs_tensor *from, const uint8_t *source,
                         const struct bfs_tensor *to, const uint8_t *made)
{
    enum bfs_float_type type = from->dtype == BFS_DTYPE_F16    ? BFS_FLOAT_F16
                               : from->dtype == BFS_DTYPE_BF16 ? BFS_FLOAT_BF16
                                                               : BFS_FLOAT_F32;
    bfs_autofree uint8_t *want = malloc(to->size + 1);
    assert_non_null(want);
    if (from->dtype == to->dtype) {
        assert_int_equal(from->size, to->size);
        memcpy(want, source + from->offset, from->size);
    } else {
        size_t n = from->size / bfs_float_size(type);
        bfs_autofree float *floats = malloc((n + 1) * sizeof(float));
        assert_non_null(floats);
        bfs_cast(type, source + from->offset, BFS_FLOAT_F32, floats, n);
        if (bfs_quant_has(to->dtype))
            bfs_quantize(to->dtype, floats, want, n);
        else
            bfs_cast(BFS_FLOAT_F32, floats,
                     to->dtype == BFS_DTYPE_F16 ? BFS_FLOAT_F16 : BFS_FLOAT_F32, want, n);
    }
    if (memcmp(want, made + to->offset, to->size) != 0)
        fail_msg("%s differs", from->name);
}

static const struct test_tensor tensors[] = {
    /* several bands of the largest profile, and a last one that is not whole */
    {"token_embd.weight", BFS_DTYPE_BF16, 2, {1201, 2048}},
    {"blk.0.attn_norm.weight", BFS_DTYPE_F32, 1, {2048}},
    {"blk.0.attn_q.weight", BFS_DTYPE_F16, 2, {64, 512}},
    {"blk.0.attn_q.bias", BFS_DTYPE_F16, 1, {33}},
    {"blk.0.ffn_gate_inp.weight", BFS_DTYPE_F16, 2, {4, 512}},
    {"blk.0.ffn_down_exps.weight", BFS_DTYPE_F32, 3, {2, 16, 96}},
    {"odd.weight", BFS_DTYPE_BF16, 2, {3, 5}},
    {"output.weight", BFS_DTYPE_F32, 2, {40, 256}},
};
enum { N_TENSORS = sizeof(tensors) / sizeof(tensors[0]) };

static void makes_every_profile(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        enum bfs_dtype full, part; /* of rows of 512 and of 96 */
        uint32_t file_type;
    } profiles[] = {
        {"cpu-q8_0", BFS_DTYPE_Q8_0, BFS_DTYPE_Q8_0, 7},
        {"cpu-q4_0", BFS_DTYPE_Q4_0, BFS_DTYPE_Q4_0, 2},
        {"cpu-q4_k", BFS_DTYPE_Q4_K, BFS_DTYPE_Q5_0, 14},
        {"cpu-q6_k", BFS_DTYPE_Q6_K, BFS_DTYPE_Q8_0, 18},
    };
    struct world world;
    begin(&world);
    bfs_autobuffer struct bfs_buffer keys = BFS_BUFFER_INIT;
    put_text(&keys, "general.architecture", "llama");
    put_file(&world, "m.gguf", &keys, 1, tensors, N_TENSORS);
    size_t source_size;
    bfs_autofree uint8_t *source = read_source(&world, "m.gguf", &source_size);
    bfs_autotensors struct bfs_tensor_map from = {0};
    assert_int_equal(bfs_gguf_parse(source, source_size, source_size, &from, NULL), 0);
    for (size_t p = 0; p < sizeof(profiles) / sizeof(profiles[0]); p++) {
        const enum bfs_dtype want[N_TENSORS] = {profiles[p].full, BFS_DTYPE_F32,   profiles[p].full,
                                                BFS_DTYPE_F32,    BFS_DTYPE_F16,   profiles[p].part,
                                                BFS_DTYPE_F16,    profiles[p].full};
        struct bfs_measure first_measures[BFS_VIEW_CLASSES_MAX];
        bfs_autofree uint8_t *first = NULL;
        uint64_t first_size = 0;
        for (unsigned n_threads = 1; n_threads <= 3; n_threads += 2) {
            struct bfs_error error = {0};
            if (plan(&world, profiles[p].id, &error))
                fail_msg("%s", error.what);
            assert_int_equal(world.plan.n_files, 1);
            assert_string_equal(world.plan.files[0].path, "m.gguf");
            assert_int_equal(world.plan.n_classes, 3);
            uint64_t size;
            uint8_t *bytes = make(&world, 0, n_threads, &size);
            bfs_autogguf struct bfs_gguf_header header = {0};
            uint64_t number;
            assert_int_equal(bfs_gguf_header_parse(bytes, size, size, &header, NULL), 0);
            assert_true(bfs_gguf_number(bfs_gguf_find(&header, "general.file_type"), &number));
            assert_int_equal(number, profiles[p].file_type);
            assert_null(test_tensor_map_fault(&world.plan.files[0].output.map, size));
            for (size_t i = 0; i < N_TENSORS; i++) {
                assert_int_equal(header.map.tensors[i].dtype, want[i]);
                assert_int_equal(header.map.tensors[i].offset % 4096, 0);
                check_tensor(&from.tensors[i], source, &header.map.tensors[i], bytes);
            }
            uint64_t n_measured = 0;
            for (unsigned c = 0; c < world.plan.n_classes; c++) {
                assert_true(world.plan.measures[c].max_abs > 0);
                n_measured += world.plan.measures[c].n;
            }
            /* all but norm, bias and router */
            assert_int_equal(n_measured, 1201 * 2048 + 64 * 512 + 2 * 16 * 96 + 15 + 40 * 256);
            if (n_threads == 1) {
                first = bytes;
                first_size = size;
                memcpy(first_measures, world.plan.measures, sizeof(first_measures));
            } else {
                assert_int_equal(size, first_size);
                assert_memory_equal(bytes, first, size);
                assert_memory_equal(first_measures, world.plan.measures, sizeof(first_measures));
                free(bytes);
            }
            plan_done(&world);
        }
    }
    end(&world);
}

/* Padding between tensors and behind the header is zero. */
static void pads_with_zeros(void **state)
{
    (void)state;
    struct world world;
    bfs_autobuffer struct bfs_buffer keys = BFS_BUFFER_INIT;
    begin(&world);
    put_text(&keys, "general.architecture", "llama");
    put_file(&world, "m.gguf", &keys, 1, tensors, N_TENSORS);
    assert_int_equal(plan(&world, "cpu-q4_0", NULL), 0);
    uint64_t size, at = 0;
    bfs_autofree uint8_t *bytes = make(&world, 0, 2, &size);
    const struct bfs_tensor_map *map = &world.plan.files[0].output.map;
    for (size_t i = 0; i <= N_TENSORS; i++) {
        uint64_t next = i < N_TENSORS ? map->tensors[i].offset : size;
        for (; i > 0 && at < next; at++)
            assert_int_equal(bytes[at], 0);
        if (i < N_TENSORS)
            at = next + map->tensors[i].size;
    }
    end(&world);
}

/* Adapters and the like are in the view as they are. */
static void copies_what_is_no_model(void **state)
{
    (void)state;
    struct world world;
    bfs_autobuffer struct bfs_buffer keys = BFS_BUFFER_INIT;
    begin(&world);
    put_text(&keys, "general.type", "adapter");
    put_file(&world, "a.gguf", &keys, 1, &tensors[2], 1);
    struct bfs_error error = {0};
    assert_int_equal(plan(&world, "cpu-q8_0", &error), -EINVAL);
    assert_non_null(strstr(error.what, "cpu-q8_0: no GGUF model"));
    plan_done(&world);
    put_text(&keys, "general.type", "model");
    put_file(&world, "m.gguf", &keys, 1, &tensors[2], 1);
    assert_int_equal(plan(&world, "cpu-q8_0", NULL), 0);
    assert_int_equal(world.plan.n_files, 2);
    size_t source_size;
    uint64_t size;
    bfs_autofree uint8_t *source = read_source(&world, "a.gguf", &source_size);
    bfs_autofree uint8_t *bytes = make(&world, 0, 1, &size);
    assert_string_equal(world.plan.files[0].path, "a.gguf");
    assert_int_equal(size, source_size);
    assert_memory_equal(bytes, source, size);
    assert_int_equal(world.plan.files[0].output.map.n_tensors, 1);
    bfs_autofree uint8_t *model = make(&world, 1, 1, &size);
    assert_memory_equal(model, "GGUF", 4);
    assert_int_equal(size % 4096, 0);
    end(&world);
}

static void put_split(const struct world *world, const char *name, uint16_t no, uint32_t n_all,
                      size_t n)
{
    bfs_autobuffer struct bfs_buffer keys = BFS_BUFFER_INIT;
    put_u16(&keys, "split.no", no);
    put_u16(&keys, "split.count", 3);
    put_i32(&keys, "split.tensors.count", n_all);
    put_file(world, name, &keys, 3, &tensors[1], n);
}

static void keeps_splits(void **state)
{
    (void)state;
    struct world world;
    struct bfs_error error = {0};
    begin(&world);
    put_split(&world, "m-00001-of-00003.gguf", 0, 5, 0);
    put_split(&world, "m-00002-of-00003.gguf", 1, 5, 2);
    assert_int_equal(plan(&world, "cpu-q8_0", &error), -EBADMSG);
    assert_non_null(strstr(error.what, "m-00003-of-00003.gguf"));
    plan_done(&world);
    put_split(&world, "m-00003-of-00003.gguf", 2, 5, 3);
    assert_int_equal(plan(&world, "cpu-q8_0", NULL), 0);
    assert_int_equal(world.plan.n_files, 3);
    for (size_t i = 0; i < 3; i++) {
        static const size_t n_tensors[] = {0, 2, 3};
        char name[64];
        uint64_t size, number;
        (void)snprintf(name, sizeof(name), "m-%05zu-of-00003.gguf", i + 1);
        assert_string_equal(world.plan.files[i].path, name);
        bfs_autofree uint8_t *bytes = make(&world, i, 2, &size);
        bfs_autogguf struct bfs_gguf_header header = {0};
        assert_int_equal(bfs_gguf_header_parse(bytes, size, size, &header, NULL), 0);
        assert_int_equal(header.map.n_tensors, n_tensors[i]);
        assert_true(bfs_gguf_number(bfs_gguf_find(&header, "split.no"), &number));
        assert_int_equal(number, i);
        assert_true(bfs_gguf_number(bfs_gguf_find(&header, "split.tensors.count"), &number));
        assert_int_equal(number, 5);
        assert_true(bfs_gguf_number(bfs_gguf_find(&header, "general.alignment"), &number));
        assert_int_equal(number, 4096);
    }
    end(&world);
}

static void refuses_by_name(void **state)
{
    (void)state;
    static const struct test_tensor quantized = {"blk.7.x.weight", BFS_DTYPE_Q4_0, 2, {2, 64}};
    struct world world;
    struct bfs_error error = {0};
    bfs_autobuffer struct bfs_buffer keys = BFS_BUFFER_INIT;
    begin(&world);
    put_text(&keys, "general.architecture", "llama");
    put_file(&world, "m.gguf", &keys, 1, &quantized, 1);
    assert_int_equal(plan(&world, "cpu-q8_0", &error), -EINVAL);
    assert_non_null(
        strstr(error.what, "cpu-q8_0: m.gguf: tensor \"blk.7.x.weight\" has type Q4_0"));
    assert_int_equal(world.plan.n_files, 0);
    plan_done(&world);
    /* It is what this profile makes. */
    assert_int_equal(plan(&world, "cpu-q4_0", NULL), 0);
    plan_done(&world);
    put_i32(&keys, "general.file_type", 1);
    put_file(&world, "m.gguf", &keys, 1, &tensors[2], 1);
    assert_int_equal(plan(&world, "cpu-q4_0", &error), -EBADMSG);
    assert_non_null(strstr(error.what, "cpu-q4_0: m.gguf: general.file_type is not a u32"));
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_every_profile),     cmocka_unit_test(pads_with_zeros),
        cmocka_unit_test(copies_what_is_no_model), cmocka_unit_test(keeps_splits),
        cmocka_unit_test(refuses_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
