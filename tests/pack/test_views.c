/* SPDX-License-Identifier: Apache-2.0
 * Bundles with views, by an extension that adds every kind of entry. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/pack/maker.h"

#include "codec/check/check.h"
#include "codec/store/file.h"
#include "codec/store/view_size.h"

#include <errno.h>

static struct bfs_inode inode_at(struct bfs_bundle *bundle, const char *path)
{
    uint32_t number;
    assert_int_equal(bfs_index_resolve(bfs_bundle_index(bundle), path, &number), 0);
    return bfs_index_inode(bfs_bundle_index(bundle), number);
}

static void expect_content(struct bfs_bundle *bundle, const char *path, const void *bytes,
                           size_t size)
{
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = NULL;
    BFS_CLEANUP(bfs_chunk_reader_cleanup) struct bfs_chunk_reader *reader = NULL;
    bfs_autofree uint8_t *raw = malloc(BFS_CHUNK_RAW_MAX);
    struct bfs_digest digest;
    uint32_t number;
    assert_int_equal(bfs_index_resolve(bfs_bundle_index(bundle), path, &number), 0);
    struct bfs_inode inode = bfs_index_inode(bfs_bundle_index(bundle), number);
    assert_int_equal(inode.mode, S_IFREG | 0444);
    assert_int_equal(inode.flags, BFS_INODE_GENERATED);
    assert_int_equal(inode.size, size);
    assert_int_equal(bfs_sha256(bytes, size, &digest), 0);
    assert_true(bfs_digest_equal(&inode.digest, &digest));
    if (size == 0)
        return;
    assert_int_equal(bfs_chunk_reader_new(&reader), 0);
    assert_int_equal(bfs_file_open(bundle, number, &file, NULL), 0);
    const struct bfs_chunk_table *table = bfs_file_table(file);
    for (uint32_t i = 0; i < bfs_chunk_table_n_chunks(table); i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(table, i);
        assert_int_equal(bfs_file_read_chunk(file, reader, i, raw, NULL), 0);
        assert_memory_equal(raw, (const uint8_t *)bytes + chunk.raw_off, chunk.raw_size);
    }
}

static void holds_every_kind_of_entry(void **state)
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker maker = maker_make();
    struct bfs_pack_report report;
    (void)state;
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &report), 0);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:1");
    expect_content(bundle, "views/big/model.safetensors", maker.large.bytes, maker.large.size);
    expect_content(bundle, "views/big/config.json", "{\"big\": true}", 13);
    expect_content(bundle, "views/big/sub/small.bin", maker.large.bytes, MAKER_SMALL_SIZE);
    expect_content(bundle, "views/big/sub/notes.txt", "some words, some words, some words", 34);
    expect_content(bundle, "views/a.second/w.bin", maker.large.bytes, MAKER_SMALL_SIZE - 1);
    expect_content(bundle, "views/a.second/config.json", "{\"big\": true}", 13);
    expect_content(bundle, "views/a.second/nothing", "", 0);

    struct bfs_inode link = inode_at(bundle, "views/big/sub/up");
    assert_int_equal(link.flags, BFS_INODE_GENERATED);
    assert_memory_equal(bfs_index_target(bfs_bundle_index(bundle), &link), "../sub/notes.txt", 16);
    assert_int_equal(inode_at(bundle, "views/big").mode, S_IFDIR | 0555);
    assert_int_equal(inode_at(bundle, "sub/notes.txt").flags, 0);

    /* the same file is stored once: down to its chunk table */
    struct bfs_inode same = inode_at(bundle, "views/big/sub/notes.txt");
    struct bfs_inode source = inode_at(bundle, "sub/notes.txt");
    assert_int_equal(same.table_layer, source.table_layer);
    assert_int_equal(same.table_off, source.table_off);
    assert_int_equal(same.mtime_sec, source.mtime_sec);
    assert_int_equal(inode_at(bundle, "views/big/model.safetensors").n_tensors, 2);
    assert_string_equal(maker.sections, "a.second big ");
}

