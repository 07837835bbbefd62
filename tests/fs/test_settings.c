/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* The parser of mountinfo lines is not for others. */
#include "fs/mounts.c"

#include "fs/log.h"
#include "fs/metrics.h"

static void lines_of_mountinfo(void **state)
{
    (void)state;
    static const struct {
        const char *line, *path, *device, *type;
    } rows[] = {
        {"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue", "/mnt2",
         "98:0", "ext3"},
        {"36 35 0:57 / /mnt/with\\040blank ro - fuse.bundlefs /srv/a\\054b ro", "/mnt/with blank",
         "0:57", "fuse.bundlefs"},
        {"36 35 0:57 / /a\\011b\\012c\\134040 ro shared:1 master:2 - tmpfs x rw", "/a\tb\nc\\040",
         "0:57", "tmpfs"},
        {"36 35 0:57 / / ro - overlay overlay rw", "/", "0:57", "overlay"},
        {"36 35 0:57 / /a ro", "/a", NULL, NULL},
        {"36 35 0:57 / /a", "/a", NULL, NULL},
        {"36 35 0:57", "/a", NULL, NULL},
        {"", "", NULL, NULL},
        {"36 35 0:57 / /ab ro - tmpfs x rw", "/a", NULL, NULL},
        {"36 35 0:57 / /a\\04 ro - tmpfs x rw", "/a\\04", "0:57", "tmpfs"},
        {"36 35 0:57 / /a\\777 ro - tmpfs x rw", "/a\\777", "0:57", "tmpfs"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bfs_mount_entry entry;
        bfs_autofree char *line = strdup(rows[i].line);
        assert_non_null(line);
        bool found = parse_line(line, rows[i].path, &entry);
        assert_int_equal(found, rows[i].type != NULL);
        if (found) {
            assert_string_equal(entry.device, rows[i].device);
            assert_string_equal(entry.type, rows[i].type);
        }
    }
}

static void mounts_of_this_system(void **state)
{
    (void)state;
    struct bfs_mount_entry entry;
    bfs_autofree char *path = NULL;
    struct bfs_error error = {0};
    assert_true(bfs_mount_find("/proc", &entry));
    assert_string_equal(entry.type, "proc");
    assert_false(bfs_mount_find("/proc/", &entry));
    assert_false(bfs_mount_find("/proc/self", &entry));
    assert_false(bfs_mount_is_stale("/proc"));
    assert_int_equal(bfs_mount_path("/proc/../proc/", &path, &error), 0);
    assert_string_equal(path, "/proc");
    assert_int_equal(bfs_mount_path("/nowhere/at/all", &path, &error), -ENOENT);
    assert_int_equal(error.code, -ENOENT);
    assert_int_equal(bfs_mount_path("/proc/version/x", &path, NULL), -ENOTDIR);
}

/* OpenMetrics 1.0: for each family TYPE, UNIT when it has one, HELP, then its sample; # EOF. */
static void metrics_are_open_metrics(void **state)
{
    (void)state;
    struct bfs_metrics metrics = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_metric_add(&metrics, BFS_METRIC_READ_BYTES, 40);
    bfs_metric_add(&metrics, BFS_METRIC_READ_BYTES, 2);
    bfs_metric_set(&metrics, BFS_METRIC_BUNDLES, UINT64_MAX);
    bfs_metrics_write_openmetrics(&metrics, &text);
    bfs_buffer_put_u8(&text, 0);
    assert_int_equal(bfs_buffer_status(&text), 0);
    const char *all = (const char *)text.bytes;
    assert_non_null(strstr(all, "\nbundlefs_read_bytes_total 42\n"));
    assert_non_null(strstr(all, "\nbundlefs_bundles 18446744073709551615\n"));
    char *rest = (char *)text.bytes;
    unsigned n = 0;
    for (char *line = strsep(&rest, "\n"); strcmp(line, "# EOF") != 0; n++) {
        char name[64], type[16], unit[16] = "", sample[64], number[32];
        assert_int_equal(sscanf(line, "# TYPE %63[a-z_] %15[a-z]", name, type), 2);
        assert_true(strncmp(name, "bundlefs_", 9) == 0);
        bool counter = strcmp(type, "counter") == 0;
        assert_true(counter || strcmp(type, "gauge") == 0);
        line = strsep(&rest, "\n");
        if (sscanf(line, "# UNIT %63[a-z_] %15[a-z]", sample, unit) == 2) {
            assert_string_equal(sample, name);
            size_t suffix = strlen(name) - strlen(unit);
            assert_string_equal(name + suffix, unit);
            assert_int_equal(name[suffix - 1], '_');
            line = strsep(&rest, "\n");
        }
        assert_int_equal(sscanf(line, "# HELP %63[a-z_] %31s", sample, number), 2);
        assert_string_equal(sample, name);
        line = strsep(&rest, "\n");
        assert_int_equal(sscanf(line, "%63[a-z_] %31[0-9]", sample, number), 2);
        assert_int_equal(strncmp(sample, name, strlen(name)), 0);
        assert_string_equal(sample + strlen(name), counter ? "_total" : "");
        line = strsep(&rest, "\n");
    }
    assert_int_equal(n, BFS_N_METRICS);
    assert_string_equal(rest, "");
}

/* The classic format: HELP and TYPE by the name of the sample, then the sample. */
static void metrics_are_classic_text(void **state)
{
    (void)state;
    struct bfs_metrics metrics = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_metric_add(&metrics, BFS_METRIC_READ_BYTES, 42);
    bfs_metrics_write(&metrics, &text);
    bfs_buffer_put_u8(&text, 0);
    assert_int_equal(bfs_buffer_status(&text), 0);
    assert_non_null(strstr((const char *)text.bytes, "\nbundlefs_read_bytes_total 42\n"));
    char *rest = (char *)text.bytes;
    unsigned n = 0;
    for (char *line = strsep(&rest, "\n"); *line; line = strsep(&rest, "\n"), n++) {
        char helped[64], typed[64], sample[64], type[16], word[32];
        assert_int_equal(sscanf(line, "# HELP %63[a-z_] %31s", helped, word), 2);
        line = strsep(&rest, "\n");
        assert_int_equal(sscanf(line, "# TYPE %63[a-z_] %15[a-z]", typed, type), 2);
        line = strsep(&rest, "\n");
        assert_int_equal(sscanf(line, "%63[a-z_] %31[0-9]", sample, word), 2);
        assert_string_equal(helped, sample);
        assert_string_equal(typed, sample);
        size_t length = strlen(sample);
        bool is_total = length > 6 && strcmp(sample + length - 6, "_total") == 0;
        assert_string_equal(type, is_total ? "counter" : "gauge");
    }
    assert_int_equal(n, BFS_N_METRICS);
    assert_null(rest);
}

static void keep_line(void *context, enum bfs_log_level level, const char *line)
{
    char *kept = context;
    assert_int_equal(level, BFS_LOG_WARNING);
    (void)snprintf(kept, 4096, "%s", line);
    kept[4096]++;
}

static void a_message_is_one_short_line(void **state)
{
    (void)state;
    char kept[4097] = "";
    struct bfs_log log = {.write = keep_line, .context = kept}, none = {0};
    bfs_autofree char *path = malloc(10000);
    assert_non_null(path);
    bfs_log(&none, BFS_LOG_ERROR, "nobody hears it");
    bfs_log(&log, BFS_LOG_WARNING, "%s: damaged", "a\nERROR all is lost\r\033[2Jb");
    assert_string_equal(kept, "a?ERROR all is lost??[2Jb: damaged");
    memset(path, 'x', 9999);
    path[9999] = '\0';
    bfs_log(&log, BFS_LOG_WARNING, "%s", path);
    assert_true(strlen(kept) < 2048);
    assert_int_equal(kept[4096], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_mountinfo),
        cmocka_unit_test(mounts_of_this_system),
        cmocka_unit_test(metrics_are_open_metrics),
        cmocka_unit_test(metrics_are_classic_text),
        cmocka_unit_test(a_message_is_one_short_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
