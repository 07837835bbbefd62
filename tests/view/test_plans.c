/* SPDX-License-Identifier: Apache-2.0
 * Views as they are planned: what is in them, where, and what is refused. Values are compared with
 * NumPy in integration/cases/views-safetensors.py. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/view/views.h"
#include "codec/container/container.h"
#include "tests/support/cut.h"
#include "tests/support/folder.h"
#include "tests/support/tensor_files.h"

#include <errno.h>

struct planned {
    struct test_folder folder;
    struct bfs_views *views;
    struct bfs_scan scan;
    struct bfs_error error;
};

static int set_up(void **state)
{
    struct planned *planned = calloc(1, sizeof(*planned));
    assert_non_null(planned);
    planned->folder = test_folder_make();
    *state = planned;
    return 0;
}

static int tear_down(void **state)
{
    struct planned *planned = *state;
    bfs_scan_done(&planned->scan);
    (void)bfs_views_free(planned->views);
    test_folder_remove(&planned->folder);
    free(planned);
    return 0;
}

static int plan(struct planned *planned, const char *id)
{
    const struct bfs_views_options options = {
        .directory = planned->folder.path,
        .chunk_size = BFS_CHUNK_SIZE_MIN,
        .n_threads = 2,
        .ids = &id,
        .n_ids = id != NULL,
    };
    bfs_scan_done(&planned->scan);
    planned->views = bfs_views_free(planned->views);
    memset(&planned->error, 0, sizeof(planned->error));
    assert_int_equal(bfs_views_new(&options, &planned->views, NULL), 0);
    assert_int_equal(bfs_scan_directory(planned->folder.path, false, &planned->scan, NULL), 0);
    uint32_t before = planned->scan.n_entries;
    const struct bfs_pack_extension *extension = bfs_views_extension(planned->views);
    int r = extension->extend(extension->context, &planned->scan, &planned->error);
    assert_int_equal(planned->error.code, r);
    if (r)
        assert_int_equal(planned->scan.n_entries, before); /* not a part of it */
    else
        assert_int_equal(bfs_scan_finish(&planned->scan, NULL), 0);
    return r;
}

static void refused(struct planned *planned, const char *id, int code, const char *what)
{
    assert_int_equal(plan(planned, id), code);
    if (!strstr(planned->error.what, what))
        fail_msg("\"%s\" does not say \"%s\"", planned->error.what, what);
}

static const struct bfs_scan_entry *find(const struct planned *planned, const char *path)
{
    uint32_t number;
    return bfs_scan_find(&planned->scan, path, &number) ? &planned->scan.entries[number] : NULL;
}

/* One that must be there. */
static const struct bfs_scan_entry *get(const struct planned *planned, const char *path)
{
    static const struct bfs_scan_entry none;
    const struct bfs_scan_entry *entry = find(planned, path);
    if (!entry)
        fail_msg("%s is missing", path);
    return entry ? entry : &none;
}

/* A made file, whole; malloc'ed. */
static uint8_t *read_made(const struct planned *planned, const char *path)
{
    const struct bfs_scan_entry *entry = get(planned, path);
    assert_int_equal(entry->source, BFS_ENTRY_MADE);
    uint8_t *bytes = malloc((size_t)entry->size);
    struct bfs_error error = {0};
    assert_non_null(bytes);
    assert_int_equal(entry->made->ops->begin(entry->made->context, &error), 0);
    assert_int_equal(
        entry->made->ops->read(entry->made->context, bytes, (size_t)entry->size, &error), 0);
    entry->made->ops->end(entry->made->context);
    return bytes;
}

static void put(const struct planned *planned, const char *name, const struct test_tensor *tensors,
                size_t n)
{
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    test_safetensors_build(tensors, n, 1, &file);
    assert_int_equal(bfs_buffer_status(&file), 0);
    test_write_file(&planned->folder, name, file.bytes, file.size);
}

static void put_raw(const struct planned *planned, const char *header, size_t data_size)
{
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    test_safetensors_raw(header, data_size, &file);
    assert_int_equal(bfs_buffer_status(&file), 0);
    test_write_file(&planned->folder, "model.safetensors", file.bytes, file.size);
}

static const struct test_tensor small[] = {
    {"odd.weight", BFS_DTYPE_BF16, 2, {3, 5}},
    {"page.weight", BFS_DTYPE_BF16, 2, {64, 64}},
    {"b.norm.weight", BFS_DTYPE_F32, 1, {7}},
    {"ids", BFS_DTYPE_I64, 1, {2}},
};

