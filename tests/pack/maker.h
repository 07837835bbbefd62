/* SPDX-License-Identifier: Apache-2.0
 * An extension that adds two views with every kind of entry to the model of packed.h. Included
 * after cmocka.h. */
#ifndef BFS_TESTS_MAKER_H
#define BFS_TESTS_MAKER_H

#include "codec/container/container.h"
#include "codec/pack/scan_add.h"
#include "tests/pack/packed.h"

enum { MAKER_SMALL_SIZE = 300000 };

/* What goes wrong, and how often what was called. */
struct maker {
    struct bfs_buffer large; /* a safetensors file above the size of a large one */
    bool only_one;           /* view */
    bool opaque;             /* describes "views/zoo", which is packed as it is */
    int refuse;              /* extend() fails with this */
    int fail_begin;
    int fail_read; /* of the last chunk of the large file */
    int fail_describe;
    bool forget;    /* describe() leaves a view out */
    bool stranger;  /* describe() adds a view that has no directory */
    bool bad_plan;  /* the large file's chunks are too few */
    bool bad_map;   /* a tensor ends behind the large file */
    bool misplaced; /* extend() adds a name that is there */
    unsigned n_made, n_freed, n_begun, n_ended, n_described;
    char sections[256]; /* ids that progress() saw, each once */
};

struct maker_file {
    struct maker *maker;
    const uint8_t *bytes;
    size_t size;
    size_t position;
};

static inline int maker_begin(void *context, struct bfs_error *error)
{
    struct maker_file *file = context;
    file->position = 0;
    if (file->maker->fail_begin)
        return bfs_fail(error, file->maker->fail_begin, "cannot begin");
    file->maker->n_begun++;
    return 0;
}

static inline int maker_read(void *context, uint8_t *to, size_t size, struct bfs_error *error)
{
    struct maker_file *file = context;
    assert_true(size <= file->size - file->position);
    if (file->maker->fail_read && file->position + size == file->maker->large.size)
        return bfs_fail(error, file->maker->fail_read, "cannot read");
    memcpy(to, file->bytes + file->position, size);
    file->position += size;
    return 0;
}

static inline void maker_end(void *context)
{
    struct maker_file *file = context;
    file->maker->n_ended++;
}

static inline void maker_free(void *context)
{
    struct maker_file *file = context;
    file->maker->n_freed++;
    free(file);
}

/* Of the same bytes as the large file, as many. */
static inline struct bfs_made maker_made(struct maker *maker, size_t size)
{
    static const struct bfs_made_ops ops = {maker_begin, maker_read, maker_end, maker_free};
    struct maker_file *file = malloc(sizeof(*file));
    assert_non_null(file);
    *file = (struct maker_file){.maker = maker, .bytes = maker->large.bytes, .size = size};
    maker->n_made++;
    return (struct bfs_made){.ops = &ops, .context = file, .size = size};
}

static inline struct bfs_made maker_large(struct maker *maker)
{
    struct bfs_made made = maker_made(maker, maker->large.size);
    assert_int_equal(
        bfs_safetensors_parse(maker->large.bytes, maker->large.size, made.size, &made.map, NULL),
        0);
    if (maker->bad_map)
        made.map.tensors[0].size += made.size;
    if (maker->bad_plan) {
        const struct bfs_plan_run run = {.size = 1000};
        made.plan.chunk_size = BFS_CHUNK_SIZE_MIN;
        assert_int_equal(bfs_plan_add(&made.plan, &run), 0);
    }
    return made;
}

static inline int maker_text(struct bfs_scan *scan, uint32_t folder, const char *name,
                             const char *text, uint32_t *ret, struct bfs_error *error)
{
    struct bfs_buffer bytes = BFS_BUFFER_INIT;
    bfs_buffer_put_text(&bytes, text);
    return bfs_scan_add_bytes(scan, folder, name, &bytes, ret, error);
}

static inline int maker_big(struct maker *maker, struct bfs_scan *scan, uint32_t views,
                            uint32_t notes, uint32_t *ret_config, struct bfs_error *error)
{
    struct bfs_made large = maker_large(maker), small = maker_made(maker, MAKER_SMALL_SIZE);
    uint32_t view, folder, number;
    int r = bfs_scan_add_directory(scan, views, "big", &view, error);
    if (r == 0)
        r = bfs_scan_add_directory(scan, view, "sub", &folder, error);
    if (r == 0)
        r = maker_text(scan, view, "config.json", "{\"big\": true}", ret_config, error);
    if (r == 0)
        r = bfs_scan_add_made(scan, view, "model.safetensors", &large, &number, error);
    if (r == 0)
        r = bfs_scan_add_same(scan, folder, "notes.txt", notes, &number, error);
    if (r == 0)
        r = bfs_scan_add_link(scan, folder, "up", "../sub/notes.txt", &number, error);
    if (r == 0)
        r = bfs_scan_add_made(scan, folder, "small.bin", &small, &number, error);
    bfs_made_done(&large);
    bfs_made_done(&small);
    return r;
}