static void the_manifest_counts_all_and_describes_the_model(void **state)
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker maker = maker_make();
    struct bfs_pack_report report;
    (void)state;
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &report), 0);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:1");
    const struct bfs_bundle_config *config = bfs_bundle_config(bundle);
    bfs_autobuffer struct bfs_buffer sums = BFS_BUFFER_INIT;
    assert_int_equal(config->n_files, 6 + 4 + 3);
    assert_int_equal(config->n_directories, 3 + 4);
    assert_int_equal(config->n_symlinks, 2);
    assert_int_equal(config->n_tensors, 2 + 2);
    assert_string_equal(config->param_size, "1049600"); /* of the model alone */
    assert_string_equal(config->precision, "BF16");
    assert_int_equal(config->content_size, bfs_index_content_size(bfs_bundle_index(bundle)));
    assert_int_equal(report.content_size, config->content_size);
    assert_int_equal(config->n_views, 2);
    assert_string_equal(config->views[0].id, "a.second");
    assert_string_equal(config->views[1].id, "big");
    assert_string_equal(config->views[1].errors[0].max_abs, "1.950000e-03");
    assert_int_equal(config->views[1].key.compute_capability_min, 89);
    assert_int_equal(maker.n_described, 1);
    assert_int_equal(bfs_bundle_sums(bundle, 0, &sums), 0);
    assert_int_equal(bfs_bundle_sums_size(bundle, 0), sums.size);
    bfs_autobuffer struct bfs_buffer fewer = BFS_BUFFER_INIT;
    assert_int_equal(bfs_bundle_sums(bundle, 1, &fewer), 0);
    assert_true(fewer.size < sums.size);
    assert_int_equal(bfs_bundle_sums_size(bundle, 1), fewer.size);
    bfs_buffer_put_u8(&sums, 0);
    assert_non_null(strstr((const char *)sums.bytes, "  views/big/sub/notes.txt\n"));
}

/* The contract, and so its digest, is that of the model without views. */
static void the_contract_is_of_the_model(void **state)
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker maker = maker_make();
    struct bfs_pack_options plain = {.source_date_epoch = 1000000000, .no_dedup = true};
    struct bfs_pack_report report;
    (void)state;
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &report), 0);
    assert_int_equal(packed_pack(&packed, "t/m:2", plain, &report), 0);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *with = packed_open(&packed, "t/m:1");
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *without = packed_open(&packed, "t/m:2");
    struct bfs_inode left = inode_at(with, "contract.json");
    struct bfs_inode right = inode_at(without, "contract.json");
    assert_true(bfs_digest_equal(&left.digest, &right.digest));
    /* and so are all blobs of the model: the first of the bundle's */
    for (uint32_t i = 1; i < bfs_bundle_n_layers(without); i++)
        assert_true(bfs_digest_equal(&bfs_bundle_layer(with, i)->digest,
                                     &bfs_bundle_layer(without, i)->digest));
}

static void on_problem(void *context, const struct bfs_check_problem *problem)
{
    (void)context;
    fail_msg("%s: %s", problem->path ? problem->path : "store", problem->error->what);
}

static void verify_finds_nothing(void **state)
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker maker = maker_make();
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    const struct bfs_check_options options = {.n_jobs = 2, .problem = on_problem};
    struct bfs_check_report found;
    struct bfs_pack_report report;
    (void)state;
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &report), 0);
    assert_int_equal(bfs_catalog_load(packed.store, &catalog, NULL), 0);
    assert_int_equal(bfs_check_store(packed.store, catalog, &options, &found, NULL), 0);
    assert_int_equal(found.n_problems, 0);
    assert_int_equal(found.n_files, report.n_files);
    assert_int_equal(found.n_unreferenced, 0);
}

