/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/host.h"

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
    assert_true(*host.kernels);
    assert_null(strchr(host.cpu_features, '\n'));
    assert_null(strchr(host.cpu_model, '\n'));
    bfs_host_done(&host);
    assert_null(host.cpu_features);
    bfs_host_done(&host);
}

/* The CPU says of itself what the kernel prints of it. */
static void features_agree_with_the_kernel(void **state)
{
    (void)state;
    bfs_autohost struct bfs_host live = {0}, listed = {0};
    assert_int_equal(bfs_host_probe(&live), 0);
    assert_int_equal(bfs_host_probe_root("", &listed), 0);
    assert_string_equal(live.cpu_vendor, listed.cpu_vendor);
    assert_string_equal(live.cpu_model, listed.cpu_model);
    assert_memory_equal(live.cpu_features, listed.cpu_features, strlen(listed.cpu_features));
    /* Words that every kernel of today knows; of newer ones the CPU may say more. */
    static const char *const known[] = {"ssse3", "sse4_2", "avx", "fma", "avx2", "asimd"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        assert_int_equal(bfs_host_has_feature(&live, known[i]),
                         bfs_host_has_feature(&listed, known[i]));
    assert_in_range(listed.memory_bytes, live.memory_bytes / 2, live.memory_bytes * 2);
}

static void the_document(void **state)
{
    (void)state;
    bfs_autohost struct bfs_host host = {0}, again = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT, second = BFS_BUFFER_INIT;
    assert_int_equal(bfs_host_probe(&host), 0);
    assert_int_equal(bfs_host_write(&host, &text), 0);
    assert_int_equal(bfs_host_read(text.bytes, text.size, "host", &again, NULL), 0);
    assert_int_equal(bfs_host_write(&again, &second), 0);
    assert_int_equal(second.size, text.size);
    assert_memory_equal(second.bytes, text.bytes, text.size);
    assert_string_equal(again.architecture, host.architecture);
    assert_string_equal(again.kernels, host.kernels);
    assert_string_equal(again.cpu_features, host.cpu_features);
    assert_int_equal(again.n_cpus, host.n_cpus);
    assert_int_equal(again.memory_bytes, host.memory_bytes);
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
        cmocka_unit_test(features_agree_with_the_kernel),
        cmocka_unit_test(the_document),
        cmocka_unit_test(follows_affinity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