static inline int maker_second(struct maker *maker, struct bfs_scan *scan, uint32_t views,
                               uint32_t config, struct bfs_error *error)
{
    struct bfs_made small = maker_made(maker, MAKER_SMALL_SIZE - 1);
    uint32_t view, number;
    int r = bfs_scan_add_directory(scan, views, "a.second", &view, error);
    if (r == 0)
        r = bfs_scan_add_made(scan, view, "w.bin", &small, &number, error);
    if (r == 0)
        r = bfs_scan_add_same(scan, view, "config.json", config, &number, error);
    if (r == 0)
        r = maker_text(scan, view, "nothing", "", &number, error);
    bfs_made_done(&small);
    return r;
}

static inline int maker_extend(void *context, struct bfs_scan *scan, struct bfs_error *error)
{
    struct maker *maker = context;
    uint32_t views, notes, config, number;
    if (maker->refuse)
        return bfs_fail(error, maker->refuse, "refused");
    if (maker->opaque)
        return 0;
    assert_true(bfs_scan_find(scan, "sub/notes.txt", &notes));
    int r = bfs_scan_add_directory(scan, BFS_INODE_ROOT, "views", &views, error);
    if (r == 0)
        r = maker_big(maker, scan, views, notes, &config, error);
    if (r == 0 && !maker->only_one)
        r = maker_second(maker, scan, views, config, error);
    if (r == 0 && maker->misplaced)
        r = bfs_scan_add_directory(scan, views, "big", &number, error);
    return r;
}

static inline int maker_describe(void *context, struct bfs_bundle_config *config,
                                 struct bfs_error *error)
{
    struct maker *maker = context;
    const struct bfs_view_config big = {
        .id = "big",
        .key = {.hardware = BFS_HARDWARE_GPU, .compute_capability_min = 89},
        .container = "safetensors",
        .dtype = "F8_E4M3",
        .alignment = 4096,
        .tool = "bundlefs",
        .tool_version = "0.1.0",
        .errors = {{"linear", 3, "1.950000e-03", "2.000000e-04", "1.000000e-02"}},
        .n_errors = 1,
    };
    const struct bfs_view_config second = {.id = "a.second",
                                           .container = "bin",
                                           .is_lossless = true,
                                           .tool = "bundlefs",
                                           .tool_version = "0.1.0"};
    const struct bfs_view_config zoo = {.id = "zoo", .container = "opaque", .is_opaque = true};
    maker->n_described++;
    if (maker->fail_describe)
        return bfs_fail(error, maker->fail_describe, "cannot describe");
    if (maker->opaque)
        return bfs_bundle_config_add_view(config, &zoo, error);
    int r = bfs_bundle_config_add_view(config, &big, error);
    if (r == 0 && !maker->only_one && !maker->forget)
        r = bfs_bundle_config_add_view(config, &second, error);
    if (r == 0 && maker->stranger)
        r = bfs_bundle_config_add_view(config, &zoo, error);
    return r;
}

static inline int maker_progress(void *context, const struct bfs_pack_progress *progress)
{
    struct maker *maker = context;
    assert_true(progress->done <= progress->total);
    if (progress->section && !strstr(maker->sections, progress->section)) {
        assert_true(strlen(maker->sections) + strlen(progress->section) + 2 <=
                    sizeof(maker->sections));
        strcat(strcat(maker->sections, progress->section), " ");
    }
    return 0;
}

static inline struct maker maker_make(void)
{
    static const struct test_tensor tensors[] = {
        {"embed", BFS_DTYPE_F8_E4M3, 2, {1000, 1024}},
        {"head", BFS_DTYPE_F32, 2, {200, 256}},
    };
    struct maker maker = {0};
    test_safetensors_build(tensors, 2, 99, &maker.large);
    assert_int_equal(bfs_buffer_status(&maker.large), 0);
    return maker;
}

static inline void maker_done(struct maker *maker)
{
    assert_int_equal(maker->n_freed, maker->n_made);
    assert_int_equal(maker->n_ended, maker->n_begun);
    bfs_buffer_done(&maker->large);
}
#define test_automaker BFS_CLEANUP(maker_done)

static inline struct bfs_pack_extension maker_extension(struct maker *maker)
{
    return (struct bfs_pack_extension){maker_extend, maker_describe, maker};
}

/* Packs the model with the maker's views. */
static inline int maker_pack(const struct packed *packed, struct maker *maker, const char *name,
                             unsigned n_jobs, struct bfs_pack_report *ret)
{
    const struct bfs_pack_extension extension = maker_extension(maker);
    struct bfs_pack_options options = {.n_jobs = n_jobs,
                                       .source_date_epoch = 1000000000,
                                       .extension = &extension,
                                       .progress = maker_progress,
                                       .context = maker};
    return packed_pack(packed, name, options, ret);
}

#endif
