/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/store/bundle_config.h"

#include <errno.h>
#include <string.h>

static const char golden[] =
    "{\n"
    "  \"schema_version\": \"1.0\",\n"
    "  \"descriptor\": {\n"
    "    \"name\": \"acme/tiny\",\n"
    "    \"version\": \"1.0.0\",\n"
    "    \"createdAt\": \"2026-01-31T12:00:00Z\"\n"
    "  },\n"
    "  \"config\": {\n"
    "    \"architecture\": \"llama\",\n"
    "    \"precision\": \"BF16\"\n"
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
    "    \"size\": 123456789012\n"
    "  },\n"
    "  \"packer\": {\n"
    "    \"name\": \"bundlefs\",\n"
    "    \"version\": \"0.1.0\",\n"
    "    \"chunk_size\": 262144\n"
    "  }\n"
    "}\n";

static struct bfs_bundle_config sample(void)
{
    struct bfs_bundle_config config = {
        .reference = {.name = "acme/tiny", .version = "1.0.0"},
        .created = "2026-01-31T12:00:00Z",
        .architecture = "llama",
        .precision = "BF16",
        .index_size = 4096,
        .n_files = 3,
        .n_directories = 1,
        .n_tensors = 12,
        .content_size = 123456789012,
        .chunk_size = 262144,
        .packer_version = "0.1.0",
    };
    memset(config.index_digest.bytes, 0xab, sizeof(config.index_digest.bytes));
    return config;
}

static void writes_the_golden_bytes(void **state)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_bundle_config config = sample();
    (void)state;
    assert_int_equal(bfs_bundle_config_write(&config, &text), 0);
    bfs_buffer_put_u8(&text, 0);
    assert_string_equal((const char *)text.bytes, golden);
}

static void reads_them_back(void **state)
{
    struct bfs_bundle_config config, expected = sample();
    (void)state;
    assert_int_equal(bfs_bundle_config_parse(golden, strlen(golden), &config, NULL), 0);
    assert_string_equal(config.reference.name, expected.reference.name);
    assert_string_equal(config.architecture, "llama");
    assert_string_equal(config.format, "");
    assert_int_equal(config.content_size, expected.content_size);
    assert_true(bfs_digest_equal(&config.index_digest, &expected.index_digest));
}

/* Parses the golden text with `from` replaced by `to`. */
static int parse_changed(const char *from, const char *to)
{
    char text[4096];
    struct bfs_bundle_config config;
    struct bfs_error error = {0};
    const char *at = strstr(golden, from);
    assert_non_null(at);
    size_t before = (size_t)(at - golden);
    assert_true(strlen(golden) + strlen(to) < sizeof(text));
    memcpy(text, golden, before);
    memcpy(text + before, to, strlen(to));
    memcpy(text + before + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    int r = bfs_bundle_config_parse(text, strlen(text), &config, &error);
    assert_int_equal(error.code, r);
    return r;
}

static void unknown_and_missing_fields_are_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_changed("\"llama\"", "\"llama\", \"format\": \"gguf\""), 0);
    assert_int_equal(parse_changed("\"llama\"", "\"llama\", \"shape\": \"round\""), -EBADMSG);
    assert_int_equal(parse_changed("\"packer\": {", "\"extra\": 1, \"packer\": {"), -EBADMSG);
    assert_int_equal(parse_changed("\"packer\": {", "\"annotations\": {\"any\": 1}, \"packer\": {"),
                     0);
    assert_int_equal(parse_changed("\"files\": 3,", ""), -EBADMSG);
    assert_int_equal(parse_changed("\"files\": 3,", "\"files\": 3, \"files\": 3,"), -EBADMSG);
    assert_int_equal(parse_changed("\"files\": 3", "\"files\": -3"), -EBADMSG);
    assert_int_equal(parse_changed("\"files\": 3", "\"files\": \"3\""), -EBADMSG);
    assert_int_equal(parse_changed("\"1.0\"", "\"2.0\""), -EPROTONOSUPPORT);
    assert_int_equal(parse_changed("acme/tiny", "../tiny"), -EBADMSG);
    assert_int_equal(parse_changed("sha256:ab", "sha512:ab"), -EBADMSG);
    assert_int_equal(parse_changed("sha256:ab", "sha256:AB"), -EBADMSG);
}

static void every_truncation_is_refused(void **state)
{
    struct bfs_bundle_config config;
    (void)state;
    /* The last byte is the line break after the document. */
    for (size_t size = 0; size + 1 < strlen(golden); size++)
        assert_int_equal(bfs_bundle_config_parse(golden, size, &config, NULL), -EBADMSG);
}

static void times_are_rfc_3339(void **state)
{
    char text[BFS_TIME_TEXT_SIZE];
    (void)state;
    assert_int_equal(bfs_time_text(0, text), 0);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    assert_int_equal(bfs_time_text(253402300799, text), 0);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    assert_int_equal(bfs_time_text(253402300800, text), -EINVAL);
    assert_int_equal(bfs_time_text(-1, text), -EINVAL);
}

static void a_trace_is_named_like_the_index(void **state)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_bundle_config config = sample(), again;
    (void)state;
    config.has_trace = true;
    config.trace_size = 56;
    memset(config.trace_digest.bytes, 0xcd, sizeof(config.trace_digest.bytes));
    assert_int_equal(bfs_bundle_config_write(&config, &text), 0);
    assert_int_equal(bfs_bundle_config_parse(text.bytes, text.size, &again, NULL), 0);
    assert_true(again.has_trace);
    assert_int_equal(again.trace_size, 56);
    assert_true(bfs_digest_equal(&again.trace_digest, &config.trace_digest));
    assert_int_equal(bfs_bundle_config_parse(golden, strlen(golden), &again, NULL), 0);
    assert_false(again.has_trace);
    assert_int_equal(parse_changed("\"content\": {", "\"trace\": {}, \"content\": {"), -EBADMSG);
    assert_int_equal(parse_changed("\"content\": {", "\"trace\": 1, \"content\": {"), -EBADMSG);
    assert_int_equal(parse_changed("\"content\": {", "\"trace\": {\"digest\": \"sha256:1\", "
                                                     "\"size\": 1}, \"content\": {"),
                     -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_golden_bytes),
        cmocka_unit_test(reads_them_back),
        cmocka_unit_test(unknown_and_missing_fields_are_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_trace_is_named_like_the_index),
        cmocka_unit_test(times_are_rfc_3339),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
