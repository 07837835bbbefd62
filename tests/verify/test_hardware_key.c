/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/hardware_key.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Up to the padding at the end, which nobody writes. */
#define KEY_SIZE (offsetof(struct bfs_hardware_key, layout_version) + sizeof(uint32_t))

#define W63 "a23456789-123456789-123456789-123456789-123456789-123456789-123"

static const char whole[] = "{\n"
                            "  \"hardware\": \"gpu\",\n"
                            "  \"vendor\": \"nvidia\",\n"
                            "  \"arch\": \"sm_90\",\n"
                            "  \"features\": [\n"
                            "    \"avx2\",\n"
                            "    \"f16c\"\n"
                            "  ],\n"
                            "  \"compute_capability_min\": \"8.9\",\n"
                            "  \"driver_min\": 550,\n"
                            "  \"memory_bytes\": 85899345920,\n"
                            "  \"runtime\": \"llama.cpp\",\n"
                            "  \"layout_id\": \"fp8-block\",\n"
                            "  \"layout_version\": 2\n"
                            "}\n";

/* Parses a copy of exactly `size` bytes; what is no JSON object member by member is refused too. */
static int read_bytes(const char *text, size_t size, struct bfs_hardware_key *ret,
                      struct bfs_error *error)
{
    bfs_autojson struct json_object *root = NULL;
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    int r = bfs_json_parse(copy, size, "view.json", &root, error);
    free(copy);
    return r ? r : bfs_hardware_key_read(root, "view.json", ret, error);
}

static void refused(const char *text, int code, const char *why)
{
    struct bfs_hardware_key key;
    struct bfs_error error = {0};
    memset(&key, 0x5a, sizeof(key));
    int r = read_bytes(text, strlen(text), &key, &error);
    if (r != code || error.code != code || !strstr(error.what, why))
        fail_msg("%s gave %d: %s", text, r, error.what);
    for (size_t i = 0; i < sizeof(key); i++)
        assert_int_equal(((const uint8_t *)&key)[i], 0x5a);
    assert_int_equal(read_bytes(text, strlen(text), &key, NULL), code);
}

static void write_key(const struct bfs_hardware_key *key, struct bfs_buffer *ret)
{
    int status = 0;
    bfs_autojson struct json_object *root = bfs_hardware_key_json(key, &status);
    assert_int_equal(status, 0);
    bfs_json_write(root, ret);
    assert_int_equal(bfs_buffer_status(ret), 0);
}

static void assert_same(const struct bfs_buffer *text, const char *expected, size_t size)
{
    assert_int_equal(text->size, size);
    assert_memory_equal(text->bytes, expected, size);
}

static void reads_every_member(void **state)
{
    (void)state;
    struct bfs_hardware_key key;
    assert_int_equal(read_bytes(whole, sizeof(whole) - 1, &key, NULL), 0);
    assert_int_equal(key.hardware, BFS_HARDWARE_GPU);
    assert_string_equal(key.vendor, "nvidia");
    assert_string_equal(key.arch, "sm_90");
    assert_int_equal(key.n_features, 2);
    assert_string_equal(key.features[0], "avx2");
    assert_string_equal(key.features[1], "f16c");
    assert_int_equal(key.compute_capability_min, 89);
    assert_int_equal(key.driver_min, 550);
    assert_int_equal(key.memory_bytes, UINT64_C(80) << 30);
    assert_string_equal(key.runtime, "llama.cpp");
    assert_string_equal(key.layout_id, "fp8-block");
    assert_int_equal(key.layout_version, 2);
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    write_key(&key, &text);
    assert_same(&text, whole, sizeof(whole) - 1);
}

