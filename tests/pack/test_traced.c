/* SPDX-License-Identifier: Apache-2.0
 * Bundles that carry the order of a load. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/pack/traced.h"

#include "codec/check/check.h"

#include <errno.h>

static const struct bfs_pack_options plain = {.source_date_epoch = 1000000000, .no_dedup = true};

static const char sound[] =
    "@\"path\":\"config.json\",\"offset\":0,\"size\":22}\n"
    "@\"path\":\"model.safetensors\",\"offset\":1000000,\"size\":65536,\"tensor\":\"embed\"}\n"
    "@\"path\":\"model.safetensors\",\"offset\":0,\"size\":65536}\n";

static void a_bundle_carries_its_trace(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct bfs_pack_report report, without;
    (void)state;
    assert_int_equal(traced_pack(&packed, "t/m:1", sound, plain, &report), 0);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:1");
    const struct bfs_bundle_config *config = bfs_bundle_config(bundle);
    const struct bfs_index *index = bfs_bundle_index(bundle);
    uint32_t last = bfs_bundle_n_layers(bundle) - 1, number;
    assert_true(config->has_trace);
    assert_string_equal(bfs_bundle_layer(bundle, last)->media_type, BFS_MEDIA_TRACE);
    assert_int_equal(config->trace_size, BFS_ORDER_HEADER_SIZE + 3 * BFS_ORDER_RECORD_SIZE);
    assert_int_equal(report.stored_size, bfs_bundle_stored_size(bundle));
    bfs_autoorder struct bfs_order order = {0};
    assert_int_equal(bfs_bundle_trace(bundle, &order, NULL), 0);
    assert_int_equal(order.n_steps, 3);
    assert_int_equal(bfs_index_resolve(index, "config.json", &number), 0);
    assert_int_equal(order.steps[0].inode, number);
    assert_int_equal(bfs_index_resolve(index, "model.safetensors", &number), 0);
    assert_int_equal(order.steps[1].inode, number);
    assert_int_equal(order.steps[1].offset, 1000000);

    assert_int_equal(packed_pack(&packed, "t/m:2", plain, &without), 0);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *other = packed_open(&packed, "t/m:2");
    bfs_autoorder struct bfs_order none = {.n_steps = 7};
    assert_false(bfs_bundle_config(other)->has_trace);
    assert_int_equal(bfs_bundle_n_layers(other), last);
    assert_int_equal(bfs_bundle_trace(other, &none, NULL), 0);
    assert_int_equal(none.n_steps, 0);
}

static void packing_again_compares_the_trace(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct bfs_pack_report first, again;
    (void)state;
    assert_int_equal(traced_pack(&packed, "t/m:1", sound, plain, &first), 0);
    assert_int_equal(traced_pack(&packed, "t/m:1", sound, plain, &again), 0);
    assert_true(bfs_digest_equal(&first.bundle, &again.bundle));
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &again), 0); /* any will do */
    assert_true(bfs_digest_equal(&first.bundle, &again.bundle));
    assert_int_equal(traced_pack(&packed, "t/m:1",
                                 "@\"path\":\"config.json\",\"offset\":0,\"size\":21}\n", plain,
                                 &again),
                     -EEXIST);
    assert_int_equal(packed_pack(&packed, "t/m:2", plain, &again), 0);
    assert_int_equal(traced_pack(&packed, "t/m:2", sound, plain, &again), -EEXIST);
}

static void the_digest_follows_from_the_input(void **state)
{
    struct bfs_digest first = {0};
    (void)state;
    for (unsigned n_jobs = 1; n_jobs <= 3; n_jobs++) {
        test_autopacked struct packed packed = packed_make();
        struct bfs_pack_options options = plain;
        struct bfs_pack_report report;
        options.n_jobs = n_jobs;
        assert_int_equal(traced_pack(&packed, "t/m:1", sound, options, &report), 0);
        if (n_jobs == 1)
            first = report.bundle;
        assert_true(bfs_digest_equal(&first, &report.bundle));
    }
}

struct warnings {
    unsigned n;
    char text[512];
};

static void on_warning(void *context, const char *text)
{
    struct warnings *warnings = context;
    warnings->n++;
    (void)snprintf(warnings->text, sizeof(warnings->text), "%s", text);
}

static void what_does_not_fit_is_told(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct bfs_pack_report report;
    struct warnings warnings = {0};
    struct bfs_pack_options options = plain;
    (void)state;
    options.warn = on_warning;
    options.context = &warnings;
    assert_int_equal(traced_pack(&packed, "t/m:1", sound, options, &report), 0);
    assert_int_equal(warnings.n, 0);
    assert_int_equal(
        traced_pack(&packed, "t/m:2",
                    "@\"path\":\"gone\",\"offset\":0,\"size\":1}\n"
                    "@\"path\":\"model.safetensors\",\"offset\":0,\"size\":65536}\n"
                    "@\"path\":\"config.json\",\"offset\":0,\"size\":22,\"tensor\":\"embed\"}\n",
                    options, &report),
        0);
    assert_int_equal(warnings.n, 1);
    assert_string_equal(warnings.text, "trace: 2 of 3 lines are left out; line 1: gone: the bundle "
                                       "has no such file");
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:2");
    bfs_autoorder struct bfs_order order = {0};
    assert_int_equal(bfs_bundle_trace(bundle, &order, NULL), 0);
    assert_int_equal(order.n_steps, 1);
}

