/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/contract/contract.h"

#include "verify/contract/generate.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char whole[] =
    "{\"schema_version\":\"1.0\",\"licenses\":[\"MIT\",\"Apache-2.0\"],"
    "\"inputs\":[{\"shape\":[-1,3],\"datatype\":\"INT64\",\"name\":\"ids\",\"optional\":true}],"
    "\"outputs\":[{\"name\":\"y\",\"datatype\":\"BF16\",\"shape\":[]}],"
    "\"api\":{\"version\":\"1.2.3\"},\"side_effects\":[],"
    "\"resources\":{\"memory_bytes\":5,\"accelerator\":{\"hardware\":\"gpu\"}},"
    "\"requires\":{\"features\":[\"avx2\"],\"files\":[\"a/b\"],"
    "\"bundles\":[{\"name\":\"acme/tok\",\"version\":\"^1\"}]},"
    "\"determinism\":{\"tolerance\":{\"rtol\":\"1e-3\",\"atol\":\"2\"}},"
    "\"fixtures\":[{\"name\":\"one\",\"inputs\":[{\"name\":\"ids\",\"file\":\"i.npy\"}],"
    "\"outputs\":[{\"name\":\"y\",\"file\":\"o.npy\"}],\"atol\":\"0.25\"}]}";

static void test_a_contract_becomes_a_struct(void **state)
{
    bfs_autocontract struct bfs_contract contract = {0};
    (void)state;
    assert_int_equal(bfs_contract_parse(whole, strlen(whole), "contract.json", &contract, NULL), 0);
    assert_false(contract.is_generated);
    assert_string_equal(contract.api_version, "1.2.3");
    assert_int_equal(contract.n_inputs, 1);
    assert_string_equal(contract.inputs[0].name, "ids");
    assert_int_equal(contract.inputs[0].datatype, BFS_DATATYPE_INT64);
    assert_true(contract.inputs[0].is_optional);
    assert_int_equal(contract.inputs[0].n_dims, 2);
    assert_true(contract.inputs[0].shape[0] == -1 && contract.inputs[0].shape[1] == 3);
    assert_int_equal(contract.n_outputs, 1);
    assert_int_equal(contract.outputs[0].n_dims, 0);
    assert_true(contract.has_memory_bytes && !contract.has_disk_bytes);
    assert_int_equal(contract.memory_bytes, 5);
    assert_non_null(contract.accelerator);
    assert_int_equal(contract.n_features, 1);
    assert_string_equal(contract.features[0], "avx2");
    assert_string_equal(contract.files[0], "a/b");
    assert_string_equal(contract.bundles[0].name, "acme/tok");
    assert_string_equal(contract.bundles[0].range, "^1");
    assert_int_equal(contract.n_fixtures, 1);
    assert_string_equal(contract.fixtures[0].inputs[0].file, "i.npy");
    assert_string_equal(contract.fixtures[0].outputs[0].name, "y");
    assert_true(contract.fixtures[0].rtol == 1e-3 && contract.fixtures[0].atol == 0.25);
    assert_int_equal(contract.n_licences, 2);
    assert_string_equal(contract.licences[1], "Apache-2.0");
}

static void test_writing_orders_and_is_read_back(void **state)
{
    bfs_autocontract struct bfs_contract contract = {0}, again = {0};
    bfs_autobuffer struct bfs_buffer first = BFS_BUFFER_INIT, second = BFS_BUFFER_INIT;
    (void)state;
    assert_int_equal(bfs_contract_parse(whole, strlen(whole), "c", &contract, NULL), 0);
    assert_int_equal(bfs_contract_write(contract.root, &first, NULL), 0);
    assert_int_equal(bfs_contract_parse(first.bytes, first.size, "c", &again, NULL), 0);
    assert_int_equal(bfs_contract_write(again.root, &second, NULL), 0);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.bytes, second.bytes, first.size);
    bfs_buffer_put_u8(&first, 0);
    const char *text = (const char *)first.bytes;
    assert_true(strstr(text, "\"api\"") < strstr(text, "\"inputs\""));
    assert_true(strstr(text, "\"inputs\"") < strstr(text, "\"licenses\""));
    assert_null(strstr(text, "side_effects")); /* empty: says nothing */
}

static void refused(const char *text, int code, const char *why)
{
    struct bfs_contract contract;
    struct bfs_error error = {0};
    memset(&contract, 0x5a, sizeof(contract));
    int r = bfs_contract_parse(text, strlen(text), "contract.json", &contract, &error);
    if (r != code || error.code != code || !strstr(error.what, why))
        fail_msg("%s gave %d: %s", text, r, error.what);
    for (size_t i = 0; i < sizeof(contract); i++)
        assert_int_equal(((const uint8_t *)&contract)[i], 0x5a);
}

