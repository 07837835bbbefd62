/* SPDX-License-Identifier: Apache-2.0
 * What may be added to a scan, and what a complete one must be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/pack/scan_add.h"
#include "codec/store/view_config.h"
#include "tests/support/folder.h"
#include "verify/name.h"

#include <errno.h>

/* A directory with "f" (3 bytes), "d/" and "l", and "views/" and "views/one/" added to its scan. */
struct sample {
    struct test_folder folder;
    struct bfs_scan scan;
    uint32_t views, one;
};

static struct sample sample_make(void)
{
    struct sample sample = {.folder = test_folder_make()};
    bfs_autofree char *link = test_path(&sample.folder, "l");
    bfs_autofree char *file = test_path(&sample.folder, "f");
    const struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 7, .tv_nsec = 9}};
    test_write_text(&sample.folder, "f", "abc");
    test_make_folder(&sample.folder, "d");
    assert_int_equal(symlink("f", link), 0);
    assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
    assert_int_equal(bfs_scan_directory(sample.folder.path, false, &sample.scan, NULL), 0);
    assert_int_equal(bfs_scan_add_directory(&sample.scan, 0, "views", &sample.views, NULL), 0);
    assert_int_equal(bfs_scan_add_directory(&sample.scan, sample.views, "one", &sample.one, NULL),
                     0);
    return sample;
}

static void sample_done(struct sample *sample)
{
    bfs_scan_done(&sample->scan);
    test_folder_remove(&sample->folder);
}
#define test_autosample BFS_CLEANUP(sample_done)

static int add_text(struct sample *sample, uint32_t parent, const char *name, const char *text)
{
    struct bfs_buffer bytes = BFS_BUFFER_INIT;
    struct bfs_error error = {0};
    uint32_t number;
    bfs_buffer_put_text(&bytes, text);
    int r = bfs_scan_add_bytes(&sample->scan, parent, name, &bytes, &number, &error);
    assert_int_equal(error.code, r);
    assert_null(bytes.bytes); /* taken in any case */
    return r;
}

static uint32_t find(const struct sample *sample, const char *path)
{
    uint32_t number = 0;
    assert_true(bfs_scan_find(&sample->scan, path, &number));
    return number;
}

static void what_is_added_is_complete(void **state)
{
    test_autosample struct sample sample = sample_make();
    uint32_t same, again, link;
    (void)state;
    assert_int_equal(add_text(&sample, sample.one, "b", "12345"), 0);
    assert_int_equal(
        bfs_scan_add_same(&sample.scan, sample.one, "s", find(&sample, "f"), &same, NULL), 0);
    assert_int_equal(bfs_scan_add_same(&sample.scan, sample.one, "t", same, &again, NULL), 0);
    assert_int_equal(bfs_scan_add_link(&sample.scan, sample.one, "l", "b", &link, NULL), 0);
    assert_int_equal(bfs_scan_finish(&sample.scan, NULL), 0);
    const struct bfs_scan_entry *entries = sample.scan.entries;
    assert_string_equal(entries[same].path, "views/one/s");
    assert_string_equal(entries[same].name, "s");
    assert_int_equal(entries[again].same_as, find(&sample, "f")); /* never another SAME */
    assert_int_equal(entries[same].mtime.tv_sec, 7);
    assert_int_equal(entries[same].mtime.tv_nsec, 9);
    assert_int_equal(entries[same].size, 3);
    assert_int_equal(entries[link].mtime.tv_sec, sample.scan.newest);
    assert_int_equal(entries[link].mtime.tv_nsec, 0);
    assert_string_equal(entries[link].target, "b");
    assert_true(entries[sample.views].generated && entries[same].generated);
    assert_false(entries[find(&sample, "f")].generated);
    assert_int_equal(sample.scan.total_size, 3 + 5 + 3 + 3);
    assert_int_equal(sample.scan.work_size, 3 + 5);
}

