/* SPDX-License-Identifier: Apache-2.0
 * A small model packed into a store, for tests of what reads it. Included after cmocka.h. */
#ifndef BFS_TESTS_PACKED_H
#define BFS_TESTS_PACKED_H

#include "codec/pack/pack.h"
#include "codec/store/bundle.h"
#include "codec/store/catalog.h"
#include "tests/support/folder.h"
#include "tests/support/seeded.h"
#include "tests/support/tensor_files.h"

#include <dirent.h>

struct packed {
    struct test_folder folder; /* holds "model", "store", and what a test adds */
    struct bfs_store *store;
};

/* One file large enough to have a blob of its own, small ones, an empty one, a hole, a link, and
 * directories. */
static inline void packed_write_model(const struct test_folder *folder)
{
    static const struct test_tensor tensors[] = {
        {"embed", BFS_DTYPE_BF16, 2, {1000, 1024}},
        {"head", BFS_DTYPE_F32, 2, {100, 256}},
    };
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    bfs_autofree uint8_t *zeros = calloc(1, 9 << 20);
    bfs_autofree char *link = test_path(folder, "model/link");
    assert_non_null(zeros);
    test_make_folder(folder, "model");
    test_make_folder(folder, "model/sub");
    test_make_folder(folder, "model/empty");
    test_safetensors_build(tensors, 2, 7, &bytes);
    assert_int_equal(bfs_buffer_status(&bytes), 0);
    test_write_file(folder, "model/model.safetensors", bytes.bytes, bytes.size);
    memcpy(zeros + (5 << 20), "not zero", 8);
    test_write_file(folder, "model/hole.bin", zeros, 9 << 20);
    test_write_text(folder, "model/config.json", "{\"model_type\": \"tiny\"}");
    test_write_text(folder, "model/sub/notes.txt", "some words, some words, some words");
    test_write_text(folder, "model/nothing", "");
    assert_int_equal(symlink("sub/notes.txt", link), 0);
}

static inline struct packed packed_make(void)
{
    struct packed packed = {.folder = test_folder_make()};
    bfs_autofree char *path = test_path(&packed.folder, "store");
    packed_write_model(&packed.folder);
    assert_int_equal(bfs_store_create(path, BFS_STORE_MODE_ANY, &packed.store, NULL), 0);
    return packed;
}

static inline void packed_done(struct packed *packed)
{
    (void)bfs_store_free(packed->store);
    test_folder_remove(&packed->folder);
}
#define test_autopacked BFS_CLEANUP(packed_done)

/* Packs "model" as `name` with what else is set in `options`. */
static inline int packed_pack(const struct packed *packed, const char *name,
                              struct bfs_pack_options options, struct bfs_pack_report *ret)
{
    bfs_autofree char *model = test_path(&packed->folder, "model");
    struct bfs_error error = {0};
    assert_int_equal(bfs_reference_parse(name, &options.reference, NULL), 0);
    options.directory = model;
    options.chunk_size = options.chunk_size ? options.chunk_size : BFS_CHUNK_SIZE_MIN;
    options.n_jobs = options.n_jobs ? options.n_jobs : 2;
    int r = bfs_pack(packed->store, &options, ret, &error);
    assert_int_equal(error.code, r);
    return r;
}

/* How many names are in a folder. */
static inline size_t packed_count(const char *path)
{
    DIR *folder = opendir(path);
    size_t n = 0;
    assert_non_null(folder);
    while (readdir(folder))
        n++;
    (void)closedir(folder);
    return n - 2; /* "." and ".." */
}

static inline struct bfs_bundle *packed_open(const struct packed *packed, const char *name)
{
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    struct bfs_reference reference;
    struct bfs_bundle *bundle = NULL;
    assert_int_equal(bfs_reference_parse(name, &reference, NULL), 0);
    assert_int_equal(bfs_catalog_load(packed->store, &catalog, NULL), 0);
    const struct bfs_catalog_entry *entry = bfs_catalog_find(catalog, &reference);
    assert_non_null(entry);
    assert_int_equal(
        bfs_bundle_open(packed->store, &entry->manifest, entry->manifest_size, &bundle, NULL), 0);
    return bundle;
}

#endif