static void each_view_has_blobs_of_its_own(void **state)
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker maker = maker_make();
    struct bfs_pack_report report;
    struct bfs_view_size sizes[2];
    (void)state;
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &report), 0);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:1");
    uint32_t model = inode_at(bundle, "sub/notes.txt").table_layer;
    uint32_t large = inode_at(bundle, "views/big/model.safetensors").table_layer;
    uint32_t small = inode_at(bundle, "views/big/config.json").table_layer;
    uint32_t second = inode_at(bundle, "views/a.second/w.bin").table_layer;
    assert_true(model < second && second < large && large < small);
    assert_int_equal(inode_at(bundle, "views/big/sub/small.bin").table_layer, small);

    /* w.bin of the second view is most of the small file of the other, and came first */
    assert_int_equal(bfs_bundle_view_sizes(bundle, sizes, NULL), 0);
    assert_int_equal(sizes[0].n_files, 3);
    assert_int_equal(sizes[1].n_files, 4);
    assert_int_equal(sizes[1].content_size, maker.large.size + MAKER_SMALL_SIZE + 13 + 34);
    assert_int_equal(sizes[1].own_size, bfs_bundle_layer(bundle, large)->size);
    assert_int_equal(sizes[0].own_size, 0); /* "big" reads the chunks that it shares there */
    assert_int_equal(sizes[0].stored_size, bfs_bundle_layer(bundle, second)->size +
                                               bfs_bundle_layer(bundle, small)->size);
    assert_true(sizes[1].stored_size > sizes[1].own_size);
}

static void the_digest_follows_from_the_input(void **state)
{
    struct bfs_digest first = {0};
    (void)state;
    for (unsigned n_jobs = 1; n_jobs <= 5; n_jobs += 2) {
        test_autopacked struct packed packed = packed_make();
        test_automaker struct maker maker = maker_make();
        struct bfs_pack_report report;
        assert_int_equal(maker_pack(&packed, &maker, "t/m:1", n_jobs, &report), 0);
        if (n_jobs == 1)
            first = report.bundle;
        assert_true(bfs_digest_equal(&first, &report.bundle));
    }
}

static size_t count_bundles(const struct packed *packed)
{
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    assert_int_equal(bfs_catalog_load(packed->store, &catalog, NULL), 0);
    return catalog->n_entries;
}

static size_t count_blobs(const struct packed *packed)
{
    return packed_count(bfs_store_blobs_path(packed->store));
}

/* Packs with a maker that fails somehow; maker_done() proves that nothing stays open. */
static void expect_failure(struct maker maker, int code, bool before_writing)
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker failing = maker_make();
    struct bfs_buffer large = failing.large;
    struct bfs_pack_report report;
    failing = maker;
    failing.large = large;
    assert_int_equal(maker_pack(&packed, &failing, "t/m:1", 2, &report), code);
    assert_int_equal(count_bundles(&packed), 0);
    if (before_writing)
        assert_int_equal(count_blobs(&packed), 0);
}

static void a_failure_publishes_nothing(void **state)
{
    (void)state;
    expect_failure((struct maker){.refuse = -ERANGE}, -ERANGE, true);
    expect_failure((struct maker){.misplaced = true}, -EEXIST, true);
    expect_failure((struct maker){.bad_plan = true}, -EINVAL, true);
    expect_failure((struct maker){.bad_map = true}, -EINVAL, true);
    expect_failure((struct maker){.fail_begin = -EMFILE}, -EMFILE, false);
    expect_failure((struct maker){.fail_read = -EDOM}, -EDOM, false);
    expect_failure((struct maker){.fail_describe = -ELOOP}, -ELOOP, false);
    expect_failure((struct maker){.forget = true}, -EINVAL, false);
    expect_failure((struct maker){.stranger = true}, -EINVAL, false);
    expect_failure((struct maker){.forget = true, .stranger = true}, -EINVAL, false);
}

static void a_check_refuses_what_a_pack_would(void **state)
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker maker = maker_make();
    const struct bfs_pack_extension extension = maker_extension(&maker);
    bfs_autofree char *model = test_path(&packed.folder, "model");
    const struct bfs_pack_options options = {
        .directory = model, .chunk_size = BFS_CHUNK_SIZE_MIN, .extension = &extension};
    (void)state;
    assert_int_equal(bfs_pack_check(NULL, &options, NULL), 0);
    assert_int_equal(maker.n_begun, 0);
    maker.refuse = -ERANGE;
    assert_int_equal(bfs_pack_check(NULL, &options, NULL), -ERANGE);
    maker.refuse = 0;
    maker.misplaced = true;
    assert_int_equal(bfs_pack_check(NULL, &options, NULL), -EEXIST);
}