static void a_header_is_exactly_as_documented(void **state)
{
    static const char json[] =
        "{\"__metadata__\":{\"format\":\"pt\"},\"page.weight\":{\"dtype\":\"F8_E4M3\",\"shape\":["
        "64,64],\"data_offsets\":[0,4096]},"
        "\"ids\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[4096,4112]},"
        "\"odd.weight_scale\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4112,4116]},"
        "\"page.weight_scale\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4116,4120]},"
        "\"b.norm.weight\":{\"dtype\":\"BF16\",\"shape\":[7],\"data_offsets\":[4120,4134]},"
        "\"odd.weight\":{\"dtype\":\"F8_E4M3\",\"shape\":[3,5],\"data_offsets\":[4134,4149]}}";
    struct planned *planned = *state;
    bfs_autotensors struct bfs_tensor_map map = {0};
    put(planned, "model.safetensors", small, 4);
    assert_int_equal(plan(planned, "gpu-fp8"), 0);
    const char *path = "views/gpu-fp8/model.safetensors";
    bfs_autofree uint8_t *bytes = read_made(planned, path);
    assert_int_equal(get(planned, path)->size, 4096 + 4149);
    assert_memory_equal(bytes, "\xf8\x0f\0\0\0\0\0\0", 8);
    assert_memory_equal(bytes + 8, json, sizeof(json) - 1);
    for (size_t i = 8 + sizeof(json) - 1; i < 4096; i++)
        assert_int_equal(bytes[i], ' ');
    assert_int_equal(bfs_safetensors_parse(bytes, 4096 + 4149, 4096 + 4149, &map, NULL), 0);
    const struct bfs_tensor_map *made = &get(planned, path)->made->map;
    assert_int_equal(made->n_tensors, map.n_tensors);
    assert_int_equal(made->n_elements, map.n_elements);
    for (size_t i = 0; i < map.n_tensors; i++) {
        assert_string_equal(made->tensors[i].name, map.tensors[i].name);
        assert_int_equal(made->tensors[i].offset, map.tensors[i].offset);
        assert_int_equal(made->tensors[i].size, map.tensors[i].size);
        assert_int_equal(made->tensors[i].dtype, map.tensors[i].dtype);
    }
}

/* Each chunk of cpu-f32 is one of the original, widened or as it is. */
static void widened_chunks_are_the_originals(void **state)
{
    static const struct test_tensor tensors[] = {
        {"a", BFS_DTYPE_BF16, 1, {100000}}, {"b", BFS_DTYPE_F16, 1, {50}},
        {"c", BFS_DTYPE_F16, 1, {70}},      {"d", BFS_DTYPE_F32, 1, {30000}},
        {"e", BFS_DTYPE_BOOL, 1, {3}},      {"f", BFS_DTYPE_BF16, 2, {333, 777}},
    };
    struct planned *planned = *state;
    bfs_autotensors struct bfs_tensor_map map = {0};
    bfs_autoplan struct bfs_plan source = {0};
    bfs_autofree char *path = test_path(&planned->folder, "model.safetensors");
    put(planned, "model.safetensors", tensors, 6);
    assert_int_equal(plan(planned, "cpu-f32"), 0);
    bfs_autoclose int fd = open(path, O_RDONLY);
    uint64_t size = get(planned, "model.safetensors")->size;
    assert_int_equal(bfs_container_read(fd, size, "model.safetensors", &map, NULL), 0);
    assert_int_equal(bfs_plan_make(&map, size, BFS_CHUNK_SIZE_MIN, &source), 0);

    const struct bfs_made *made = get(planned, "views/cpu-f32/model.safetensors")->made;
    test_autocut struct test_cut narrow = test_cut_make(&source), wide = test_cut_make(&made->plan);
    assert_int_equal(wide.n_chunks, narrow.n_chunks); /* one for the header in both */
    assert_int_equal(wide.chunks[0].size, 4096);
    size_t n_wide = 0;
    uint64_t total = 4096, elements = 100000 + 50 + 70 + 30000 + 333 * 777;
    for (size_t i = 1; i < narrow.n_chunks; i++) {
        const struct bfs_plan_chunk *chunk = &wide.chunks[i];
        unsigned factor =
            chunk->layout == BFS_LAYOUT_BFLOAT16 || chunk->layout == BFS_LAYOUT_FLOAT16 ? 2 : 1;
        assert_int_equal(chunk->layout, narrow.chunks[i].layout);
        assert_int_equal(bfs_transform_factor(chunk->transform), factor);
        assert_int_equal(chunk->size, narrow.chunks[i].size * factor);
        n_wide += factor == 2;
        total += chunk->size;
    }
    assert_true(n_wide > 3 && n_wide < narrow.n_chunks - 1);
    assert_int_equal(made->size, 4096 + elements * 4 + 3);
    assert_int_equal(total, made->size);
    assert_int_equal(bfs_made_check(made, BFS_CHUNK_SIZE_MIN / 4 * 5, "x", NULL), 0);
}