static void what_is_absent_is_any(void **state)
{
    (void)state;
    static const struct bfs_hardware_key any = {.hardware = BFS_HARDWARE_ACCELERATOR};
    static const char text[] = "{\n  \"hardware\": \"accelerator\"\n}\n";
    struct bfs_hardware_key key;
    assert_int_equal(read_bytes(text, sizeof(text) - 1, &key, NULL), 0);
    assert_memory_equal(&key, &any, KEY_SIZE);
    static const char zeros[] = "{\"hardware\":\"cpu\",\"features\":[],\"driver_min\":0,"
                                "\"memory_bytes\":0,\"layout_version\":0}";
    assert_int_equal(read_bytes(zeros, sizeof(zeros) - 1, &key, NULL), 0);
    assert_int_equal(key.n_features + key.driver_min + key.memory_bytes, 0);
    bfs_autobuffer struct bfs_buffer written = BFS_BUFFER_INIT;
    write_key(&any, &written);
    assert_same(&written, text, sizeof(text) - 1);
}

static void limits(void **state)
{
    (void)state;
    static const char most[] =
        "{\"hardware\":\"gpu\",\"vendor\":\"" W63 "\",\"driver_min\":4294967295,"
        "\"layout_version\":4294967295,\"memory_bytes\":9007199254740991,"
        "\"compute_capability_min\":\"99.9\"}";
    struct bfs_hardware_key key;
    assert_int_equal(read_bytes(most, sizeof(most) - 1, &key, NULL), 0);
    assert_string_equal(key.vendor, W63);
    assert_int_equal(key.driver_min, UINT32_MAX);
    assert_int_equal(key.memory_bytes, BFS_JSON_INTEGER_MAX);
    assert_int_equal(key.compute_capability_min, 999);
    refused("{\"hardware\":\"gpu\",\"vendor\":\"" W63 "4\"}", -E2BIG, "\"vendor\" is longer");
    refused("{\"hardware\":\"gpu\",\"features\":[\"" W63 "4\"]}", -E2BIG, "\"features\" is longer");
    refused("{\"hardware\":\"gpu\",\"driver_min\":4294967296}", -E2BIG, "\"driver_min\"");
    refused("{\"hardware\":\"gpu\",\"layout_version\":4294967296}", -E2BIG, "\"layout_version\"");
    for (int n = BFS_KEY_FEATURES_MAX; n <= BFS_KEY_FEATURES_MAX + 1; n++) {
        bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
        bfs_buffer_put_text(&text, "{\"hardware\":\"cpu\",\"features\":[\"f0\"");
        for (int i = 1; i < n; i++)
            bfs_buffer_printf(&text, ",\"f%d\"", i);
        bfs_buffer_printf(&text, "]}%c", 0);
        if (n > BFS_KEY_FEATURES_MAX) {
            refused((char *)text.bytes, -E2BIG, "33 features are more than 32");
            continue;
        }
        assert_int_equal(read_bytes((char *)text.bytes, text.size - 1, &key, NULL), 0);
        assert_int_equal(key.n_features, n);
        assert_string_equal(key.features[n - 1], "f31");
    }
    key = (struct bfs_hardware_key){.memory_bytes = BFS_JSON_INTEGER_MAX + 1};
    int status = 0;
    bfs_autojson struct json_object *root = bfs_hardware_key_json(&key, &status);
    assert_non_null(root);
    assert_int_equal(status, -E2BIG);
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    refused("[]", -EBADMSG, "view.json: not a JSON object");
    refused("{}", -EBADMSG, "\"hardware\" is missing");
    refused("{\"hardware\":\"cpu\",\"colour\":\"red\"}", -EBADMSG, "unknown field \"colour\"");
    static const char *const classes[] = {"", "CPU", "cpus", "npu", "cp"};
    for (size_t i = 0; i < LENGTH(classes); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "{\"hardware\":\"%s\"}", classes[i]);
        refused(text, -EBADMSG, "not a class of hardware");
    }
    static const char *const words[] = {"", "NVIDIA", "a b", "a/b", "caf\xc3\xa9", "a\\n"};
    static const char *const members[] = {"vendor", "arch", "runtime", "layout_id"};
    for (size_t i = 0; i < LENGTH(words); i++)
        for (size_t j = 0; j < LENGTH(members); j++) {
            char text[96], why[48];
            (void)snprintf(text, sizeof(text), "{\"hardware\":\"gpu\",\"%s\":\"%s\"}", members[j],
                           words[i]);
            (void)snprintf(why, sizeof(why), "\"%s\" is not a word", members[j]);
            refused(text, -EBADMSG, why);
            (void)snprintf(text, sizeof(text), "{\"hardware\":\"gpu\",\"features\":[\"%s\"]}",
                           words[i]);
            refused(text, -EBADMSG, "\"features\" is not a word");
        }
    refused("{\"hardware\":\"cpu\",\"features\":[1]}", -EBADMSG, "feature 0 is not a string");
    refused("{\"hardware\":\"cpu\",\"features\":[\"a\",null]}", -EBADMSG, "feature 1");
    refused("{\"hardware\":\"cpu\",\"features\":[\"a\",\"b\",\"a\"]}", -EBADMSG, "\"a\" is there");
    refused("{\"hardware\":\"cpu\",\"compute_capability_min\":\"8.9\"}", -EBADMSG, "a cpu has");
    refused("{\"hardware\":\"cpu\",\"driver_min\":1}", -EBADMSG, "a cpu has");
    refused("{\"hardware\":\"gpu\",\"driver_min\":-1}", -EBADMSG, "wrong type");
    refused("{\"hardware\":\"gpu\",\"memory_bytes\":1.5}", -EBADMSG, "wrong type");
}