static void packing_again_makes_nothing(void **state)
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker maker = maker_make();
    struct bfs_pack_options plain = {.source_date_epoch = 1000000000};
    struct bfs_pack_report first, again;
    (void)state;
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &first), 0);
    unsigned n_begun = maker.n_begun;
    size_t n_blobs = count_blobs(&packed);
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &again), 0);
    assert_true(bfs_digest_equal(&first.bundle, &again.bundle));
    maker.only_one = true;
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &again), -EEXIST);
    maker.only_one = false;
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &again), -EEXIST);
    test_write_text(&packed.folder, "model/sub/notes.txt", "some words, some words, some WORDS");
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &again), -EEXIST);
    assert_int_equal(maker.n_begun, n_begun);
    assert_int_equal(count_blobs(&packed), n_blobs);
}

/* Publishes t/m:1 again as t/m:2, with a manifest.json that `change` changed. */
static void publish_changed(const struct packed *packed,
                            void (*change)(struct bfs_bundle_config *config))
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(packed, "t/m:1");
    bfs_autoconfig struct bfs_bundle_config config = {0};
    bfs_automanifest struct bfs_oci_manifest manifest = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT, manifest_text = BFS_BUFFER_INIT;
    struct bfs_descriptor descriptor = {0};
    struct bfs_reference reference;
    size_t size;
    const uint8_t *bytes = bfs_bundle_config_bytes(bundle, &size);
    assert_int_equal(bfs_bundle_config_parse(bytes, size, &config, NULL), 0);
    change(&config);
    assert_int_equal(bfs_bundle_config_write(&config, &text), 0);
    manifest.n_layers = bfs_bundle_n_layers(bundle);
    manifest.layers = calloc(manifest.n_layers, sizeof(*manifest.layers));
    assert_non_null(manifest.layers);
    for (uint32_t i = 0; i < manifest.n_layers; i++)
        manifest.layers[i] = *bfs_bundle_layer(bundle, i);
    manifest.config.size = text.size;
    memcpy(manifest.config.media_type, BFS_MEDIA_CONFIG, sizeof(BFS_MEDIA_CONFIG));
    assert_int_equal(
        bfs_store_put_blob(packed->store, text.bytes, text.size, &manifest.config.digest, NULL), 0);
    assert_int_equal(bfs_oci_manifest_write(&manifest, config.created, &manifest_text), 0);
    descriptor.size = manifest_text.size;
    memcpy(descriptor.media_type, BFS_MEDIA_OCI_MANIFEST, sizeof(BFS_MEDIA_OCI_MANIFEST));
    assert_int_equal(bfs_store_put_blob(packed->store, manifest_text.bytes, manifest_text.size,
                                        &descriptor.digest, NULL),
                     0);
    assert_int_equal(bfs_reference_parse("t/m:2", &reference, NULL), 0);
    assert_int_equal(bfs_catalog_publish(packed->store, &reference, &descriptor, NULL), 0);
}

static void change_nothing(struct bfs_bundle_config *config)
{
    (void)config;
}

static void change_version(struct bfs_bundle_config *config)
{
    strcpy(config->packer_version, "0.0.1");
}

static void drop_last_view(struct bfs_bundle_config *config)
{
    config->n_views--;
}

static void rename_first_view(struct bfs_bundle_config *config)
{
    strcpy(config->views[0].id, "another");
}

/* Packs t/m:2 after it was published with a changed manifest.json. */
static int pack_after(void (*change)(struct bfs_bundle_config *config), unsigned *ret_n_begun)
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker maker = maker_make();
    struct bfs_pack_report report;
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &report), 0);
    publish_changed(&packed, change);
    unsigned n_before = maker.n_begun;
    int r = maker_pack(&packed, &maker, "t/m:2", 2, &report);
    *ret_n_begun = maker.n_begun - n_before;
    return r;
}