static void a_view_has_what_is_not_weights(void **state)
{
    struct planned *planned = *state;
    static const char *const kept[] = {"tokenizer.json",    "sub",  "sub/notes",
                                       "sub/contract.json", "link", "model.safetensors",
                                       "sub/other.bin"};
    static const char *const gone[] = {"contract.json",
                                       "bundle.json",
                                       "views",
                                       "pytorch_model-1.bin",
                                       "sub/model.ckpt",
                                       "x.pth",
                                       "dead",
                                       "a.gguf",
                                       "model.safetensors.index.json.txt2",
                                       "m.bin.index.json"};
    put(planned, "model.safetensors", small, 4);
    test_make_folder(&planned->folder, "sub");
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (strchr(kept[i], '.') && strcmp(kept[i], "model.safetensors") != 0)
            test_write_text(&planned->folder, kept[i], "{}");
    test_write_text(&planned->folder, "sub/notes", "n");
    test_write_text(&planned->folder, "contract.json", "{}");
    test_write_text(&planned->folder, "bundle.json", "{\"schema_version\":\"1.0\",\"views\":[]}");
    test_write_text(&planned->folder, "pytorch_model-1.bin", "old");
    test_write_text(&planned->folder, "sub/model.ckpt", "old");
    test_write_text(&planned->folder, "x.pth", "old");
    test_write_text(&planned->folder, "m.bin.index.json", "{}");
    bfs_autofree char *link = test_path(&planned->folder, "link");
    bfs_autofree char *dead = test_path(&planned->folder, "sub/dead");
    assert_int_equal(symlink("model.safetensors", link), 0);
    assert_int_equal(symlink("../x.pth", dead), 0);
    test_make_folder(&planned->folder, "views");
    test_make_folder(&planned->folder, "views/trt");
    test_write_text(&planned->folder, "views/trt/view.json", "{\"hardware\":\"gpu\"}");
    assert_int_equal(plan(planned, "gpu-f16"), 0);
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "views/gpu-f16/%s", kept[i]);
        if (!find(planned, path))
            fail_msg("%s is missing", path);
    }
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "views/gpu-f16/%s", gone[i]);
        assert_null(find(planned, path));
    }
    assert_null(find(planned, "views/gpu-f16/sub/dead"));
    assert_int_equal(get(planned, "views/gpu-f16/tokenizer.json")->source, BFS_ENTRY_SAME);
    assert_non_null(find(planned, "views/trt/view.json"));
}

static void what_a_profile_cannot_take_is_named(void **state)
{
    static const struct {
        const char *id;
        enum bfs_dtype dtype;
        int code;
    } rows[] = {
        {"gpu-bf16", BFS_DTYPE_F64, -EINVAL},
        {"gpu-bf16", BFS_DTYPE_F8_E4M3, -EINVAL},
        {"gpu-fp8", BFS_DTYPE_F64, -EINVAL},
        {"amx-bf16", BFS_DTYPE_F8_E5M2, -EINVAL},
        {"gpu-bf16", BFS_DTYPE_F8_E4M3FNUZ, -EINVAL},
        {"gpu-fp8", BFS_DTYPE_F8_E5M2FNUZ, -EINVAL},
        {"cpu-f32", BFS_DTYPE_F8_E4M3, -EINVAL},
        {"cpu-f32", BFS_DTYPE_F64, 0},
        {"gpu-bf16", BFS_DTYPE_C64, 0},
        {"tpu-bf16-t8x128", BFS_DTYPE_F64, -EINVAL},
        {"tpu-bf16-t8x128", BFS_DTYPE_U8, 0},
        {"npu-int8", BFS_DTYPE_I8, 0},
    };
    struct planned *planned = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct test_tensor tensor = {"t.weight", rows[i].dtype, 2, {2, 4}};
        put(planned, "model.safetensors", &tensor, 1);
        if (rows[i].code == 0) {
            assert_int_equal(plan(planned, rows[i].id), 0);
            continue;
        }
        refused(planned, rows[i].id, rows[i].code, rows[i].id);
        refused(planned, rows[i].id, rows[i].code, "model.safetensors: tensor \"t.weight\"");
        refused(planned, rows[i].id, rows[i].code, bfs_dtype_info(rows[i].dtype)->name);
    }
}

