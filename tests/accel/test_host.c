/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/host.h"
#include "verify/json.h"

#include <sched.h>
#include <string.h>
#include <sys/utsname.h>

static void sane_values(void **state)
{
    (void)state;
    struct bfs_host host;
    struct utsname name;
    assert_int_equal(uname(&name), 0);
    assert_int_equal(bfs_host_probe(&host), 0);
    assert_string_equal(host.architecture, name.machine);
    assert_in_range(host.n_cpus, 1, sysconf(_SC_NPROCESSORS_CONF));
    assert_in_range(host.memory_bytes, 16 << 20, UINT64_C(1) << 50);
    assert_non_null(host.cpu_features);
    assert_true(host.kernels && *host.kernels);
    assert_null(strchr(host.cpu_features, '\n'));
    assert_null(strchr(host.cpu_model, '\n'));
    bfs_host_done(&host);
    assert_null(host.cpu_features);
    bfs_host_done(&host);
}

static void the_document(void **state)
{
    (void)state;
    struct bfs_host host;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autojson struct json_object *root = NULL;
    struct bfs_error error = {0};
    assert_int_equal(bfs_host_probe(&host), 0);
    assert_int_equal(bfs_host_write(&host, &text), 0);
    assert_int_equal(bfs_json_parse(text.bytes, text.size, "host", &root, &error), 0);
    assert_string_equal(bfs_json_string(root, "schema_version"), "1.0");
    assert_string_equal(bfs_json_string(root, "arch"), host.architecture);
    assert_string_equal(bfs_json_string(root, "plane_kernels"), host.kernels);
    assert_int_equal(bfs_json_integer(root, "memory_bytes"), host.memory_bytes);
    struct json_object *cpu = bfs_json_member(root, "cpu");
    assert_int_equal(bfs_json_integer(cpu, "usable"), host.n_cpus);
    assert_string_equal(bfs_json_string(cpu, "vendor"), host.cpu_vendor);
    struct json_object *features = bfs_json_member(cpu, "features");
    size_t length = 0, n = json_object_array_length(features);
    for (size_t i = 0; i < n; i++) {
        const char *word = json_object_get_string(json_object_array_get_idx(features, i));
        assert_true(*word && strstr(host.cpu_features, word));
        length += strlen(word);
    }
    assert_in_range(length, n ? strlen(host.cpu_features) / 2 : 0, strlen(host.cpu_features));
    bfs_host_done(&host);
}

static void follows_affinity(void **state)
{
    (void)state;
    cpu_set_t before, one;
    struct bfs_host host;
    size_t first = 0;
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(bfs_host_probe(&host), 0);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
    assert_int_equal(host.n_cpus, 1);
    bfs_host_done(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sane_values),
        cmocka_unit_test(the_document),
        cmocka_unit_test(follows_affinity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