static void test_what_is_wrong_has_a_pointer(void **state)
{
    (void)state;
#define DOCUMENT(more) "{\"schema_version\":\"1.0\"" more "}"
    refused("", -EBADMSG, "JSON ends early");
    refused("[]", -EBADMSG, "contract.json: the document is not what it must be");
    refused("{}", -EBADMSG, "/schema_version is missing");
    refused("{\"schema_version\":1}", -EBADMSG, "/schema_version is not");
    refused("{\"schema_version\":\"2.0\"}", -EPROTONOSUPPORT, "/schema_version is not known");
    refused("{\"schema_version\":\"11.0\",\"x\":1}", -EPROTONOSUPPORT, "/schema_version");
    refused(DOCUMENT(",\"a/b~c\":1"), -EBADMSG, ": /a~1b~0c is a member that the schema");
    refused(DOCUMENT(",\"licenses\":[\"MIT\",5]"), -EBADMSG, ": /licenses/1 is not what");
    refused(DOCUMENT(",\"licenses\":[\"MIT\",\"M_\"]"), -EBADMSG, ": /licenses/1 is not what");
    refused(DOCUMENT(",\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1,-2]}]"),
            -EBADMSG, ": /inputs/0/shape/1 is out of range");
    refused(DOCUMENT(",\"inputs\":[{\"name\":\"x\",\"shape\":[]}]"), -EBADMSG,
            ": /inputs/0/datatype is missing");
    refused(DOCUMENT(",\"health\":{\"fallback\":{\"annotations\":{}}}"), -EBADMSG,
            ": /health/fallback/annotations is a member");
    refused(DOCUMENT(",\"resources\":{\"memory_bytes\":1.0}"), -EBADMSG,
            ": /resources/memory_bytes");
    refused(DOCUMENT(",\"resources\":{\"memory_bytes\":9007199254740992}"), -EBADMSG, "");
    refused(DOCUMENT(",\"model\":{\"format\":\"x\",\"format\":\"x\"}"), -EBADMSG, "twice");
    bfs_autofree char *large = malloc((size_t)BFS_CONTRACT_SIZE_MAX + 2);
    assert_non_null(large);
    memset(large, ' ', (size_t)BFS_CONTRACT_SIZE_MAX + 1);
    large[BFS_CONTRACT_SIZE_MAX + 1] = '\0';
    refused(large, -E2BIG, "is larger than");
}

static void test_values_are_told(void **state)
{
    static const char text[] = "{\"schema_version\":\"1.0\",\"api\":{\"version\":\"1.2\"}}";
    struct bfs_contract contract;
    struct bfs_error error = {0};
    (void)state;
    assert_int_equal(bfs_contract_parse(text, strlen(text), "c", &contract, &error), -EBADMSG);
    assert_string_equal(error.what, "c: /api/version is not what it must be");
    assert_string_equal(error.expected, "a semantic version such as 1.2.3");
    assert_string_equal(error.found, "1.2");
}

static void test_annotations_are_open(void **state)
{
    static const char text[] =
        "{\"schema_version\":\"1.0\",\"annotations\":{\"a\":[1.5,null,{\"b\":-3}]}}";
    bfs_autocontract struct bfs_contract contract = {0};
    (void)state;
    assert_int_equal(bfs_contract_parse(text, strlen(text), "c", &contract, NULL), 0);
}

/* Earlier versions generated a 0 for models whose tensors they did not know. */
static void test_no_memory_is_unknown_memory(void **state)
{
    static const char text[] = DOCUMENT(",\"resources\":{\"memory_bytes\":0}");
    bfs_autocontract struct bfs_contract contract = {0};
    (void)state;
    assert_int_equal(bfs_contract_parse(text, strlen(text), "c", &contract, NULL), 0);
    assert_false(contract.has_memory_bytes);
}

static void test_what_is_generated_is_a_contract(void **state)
{
    static const struct bfs_contract_file files[] = {
        {"config.json", 7, NULL, 0}, {"a\nb/.c \"d\"", 9, "gguf", 2}, {"\xff", 1, NULL, 0}};
    static const struct bfs_contract_dtype dtypes[] = {{"BF16", 2, 10, 20}};
    static const struct bfs_contract_facts facts[] = {
        {0},
        {.architecture = "a \"b\"",
         .format = "gguf",
         .precision = "BF16",
         .quantization = "Q4_K_M",
         .files = files,
         .n_files = LENGTH(files),
         .dtypes = dtypes,
         .n_dtypes = LENGTH(dtypes),
         .content_size = 17},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(facts); i++) {
        bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT, again = BFS_BUFFER_INIT;
        bfs_autocontract struct bfs_contract contract = {0};
        assert_int_equal(bfs_contract_generate(&facts[i], &text), 0);
        assert_int_equal(bfs_contract_parse(text.bytes, text.size, "c", &contract, NULL), 0);
        assert_true(contract.is_generated);
        /* Without tensors nothing is known of the memory, and 0 would be a promise. */
        assert_int_equal(contract.has_memory_bytes, facts[i].n_dtypes > 0);
        assert_int_equal(memmem(text.bytes, text.size, "memory_bytes", 12) != NULL,
                         facts[i].n_dtypes > 0);
        assert_int_equal(bfs_contract_write(contract.root, &again, NULL), 0);
        assert_int_equal(text.size, again.size);
        assert_memory_equal(text.bytes, again.bytes, text.size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_contract_becomes_a_struct),
        cmocka_unit_test(test_writing_orders_and_is_read_back),
        cmocka_unit_test(test_what_is_wrong_has_a_pointer),
        cmocka_unit_test(test_values_are_told),
        cmocka_unit_test(test_annotations_are_open),
        cmocka_unit_test(test_no_memory_is_unknown_memory),
        cmocka_unit_test(test_what_is_generated_is_a_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
