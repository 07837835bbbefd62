/* SPDX-License-Identifier: Apache-2.0
 * Unpacking bundles with views, and one view. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/pack/maker.h"

#include "codec/unpack/unpack.h"

#include <errno.h>

static int unpack(const struct packed *packed, struct bfs_unpack_options options, const char *name)
{
    bfs_autofree char *directory = test_path(&packed->folder, name);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(packed, "t/m:1");
    struct bfs_unpack_report report;
    struct bfs_error error = {0};
    options.directory = directory;
    options.no_sync = true;
    options.n_jobs = 2;
    int r = bfs_unpack(bundle, &options, &report, &error);
    assert_int_equal(error.code, r);
    return r;
}

static bool exists(const struct packed *packed, const char *name, mode_t *ret)
{
    bfs_autofree char *path = test_path(&packed->folder, name);
    struct stat st;
    if (lstat(path, &st) != 0)
        return false;
    *ret = st.st_mode;
    return true;
}

static void unpacking_leaves_made_views_out(void **state)
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker maker = maker_make();
    const struct bfs_unpack_options with = {.metadata = true}, without = {0};
    struct bfs_pack_report first, again;
    bfs_autofree char *model = test_path(&packed.folder, "model");
    bfs_autofree char *old = test_path(&packed.folder, "old");
    mode_t mode;
    (void)state;
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &first), 0);
    assert_int_equal(unpack(&packed, with, "with"), 0);
    assert_true(exists(&packed, "with/views/big/sub/up", &mode));
    assert_true(S_ISLNK(mode));
    assert_true(exists(&packed, "with/views/big", &mode));
    assert_int_equal(mode, S_IFDIR | 0755); /* its owner can remove it */

    /* what was unpacked packs into the same bundle */
    assert_int_equal(rename(model, old), 0);
    assert_int_equal(unpack(&packed, without, "model"), 0);
    assert_false(exists(&packed, "model/views", &mode));
    assert_true(exists(&packed, "model/sub/notes.txt", &mode));
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &again), 0);
    assert_true(bfs_digest_equal(&first.bundle, &again.bundle));
}

static void a_view_is_unpacked_alone(void **state)
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker maker = maker_make();
    struct bfs_pack_report report;
    bfs_autofree char *notes = test_path(&packed.folder, "out/sub/notes.txt");
    bfs_autofree char *out = test_path(&packed.folder, "out");
    bfs_autofree char *sub = test_path(&packed.folder, "out/sub");
    bfs_autofree char *weights = test_path(&packed.folder, "out/model.safetensors");
    bfs_autofree uint8_t *text = NULL, *bytes = NULL;
    size_t size;
    mode_t mode;
    (void)state;
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &report), 0);
    assert_int_equal(unpack(&packed, (struct bfs_unpack_options){.view = "none"}, "out"), -ENOENT);
    assert_int_equal(
        unpack(&packed, (struct bfs_unpack_options){.view = "big", .metadata = true}, "out"),
        -EINVAL);
    assert_false(exists(&packed, "out", &mode));
    assert_int_equal(unpack(&packed, (struct bfs_unpack_options){.view = "big"}, "out"), 0);
    assert_int_equal(bfs_read_file(notes, 1000, &text, &size, NULL), 0);
    assert_string_equal((const char *)text, "some words, some words, some words");
    assert_int_equal(bfs_read_file(weights, 1 << 30, &bytes, &size, NULL), 0);
    assert_int_equal(size, maker.large.size);
    assert_memory_equal(bytes, maker.large.bytes, size);
    assert_true(exists(&packed, "out", &mode));
    assert_int_equal(mode, S_IFDIR | 0755);
    assert_true(exists(&packed, "out/sub/up", &mode));
    assert_int_equal(packed_count(out), 3);
    assert_int_equal(packed_count(sub), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unpacking_leaves_made_views_out),
        cmocka_unit_test(a_view_is_unpacked_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