static void illegal_places_are_refused(void **state)
{
    test_autosample struct sample sample = sample_make();
    static const char *const names[] = {"", ".", "..", "a/b"};
    char long_name[BFS_COMPONENT_MAX + 2];
    uint32_t n_before = sample.scan.n_entries, number;
    (void)state;
    memset(long_name, 'x', sizeof(long_name));
    long_name[BFS_COMPONENT_MAX + 1] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(add_text(&sample, sample.one, names[i], "x"), -EINVAL);
    assert_int_equal(add_text(&sample, sample.one, long_name, "x"), -EINVAL);
    assert_int_equal(add_text(&sample, 0, "manifest.json", "x"), -EINVAL);
    assert_int_equal(add_text(&sample, 0, "beside", "x"), -EINVAL);
    assert_int_equal(add_text(&sample, 0, "views", "x"), -EINVAL);
    assert_int_equal(add_text(&sample, find(&sample, "f"), "x", "x"), -EINVAL);
    assert_int_equal(add_text(&sample, UINT32_MAX, "x", "x"), -EINVAL);
    assert_int_equal(
        bfs_scan_add_same(&sample.scan, sample.one, "s", find(&sample, "d"), &number, NULL),
        -EINVAL);
    assert_int_equal(
        bfs_scan_add_same(&sample.scan, sample.one, "s", find(&sample, "l"), &number, NULL),
        -EINVAL);
    assert_int_equal(
        bfs_scan_add_same(&sample.scan, sample.one, "s", sample.scan.n_entries, &number, NULL),
        -EINVAL);
    assert_int_equal(sample.scan.n_entries, n_before);
    assert_int_equal(sample.scan.total_size, 3);
}

static void depth_is_bounded(void **state)
{
    test_autosample struct sample sample = sample_make();
    uint32_t folder = sample.one;
    (void)state;
    for (unsigned depth = 3; depth < BFS_DEPTH_MAX; depth++)
        assert_int_equal(bfs_scan_add_directory(&sample.scan, folder, "d", &folder, NULL), 0);
    assert_int_equal(add_text(&sample, folder, "f", "x"), 0);
    assert_int_equal(bfs_scan_add_directory(&sample.scan, folder, "d", &folder, NULL), -EINVAL);
}

static void links_stay_in_their_view(void **state)
{
    static const struct {
        const char *target;
        int add, finish;
    } cases[] = {
        {"x", 0, 0},
        {"../x", 0, 0},
        {"../../x", 0, -EINVAL}, /* in the bundle, but not in the view */
        {"../../../x", 0, -EINVAL},
        {"../../../../x", -EINVAL, 0},
        {"/x", -EINVAL, 0},
        {"", -EINVAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_autosample struct sample sample = sample_make();
        uint32_t folder, number;
        assert_int_equal(bfs_scan_add_directory(&sample.scan, sample.one, "d", &folder, NULL), 0);
        assert_int_equal(
            bfs_scan_add_link(&sample.scan, folder, "l", cases[i].target, &number, NULL),
            cases[i].add);
        assert_int_equal(bfs_scan_finish(&sample.scan, NULL), cases[i].finish);
    }
}

static void a_name_is_there_once(void **state)
{
    test_autosample struct sample sample = sample_make();
    struct bfs_error error = {0};
    (void)state;
    assert_int_equal(add_text(&sample, sample.one, "a", "x"), 0);
    assert_int_equal(add_text(&sample, sample.one, "b", "x"), 0);
    assert_int_equal(bfs_scan_finish(&sample.scan, NULL), 0);
    assert_int_equal(add_text(&sample, sample.one, "a", "y"), 0);
    assert_int_equal(bfs_scan_finish(&sample.scan, &error), -EEXIST);
    assert_non_null(strstr(error.what, "views/one/a"));
}

static void views_are_numbered_by_their_ids(void **state)
{
    test_autosample struct sample sample = sample_make();
    uint32_t nine, a, below;
    (void)state;
    assert_int_equal(bfs_scan_add_directory(&sample.scan, sample.views, "9", &nine, NULL), 0);
    assert_int_equal(bfs_scan_add_directory(&sample.scan, sample.views, "a", &a, NULL), 0);
    assert_int_equal(bfs_scan_add_directory(&sample.scan, a, "below", &below, NULL), 0);
    assert_int_equal(add_text(&sample, below, "f", "x"), 0);
    assert_int_equal(bfs_scan_finish(&sample.scan, NULL), 0);
    const struct bfs_scan_entry *entries = sample.scan.entries;
    assert_int_equal(sample.scan.n_sections, 4);
    assert_int_equal(entries[nine].section, 1);
    assert_int_equal(entries[a].section, 2);
    assert_int_equal(entries[find(&sample, "views/a/below/f")].section, 2);
    assert_int_equal(entries[sample.one].section, 3);
    assert_int_equal(entries[sample.views].section, 0);
    assert_int_equal(entries[find(&sample, "f")].section, 0);
}

static int finish_with(const char *name, bool folder)
{
    test_autosample struct sample sample = sample_make();
    uint32_t number;
    if (folder)
        assert_int_equal(bfs_scan_add_directory(&sample.scan, sample.views, name, &number, NULL),
                         0);
    else
        assert_int_equal(add_text(&sample, sample.views, name, "x"), 0);
    return bfs_scan_finish(&sample.scan, NULL);
}

static void what_is_no_view_is_refused(void **state)
{
    test_autosample struct sample sample = sample_make();
    uint32_t number;
    (void)state;
    assert_int_equal(finish_with("two", true), 0);
    assert_int_equal(finish_with("two", false), -EINVAL);
    assert_int_equal(finish_with("auto", true), -EINVAL);
    assert_int_equal(finish_with("Two", true), -EINVAL);
    assert_int_equal(finish_with(".two", true), -EINVAL);
    for (unsigned i = 1; i < BFS_VIEWS_MAX; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "v%u", i);
        assert_int_equal(bfs_scan_add_directory(&sample.scan, sample.views, id, &number, NULL), 0);
    }
    assert_int_equal(bfs_scan_finish(&sample.scan, NULL), 0);
    assert_int_equal(bfs_scan_add_directory(&sample.scan, sample.views, "more", &number, NULL), 0);
    assert_int_equal(bfs_scan_finish(&sample.scan, NULL), -E2BIG);
}