static void names_that_would_collide_are_refused(void **state)
{
    static const struct test_tensor tensors[] = {
        {"t.weight", BFS_DTYPE_BF16, 2, {2, 4}},
        {"t.weight_scale", BFS_DTYPE_F32, 1, {1}},
    };
    struct planned *planned = *state;
    put(planned, "model.safetensors", tensors, 2);
    refused(planned, "gpu-fp8", -EINVAL, "tensor \"t.weight_scale\"");
    refused(planned, "npu-int8", -EINVAL, "tensor \"t.weight_scale\"");
    assert_int_equal(plan(planned, "gpu-fp8-block"), 0);
    put(planned, "second.safetensors", tensors, 1);
    refused(planned, "amx-bf16", -EINVAL, "tensor \"t.weight\" is in two files");
    test_write_text(&planned->folder, "layout.json", "{}");
    refused(planned, "amx-bf16", -EEXIST, "layout.json");
}

static void maps_that_lie_are_refused(void **state)
{
    static const char *const headers[] = {
        "{\"t\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,9]}}",
        "{\"t\":{\"dtype\":\"BF16\",\"shape\":[8],\"data_offsets\":[0,16]}}",
        "{\"t\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]},"
        "\"u\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]}}",
        "{\"t\":{\"dtype\":\"BF16\",\"shape\":[4294967296,4294967296,2],\"data_offsets\":[0,8]}}",
        "{\"t\":{\"dtype\":\"BF16\",\"shape\":[9007199254740991,2048],\"data_offsets\":[0,8]}}",
        "{\"t\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]},"
        "\"t\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]}}",
        "{\"t\":{\"dtype\":\"BF17\",\"shape\":[4],\"data_offsets\":[0,8]}}",
        "{\"__metadata__\":{\"a\":1},\"t\":{\"dtype\":\"BF16\",\"shape\":[4],"
        "\"data_offsets\":[0,8]}}",
    };
    static const char *const ids[] = {"cpu-f32", "gpu-bf16", "gpu-fp8", "amx-int8"};
    struct planned *planned = *state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        put_raw(planned, headers[i], 8);
        for (size_t k = 0; k < sizeof(ids) / sizeof(ids[0]); k++) {
            assert_true(plan(planned, ids[k]) < 0);
            assert_non_null(strstr(planned->error.what, "model.safetensors"));
        }
    }
    test_write_text(&planned->folder, "model.safetensors", "version https://git-lfs");
    refused(planned, "gpu-bf16", -EINVAL, "model.safetensors: not what its name promises");
}

static void indexes_that_contradict_the_shards_are_refused(void **state)
{
    static const struct {
        const char *text;
        const char *what;
    } rows[] = {
        {"{\"weight_map\":{\"a\":\"1.safetensors\"}}", NULL},
        {"{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"},\"x\":{\"y\":[]}}",
         NULL},
        {"{\"weight_map\":{\"a\":\"2.safetensors\",\"b\":\"2.safetensors\"}}", "\"a\": is not in"},
        {"{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"1.safetensors\"}}", "\"b\": is not in"},
        {"{\"weight_map\":{\"a\":\"2.safetensors\",\"b\":\"1.safetensors\"}}",
         "\"a\": is in another shard"},
        {"{\"weight_map\":{\"a\":\"1.safetensors\",\"c\":\"1.safetensors\"}}", "\"c\": is not in"},
        {"{\"weight_map\":{\"c\":\"1.safetensors\"}}", "\"a\": is in a shard, but not in"},
        {"{\"weight_map\":{\"a\":\"3.safetensors\"}}", "a shard that is not there"},
        {"{\"weight_map\":{\"a\":\"../1.safetensors\"}}", "a shard that is not there"},
        {"{\"weight_map\":{\"a\":1}}", "names no shard"},
        {"{\"weight_map\":[]}", "weight_map"},
        {"{}", "weight_map"},
        {"{", "model.safetensors.index.json"},
    };
    static const struct test_tensor a = {"a", BFS_DTYPE_F32, 1, {4}},
                                    b = {"b", BFS_DTYPE_F32, 1, {6}};
    struct planned *planned = *state;
    put(planned, "1.safetensors", &a, 1);
    put(planned, "2.safetensors", &b, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_write_text(&planned->folder, "model.safetensors.index.json", rows[i].text);
        if (rows[i].what) {
            assert_true(plan(planned, "gpu-bf16") < 0);
            if (!strstr(planned->error.what, rows[i].what))
                fail_msg("\"%s\" does not say \"%s\"", planned->error.what, rows[i].what);
            continue;
        }
        assert_int_equal(plan(planned, "gpu-bf16"), 0);
        const struct bfs_scan_entry *entry =
            get(planned, "views/gpu-bf16/model.safetensors.index.json");
        const char *total = i == 0 ? "\"total_size\": 8" : "\"total_size\": 20";
        assert_non_null(memmem(entry->bytes.bytes, entry->bytes.size, total, strlen(total)));
    }
}

