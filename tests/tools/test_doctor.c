/* SPDX-License-Identifier: Apache-2.0
 * What doctor makes of what a daemon and the system say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/folder.h"
#include "tools/doctor_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct json_object *parse(const char *text)
{
    struct json_object *object = NULL;
    assert_int_equal(bfs_json_parse(text, strlen(text), "test", &object, NULL), 0);
    return object;
}

static struct bfs_diagnosis make(const char *verify, const char *health, const char *metrics)
{
    char session[256];
    (void)snprintf(session, sizeof(session),
                   "{\"verify\": \"%s\", \"workers\": 2, \"usable_cpus\": 2, "
                   "\"timeout_seconds\": 30}",
                   verify);
    struct bfs_diagnosis diagnosis = {
        .session = parse(session), .health = parse(health), .metrics = strdup(metrics)};
    assert_non_null(diagnosis.metrics);
    return diagnosis;
}

static const struct bfs_finding *find(const struct bfs_diagnosis *diagnosis, const char *name)
{
    for (size_t i = 0; i < diagnosis->n; i++)
        if (strcmp(diagnosis->findings[i].name, name) == 0)
            return &diagnosis->findings[i];
    return NULL;
}

static enum bfs_finding_state twice(const char *verify, const char *metrics, const char *how)
{
    bfs_autodiagnosis struct bfs_diagnosis diagnosis = make(verify, "{}", metrics);
    bfs_doctor_look_at_work(&diagnosis);
    const struct bfs_finding *finding = find(&diagnosis, "decoded twice");
    assert_non_null(finding);
    if (how)
        assert_non_null(strstr(finding->how, how));
    else
        assert_null(finding->how);
    return finding->state;
}

static void decoded_twice(void **state)
{
    (void)state;
    /* After a warm: everything was decoded, and nothing given to a reader. */
    assert_int_equal(twice("always",
                           "bundlefs_decoded_bytes_total 4000000000\n"
                           "bundlefs_read_bytes_total 0\n"
                           "bundlefs_decoded_again_bytes_total 0\n",
                           NULL),
                     BFS_FINDING_OK);
    /* Little, or little of all. */
    assert_int_equal(twice("always",
                           "bundlefs_decoded_bytes_total 80000000\n"
                           "bundlefs_decoded_again_bytes_total 60000000\n",
                           NULL),
                     BFS_FINDING_OK);
    assert_int_equal(twice("always",
                           "bundlefs_decoded_bytes_total 4000000000\n"
                           "bundlefs_decoded_again_bytes_total 400000000\n",
                           NULL),
                     BFS_FINDING_OK);
    /* Much, although less was decoded than was given. */
    assert_int_equal(twice("always",
                           "bundlefs_read_bytes_total 9000000000\n"
                           "bundlefs_decoded_bytes_total 4000000000\n"
                           "bundlefs_decoded_again_bytes_total 2000000000\n",
                           "raise cache_size; record"),
                     BFS_FINDING_MISSING);
    assert_int_equal(twice("strict",
                           "bundlefs_decoded_bytes_total 4000000000\n"
                           "bundlefs_decoded_again_bytes_total 2000000000\n",
                           "verify=always or once"),
                     BFS_FINDING_MISSING);
}

static void trouble(void **state)
{
    (void)state;
    static const struct {
        const char *metric, *name;
    } kinds[] = {
        {"bundlefs_timeouts_total", "deadlines"},
        {"bundlefs_memory_tight", "memory"},
        {"bundlefs_backing_evictions_total", "room for backing files"},
        {"bundlefs_backing_failures_total", "backing files"},
        {"bundlefs_trace_lost_total", "trace"},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        for (int n = 0; n <= 1; n++) {
            char metrics[128];
            (void)snprintf(metrics, sizeof(metrics), "# HELP\n%s %d\n# EOF\n", kinds[i].metric, n);
            bfs_autodiagnosis struct bfs_diagnosis diagnosis = make("always", "{}", metrics);
            bfs_doctor_look_at_trouble(&diagnosis);
            assert_int_equal(diagnosis.n, n);
            assert_true(n == 0 || find(&diagnosis, kinds[i].name));
            assert_true(n == 0 || (diagnosis.findings[0].cost && diagnosis.findings[0].how));
        }
}

static void passthrough_by_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *reason, *how;
    } reasons[] = {
        {"-o passthrough=off", "mount without passthrough=off"},
        {"only root may", "mount as root"},
        {"the kernel offers none; Linux 6.9 does", "Linux 6.9"},
        {"/var/cache: the kernel does not take a backing file there: Too many levels of symbolic "
         "links",
         "not stacked"},
        {"/b: no unnamed file: Operation not supported", "O_TMPFILE"},
        {"/b: no backing file of 4096 bytes: No space left on device", "room"},
        {"/b: No such file or directory", "make the backing folder"},
        {"something new", "see the log"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        char health[256];
        (void)snprintf(health, sizeof(health),
                       "{\"passthrough\": \"off\", \"passthrough_reason\": \"%s\"}",
                       reasons[i].reason);
        bfs_autodiagnosis struct bfs_diagnosis diagnosis = make("always", health, "");
        bfs_doctor_look_at_passthrough(&diagnosis);
        assert_int_equal(diagnosis.n, 1);
        assert_int_equal(diagnosis.findings[0].state, BFS_FINDING_MISSING);
        assert_non_null(strstr(diagnosis.findings[0].how, reasons[i].how));
        assert_non_null(strstr(diagnosis.findings[0].found, reasons[i].reason));
    }
    bfs_autodiagnosis struct bfs_diagnosis diagnosis =
        make("always", "{\"passthrough\": \"on\"}", "");
    bfs_doctor_look_at_passthrough(&diagnosis);
    assert_int_equal(diagnosis.findings[0].state, BFS_FINDING_OK);
    assert_string_equal(diagnosis.findings[0].found, "on");
}

