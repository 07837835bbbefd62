/* SPDX-License-Identifier: Apache-2.0
 * "views" of manifest.json. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/store/bundle_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char golden[] =
    "{\n"
    "  \"schema_version\": \"1.0\",\n"
    "  \"descriptor\": {\n"
    "    \"name\": \"acme/tiny\",\n"
    "    \"version\": \"1.0.0\",\n"
    "    \"createdAt\": \"2026-01-31T12:00:00Z\"\n"
    "  },\n"
    "  \"index\": {\n"
    "    \"digest\": "
    "\"sha256:abababababababababababababababababababababababababababababababab\",\n"
    "    \"size\": 4096\n"
    "  },\n"
    "  \"content\": {\n"
    "    \"files\": 3,\n"
    "    \"directories\": 1,\n"
    "    \"symlinks\": 0,\n"
    "    \"tensors\": 12,\n"
    "    \"size\": 4096\n"
    "  },\n"
    "  \"views\": [\n"
    "    {\n"
    "      \"id\": \"cpu-f32\",\n"
    "      \"key\": {\n"
    "        \"hardware\": \"cpu\"\n"
    "      },\n"
    "      \"container\": \"safetensors\",\n"
    "      \"dtype\": \"F32\",\n"
    "      \"opaque\": false,\n"
    "      \"lossless\": true,\n"
    "      \"tool\": {\n"
    "        \"name\": \"bundlefs\",\n"
    "        \"version\": \"0.1.0\"\n"
    "      }\n"
    "    },\n"
    "    {\n"
    "      \"id\": \"gpu-fp8\",\n"
    "      \"key\": {\n"
    "        \"hardware\": \"gpu\",\n"
    "        \"compute_capability_min\": \"8.9\"\n"
    "      },\n"
    "      \"container\": \"safetensors\",\n"
    "      \"dtype\": \"F8_E4M3\",\n"
    "      \"alignment\": 4096,\n"
    "      \"opaque\": false,\n"
    "      \"lossless\": false,\n"
    "      \"tool\": {\n"
    "        \"name\": \"bundlefs\",\n"
    "        \"version\": \"0.1.0\"\n"
    "      },\n"
    "      \"errors\": [\n"
    "        {\n"
    "          \"class\": \"linear\",\n"
    "          \"tensors\": 7,\n"
    "          \"max_abs\": \"1.950000e-03\",\n"
    "          \"mean_abs\": \"2.000000e-104\",\n"
    "          \"relative_rms\": \"inf\"\n"
    "        },\n"
    "        {\n"
    "          \"class\": \"norm\",\n"
    "          \"tensors\": 0\n"
    "        }\n"
    "      ]\n"
    "    },\n"
    "    {\n"
    "      \"id\": \"zoo\",\n"
    "      \"key\": {\n"
    "        \"hardware\": \"accelerator\",\n"
    "        \"vendor\": \"acme\"\n"
    "      },\n"
    "      \"container\": \"opaque\",\n"
    "      \"opaque\": true\n"
    "    }\n"
    "  ],\n"
    "  \"packer\": {\n"
    "    \"name\": \"bundlefs\",\n"
    "    \"version\": \"0.1.0\",\n"
    "    \"chunk_size\": 262144\n"
    "  }\n"
    "}\n";

static const struct bfs_view_config f32 = {
    .id = "cpu-f32",
    .key = {.hardware = BFS_HARDWARE_CPU},
    .container = "safetensors",
    .dtype = "F32",
    .is_lossless = true,
    .tool = "bundlefs",
    .tool_version = "0.1.0",
};
static const struct bfs_view_config fp8 = {
    .id = "gpu-fp8",
    .key = {.hardware = BFS_HARDWARE_GPU, .compute_capability_min = 89},
    .container = "safetensors",
    .dtype = "F8_E4M3",
    .alignment = 4096,
    .tool = "bundlefs",
    .tool_version = "0.1.0",
    .errors = {{"linear", 7, "1.950000e-03", "2.000000e-104", "inf"}, {"norm", 0, "", "", ""}},
    .n_errors = 2,
};
static const struct bfs_view_config zoo = {
    .id = "zoo",
    .key = {.hardware = BFS_HARDWARE_ACCELERATOR, .vendor = "acme"},
    .container = "opaque",
    .is_opaque = true,
};

static struct bfs_bundle_config sample(void)
{
    struct bfs_bundle_config config = {
        .reference = {.name = "acme/tiny", .version = "1.0.0"},
        .created = "2026-01-31T12:00:00Z",
        .index_size = 4096,
        .n_files = 3,
        .n_directories = 1,
        .n_tensors = 12,
        .content_size = 4096,
        .chunk_size = 262144,
        .packer_version = "0.1.0",
    };
    memset(config.index_digest.bytes, 0xab, sizeof(config.index_digest.bytes));
    return config;
}

static void writes_the_golden_bytes(void **state)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autoconfig struct bfs_bundle_config config = sample();
    (void)state;
    /* in any order */
    assert_int_equal(bfs_bundle_config_add_view(&config, &zoo, NULL), 0);
    assert_int_equal(bfs_bundle_config_add_view(&config, &f32, NULL), 0);
    assert_int_equal(bfs_bundle_config_add_view(&config, &fp8, NULL), 0);
    assert_int_equal(bfs_bundle_config_write(&config, &text), 0);
    bfs_buffer_put_u8(&text, 0);
    assert_string_equal((const char *)text.bytes, golden);
}