static void judges_compute_capabilities(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t value;
    } cases[] = {
        {"1.0", 10}, {"8.9", 89}, {"9.0", 90}, {"10.0", 100}, {"12.1", 121}, {"99.9", 999},
        {"", 0},     {"8", 0},    {"8.", 0},   {".9", 0},     {"0.9", 0},    {"08.9", 0},
        {"8.10", 0}, {"8.9 ", 0}, {" 8.9", 0}, {"100.0", 0},  {"8,9", 0},    {"-8.9", 0},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char text[BFS_COMPUTE_CAPABILITY_TEXT_SIZE], document[96];
        assert_int_equal(bfs_compute_capability_parse(cases[i].text), cases[i].value);
        if (cases[i].value) {
            assert_string_equal(bfs_compute_capability_text(cases[i].value, text), cases[i].text);
            continue;
        }
        (void)snprintf(document, sizeof(document),
                       "{\"hardware\":\"gpu\",\"compute_capability_min\":\"%s\"}", cases[i].text);
        refused(document, -EBADMSG, "\"compute_capability_min\" is not understood");
    }
}

/* A mutant that is accepted is a key that is written and read again as the same. */
static bool judge(const char *bytes, size_t size)
{
    struct bfs_hardware_key key, again;
    struct bfs_error error = {0};
    memset(&key, 0x5a, sizeof(key));
    int r = read_bytes(bytes, size, &key, &error);
    if (r) {
        assert_true(r == -EBADMSG || r == -E2BIG);
        assert_int_equal(error.code, r);
        assert_true(error.what[0] != '\0');
        assert_int_equal(*(const uint8_t *)&key, 0x5a);
        return false;
    }
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    write_key(&key, &text);
    assert_int_equal(read_bytes((char *)text.bytes, text.size, &again, NULL), 0);
    assert_memory_equal(&again, &key, KEY_SIZE);
    return true;
}

static void every_mutant_is_judged(void **state)
{
    (void)state;
    char bytes[sizeof(whole)];
    size_t size = sizeof(whole) - 1, n_accepted = 0;
    memcpy(bytes, whole, sizeof(bytes));
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        n_accepted += judge(bytes, size);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
    /* Within words and numbers a flip may give another legal key; elsewhere only white space may.
     */
    assert_in_range(n_accepted, 100, size);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(judge(whole, cut), cut == size - 1); /* all but the final newline */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_member),
        cmocka_unit_test(what_is_absent_is_any),
        cmocka_unit_test(limits),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(judges_compute_capabilities),
        cmocka_unit_test(every_mutant_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
