/* SPDX-License-Identifier: Apache-2.0
 * What is synced, and what is said when it cannot be. Linked with --wrap=fsync. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/pack/packed.h"

#include "codec/store/gc.h"
#include "codec/unpack/unpack.h"

#include <errno.h>

enum { SYNCED_MAX = 256 };

static ino_t synced[SYNCED_MAX];
static size_t n_synced;
static ino_t failing; /* the folder whose fsync fails; 0: none */

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -1;
    if (failing && st.st_ino == failing) {
        errno = EIO;
        return -1;
    }
    if (n_synced < SYNCED_MAX)
        synced[n_synced++] = st.st_ino;
    return __real_fsync(fd);
}

static ino_t number_of(const struct test_folder *folder, const char *name)
{
    bfs_autofree char *path = test_path(folder, name);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_ino;
}

/* SYNCED_MAX: never. */
static size_t when_synced(ino_t number)
{
    for (size_t i = 0; i < n_synced; i++)
        if (synced[i] == number)
            return i;
    return SYNCED_MAX;
}

static void expect_unsynced(const struct bfs_error *error)
{
    assert_int_equal(error->code, -EIO);
    assert_non_null(strstr(error->what, "in place, but a power cut may undo it"));
    assert_non_null(strstr(error->what, "repeat the command"));
}

static int pack(const struct packed *packed, const char *name, struct bfs_error *error)
{
    bfs_autofree char *model = test_path(&packed->folder, "model");
    struct bfs_pack_options options = {
        .directory = model, .chunk_size = BFS_CHUNK_SIZE_MIN, .n_jobs = 2, .source_date_epoch = -1};
    struct bfs_pack_report report;
    assert_int_equal(bfs_reference_parse(name, &options.reference, NULL), 0);
    return bfs_pack(packed->store, &options, &report, error);
}

static void a_new_store_is_synced_from_its_parent_on(void **state)
{
    static const char *const folders[] = {".", "store", "store/blobs", "store/blobs/sha256"};
    (void)state;
    n_synced = 0;
    test_autopacked struct packed packed = packed_make();
    size_t index = when_synced(number_of(&packed.folder, "store/index.json"));
    assert_true(index < SYNCED_MAX);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        size_t when = when_synced(number_of(&packed.folder, folders[i]));
        assert_true(when < SYNCED_MAX);
        if (strcmp(folders[i], "store") != 0)
            assert_true(when < index);
    }
}

static void a_store_whose_parent_cannot_be_synced_is_no_store(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autofree char *path = test_path(&folder, "store");
    BFS_CLEANUP(bfs_store_cleanup) struct bfs_store *store = NULL;
    struct bfs_error error = {0};
    failing = number_of(&folder, ".");
    assert_int_equal(bfs_store_create(path, BFS_STORE_MODE_ANY, &store, &error), -EIO);
    failing = 0;
    assert_non_null(strstr(error.what, "cannot sync"));
    assert_int_equal(bfs_store_open(path, &store, NULL), -EINVAL);
    assert_int_equal(bfs_store_create(path, BFS_STORE_MODE_ANY, &store, NULL), 0);
}

static void a_bundle_that_is_not_synced_is_said_to_be_published(void **state)
{
    (void)state;
    test_autopacked struct packed packed = packed_make();
    struct bfs_error error = {0};
    ino_t store = number_of(&packed.folder, "store");
    failing = store;
    assert_int_equal(pack(&packed, "t/m:1", &error), -EIO);
    expect_unsynced(&error);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:1");
    assert_non_null(bundle);
    assert_int_equal(pack(&packed, "t/m:1", &error), -EIO); /* again, while the disk is ill */
    expect_unsynced(&error);
    failing = 0;
    n_synced = 0;
    assert_int_equal(pack(&packed, "t/m:1", &error), 0);
    assert_true(when_synced(store) < SYNCED_MAX);
}

static void nothing_is_published_before_its_blobs_are_synced(void **state)
{
    (void)state;
    test_autopacked struct packed packed = packed_make();
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    struct bfs_error error = {0};
    const struct bfs_reference name = {.name = "t/m", .version = "1"};
    const struct bfs_descriptor manifest = {.media_type = BFS_MEDIA_OCI_MANIFEST, .size = 100};
    ino_t blobs = number_of(&packed.folder, "store/blobs/sha256");
    failing = blobs;
    assert_int_equal(bfs_catalog_publish(packed.store, &name, &manifest, &error), -EIO);
    assert_non_null(strstr(error.what, "index.json is as it was"));
    failing = 0;
    assert_int_equal(bfs_catalog_load(packed.store, &catalog, NULL), 0);
    assert_int_equal(catalog->n_entries, 0);
    n_synced = 0;
    assert_int_equal(bfs_catalog_publish(packed.store, &name, &manifest, NULL), 0);
    size_t index = when_synced(number_of(&packed.folder, "store/index.json"));
    assert_true(when_synced(blobs) < index && index < SYNCED_MAX);
}

static void gc_removes_nothing_that_a_power_cut_may_bring_back(void **state)
{
    (void)state;
    test_autopacked struct packed packed = packed_make();
    const struct bfs_reference name = {.name = "t/m", .version = "1"};
    struct bfs_gc_report report;
    struct bfs_error error = {0};
    assert_int_equal(pack(&packed, "t/m:1", NULL), 0);
    size_t before = packed_count(bfs_store_blobs_path(packed.store));
    failing = number_of(&packed.folder, "store");
    assert_int_equal(bfs_catalog_remove(packed.store, &name, &error), -EIO);
    expect_unsynced(&error);
    assert_int_equal(bfs_store_gc(packed.store, false, 0, &report, &error), -EIO);
    assert_int_equal(packed_count(bfs_store_blobs_path(packed.store)), before);
    failing = 0;
    assert_int_equal(bfs_store_gc(packed.store, false, 0, &report, NULL), 0);
    assert_int_equal(report.n_removed, before);
}

static void a_directory_that_is_not_synced_is_said_to_be_in_place(void **state)
{
    (void)state;
    test_autopacked struct packed packed = packed_make();
    struct bfs_error error = {0};
    struct bfs_unpack_report report;
    struct stat st;
    assert_int_equal(pack(&packed, "t/m:1", NULL), 0);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:1");
    bfs_autofree char *directory = test_path(&packed.folder, "out");
    bfs_autofree char *file = test_path(&packed.folder, "out/model.safetensors");
    const struct bfs_unpack_options options = {.directory = directory, .n_jobs = 2};
    failing = number_of(&packed.folder, ".");
    assert_int_equal(bfs_unpack(bundle, &options, &report, &error), -EIO);
    failing = 0;
    expect_unsynced(&error);
    assert_non_null(strstr(error.what, directory));
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(packed_count(packed.folder.path), 3); /* model, store, out; no temporary one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_store_is_synced_from_its_parent_on),
        cmocka_unit_test(a_store_whose_parent_cannot_be_synced_is_no_store),
        cmocka_unit_test(a_bundle_that_is_not_synced_is_said_to_be_published),
        cmocka_unit_test(nothing_is_published_before_its_blobs_are_synced),
        cmocka_unit_test(gc_removes_nothing_that_a_power_cut_may_bring_back),
        cmocka_unit_test(a_directory_that_is_not_synced_is_said_to_be_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