static void put(const struct test_folder *folder, const char *name, const char *content)
{
    bfs_autofree char *path = test_path(folder, name);
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static size_t idle_findings(const struct test_folder *folder)
{
    bfs_autofree char *root = test_path(folder, ".");
    bfs_autodiagnosis struct bfs_diagnosis diagnosis = make("always", "{}", "");
    bfs_doctor_look_at_idle(&diagnosis, root);
    assert_true(diagnosis.n == 0 || strstr(diagnosis.findings[0].how, "guest_halt_poll_ns"));
    return diagnosis.n;
}

static void cpus_that_halt_at_once(void **state)
{
    (void)state;
    static const char driver[] = "sys/devices/system/cpu/cpuidle/current_driver";
    static const char poll[] = "sys/module/haltpoll/parameters/guest_halt_poll_ns";
    struct test_folder folder = test_folder_make();
    assert_int_equal(idle_findings(&folder), 0); /* no such thing here */
    put(&folder, driver, "haltpoll\n");
    assert_int_equal(idle_findings(&folder), 0); /* it cannot be told */
    put(&folder, poll, "0\n");
    assert_int_equal(idle_findings(&folder), 1);
    put(&folder, poll, "200000\n");
    assert_int_equal(idle_findings(&folder), 0);
    put(&folder, poll, "0\n");
    put(&folder, driver, "intel_idle\n");
    assert_int_equal(idle_findings(&folder), 0);
    test_folder_remove(&folder);
}

static void the_store(void **state)
{
    (void)state;
    bfs_autodiagnosis struct bfs_diagnosis here = make("always", "{\"store\": \"/\"}", "");
    bfs_doctor_look_at_store(&here, 20000);
    assert_int_equal(here.findings[0].state, BFS_FINDING_NOTE);
    bfs_autodiagnosis struct bfs_diagnosis gone =
        make("always", "{\"store\": \"/nowhere/at/all\"}", "");
    bfs_doctor_look_at_store(&gone, 20000);
    assert_int_equal(gone.findings[0].state, BFS_FINDING_FAULT);
    assert_non_null(strstr(gone.findings[0].found, strerror(ENOENT)));
}

static void keys_that_end_soon(void **state)
{
    (void)state;
    static const char *const none[] = {"{}", "{\"keys_expiring\": []}"};
    for (size_t i = 0; i < 2; i++) {
        bfs_autodiagnosis struct bfs_diagnosis nothing = make("always", none[i], "");
        bfs_doctor_look_at_keys(&nothing);
        assert_null(find(&nothing, "keys ending soon"));
    }
    bfs_autodiagnosis struct bfs_diagnosis one = make(
        "always",
        "{\"keys_expiring\": [{\"name\": \"a\", \"not_after\": \"2027-01-01T00:00:00Z\"}]}", "");
    bfs_doctor_look_at_keys(&one);
    const struct bfs_finding *finding = find(&one, "keys ending soon");
    assert_non_null(finding);
    assert_int_equal(finding->state, BFS_FINDING_MISSING);
    assert_string_equal(finding->found, "a ends at 2027-01-01T00:00:00Z");
    bfs_autodiagnosis struct bfs_diagnosis three =
        make("always",
             "{\"keys_expiring\": [{\"name\": \"a\", \"not_after\": \"2027-01-02T00:00:00Z\"},"
             "{\"name\": \"b\", \"not_after\": \"2026-12-31T00:00:00Z\"},"
             "{\"name\": \"c\", \"not_after\": \"2027-01-01T00:00:00Z\"}]}",
             "");
    bfs_doctor_look_at_keys(&three);
    finding = find(&three, "keys ending soon");
    assert_non_null(finding);
    assert_string_equal(finding->found,
                        "b ends at 2026-12-31T00:00:00Z, then 2 more: see .bundlefs/health.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoded_twice),
        cmocka_unit_test(trouble),
        cmocka_unit_test(passthrough_by_its_reason),
        cmocka_unit_test(cpus_that_halt_at_once),
        cmocka_unit_test(the_store),
        cmocka_unit_test(keys_that_end_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