static void a_trace_of_something_else_is_refused(void **state)
{
    static const char *const early[] = {
        "",
        "@\"path\":\"gone\",\"offset\":0,\"size\":1}\n",
        "@\"path\":\"sub\",\"offset\":0,\"size\":1}\n",
        "@\"path\":\"config.json\",\"offset\":0,\"size\":23}\n",
        "@\"path\":\"config.json\",\"offset\":0,\"size\":22}\n"
        "{\"ms\":0,\"bundle\":\"sha256:15" /* another bundle */
        "84b0df696456f801715bb2da4c3f3f436ab7ddd7da3ffb2e4f49875a9c9447\","
        "\"path\":\"config.json\",\"offset\":0,\"size\":22}\n",
    };
    test_autopacked struct packed packed = packed_make();
    struct bfs_pack_report report;
    (void)state;
    for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++)
        assert_int_equal(traced_pack(&packed, "t/m:1", early[i], plain, &report), -EINVAL);
    assert_int_equal(packed_count(bfs_store_blobs_path(packed.store)), 0);
    /* Only the packed tensors tell that. */
    assert_int_equal(traced_pack(&packed, "t/m:1",
                                 "@\"path\":\"config.json\",\"offset\":0,\"size\":22,"
                                 "\"tensor\":\"embed\"}\n",
                                 plain, &report),
                     -EINVAL);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    assert_int_equal(bfs_catalog_load(packed.store, &catalog, NULL), 0);
    assert_int_equal(catalog->n_entries, 0);
}

static void manifest_and_config_agree(void **state)
{
    static const struct {
        struct traced_change change;
        int code;
    } cases[] = {
        {{0}, 0},
        {{.drop_layer = true, .drop_member = true}, 0},
        {{.drop_layer = true}, -EBADMSG},
        {{.drop_member = true}, -EBADMSG},
        {{.wrong_size = true}, -EBADMSG},
        {{.wrong_digest = true}, -EBADMSG},
        {{.is_data = true}, -EBADMSG},
        {{.is_data = true, .drop_member = true}, 0}, /* a blob that nobody refers to */
        {{.is_first = true}, -EBADMSG},
    };
    test_autopacked struct packed packed = packed_make();
    struct bfs_pack_report report;
    (void)state;
    assert_int_equal(traced_pack(&packed, "t/m:1", sound, plain, &report), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
        char name[16];
        (void)snprintf(name, sizeof(name), "t/m:c%zu", i);
        traced_publish(&packed, "t/m:1", name, &cases[i].change);
        assert_int_equal(traced_try(&packed, name, &bundle), cases[i].code);
    }
}

static void on_problem(void *context, const struct bfs_check_problem *problem)
{
    unsigned *n = context;
    assert_int_equal(problem->kind, BFS_CHECK_BUNDLE);
    assert_string_equal(problem->bundle, "t/m:2");
    ++*n;
}

/* The bundle is as good as ever, and verify says that its trace is not. */
static void a_wrong_trace_spoils_nothing_else(void **state)
{
    test_autopacked struct packed packed = packed_make();
    bfs_autobuffer struct bfs_buffer wrong = BFS_BUFFER_INIT, large = BFS_BUFFER_INIT;
    struct bfs_pack_report report;
    (void)state;
    assert_int_equal(traced_pack(&packed, "t/m:1", sound, plain, &report), 0);
    bfs_buffer_put_text(&wrong, "BFSTRACE and nothing that belongs there");
    for (size_t i = 0; i <= BFS_ORDER_SIZE_MAX / 8; i++)
        bfs_buffer_put_u64(&large, 0);
    traced_publish(&packed, "t/m:1", "t/m:2", &(struct traced_change){.bytes = &wrong});
    traced_publish(&packed, "t/m:1", "t/m:3", &(struct traced_change){.bytes = &large});
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:2");
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *other = packed_open(&packed, "t/m:3");
    bfs_autoorder struct bfs_order order = {0};
    assert_int_equal(bfs_bundle_trace(bundle, &order, NULL), -EPROTONOSUPPORT);
    assert_int_equal(bfs_bundle_trace(other, &order, NULL), -E2BIG);
    assert_int_equal(order.n_steps, 0);

    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    struct bfs_reference reference;
    struct bfs_check_report found;
    unsigned n_problems = 0;
    assert_int_equal(bfs_catalog_load(packed.store, &catalog, NULL), 0);
    assert_int_equal(bfs_reference_parse("t/m:2", &reference, NULL), 0);
    const struct bfs_check_options options = {.n_jobs = 2,
                                              .entry = bfs_catalog_find(catalog, &reference),
                                              .problem = on_problem,
                                              .context = &n_problems};
    assert_int_equal(bfs_check_store(packed.store, catalog, &options, &found, NULL), 0);
    assert_int_equal(n_problems, 1);
    assert_int_equal(found.n_problems, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_carries_its_trace),
        cmocka_unit_test(packing_again_compares_the_trace),
        cmocka_unit_test(the_digest_follows_from_the_input),
        cmocka_unit_test(what_does_not_fit_is_told),
        cmocka_unit_test(a_trace_of_something_else_is_refused),
        cmocka_unit_test(manifest_and_config_agree),
        cmocka_unit_test(a_wrong_trace_spoils_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
