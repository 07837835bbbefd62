/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/listing.h"
#include "tests/fs/served.h"

/* In the order of their names: one that only an nvidia GPU can use, one that any processor can, one
 * for a processor that does not exist. */
static const struct bfs_view_config views[] = {
    {.id = "a-gpu",
     .key = {.hardware = BFS_HARDWARE_GPU, .vendor = "nvidia", .compute_capability_min = 89},
     .container = "opaque",
     .is_opaque = true},
    {.id = "b-cpu",
     .key = {.hardware = BFS_HARDWARE_CPU},
     .container = "opaque",
     .is_opaque = true},
    {.id = "c-other",
     .key = {.hardware = BFS_HARDWARE_CPU, .arch = "pdp11"},
     .container = "opaque",
     .is_opaque = true},
};

enum { N_VIEWS = sizeof(views) / sizeof(views[0]) };

static int extend(void *context, struct bfs_scan *scan, struct bfs_error *error)
{
    (void)context;
    (void)scan;
    (void)error;
    return 0;
}

static int describe(void *context, struct bfs_bundle_config *config, struct bfs_error *error)
{
    (void)context;
    int r = 0;
    for (size_t i = 0; r == 0 && i < N_VIEWS; i++)
        r = bfs_bundle_config_add_view(config, &views[i], error);
    return r;
}

/* What a mount with these options serves; nothing fits `host`'s processor but "b-cpu". */
static void serve(struct served *served, const char *options)
{
    static const struct bfs_pack_extension extension = {.extend = extend, .describe = describe};
    struct bfs_pack_report report;
    struct bfs_error error = {0};
    served_pack(served, NULL, 0);
    test_make_folder(&served->packed.folder, "model/views");
    for (size_t i = 0; i < N_VIEWS; i++) {
        char path[256];
        (void)snprintf(path, sizeof(path), "model/views/%.63s", views[i].id);
        test_make_folder(&served->packed.folder, path);
        (void)snprintf(path, sizeof(path), "model/views/%.63s/view.json", views[i].id);
        test_write_text(&served->packed.folder, path, "{}");
        (void)snprintf(path, sizeof(path), "model/views/%.63s/weights", views[i].id);
        test_write_text(&served->packed.folder, path, views[i].id);
    }
    assert_int_equal(
        packed_pack(&served->packed, "acme/tiny:1.0.0",
                    (struct bfs_pack_options){.source_date_epoch = -1, .extension = &extension},
                    &report),
        0);
    if (bfs_mount_options_parse(options, &served->options, &error))
        fail_msg("%s", error.what);
    served_start(served);
}

#define VIEWS "acme/tiny/1.0.0/views"

static void link_is(struct served *served, const char *target)
{
    struct bfs_reply reply;
    uint64_t node = served_node(served, VIEWS "/auto");
    if (!target) {
        assert_int_equal(node, 0);
        return;
    }
    assert_int_not_equal(node, 0);
    assert_int_equal(served_run(served, bfs_op_getattr, node, "", 0, &reply), 0);
    assert_int_equal(reply.entry.attr.st_mode, S_IFLNK | 0777);
    assert_int_equal(reply.entry.attr.st_size, strlen(target));
    assert_int_equal(served_run(served, bfs_op_readlink, node, "", 0, &reply), 0);
    assert_int_equal(reply.bytes.size, strlen(target));
    assert_memory_equal(reply.bytes.bytes, target, strlen(target));
    bfs_buffer_done(&reply.bytes);
}

static void shows(struct served *served, const char *names)
{
    for (int plus = 0; plus < 2; plus++) {
        char listed[512] = "";
        listing_put(served, VIEWS, 4096, plus, listed);
        assert_string_equal(listed, names);
    }
}

/* The listing and the lookups of SHA256SUMS agree with what is shown. */
static void sums_name(struct served *served, const char *id, bool named)
{
    struct bfs_reply reply;
    char path[128];
    (void)snprintf(path, sizeof(path), "  views/%s/weights\n", id);
    uint64_t node = served_node(served, "acme/tiny/1.0.0/SHA256SUMS");
    assert_int_equal(served_run(served, bfs_op_open, node, "", 0, &reply), 0);
    const struct bfs_text *text = (const struct bfs_text *)(uintptr_t)reply.open.fh;
    assert_int_equal(memmem(text->bytes.bytes, text->bytes.size, path, strlen(path)) != NULL,
                     named);
    size_t size = text->bytes.size;
    bfs_release_file(served->fs, node, reply.open.fh);
    assert_int_equal(served_run(served, bfs_op_getattr, node, "", 0, &reply), 0);
    assert_int_equal(reply.entry.attr.st_size, size);
}

