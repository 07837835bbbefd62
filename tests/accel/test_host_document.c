/* SPDX-License-Identifier: Apache-2.0
 * The description of a host as a document: what is written is read again, the rest is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/accel/fake_host.h"
#include "tests/support/folder.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char whole[] =
    "{\n  \"schema_version\": \"1.0\",\n  \"arch\": \"x86_64\",\n  \"cpu\": {\n"
    "    \"vendor\": \"amd\",\n    \"model\": \"AMD EPYC\",\n    \"usable\": 96,\n"
    "    \"features\": [\n      \"avx2\",\n      \"f16c\"\n    ]\n  },\n"
    "  \"memory_bytes\": 1081344000000,\n  \"plane_kernels\": \"avx2\",\n  \"devices\": [\n    {\n"
    "      \"hardware\": \"gpu\",\n      \"vendor\": \"nvidia\",\n      \"arch\": \"sm_90\",\n"
    "      \"name\": \"NVIDIA H100 80GB HBM3\",\n      \"compute_capability\": \"9.0\",\n"
    "      \"driver\": \"nvidia\",\n      \"driver_version\": \"550.54.15\",\n"
    "      \"memory_bytes\": 84825604096,\n      \"pci_address\": \"0000:5d:00.0\",\n"
    "      \"pci_id\": \"10de:2330\",\n      \"usable\": true,\n      \"integrated\": false\n"
    "    }\n  ]\n}\n";

static int read_text(const char *text, struct bfs_host *ret, struct bfs_error *error)
{
    return bfs_host_read(text, strlen(text), "host.json", ret, error);
}

static void assert_written(const struct bfs_host *host, const void *expected, size_t size)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    assert_int_equal(bfs_host_write(host, &text), 0);
    assert_int_equal(text.size, size);
    assert_memory_equal(text.bytes, expected, size);
}

static void reads_what_it_writes(void **state)
{
    (void)state;
    bfs_autohost struct bfs_host host = {0};
    assert_int_equal(read_text(whole, &host, NULL), 0);
    assert_string_equal(host.cpu_features, "avx2 f16c");
    assert_int_equal(host.n_cpus, 96);
    assert_string_equal(host.kernels, "avx2");
    assert_int_equal(host.n_devices, 1);
    assert_int_equal(host.devices[0].compute_capability, 90);
    assert_int_equal(bfs_host_driver_major(&host.devices[0]), 550);
    assert_int_equal(host.devices[0].memory_bytes, UINT64_C(79) << 30);
    assert_written(&host, whole, sizeof(whole) - 1);
    for (int machine = 0; machine < FAKE_N; machine++) {
        bfs_autohost struct bfs_host probed = {0}, again = {0};
        bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
        fake_probe((enum fake_machine)machine, &probed);
        assert_int_equal(bfs_host_write(&probed, &text), 0);
        assert_int_equal(bfs_host_read(text.bytes, text.size, "it", &again, NULL), 0);
        assert_written(&again, text.bytes, text.size);
        assert_int_equal(again.n_devices, probed.n_devices);
        assert_memory_equal(again.devices, probed.devices,
                            probed.n_devices * sizeof(*probed.devices));
        assert_string_equal(again.cpu_features, probed.cpu_features);
        assert_string_equal(again.cpu_vendor, probed.cpu_vendor);
    }
}

static void little_is_enough(void **state)
{
    (void)state;
    bfs_autohost struct bfs_host host = {0}, gpu = {0};
    assert_int_equal(read_text("{\"schema_version\":\"1.0\"}", &host, NULL), 0);
    assert_int_equal(host.n_cpus, 1);
    assert_string_equal(host.cpu_features, "");
    assert_int_equal(host.n_devices, 0);
    assert_int_equal(
        read_text("{\"schema_version\":\"1.0\",\"devices\":[{\"hardware\":\"gpu\"}]}", &gpu, NULL),
        0);
    assert_true(gpu.devices[0].is_usable);
    assert_false(gpu.devices[0].is_integrated);
}

static void refused(const char *text, int code, const char *why)
{
    struct bfs_host host;
    struct bfs_error error = {0};
    memset(&host, 0x5a, sizeof(host));
    int r = read_text(text, &host, &error);
    if (r != code || error.code != code || !strstr(error.what, why))
        fail_msg("%s gave %d: %s", text, r, error.what);
    for (size_t i = 0; i < sizeof(host); i++)
        assert_int_equal(((const uint8_t *)&host)[i], 0x5a);
    assert_int_equal(read_text(text, &host, NULL), code);
}

#define ROOT(members) "{\"schema_version\":\"1.0\"," members "}"
#define CPU(members) ROOT("\"cpu\":{" members "}")
#define DEVICE(members)                                                                            \
    ROOT("\"devices\":[{\"hardware\":\"gpu\"},{\"hardware\":\"gpu\"," members "}]")
#define W64 "a23456789-123456789-123456789-123456789-123456789-123456789-1234"

static void refuses_the_rest(void **state)
{
    (void)state;
    refused("", -EBADMSG, "host.json: ");
    refused("[]", -EBADMSG, "not a JSON object");
    refused("{}", -EBADMSG, "\"schema_version\" is missing");
    refused("{\"schema_version\":\"2.0\"}", -EPROTONOSUPPORT, "schema version");
    refused(ROOT("\"gpus\":[]"), -EBADMSG, "unknown field \"gpus\"");
    refused(ROOT("\"arch\":\"\""), -EBADMSG, "\"arch\" is not a word");
    refused(ROOT("\"arch\":\"" W64 "\""), -EBADMSG, "\"arch\" is not a word");
    refused(ROOT("\"plane_kernels\":\"A\""), -EBADMSG, "\"plane_kernels\" is not a word");
    refused(ROOT("\"memory_bytes\":-1"), -EBADMSG, "wrong type");
    refused(CPU("\"cores\":4"), -EBADMSG, "host.json: cpu: unknown field");
    refused(CPU("\"usable\":0"), -EBADMSG, "\"usable\" is not from 1");
    refused(CPU("\"usable\":65537"), -EBADMSG, "\"usable\" is not from 1");
    refused(CPU("\"vendor\":\"GenuineIntel\""), -EBADMSG, "\"vendor\" is not a word");
    refused(CPU("\"model\":\"a\\nb\""), -EBADMSG, "\"model\" is empty or has control");
    refused(CPU("\"model\":\"\""), -EBADMSG, "\"model\" is empty or has control");
    refused(CPU("\"model\":\"\\u007f\""), -EBADMSG, "\"model\" is empty or has control");
    refused(CPU("\"model\":\"" W64 W64 "\""), -E2BIG, "\"model\" is longer than 127");
    refused(CPU("\"features\":[1]"), -EBADMSG, "feature 0 is not a word");
    refused(CPU("\"features\":[\"a\",\"\"]"), -EBADMSG, "feature 1 is not a word");
    refused(CPU("\"features\":[\"a b\"]"), -EBADMSG, "feature 0 is not a word");
    refused(CPU("\"features\":[\"ab\",\"a\",\"ab\"]"), -EBADMSG, "\"ab\" is there twice");
    refused(ROOT("\"devices\":[1]"), -EBADMSG, "device 0: not a JSON object");
    refused(ROOT("\"devices\":[{}]"), -EBADMSG, "\"hardware\" is missing");
    refused(ROOT("\"devices\":[{\"hardware\":\"cpu\"}]"), -EBADMSG, "not a class of device");
    refused(ROOT("\"devices\":[{\"hardware\":\"tpu\"}]"), -EBADMSG, "not a class of device");
    refused(DEVICE("\"colour\":\"red\""), -EBADMSG, "device 1: unknown field \"colour\"");
    refused(DEVICE("\"compute_capability\":\"90\""), -EBADMSG, "\"compute_capability\" is not");
    refused(DEVICE("\"vendor\":\"NVIDIA\""), -EBADMSG, "\"vendor\" is not a word");
    refused(DEVICE("\"driver\":\"a b\""), -EBADMSG, "\"driver\" is not a word");
    refused(DEVICE("\"driver_version\":\"" W64 "\""), -E2BIG, "\"driver_version\" is longer");
    refused(DEVICE("\"pci_address\":\"0000:00:00.0-----\""), -E2BIG, "\"pci_address\" is longer");
    refused(DEVICE("\"pci_id\":\"10de:23300\""), -E2BIG, "\"pci_id\" is longer");
    refused(DEVICE("\"usable\":1"), -EBADMSG, "wrong type");
}

static void limits(void **state)
{
    (void)state;
    static const struct {
        const char *start;
        const char *end;
        unsigned most;
        const char *why;
    } lists[] = {
        {"\"cpu\":{\"features\":[", "]}", BFS_HOST_FEATURES_MAX, "513 features"},
        {"\"devices\":[", "]", BFS_HOST_DEVICES_MAX, "65 devices"},
    };
    for (size_t i = 0; i < LENGTH(lists); i++)
        for (unsigned n = lists[i].most; n <= lists[i].most + 1; n++) {
            bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
            bfs_autohost struct bfs_host host = {0};
            bfs_buffer_printf(&text, "{\"schema_version\":\"1.0\",%s", lists[i].start);
            for (unsigned k = 0; k < n; k++) {
                bfs_buffer_put_text(&text, k ? "," : "");
                if (i == 0)
                    bfs_buffer_printf(&text, "\"f%u\"", k);
                else
                    bfs_buffer_printf(&text, "{\"hardware\":\"gpu\",\"name\":\"%u\"}", k);
            }
            bfs_buffer_printf(&text, "%s}%c", lists[i].end, 0);
            if (n > lists[i].most)
                refused((char *)text.bytes, -E2BIG, lists[i].why);
            else
                assert_int_equal(read_text((char *)text.bytes, &host, NULL), 0);
        }
    bfs_autofree char *blanks = malloc(BFS_HOST_FILE_MAX + 2);
    assert_non_null(blanks);
    memset(blanks, ' ', BFS_HOST_FILE_MAX + 1);
    memcpy(blanks, whole, sizeof(whole) - 1);
    blanks[BFS_HOST_FILE_MAX + 1] = '\0';
    refused(blanks, -E2BIG, "more than 1048576 bytes");
    blanks[BFS_HOST_FILE_MAX] = '\0';
    bfs_autohost struct bfs_host host = {0};
    assert_int_equal(read_text(blanks, &host, NULL), 0);
}

/* A mutant that is accepted is a description that is written and read again as the same. */
static bool judge(const char *bytes, size_t size)
{
    bfs_autohost struct bfs_host host = {0}, again = {0};
    struct bfs_error error = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autofree char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    int r = bfs_host_read(copy, size, "it", &host, &error);
    if (r) {
        assert_true(r == -EBADMSG || r == -E2BIG || r == -EPROTONOSUPPORT);
        assert_int_equal(error.code, r);
        assert_true(error.what[0] != '\0');
        assert_null(host.devices);
        return false;
    }
    assert_int_equal(bfs_host_write(&host, &text), 0);
    assert_int_equal(bfs_host_read(text.bytes, text.size, "it", &again, NULL), 0);
    assert_written(&again, text.bytes, text.size);
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
    assert_in_range(n_accepted, 200, 2 * size);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(judge(whole, cut), cut == size - 1); /* all but the final newline */
}

