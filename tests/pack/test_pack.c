/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/pack/packed.h"

#include "codec/store/file.h"
#include "codec/store/gc.h"

#include <errno.h>

static const struct bfs_pack_options plain = {.source_date_epoch = -1};

static size_t count_blobs(const struct packed *packed)
{
    return packed_count(bfs_store_blobs_path(packed->store));
}

/* Compares every file of the bundle with the one that was packed. */
static void check_content(const struct packed *packed, struct bfs_bundle *bundle)
{
    const struct bfs_index *index = bfs_bundle_index(bundle);
    BFS_CLEANUP(bfs_chunk_reader_cleanup) struct bfs_chunk_reader *reader = NULL;
    bfs_autofree uint8_t *raw = malloc(BFS_CHUNK_WIDE_MAX);
    size_t n_files = 0;
    assert_int_equal(bfs_chunk_reader_new(&reader), 0);
    for (uint32_t number = 0; number < bfs_index_n_inodes(index); number++) {
        struct bfs_inode inode = bfs_index_inode(index, number);
        if (!S_ISREG(inode.mode) || inode.flags & BFS_INODE_GENERATED)
            continue;
        BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = NULL;
        bfs_autofree char *path = bfs_index_path(index, number);
        bfs_autofree char *below = bfs_join("model", path);
        bfs_autofree char *source = test_path(&packed->folder, below);
        bfs_autofree uint8_t *bytes = NULL;
        size_t size;
        assert_int_equal(bfs_read_file(source, 1 << 30, &bytes, &size, NULL), 0);
        assert_int_equal(inode.size, size);
        assert_int_equal(bfs_file_open(bundle, number, &file, NULL), 0);
        const struct bfs_chunk_table *table = bfs_file_table(file);
        for (uint32_t i = 0; table && i < bfs_chunk_table_n_chunks(table); i++) {
            struct bfs_chunk chunk = bfs_chunk_table_at(table, i);
            assert_int_equal(bfs_file_read_chunk(file, reader, i, raw, NULL), 0);
            assert_memory_equal(raw, bytes + chunk.raw_off, chunk.raw_size);
        }
        n_files++;
    }
    assert_int_equal(n_files, 5);
}

static void holds_what_was_packed(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct bfs_pack_report report;
    uint32_t number;
    (void)state;
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &report), 0);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:1");
    assert_true(bfs_digest_equal(bfs_bundle_id(bundle), &report.bundle));
    assert_int_equal(report.n_tensors, 2);
    assert_int_equal(report.n_files, 6); /* with contract.json */
    assert_int_equal(report.stored_size, bfs_bundle_stored_size(bundle));
    check_content(&packed, bundle);
    const struct bfs_index *index = bfs_bundle_index(bundle);
    assert_int_equal(bfs_index_resolve(index, "link", &number), 0);
    struct bfs_inode link = bfs_index_inode(index, number);
    assert_memory_equal(bfs_index_target(index, &link), "sub/notes.txt", link.size);
    assert_int_equal(bfs_index_resolve(index, "empty", &number), 0);
    assert_int_equal(bfs_index_resolve(index, "contract.json", &number), 0);
    assert_true(bfs_index_inode(index, number).flags & BFS_INODE_GENERATED);
}

static void the_digest_does_not_depend_on_the_threads(void **state)
{
    struct bfs_digest first;
    (void)state;
    for (unsigned n_jobs = 1; n_jobs <= 5; n_jobs += 2) {
        test_autopacked struct packed packed = packed_make();
        struct bfs_pack_options options = {.n_jobs = n_jobs, .source_date_epoch = 1000000000};
        struct bfs_pack_report report;
        assert_int_equal(packed_pack(&packed, "t/m:1", options, &report), 0);
        if (n_jobs == 1)
            first = report.bundle;
        assert_true(bfs_digest_equal(&first, &report.bundle));
    }
}