static void the_best_is_auto(void **state)
{
    (void)state;
    test_autoserved struct served served;
    serve(&served, "");
    link_is(&served, "b-cpu");
    shows(&served, ". .. a-gpu b-cpu c-other auto ");
    assert_int_not_equal(served_node(&served, VIEWS "/a-gpu/weights"), 0);
    assert_int_equal(served_node(&served, VIEWS "/b"), 0);
    sums_name(&served, "a-gpu", true);
}

static void one_can_be_forced(void **state)
{
    (void)state;
    test_autoserved struct served served, without;
    serve(&served, "view=a-gpu");
    link_is(&served, "a-gpu");
    serve(&without, "view=none-such");
    link_is(&without, NULL);
    shows(&without, ". .. a-gpu b-cpu c-other ");
}

static void unfit_ones_can_be_hidden(void **state)
{
    (void)state;
    test_autoserved struct served served, forced;
    serve(&served, "hide_unfit");
    shows(&served, ". .. b-cpu auto ");
    link_is(&served, "b-cpu");
    assert_int_equal(served_node(&served, VIEWS "/a-gpu"), 0);
    assert_int_equal(served_node(&served, VIEWS "/c-other"), 0);
    sums_name(&served, "a-gpu", false);
    sums_name(&served, "b-cpu", true);
    serve(&forced, "hide_unfit,view=c-other");
    shows(&forced, ". .. b-cpu c-other auto ");
    link_is(&forced, "c-other");
}

/* Pages of a listing end anywhere. */
static void listings_in_small_pages(void **state)
{
    (void)state;
    test_autoserved struct served served;
    serve(&served, "hide_unfit");
    char listed[512] = "";
    listing_put(&served, VIEWS, 40, false, listed);
    assert_string_equal(listed, ". .. b-cpu auto ");
}

static void the_attribute_names_the_view(void **state)
{
    (void)state;
    static const struct {
        const char *path, *view;
    } rows[] = {
        {VIEWS "/b-cpu", "b-cpu"},
        {VIEWS "/b-cpu/weights", "b-cpu"},
        {"acme/tiny/1.0.0", NULL},
        {VIEWS, NULL},
        {VIEWS "/auto", NULL},
        {"acme/tiny/1.0.0/config.json", NULL},
        {"acme/tiny/1.0.0/manifest.json", NULL},
    };
    test_autoserved struct served served;
    serve(&served, "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bfs_reply reply;
        uint64_t node = served_node(&served, rows[i].path);
        int r = served_run(&served, bfs_op_getxattr, node, "user.bundlefs.view", 64, &reply);
        assert_int_equal(r, rows[i].view ? 0 : -ENODATA);
        if (!rows[i].view)
            continue;
        assert_int_equal(reply.bytes.size, strlen(rows[i].view));
        assert_memory_equal(reply.bytes.bytes, rows[i].view, reply.bytes.size);
        bfs_buffer_done(&reply.bytes);
        assert_int_equal(served_run(&served, bfs_op_listxattr, node, "", 1024, &reply), 0);
        assert_non_null(memmem(reply.bytes.bytes, reply.bytes.size, "user.bundlefs.view", 19));
        bfs_buffer_done(&reply.bytes);
    }
}

/* The kernel does not ask for these of a link; a number may be guessed. */
static void the_link_is_no_file(void **state)
{
    (void)state;
    test_autoserved struct served served;
    serve(&served, "");
    struct bfs_reply reply;
    uint64_t node = served_node(&served, VIEWS "/auto");
    assert_int_equal(served_run(&served, bfs_op_open, node, "", 0, &reply), -ELOOP);
    assert_int_equal(served_run(&served, bfs_op_opendir, node, "", 0, &reply), -ENOTDIR);
    assert_int_equal(served_run(&served, bfs_op_lookup, node, "x", 0, &reply), 0);
    assert_int_equal(reply.entry.ino, 0);
    assert_int_equal(served_run(&served, bfs_op_listxattr, node, "", 1024, &reply), 0);
    bfs_buffer_done(&reply.bytes);
}

/* A bundle without views has no such directory, and a name that looks like one is none. */
static void no_views_at_all(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    assert_int_equal(served_node(&served, VIEWS), 0);
    assert_int_equal(served_node(&served, "acme/tiny/1.0.0/auto"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_is_auto),
        cmocka_unit_test(one_can_be_forced),
        cmocka_unit_test(unfit_ones_can_be_hidden),
        cmocka_unit_test(listings_in_small_pages),
        cmocka_unit_test(the_attribute_names_the_view),
        cmocka_unit_test(the_link_is_no_file),
        cmocka_unit_test(no_views_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
