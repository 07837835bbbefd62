/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/verify/trust/statements.h"

#include <errno.h>

#define auto_provenance BFS_CLEANUP(bfs_provenance_done) struct bfs_provenance

static int read_text(const char *text, struct bfs_provenance *ret, struct bfs_error *error)
{
    bfs_autojson struct json_object *root = NULL;
    assert_int_equal(bfs_json_parse(text, strlen(text), "p", &root, NULL), 0);
    return bfs_provenance_read(root, "p", ret, error);
}

static void refused(const char *text, int code, const char *why)
{
    struct bfs_provenance provenance = {0};
    struct bfs_error error = {0};
    int r = read_text(text, &provenance, &error);
    if (r != code || !strstr(error.what, why))
        fail_msg("%s: %d: %s", text, r, error.what);
    assert_null(provenance.build_type);
}

#define PREDICATE(definition, details)                                                             \
    "{\"buildDefinition\":{" definition "},\"runDetails\":{" details "}}"
#define DEFINITION "\"buildType\":\"https://example.com/t\",\"externalParameters\":{}"
#define DETAILS                                                                                    \
    "\"builder\":{\"id\":\"https://example.com/b\"},"                                              \
    "\"metadata\":{\"finishedOn\":\"2026-01-01T00:00:00Z\"}"

static void the_text(void **state)
{
    static const char expected[] =
        "{\"buildDefinition\":{\"buildType\":\"https://bundlefs/pack/v1\",\"externalParameters\":"
        "{\"chunk_size\":\"1M\",\"views\":[\"cpu-f32\"]},\"resolvedDependencies\":["
        "{\"uri\":\"https://example.com/base\",\"name\":\"base\",\"digest\":{\"sha256\":"
        "\"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\"}},"
        "{\"uri\":\"pkg:generic/converter@2\"}]},"
        "\"runDetails\":{\"builder\":{\"id\":\"https://bundlefs/builder/v1\",\"version\":"
        "{\"bundlefs\":\"0.1.0\"}},\"metadata\":{\"invocationId\":\"run-1\",\"startedOn\":"
        "\"2025-12-31T23:59:00Z\",\"finishedOn\":\"2026-01-01T00:00:00Z\"}}}\n";
    auto_provenance made = {0}, read = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    int status = 0;
    (void)state;
    test_provenance_full(&made);
    bfs_autojson struct json_object *root = bfs_provenance_json(&made, &status);
    assert_int_equal(status, 0);
    bfs_json_write_line(root, &text);
    bfs_buffer_put_u8(&text, '\0');
    assert_string_equal((char *)text.bytes, expected);
    assert_int_equal(bfs_provenance_read(root, "p", &read, NULL), 0);
    assert_string_equal(read.parameters, made.parameters);
    assert_string_equal(read.invocation_id, "run-1");
    assert_string_equal(read.builder_version, "0.1.0");
    assert_true(read.has_started_on && read.started_on == TEST_WHEN - 60);
    assert_int_equal(read.n_dependencies, 2);
    assert_true(read.dependencies[0].has_digest && !read.dependencies[1].has_digest);
    assert_string_equal(read.dependencies[1].name, "");
}

static void ignores_what_it_does_not_know(void **state)
{
    static const char text[] =
        PREDICATE(DEFINITION ",\"internalParameters\":{\"x\":1},\"new\":1,\"resolvedDependencies\":"
                             "[{\"digest\":{\"gitCommit\":\"00\"},\"mediaType\":\"t\"}]",
                  DETAILS ",\"byproducts\":[],\"other\":null");
    auto_provenance read = {0};
    (void)state;
    assert_int_equal(read_text(text, &read, NULL), 0);
    assert_string_equal(read.parameters, "{}");
    assert_string_equal(read.builder_version, "");
    assert_int_equal(read.n_dependencies, 1);
    assert_string_equal(read.dependencies[0].uri, "");
    assert_false(read.dependencies[0].has_digest);
    assert_true(read.finished_on == TEST_WHEN);
}

static void refuses(void **state)
{
    (void)state;
    refused("{}", -EBADMSG, "\"buildDefinition\" is missing");
    refused(PREDICATE("\"externalParameters\":{}", DETAILS), -EBADMSG, "\"buildType\"");
    refused(PREDICATE("\"buildType\":\"t\",\"externalParameters\":[]", DETAILS), -EBADMSG,
            "wrong type");
    refused(PREDICATE(DEFINITION, "\"builder\":{\"id\":\"b\"}"), -EBADMSG, "\"metadata\"");
    refused(PREDICATE(DEFINITION, "\"builder\":{},\"metadata\":{\"finishedOn\":\"\"}"), -EBADMSG,
            "\"id\" is missing");
    refused(PREDICATE(DEFINITION, "\"builder\":{\"id\":\"b\"},\"metadata\":{}"), -EBADMSG,
            "\"finishedOn\" is missing");
    refused(
        PREDICATE(DEFINITION, "\"builder\":{\"id\":\"b\"},\"metadata\":{\"finishedOn\":\"now\"}"),
        -EBADMSG, "\"finishedOn\" is not a time");
    refused(PREDICATE(DEFINITION, "\"builder\":{\"id\":\"b\"},\"metadata\":{\"startedOn\":\"now\","
                                  "\"finishedOn\":\"2026-01-01T00:00:00Z\"}"),
            -EBADMSG, "\"startedOn\" is not a time");
    refused(PREDICATE(DEFINITION ",\"resolvedDependencies\":[1]", DETAILS), -EBADMSG,
            "not a JSON object");
    refused(PREDICATE(DEFINITION ",\"resolvedDependencies\":[{\"digest\":{\"sha256\":\"00\"}}]",
                      DETAILS),
            -EBADMSG, "not SHA-256");
}

static void builders_refuse(void **state)
{
    auto_provenance made = {0};
    char longer[BFS_PROVENANCE_TEXT_MAX + 2];
    (void)state;
    assert_int_equal(bfs_provenance_new("t", "[]", "b", "", 0, &made, NULL), -EINVAL);
    assert_int_equal(bfs_provenance_new("t", "{", "b", "", 0, &made, NULL), -EINVAL);
    assert_int_equal(bfs_provenance_new("\xff", "{}", "b", "", 0, &made, NULL), -EINVAL);
    memset(longer, 'x', sizeof(longer));
    longer[BFS_PROVENANCE_TEXT_MAX + 1] = '\0';
    assert_int_equal(bfs_provenance_new("t", "{}", longer, "", 0, &made, NULL), -E2BIG);
    assert_null(made.build_type);
    assert_int_equal(bfs_provenance_new("t", "{}", longer + 1, "", 0, &made, NULL), 0);
    assert_int_equal(bfs_provenance_add(&made, longer, NULL, NULL, NULL), -E2BIG);
    assert_int_equal(bfs_provenance_add(&made, "u", longer, NULL, NULL), -E2BIG);
    assert_int_equal(made.n_dependencies, 0);
    for (size_t i = 0; i < BFS_PROVENANCE_DEPENDENCIES_MAX; i++)
        assert_int_equal(bfs_provenance_add(&made, "u", NULL, NULL, NULL), 0);
    assert_int_equal(bfs_provenance_add(&made, "u", NULL, NULL, NULL), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text),
        cmocka_unit_test(ignores_what_it_does_not_know),
        cmocka_unit_test(refuses),
        cmocka_unit_test(builders_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