static void load(const char *file, const char *variable, int code, const char *expected)
{
    bfs_autohost struct bfs_host host = {0};
    struct bfs_error error = {0};
    if (variable)
        assert_int_equal(setenv("BUNDLEFS_HOST", variable, 1), 0);
    else
        assert_int_equal(unsetenv("BUNDLEFS_HOST"), 0);
    assert_int_equal(bfs_host_load(file, &host, &error), code);
    assert_int_equal(error.code, code);
    if (code && !strstr(error.what, expected))
        fail_msg("%s", error.what);
    if (!code)
        assert_string_equal(host.cpu_model, expected);
    assert_int_equal(unsetenv("BUNDLEFS_HOST"), 0);
}

static void a_file_or_the_variable_or_the_probe(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autohost struct bfs_host probed = {0};
    test_write_text(&folder, "a", ROOT("\"cpu\":{\"model\":\"a\"}"));
    test_write_text(&folder, "b", ROOT("\"cpu\":{\"model\":\"b\"}"));
    test_write_text(&folder, "bad", "{}");
    test_write_text(&folder, "empty", "");
    bfs_autofree char *a = test_path(&folder, "a"), *b = test_path(&folder, "b");
    bfs_autofree char *bad = test_path(&folder, "bad"), *none = test_path(&folder, "none");
    bfs_autofree char *empty = test_path(&folder, "empty"), *big = test_path(&folder, "big");
    assert_int_equal(bfs_host_probe(&probed), 0);
    load(NULL, NULL, 0, probed.cpu_model);
    load(NULL, "", 0, probed.cpu_model);
    load(a, NULL, 0, "a");
    load(NULL, b, 0, "b");
    load(a, b, 0, "a");
    load(none, b, -ENOENT, "/none: No such file");
    load("", b, -ENOENT, "No such file");
    load(NULL, none, -ENOENT, "/none: No such file");
    load(folder.path, NULL, -EINVAL, "not a file");
    load(bad, NULL, -EBADMSG, "/bad: field \"schema_version\" is missing");
    load(NULL, empty, -EBADMSG, "/empty: ");
    test_write_text(&folder, "big", "");
    assert_int_equal(truncate(big, (off_t)1 << 40), 0);
    load(big, NULL, -E2BIG, "more than 1048576 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(little_is_enough),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(limits),
        cmocka_unit_test(every_mutant_is_judged),
        cmocka_unit_test(a_file_or_the_variable_or_the_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