static void reads_them_back(void **state)
{
    bfs_autoconfig struct bfs_bundle_config config = {0};
    (void)state;
    assert_int_equal(bfs_bundle_config_parse(golden, strlen(golden), &config, NULL), 0);
    assert_int_equal(config.n_views, 3);
    const struct bfs_view_config *view = bfs_bundle_config_view(&config, "gpu-fp8");
    assert_non_null(view);
    assert_string_equal(view->dtype, "F8_E4M3");
    assert_int_equal(view->key.hardware, BFS_HARDWARE_GPU);
    assert_int_equal(view->key.compute_capability_min, 89);
    assert_int_equal(view->alignment, 4096);
    assert_int_equal(view->n_errors, 2);
    assert_string_equal(view->errors[0].mean_abs, "2.000000e-104");
    assert_string_equal(view->errors[1].mean_abs, "");
    assert_string_equal(view->tool_version, "0.1.0");
    assert_true(bfs_bundle_config_view(&config, "cpu-f32")->is_lossless);
    assert_true(bfs_bundle_config_view(&config, "zoo")->is_opaque);
    assert_null(bfs_bundle_config_view(&config, "zo"));
}

/* Parses `text`; what is accepted is written again and must give the same bytes. */
static int parse_text(const char *text, size_t size)
{
    bfs_autoconfig struct bfs_bundle_config config = {0};
    bfs_autobuffer struct bfs_buffer again = BFS_BUFFER_INIT;
    struct bfs_error error = {0};
    int r = bfs_bundle_config_parse(text, size, &config, &error);
    assert_int_equal(error.code, r);
    if (r) {
        assert_null(config.views);
        return r;
    }
    assert_int_equal(bfs_bundle_config_write(&config, &again), 0);
    assert_int_equal(again.size, size);
    assert_memory_equal(again.bytes, text, size);
    return 0;
}

/* Every flip of a bit in "views" is refused or is a different manifest. */
static void every_flip_is_refused_or_kept(void **state)
{
    size_t first = (size_t)(strstr(golden, "\"views\"") - golden);
    size_t end = (size_t)(strstr(golden, "\"packer\"") - golden);
    size_t n_kept = 0, n_refused = 0;
    char text[sizeof(golden)];
    (void)state;
    memcpy(text, golden, sizeof(golden));
    assert_int_equal(parse_text(text, strlen(golden)), 0);
    for (size_t i = first; i < end; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            text[i] = (char)(golden[i] ^ (1 << bit));
            int r = parse_text(text, strlen(golden));
            assert_true(r == 0 || r == -EBADMSG || r == -E2BIG);
            n_kept += r == 0;
            n_refused += r != 0;
        }
        text[i] = golden[i];
    }
    assert_true(n_kept > 100 && n_refused > 100); /* both ways were taken */
}

static void every_truncation_is_refused(void **state)
{
    bfs_autoconfig struct bfs_bundle_config config = {0};
    (void)state;
    for (size_t size = 0; size + 1 < strlen(golden); size++)
        assert_int_equal(bfs_bundle_config_parse(golden, size, &config, NULL), -EBADMSG);
}

/* Parses the golden text with `from` replaced by `to`. */
static int parse_changed(const char *from, const char *to)
{
    char text[2 * sizeof(golden)];
    bfs_autoconfig struct bfs_bundle_config config = {0};
    struct bfs_error error = {0};
    const char *at = strstr(golden, from);
    assert_non_null(at);
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - golden), golden, to,
                   at + strlen(from));
    int r = bfs_bundle_config_parse(text, strlen(text), &config, &error);
    assert_int_equal(error.code, r);
    return r;
}

