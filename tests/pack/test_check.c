/* SPDX-License-Identifier: Apache-2.0
 * Unpacking and checking: the two that read everything. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/pack/packed.h"

#include "codec/check/check.h"
#include "codec/unpack/unpack.h"

#include <dirent.h>
#include <errno.h>

static const struct bfs_pack_options plain = {.source_date_epoch = -1};

static int unpack(const struct packed *packed, struct bfs_unpack_options options, const char *name)
{
    bfs_autofree char *directory = test_path(&packed->folder, name);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(packed, "t/m:1");
    struct bfs_unpack_report report;
    struct bfs_error error = {0};
    options.directory = directory;
    options.no_sync = true;
    options.n_jobs = options.n_jobs ? options.n_jobs : 3;
    int r = bfs_unpack(bundle, &options, &report, &error);
    assert_int_equal(error.code, r);
    return r;
}

/* Names in a folder that do not begin with a dot. */
static size_t count_names(const struct packed *packed, const char *name)
{
    bfs_autofree char *path = test_path(&packed->folder, name);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    size_t n = 0;
    assert_non_null(folder);
    while ((entry = readdir(folder)))
        n += entry->d_name[0] != '.';
    (void)closedir(folder);
    return n;
}

static void same_entry(const struct packed *packed, const char *other, const char *name)
{
    bfs_autofree char *left_name = bfs_join("model", name), *right_name = bfs_join(other, name);
    bfs_autofree char *left = test_path(&packed->folder, left_name);
    bfs_autofree char *right = test_path(&packed->folder, right_name);
    bfs_autofree uint8_t *a = NULL, *b = NULL;
    size_t a_size, b_size;
    struct stat x, y;
    assert_int_equal(lstat(left, &x), 0);
    assert_int_equal(lstat(right, &y), 0);
    assert_int_equal(x.st_mode, y.st_mode);
    assert_int_equal(x.st_mtim.tv_sec, y.st_mtim.tv_sec);
    assert_int_equal(x.st_mtim.tv_nsec, y.st_mtim.tv_nsec);
    if (!S_ISREG(x.st_mode))
        return;
    assert_int_equal(bfs_read_file(left, 1 << 30, &a, &a_size, NULL), 0);
    assert_int_equal(bfs_read_file(right, 1 << 30, &b, &b_size, NULL), 0);
    assert_int_equal(a_size, b_size);
    assert_memory_equal(a, b, a_size);
}

static void gives_back_the_directory(void **state)
{
    static const char *const names[] = {"",         "config.json", "empty",
                                        "hole.bin", "link",        "model.safetensors",
                                        "nothing",  "sub",         "sub/notes.txt"};
    test_autopacked struct packed packed = packed_make();
    struct bfs_unpack_options one = {.n_jobs = 1}, with = {.metadata = true};
    struct bfs_pack_report report;
    bfs_autofree char *notes = test_path(&packed.folder, "model/sub/notes.txt");
    bfs_autofree char *sub = test_path(&packed.folder, "model/sub");
    (void)state;
    assert_int_equal(chmod(notes, 0600), 0);
    assert_int_equal(chmod(sub, 0555), 0);
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &report), 0);
    assert_int_equal(unpack(&packed, one, "out"), 0);
    test_make_folder(&packed.folder, "there");
    assert_int_equal(unpack(&packed, with, "there"), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        same_entry(&packed, "out", names[i]);
        same_entry(&packed, "there", names[i]);
    }
    assert_int_equal(count_names(&packed, "out"), 7);
    assert_int_equal(count_names(&packed, "there"), 10);
    assert_int_equal(count_names(&packed, ""), 4); /* nothing partial */
    assert_int_equal(chmod(sub, 0755), 0);
}

static void takes_no_place_that_is_used(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct bfs_unpack_options options = {0};
    struct bfs_pack_report report;
    (void)state;
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &report), 0);
    assert_int_equal(unpack(&packed, options, "model"), -EEXIST);
    assert_int_equal(unpack(&packed, options, "model/config.json"), -ENOTDIR);
    assert_int_equal(unpack(&packed, options, "none/out"), -ENOENT);
    assert_int_equal(count_names(&packed, "model"), 7);
    assert_int_equal(count_names(&packed, ""), 2);
}