static void other_documents_are_judged_too(void **state)
{
    struct planned *planned = *state;
    put(planned, "model.safetensors", small, 4);
    test_write_text(&planned->folder, "config.json", "{\"quantization_config\":{}}");
    refused(planned, "gpu-fp8", -EINVAL, "quantized already");
    test_write_text(&planned->folder, "config.json", "[1]");
    refused(planned, "gpu-fp8", -EBADMSG, "config.json");
    test_write_text(&planned->folder, "config.json", "{\"torch_dtype\":\"bfloat16\"}");
    assert_int_equal(plan(planned, "gpu-bf16"), 0);
    assert_int_equal(get(planned, "views/gpu-bf16/config.json")->source, BFS_ENTRY_SAME);
    assert_int_equal(plan(planned, "gpu-f16"), 0);
    assert_int_equal(get(planned, "views/gpu-f16/config.json")->source, BFS_ENTRY_BYTES);
    bfs_autofree char *config = test_path(&planned->folder, "config.json");
    assert_int_equal(unlink(config), 0);
    test_write_text(&planned->folder, "config.real", "{\"torch_dtype\":\"bfloat16\"}");
    assert_int_equal(symlink("config.real", config), 0);
    assert_int_equal(plan(planned, "gpu-f16"), 0);
    assert_int_equal(get(planned, "views/gpu-f16/config.json")->source, BFS_ENTRY_BYTES);
    assert_int_equal(get(planned, "views/gpu-f16/config.real")->source, BFS_ENTRY_SAME);
    assert_int_equal(unlink(config), 0);
    test_make_folder(&planned->folder, "views");
    test_make_folder(&planned->folder, "views/gpu-f16");
    test_write_text(&planned->folder, "views/gpu-f16/view.json", "{\"hardware\":\"gpu\"}");
    refused(planned, "gpu-f16", -EEXIST, "views/gpu-f16");
    test_write_text(&planned->folder, "views/gpu-f16/view.json", "{\"hardware\":\"gpu\",\"x\":1}");
    refused(planned, NULL, -EBADMSG, "views/gpu-f16/view.json: unknown field \"x\"");
    test_write_text(&planned->folder, "bundle.json", "{\"schema_version\":\"1.0\",\"views\":[7]}");
    refused(planned, NULL, -EBADMSG, "bundle.json");
}

static void a_directory_without_weights_is_refused(void **state)
{
    struct planned *planned = *state;
    test_write_text(&planned->folder, "a", "b");
    refused(planned, "gpu-bf16", -EINVAL, "gpu-bf16: wants safetensors files");
    assert_int_equal(plan(planned, NULL), 0);
    assert_int_equal(planned->scan.n_entries, 2);
}

#define WITH_FOLDER(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_header_is_exactly_as_documented),
        WITH_FOLDER(widened_chunks_are_the_originals),
        WITH_FOLDER(a_view_has_what_is_not_weights),
        WITH_FOLDER(what_a_profile_cannot_take_is_named),
        WITH_FOLDER(names_that_would_collide_are_refused),
        WITH_FOLDER(maps_that_lie_are_refused),
        WITH_FOLDER(indexes_that_contradict_the_shards_are_refused),
        WITH_FOLDER(other_documents_are_judged_too),
        WITH_FOLDER(a_directory_without_weights_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