static void what_is_not_said_so_is_refused(void **state)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"\"id\": \"cpu-f32\"", "\"id\": \"cpu-f32\", \"more\": 1"},
        {"\"id\": \"cpu-f32\"", "\"id\": \"cpu-f32\", \"id\": \"cpu-f32\""},
        {"\"id\": \"cpu-f32\",", ""},
        {"\"id\": \"cpu-f32\"", "\"id\": \"CPU\""},
        {"\"id\": \"cpu-f32\"", "\"id\": \"auto\""},
        {"\"id\": \"cpu-f32\"", "\"id\": \"-x\""},
        {"\"id\": \"cpu-f32\"", "\"id\": \"gpu-fp8\""},
        {"\"id\": \"cpu-f32\"", "\"id\": \"h\""}, /* out of order */
        {"\"hardware\": \"cpu\"", "\"hardware\": \"tpu\""},
        {"\"hardware\": \"cpu\"", "\"hardware\": \"cpu\", \"more\": 1"},
        {"\"container\": \"safetensors\"", "\"container\": \"\""},
        {"\"container\": \"safetensors\"", "\"container\": \"safe tensors\""},
        {"\"container\": \"safetensors\",", ""},
        {"\"dtype\": \"F32\"", "\"dtype\": \"\""},
        {"\"dtype\": \"F32\"", "\"dtype\": 32"},
        {"\"alignment\": 4096", "\"alignment\": 0"},
        {"\"alignment\": 4096", "\"alignment\": 4294967296"},
        {"\"opaque\": false", "\"opaque\": true"},
        {"\"opaque\": false", "\"opaque\": 0"},
        {"\"opaque\": true", "\"opaque\": true, \"lossless\": true"},
        {"\"opaque\": true", "\"opaque\": true, \"tool\": {\"name\": \"a\", \"version\": \"b\"}"},
        {"\"lossless\": true,", ""},
        {"\"lossless\": false", "\"lossless\": true"},
        {"\"name\": \"bundlefs\",", ""},
        {"\"class\": \"linear\"", "\"class\": \"norm\""},
        {"\"class\": \"linear\"", "\"class\": \"\""},
        {"\"tensors\": 7", "\"tensors\": -7"},
        {"1.950000e-03", "1.95e-03"},
        {"1.950000e-03", "-1.950000e-03"},
        {"1.950000e-03", "1.950000e-0003"},
        {"1.950000e-03", "11.950000e-03"},
        {"1.950000e-03", ""},
        {"\"views\": [", "\"views\": [], \"annotations\": ["},
        {"\"views\": [", "\"views\": [7,"},
    };
    char long_id[80] = "\"id\": \"";
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (parse_changed(cases[i].from, cases[i].to) != -EBADMSG)
            fail_msg("%s is accepted", cases[i].to);
    for (unsigned i = 0; i < BFS_VIEW_ID_MAX; i++)
        strcat(long_id, "b");
    assert_int_equal(parse_changed("\"id\": \"cpu-f32", long_id), 0);
    assert_int_equal(parse_changed("\"id\": \"cpu-f32", strcat(long_id, "b")), -EBADMSG);
}

/* A lossy view with errors of this many classes. */
static int parse_errors(unsigned n)
{
    char text[4000] = "\"lossless\": false, \"errors\": [";
    for (unsigned i = 0; i < n; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
                       "%s{\"class\": \"c%u\", \"tensors\": 1}", i ? ", " : "", i);
    return parse_changed("\"lossless\": true", strcat(text, "]"));
}

static void classes_are_bounded(void **state)
{
    (void)state;
    assert_int_equal(parse_errors(0), -EBADMSG);
    assert_int_equal(parse_errors(1), 0);
    assert_int_equal(parse_errors(BFS_VIEW_CLASSES_MAX), 0);
    assert_int_equal(parse_errors(BFS_VIEW_CLASSES_MAX + 1), -EBADMSG);
}

static void only_legal_views_are_added(void **state)
{
    bfs_autoconfig struct bfs_bundle_config config = sample();
    struct bfs_view_config view = fp8;
    (void)state;
    assert_int_equal(bfs_bundle_config_add_view(&config, &fp8, NULL), 0);
    assert_int_equal(bfs_bundle_config_add_view(&config, &fp8, NULL), -EEXIST);
    strcpy(view.id, "auto");
    assert_int_equal(bfs_bundle_config_add_view(&config, &view, NULL), -EINVAL);
    strcpy(view.id, "x");
    view.is_lossless = true;
    assert_int_equal(bfs_bundle_config_add_view(&config, &view, NULL), -EINVAL);
    view.is_lossless = false;
    view.key.memory_bytes = UINT64_C(1) << 53;
    assert_int_equal(bfs_bundle_config_add_view(&config, &view, NULL), -EINVAL);
    view.key.memory_bytes--;
    view.n_errors = BFS_VIEW_CLASSES_MAX + 1;
    assert_int_equal(bfs_bundle_config_add_view(&config, &view, NULL), -EINVAL);
    view = zoo;
    view.is_lossless = true;
    assert_int_equal(bfs_bundle_config_add_view(&config, &view, NULL), -EINVAL);
    view.is_lossless = false;
    assert_int_equal(config.n_views, 1);
    for (unsigned i = 1; i < BFS_VIEWS_MAX; i++) {
        (void)snprintf(view.id, sizeof(view.id), "x%u", i);
        assert_int_equal(bfs_bundle_config_add_view(&config, &view, NULL), 0);
    }
    strcpy(view.id, "more");
    assert_int_equal(bfs_bundle_config_add_view(&config, &view, NULL), -E2BIG);
    for (uint32_t i = 1; i < config.n_views; i++)
        assert_true(strcmp(config.views[i - 1].id, config.views[i].id) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_golden_bytes),
        cmocka_unit_test(reads_them_back),
        cmocka_unit_test(every_flip_is_refused_or_kept),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(what_is_not_said_so_is_refused),
        cmocka_unit_test(classes_are_bounded),
        cmocka_unit_test(only_legal_views_are_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