/* The path of the largest blob, which holds weights. */
static char *largest_blob(const struct packed *packed, off_t *ret_size)
{
    DIR *folder = opendir(bfs_store_blobs_path(packed->store));
    const struct dirent *entry;
    char *largest = NULL;
    *ret_size = 0;
    assert_non_null(folder);
    while ((entry = readdir(folder))) {
        struct stat st;
        assert_int_equal(fstatat(dirfd(folder), entry->d_name, &st, 0), 0);
        if (S_ISREG(st.st_mode) && st.st_size > *ret_size) {
            free(largest);
            largest = bfs_join(bfs_store_blobs_path(packed->store), entry->d_name);
            *ret_size = st.st_size;
        }
    }
    (void)closedir(folder);
    assert_non_null(largest);
    return largest;
}

static void flip(const char *path, off_t offset)
{
    bfs_autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte;
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
}

struct seen {
    size_t n[BFS_CHECK_BLOB + 1];
    size_t n_named; /* problems that name the weights */
};

static void on_problem(void *context, const struct bfs_check_problem *problem)
{
    struct seen *seen = context;
    seen->n[problem->kind]++;
    assert_true(problem->error->code < 0);
    assert_true(problem->error->what[0] != '\0');
    if (problem->path && strcmp(problem->path, "model.safetensors") == 0)
        seen->n_named++;
}

static struct bfs_check_report check(const struct packed *packed, bool quick, struct seen *ret)
{
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    struct bfs_check_options options = {
        .n_jobs = 3, .quick = quick, .problem = on_problem, .context = ret};
    struct bfs_check_report report;
    *ret = (struct seen){0};
    assert_int_equal(bfs_catalog_load(packed->store, &catalog, NULL), 0);
    assert_int_equal(bfs_check_store(packed->store, catalog, &options, &report, NULL), 0);
    return report;
}

static void a_sound_store_has_no_problems(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct bfs_pack_report report;
    struct seen seen;
    (void)state;
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &report), 0);
    assert_int_equal(packed_pack(&packed, "t/m:2", plain, &report), 0);
    struct bfs_check_report found = check(&packed, false, &seen);
    assert_int_equal(found.n_problems, 0);
    assert_int_equal(found.n_bundles, 2);
    assert_int_equal(found.n_files, 12);
    assert_true(found.n_files_read <= 7);
    assert_true(found.has_garbage);
    assert_int_equal(found.n_unreferenced, 0);
    assert_int_equal(check(&packed, true, &seen).n_problems, 0);
}

static void damage_is_found_named_and_refused(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct bfs_unpack_options options = {0};
    struct bfs_pack_report report;
    struct seen seen;
    off_t size;
    (void)state;
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &report), 0);
    assert_int_equal(packed_pack(&packed, "t/m:2", plain, &report), 0);
    bfs_autofree char *blob = largest_blob(&packed, &size);
    flip(blob, 1000);
    flip(blob, size / 2);
    assert_int_equal(check(&packed, true, &seen).n_problems, 0); /* quick reads no content */
    (void)check(&packed, false, &seen);
    assert_int_equal(seen.n[BFS_CHECK_CHUNK], 2);
    assert_int_equal(seen.n[BFS_CHECK_BLOB], 1);
    assert_int_equal(seen.n[BFS_CHECK_FILE], 1); /* the other bundle that shares it */
    assert_int_equal(seen.n_named, 3);
    assert_int_equal(unpack(&packed, options, "out"), -EBADMSG);
    assert_int_equal(count_names(&packed, ""), 2); /* nothing is left behind */

    assert_int_equal(truncate(blob, size - 1), 0);
    assert_true(check(&packed, true, &seen).n_problems > 0);
    assert_int_equal(seen.n[BFS_CHECK_BLOB], 1);
    assert_int_equal(unlink(blob), 0);
    assert_true(check(&packed, true, &seen).n_problems > 0);
    assert_int_equal(seen.n[BFS_CHECK_BLOB], 1);
}

static int stop_at_once(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return 1;
}

static void stopping_leaves_nothing(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct bfs_unpack_options options = {.progress = stop_at_once};
    struct bfs_pack_report report;
    (void)state;
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &report), 0);
    assert_int_equal(unpack(&packed, options, "out"), -EINTR);
    assert_int_equal(count_names(&packed, ""), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_the_directory),
        cmocka_unit_test(takes_no_place_that_is_used),
        cmocka_unit_test(a_sound_store_has_no_problems),
        cmocka_unit_test(damage_is_found_named_and_refused),
        cmocka_unit_test(stopping_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