static unsigned n_released;

static void release(void *context)
{
    (void)context;
    n_released++;
}

static void made_files_are_taken_in_any_case(void **state)
{
    static const struct bfs_made_ops ops = {.free = release};
    (void)state;
    n_released = 0;
    {
        test_autosample struct sample sample = sample_make();
        struct bfs_made good = {.ops = &ops, .size = 10}, bad = good;
        struct bfs_made huge = {.ops = &ops, .size = INT64_MAX};
        uint32_t number;
        assert_int_equal(bfs_scan_add_made(&sample.scan, sample.one, "m", &good, &number, NULL), 0);
        assert_null(good.ops);
        assert_int_equal(n_released, 0);
        assert_int_equal(bfs_scan_add_made(&sample.scan, sample.one, "/", &bad, &number, NULL),
                         -EINVAL);
        assert_null(bad.ops);
        assert_int_equal(n_released, 1);
        assert_int_equal(bfs_scan_add_made(&sample.scan, sample.one, "h", &huge, &number, NULL),
                         -E2BIG);
        assert_int_equal(n_released, 2);
    }
    assert_int_equal(n_released, 3);
}

static void made_files_must_add_up(void **state)
{
    char name[] = "t";
    struct bfs_tensor tensors[2] = {{.name = name, .offset = 0, .size = 60},
                                    {.name = name, .offset = 60, .size = 40}};
    enum { CAPACITY = BFS_CHUNK_SIZE_MIN / 4 * 5 };
    struct bfs_plan_run runs[2] = {{.size = 60}, {.size = 40}};
    struct bfs_made made = {.size = 100,
                            .map = {.tensors = tensors, .n_tensors = 2},
                            .plan = {.runs = runs, .n_runs = 2, .chunk_size = BFS_CHUNK_SIZE_MIN}};
    (void)state;
    assert_int_equal(bfs_made_check(&made, CAPACITY, "m", NULL), 0);
    assert_int_equal(bfs_made_check(&made, CAPACITY - 1, "m", NULL), -EINVAL);
    runs[1].size = 39;
    assert_int_equal(bfs_made_check(&made, CAPACITY, "m", NULL), -EINVAL);
    runs[1].size = 41;
    assert_int_equal(bfs_made_check(&made, CAPACITY, "m", NULL), -EINVAL);
    runs[1].size = 0;
    assert_int_equal(bfs_made_check(&made, CAPACITY, "m", NULL), -EINVAL);
    made.plan.n_runs = 0;
    assert_int_equal(bfs_made_check(&made, CAPACITY, "m", NULL), 0);
    tensors[1].offset = 59;
    assert_int_equal(bfs_made_check(&made, CAPACITY, "m", NULL), -EINVAL);
    tensors[1].offset = 61;
    assert_int_equal(bfs_made_check(&made, CAPACITY, "m", NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_complete),
        cmocka_unit_test(illegal_places_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(links_stay_in_their_view),
        cmocka_unit_test(a_name_is_there_once),
        cmocka_unit_test(views_are_numbered_by_their_ids),
        cmocka_unit_test(what_is_no_view_is_refused),
        cmocka_unit_test(made_files_are_taken_in_any_case),
        cmocka_unit_test(made_files_must_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