static void another_version_might_make_other_files(void **state)
{
    unsigned n_begun;
    (void)state;
    assert_int_equal(pack_after(change_nothing, &n_begun), 0);
    assert_int_equal(n_begun, 0);
    assert_int_equal(pack_after(change_version, &n_begun), -EEXIST);
    assert_int_equal(n_begun, 0);
}

static int open_after(void (*change)(struct bfs_bundle_config *config))
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker maker = maker_make();
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    struct bfs_pack_report report;
    struct bfs_reference reference;
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &report), 0);
    publish_changed(&packed, change);
    assert_int_equal(bfs_reference_parse("t/m:2", &reference, NULL), 0);
    assert_int_equal(bfs_catalog_load(packed.store, &catalog, NULL), 0);
    const struct bfs_catalog_entry *entry = bfs_catalog_find(catalog, &reference);
    assert_non_null(entry);
    return bfs_bundle_open(packed.store, &entry->manifest, entry->manifest_size, &bundle, NULL);
}

static void manifest_and_index_name_the_same_views(void **state)
{
    (void)state;
    assert_int_equal(open_after(change_nothing), 0);
    assert_int_equal(open_after(drop_last_view), -EBADMSG);
    assert_int_equal(open_after(rename_first_view), -EBADMSG);
}

static void add_zoo(const struct packed *packed)
{
    static const struct test_tensor tensors[] = {{"t", BFS_DTYPE_F32, 1, {1000000}}};
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    test_safetensors_build(tensors, 1, 3, &bytes);
    test_make_folder(&packed->folder, "model/views");
    test_make_folder(&packed->folder, "model/views/zoo");
    test_write_text(&packed->folder, "model/views/zoo/view.json", "{\"hardware\": \"gpu\"}");
    test_write_text(&packed->folder, "model/views/zoo/engine.bin", "an engine");
    test_write_file(&packed->folder, "model/views/zoo/w.safetensors", bytes.bytes, bytes.size);
}

static void a_view_may_be_packed_as_it_is(void **state)
{
    test_autopacked struct packed packed = packed_make();
    test_automaker struct maker maker = maker_make();
    struct bfs_pack_options plain = {.source_date_epoch = 1000000000};
    struct bfs_pack_report report;
    (void)state;
    add_zoo(&packed);
    assert_int_equal(packed_pack(&packed, "t/m:1", plain, &report), -EINVAL);
    maker.opaque = true;
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &report), 0);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:1");
    assert_int_equal(inode_at(bundle, "views/zoo/engine.bin").flags, 0);
    assert_true(inode_at(bundle, "views/zoo/engine.bin").table_layer >
                inode_at(bundle, "sub/notes.txt").table_layer);
    assert_true(bfs_bundle_config(bundle)->views[0].is_opaque);
    assert_int_equal(bfs_bundle_config(bundle)->n_tensors, 3);
    assert_string_equal(bfs_bundle_config(bundle)->param_size, "1049600"); /* of the model alone */
    assert_string_equal(bfs_bundle_config(bundle)->precision, "BF16");
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &report), 0);
    test_write_text(&packed.folder, "model/views/zoo/engine.bin", "an ENGINE");
    assert_int_equal(maker_pack(&packed, &maker, "t/m:1", 2, &report), -EEXIST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_every_kind_of_entry),
        cmocka_unit_test(the_manifest_counts_all_and_describes_the_model),
        cmocka_unit_test(the_contract_is_of_the_model),
        cmocka_unit_test(verify_finds_nothing),
        cmocka_unit_test(each_view_has_blobs_of_its_own),
        cmocka_unit_test(the_digest_follows_from_the_input),
        cmocka_unit_test(a_failure_publishes_nothing),
        cmocka_unit_test(a_check_refuses_what_a_pack_would),
        cmocka_unit_test(packing_again_makes_nothing),
        cmocka_unit_test(another_version_might_make_other_files),
        cmocka_unit_test(manifest_and_index_name_the_same_views),
        cmocka_unit_test(a_view_may_be_packed_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