static void unchanged_content_is_stored_once(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct bfs_pack_options alone = {.no_dedup = true, .source_date_epoch = -1};
    struct bfs_pack_report first, second, third;
    (void)state;
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &first), 0);
    assert_true(first.new_size > 1000000);
    assert_int_equal(packed_pack(&packed, "t/m:2", plain, &second), 0);
    assert_true(second.new_size < 20000);
    assert_true(second.known_size >= 11000000);
    test_write_text(&packed.folder, "model/config.json", "{\"model_type\": \"other\"}");
    assert_int_equal(packed_pack(&packed, "other/m:1", plain, &third), 0);
    assert_true(third.new_size < 20000);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "other/m:1");
    check_content(&packed, bundle);
    assert_int_equal(packed_pack(&packed, "other/m:2", alone, &third), 0);
    assert_true(third.new_size > 1000000);
}

static void a_version_is_never_replaced(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct bfs_pack_report report;
    (void)state;
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &report), 0);
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &report), 0); /* nothing changed */
    size_t before = count_blobs(&packed);
    /* Only a byte differs: neither size nor time tells. */
    bfs_autofree char *path = test_path(&packed.folder, "model/config.json");
    bfs_autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat st;
    char byte;
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(pread(fd, &byte, 1, 0), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
    assert_int_equal(futimens(fd, (const struct timespec[]){st.st_atim, st.st_mtim}), 0);
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &report), -EEXIST);
    assert_int_equal(count_blobs(&packed), before);
    test_write_text(&packed.folder, "model/config.json", "changed");
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &report), -EEXIST);
    assert_int_equal(count_blobs(&packed), before); /* refused before anything was written */
    assert_int_equal(packed_pack(&packed, "t/m/1:1", plain, &report), -EEXIST);
}

static int stop_at_once(void *context, const struct bfs_pack_progress *progress)
{
    (void)context;
    (void)progress;
    return 1;
}

static void stopping_publishes_nothing(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct bfs_pack_options options = {.progress = stop_at_once, .source_date_epoch = -1};
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    struct bfs_pack_report report;
    struct bfs_gc_report garbage;
    (void)state;
    assert_int_equal(packed_pack(&packed, "t/m:1", options, &report), -EINTR);
    assert_int_equal(bfs_catalog_load(packed.store, &catalog, NULL), 0);
    assert_int_equal(catalog->n_entries, 0);
    assert_int_equal(bfs_store_gc(packed.store, false, 0, &garbage, NULL), 0);
    assert_int_equal(count_blobs(&packed), 0);
}

static void gc_removes_what_nobody_needs(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct bfs_pack_report report;
    struct bfs_gc_report garbage;
    struct bfs_reference one;
    (void)state;
    assert_int_equal(bfs_reference_parse("t/m:1", &one, NULL), 0);
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &report), 0);
    assert_int_equal(packed_pack(&packed, "t/m:2", plain, &report), 0);
    test_write_text(&packed.folder, "store/.bundlefs/tmp/left", "behind");
    size_t before = count_blobs(&packed);
    assert_int_equal(bfs_catalog_remove(packed.store, &one, NULL), 0);

    assert_int_equal(bfs_store_gc(packed.store, true, 0, &garbage, NULL), 0);
    assert_true(garbage.n_removed > 0);
    assert_int_equal(garbage.n_temporaries, 1);
    assert_int_equal(garbage.temporaries_size, 6);
    assert_int_equal(count_blobs(&packed), before); /* it was dry */

    uint64_t n_removed = garbage.n_removed;
    assert_int_equal(bfs_store_gc(packed.store, false, 0, &garbage, NULL), 0);
    assert_int_equal(garbage.n_removed, n_removed);
    assert_int_equal(count_blobs(&packed), before - n_removed);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:2");
    check_content(&packed, bundle);
}

static void gc_waits_for_packs(void **state)
{
    test_autopacked struct packed packed = packed_make();
    bfs_autoclose int lock = -1;
    struct bfs_gc_report garbage;
    (void)state;
    assert_int_equal(bfs_store_lock(packed.store, BFS_STORE_LOCK_CONTENT, false, 0, &lock, NULL),
                     0);
    assert_int_equal(bfs_store_gc(packed.store, false, 50, &garbage, NULL), -EBUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_packed),
        cmocka_unit_test(the_digest_does_not_depend_on_the_threads),
        cmocka_unit_test(unchanged_content_is_stored_once),
        cmocka_unit_test(a_version_is_never_replaced),
        cmocka_unit_test(stopping_publishes_nothing),
        cmocka_unit_test(gc_removes_what_nobody_needs),
        cmocka_unit_test(gc_waits_for_packs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
