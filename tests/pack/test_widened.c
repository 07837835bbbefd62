/* SPDX-License-Identifier: Apache-2.0
 * Files that are others in a wider type: what they cost, and which chunks they share. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/pack/packed.h"

#include "codec/container/container.h"
#include "codec/content/content.h"
#include "codec/pack/scan_add.h"
#include "codec/pack/slot_known.h"
#include "codec/store/file.h"

#include <errno.h>

/* views/wide/embed.f32: a tensor of the model, widened; cut as the model's file is, or a step on.
 */
struct widened {
    const struct packed *packed;
    uint32_t chunk_size;
    uint64_t shift; /* bytes of the tensor that are left out */
    bool is_made;   /* else no view is added */
    uint8_t *bytes; /* the whole model file */
    size_t size;
    size_t at; /* of the next byte to give */
};

static int read_bytes(void *context, uint8_t *to, size_t size, struct bfs_error *error)
{
    struct widened *widened = context;
    (void)error;
    assert_true(size <= widened->size - widened->at);
    memcpy(to, widened->bytes + widened->at, size);
    widened->at += size;
    return 0;
}

/* The place of "embed" and a plan for all of the file. */
static void load_model(struct widened *widened, uint64_t *ret_offset, uint64_t *ret_end,
                       struct bfs_plan *ret_plan)
{
    bfs_autofree char *path = test_path(&widened->packed->folder, "model/model.safetensors");
    struct bfs_tensor_map map = {0};
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    free(bfs_steal(&widened->bytes));
    assert_true(fd >= 0);
    assert_int_equal(bfs_read_file(path, 1 << 30, &widened->bytes, &widened->size, NULL), 0);
    assert_int_equal(bfs_container_read(fd, widened->size, "model.safetensors", &map, NULL), 0);
    assert_string_equal(map.tensors[0].name, "embed");
    *ret_offset = map.tensors[0].offset;
    *ret_end = map.tensors[0].offset + map.tensors[0].size;
    assert_int_equal(bfs_plan_make(&map, widened->size, widened->chunk_size, ret_plan), 0);
    bfs_tensor_map_done(&map);
}

static void add_run(struct bfs_made *made, uint64_t narrow_size)
{
    const struct bfs_plan_run run = {
        .size = narrow_size, .layout = BFS_LAYOUT_BFLOAT16, .transform = BFS_TRANSFORM_BF16_TO_F32};
    assert_int_equal(bfs_plan_add(&made->plan, &run), 0);
    made->size += 2 * narrow_size;
}

static int add_view(void *context, struct bfs_scan *scan, struct bfs_error *error)
{
    static const struct bfs_made_ops ops = {.read = read_bytes};
    struct widened *widened = context;
    bfs_autoplan struct bfs_plan plan = {0};
    struct bfs_made made = {.ops = &ops, .context = widened};
    uint64_t offset, end, position = 0;
    uint32_t views, wide, file;
    if (!widened->is_made)
        return 0;
    load_model(widened, &offset, &end, &plan);
    widened->at = offset + widened->shift;
    made.plan.chunk_size = widened->chunk_size;
    for (size_t i = 0; i < plan.n_runs; position += plan.runs[i++].size) {
        uint64_t last = position + plan.runs[i].size;
        if (position >= offset && last <= end)
            add_run(&made, last == end ? last - position - widened->shift : last - position);
    }
    assert_int_equal(made.size, 2 * (end - offset - widened->shift));
    int r;
    if ((r = bfs_scan_add_directory(scan, 0, "views", &views, error)) ||
        (r = bfs_scan_add_directory(scan, views, "wide", &wide, error)))
        return r;
    return bfs_scan_add_made(scan, wide, "embed.f32", &made, &file, error);
}

static int describe(void *context, struct bfs_bundle_config *config, struct bfs_error *error)
{
    const struct bfs_view_config view = {.id = "wide",
                                         .key = {.hardware = BFS_HARDWARE_CPU},
                                         .container = "bin",
                                         .dtype = "F32",
                                         .is_lossless = true,
                                         .tool = "bundlefs",
                                         .tool_version = "0"};
    (void)context;
    return bfs_bundle_config_add_view(config, &view, error);
}

static struct bfs_pack_report pack(struct widened *widened, const char *name)
{
    struct bfs_pack_extension extension = {
        .extend = add_view, .describe = describe, .context = widened};
    struct bfs_pack_options options = {
        .source_date_epoch = -1, .chunk_size = widened->chunk_size, .extension = &extension};
    struct bfs_pack_report report;
    assert_int_equal(packed_pack(widened->packed, name, options, &report), 0);
    return report;
}

static struct bfs_file *open_file(struct bfs_bundle *bundle, const char *path)
{
    struct bfs_file *file = NULL;
    uint32_t number;
    assert_int_equal(bfs_index_resolve(bfs_bundle_index(bundle), path, &number), 0);
    assert_int_equal(bfs_file_open(bundle, number, &file, NULL), 0);
    return file;
}

/* The tensor in float32, by arithmetic. malloc'ed. */
static uint8_t *expected_bytes(const struct widened *widened, uint64_t *ret_size)
{
    struct widened loaded = *widened;
    bfs_autoplan struct bfs_plan plan = {0};
    uint64_t offset, end;
    loaded.bytes = NULL;
    load_model(&loaded, &offset, &end, &plan);
    uint64_t n = (end - offset - widened->shift) / 2;
    uint8_t *wide = calloc(n, 4);
    assert_non_null(wide);
    for (uint64_t i = 0; i < n; i++)
        memcpy(wide + 4 * i + 2, loaded.bytes + offset + widened->shift + 2 * i, 2);
    free(loaded.bytes);
    *ret_size = 4 * n;
    return wide;
}

/* Reads a file whole, in every way that the library has: chunk by chunk, and with its digest. */
static void check_content(const struct widened *widened, struct bfs_bundle *bundle,
                          const char *path)
{
    static const struct bfs_content_ops ops = {0};
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = open_file(bundle, path);
    BFS_CLEANUP(bfs_chunk_reader_cleanup) struct bfs_chunk_reader *reader = NULL;
    const struct bfs_chunk_table *table = bfs_file_table(file);
    uint64_t size;
    bfs_autofree uint8_t *want = expected_bytes(widened, &size);
    bfs_autofree uint8_t *raw = malloc(BFS_CHUNK_WIDE_MAX);
    uint32_t number = bfs_file_inode(file);
    assert_non_null(raw);
    assert_int_equal(bfs_chunk_reader_new(&reader), 0);
    assert_int_equal(bfs_chunk_table_file_size(table), size);
    for (uint32_t i = 0; i < bfs_chunk_table_n_chunks(table); i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(table, i);
        assert_int_equal(bfs_file_read_chunk(file, reader, i, raw, NULL), 0);
        assert_memory_equal(raw, want + chunk.raw_off, chunk.raw_size);
    }
    assert_int_equal(bfs_content_read(bundle, &number, 1, 2, &ops, NULL, NULL), 0);
}

static bool same_stored(const struct bfs_chunk *a, const struct bfs_chunk *b)
{
    return bfs_digest_equal(&a->digest, &b->digest) && a->stored_size == b->stored_size &&
           a->stored_off == b->stored_off && a->encoding.codec == b->encoding.codec &&
           a->encoding.width == b->encoding.width;
}

/* How many chunks of the file are the model's, widened; every one of them has the transform. */
static uint32_t count_shared(struct bfs_bundle *bundle, const char *path, uint32_t *ret_n)
{
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = open_file(bundle, path);
    BFS_CLEANUP(bfs_file_cleanup)
    struct bfs_file *source = open_file(bundle, "model.safetensors");
    const struct bfs_chunk_table *wide = bfs_file_table(file), *narrow = bfs_file_table(source);
    uint32_t n_shared = 0;
    *ret_n = bfs_chunk_table_n_chunks(wide);
    for (uint32_t i = 0; i < *ret_n; i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(wide, i);
        assert_int_equal(chunk.encoding.transform, BFS_TRANSFORM_BF16_TO_F32);
        for (uint32_t k = 0; k < bfs_chunk_table_n_chunks(narrow); k++) {
            struct bfs_chunk other = bfs_chunk_table_at(narrow, k);
            assert_int_equal(other.encoding.transform, BFS_TRANSFORM_NONE);
            if (same_stored(&chunk, &other) && chunk.raw_size == 2 * other.raw_size) {
                n_shared++;
                break;
            }
        }
    }
    return n_shared;
}

static void a_widened_file_stores_nothing(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct widened widened = {.packed = &packed, .chunk_size = BFS_CHUNK_SIZE_MIN};
    struct bfs_pack_report plain, with;
    uint32_t n, n_shared,
        table_size = BFS_CHUNK_SIZE_MIN / 8; /* 80 bytes a chunk, index and documents */
    (void)state;
    {
        test_autopacked struct packed other = packed_make();
        widened.packed = &other;
        plain = pack(&widened, "t/m:1");
    }
    widened.packed = &packed;
    widened.is_made = true;
    with = pack(&widened, "t/m:1");
    assert_true(with.new_size < plain.new_size + table_size);
    assert_int_equal(with.content_size, plain.content_size + 4 * 1000 * 1024);
    assert_int_equal(with.known_size, plain.known_size + 4 * 1000 * 1024);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:1");
    n_shared = count_shared(bundle, "views/wide/embed.f32", &n);
    assert_int_equal(n_shared, n);
    assert_true(n > 20);
    check_content(&widened, bundle, "views/wide/embed.f32");
    free(widened.bytes);
}

/* Cut where the source is not, chunks are stored once: the next version finds them by what they
 * are after the transform. */
static void another_cut_is_stored_once(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct widened widened = {
        .packed = &packed, .chunk_size = BFS_CHUNK_SIZE_MIN, .shift = 2048, .is_made = true};
    uint32_t n;
    (void)state;
    (void)pack(&widened, "t/m:1");
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *first = packed_open(&packed, "t/m:1");
    assert_int_equal(count_shared(first, "views/wide/embed.f32", &n), 0);
    check_content(&widened, first, "views/wide/embed.f32");
    test_write_text(&packed.folder, "model/config.json", "{\"model_type\": \"other\"}");
    struct bfs_pack_report second = pack(&widened, "t/m:2");
    assert_true(second.new_size < 20000);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:2");
    check_content(&widened, bundle, "views/wide/embed.f32");
    free(widened.bytes);
}

/* A file of float32 that a widened one is already: as packed again after unpacking. */
static void a_plain_file_shares_with_a_widened_one(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct widened widened = {.packed = &packed, .chunk_size = BFS_CHUNK_SIZE_MIN, .is_made = true};
    uint64_t size;
    uint32_t n;
    (void)state;
    (void)pack(&widened, "t/m:1");
    bfs_autofree uint8_t *bytes = expected_bytes(&widened, &size);
    /* Another end, so that it is not known as a whole; cut at twice the size, its chunks are. */
    test_write_file(&packed.folder, "model/plain.f32", bytes, size - 4);
    widened.chunk_size = 2 * BFS_CHUNK_SIZE_MIN;
    widened.is_made = false;
    (void)pack(&widened, "t/m:2");
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(&packed, "t/m:2");
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = open_file(bundle, "plain.f32");
    const struct bfs_chunk_table *table = bfs_file_table(file);
    n = bfs_chunk_table_n_chunks(table);
    assert_true(n > 20);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(bfs_chunk_table_at(table, i).encoding.transform,
                         i < n - 1 ? BFS_TRANSFORM_BF16_TO_F32 : BFS_TRANSFORM_NONE);
    BFS_CLEANUP(bfs_chunk_reader_cleanup) struct bfs_chunk_reader *reader = NULL;
    bfs_autofree uint8_t *raw = malloc(BFS_CHUNK_WIDE_MAX);
    assert_int_equal(bfs_chunk_reader_new(&reader), 0);
    for (uint32_t i = 0; i < n; i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(table, i);
        assert_int_equal(bfs_file_read_chunk(file, reader, i, raw, NULL), 0);
        assert_memory_equal(raw, bytes + chunk.raw_off, chunk.raw_size);
    }
    free(widened.bytes);
}

static struct bfs_chunk known_chunk(const struct bfs_xxh128 *check, uint32_t raw_size,
                                    enum bfs_transform transform)
{
    return (struct bfs_chunk){
        .raw_size = raw_size,
        .encoding = {.codec = BFS_CODEC_ZERO, .transform = (uint8_t)transform},
        .check = *check};
}

/* Which of the chunks that were added, numbered by their stored_off, the slot may share; -1: none.
 */
static int shared_by(const struct bfs_slot *slot, struct bfs_dedup *dedup)
{
    struct bfs_chunk chunk = {0};
    bool found;
    assert_int_equal(bfs_slot_find(slot, dedup, &chunk, &found), 0);
    return found ? (int)chunk.stored_off : -1;
}

static void add_known(struct bfs_dedup *dedup, const struct bfs_xxh128 *check, uint32_t raw_size,
                      enum bfs_transform transform)
{
    struct bfs_chunk chunk = known_chunk(check, raw_size, transform);
    chunk.stored_off = bfs_dedup_n_chunks(dedup);
    assert_int_equal(bfs_dedup_add_chunk(dedup, &chunk), 0);
}

/* Zeros are zeros in every type, so by hash alone a widened chunk could pass for the source of
 * another, which would be a transform of a transform. */
static void a_widened_chunk_is_no_source(void **state)
{
    test_autopacked struct packed packed = packed_make();
    BFS_CLEANUP(bfs_dedup_cleanup) struct bfs_dedup *dedup = NULL;
    static uint8_t zeros[16];
    struct bfs_xxh128 of4 = bfs_xxh128(zeros, 4), of8 = bfs_xxh128(zeros, 8),
                      of16 = bfs_xxh128(zeros, 16);
    struct bfs_slot plain = {.raw_size = 8, .check = of8, .file_check = of8};
    struct bfs_slot wide = {
        .raw_size = 8, .check = of8, .file_check = of16, .transform = BFS_TRANSFORM_BF16_TO_F32};
    struct bfs_slot other = wide;
    (void)state;
    other.transform = BFS_TRANSFORM_F16_TO_F32;
    assert_int_equal(bfs_dedup_new(packed.store, &dedup), 0);
    assert_int_equal(shared_by(&plain, dedup), -1);
    assert_int_equal(shared_by(&wide, dedup), -1);

    add_known(dedup, &of8, 8, BFS_TRANSFORM_BF16_TO_F32);
    assert_int_equal(shared_by(&plain, dedup), 0);
    assert_int_equal(shared_by(&wide, dedup), -1);

    add_known(dedup, &of16, 16, BFS_TRANSFORM_BF16_TO_F32);
    assert_int_equal(shared_by(&wide, dedup), 1); /* the same chunk, widened alike */
    assert_int_equal(shared_by(&other, dedup), -1);

    /* Without a transform: not hidden by the one that has it, and better than both. */
    add_known(dedup, &of8, 8, BFS_TRANSFORM_NONE);
    assert_int_equal(shared_by(&plain, dedup), 2);
    assert_int_equal(shared_by(&wide, dedup), 2);
    assert_int_equal(shared_by(&other, dedup), 2);

    add_known(dedup, &of4, 4, BFS_TRANSFORM_NONE);
    assert_int_equal(shared_by(&wide, dedup), 2);
}

static void records_say_what_the_file_holds(void **state)
{
    static uint8_t zeros[16];
    const struct bfs_xxh128 of8 = bfs_xxh128(zeros, 8), of16 = bfs_xxh128(zeros, 16);
    struct bfs_slot slot = {.raw_size = 8, .check = of8, .file_check = of8};
    struct bfs_chunk chunk = known_chunk(&of8, 8, BFS_TRANSFORM_NONE), record;
    (void)state;
    chunk.stored_off = 77;
    record = bfs_slot_record(&slot, chunk);
    assert_int_equal(record.raw_size, 8);
    assert_int_equal(record.encoding.transform, BFS_TRANSFORM_NONE);
    slot.transform = BFS_TRANSFORM_F16_TO_F32;
    slot.file_check = of16;
    for (int i = 0; i < 2; i++) { /* of the source's record, and of one that is widened already */
        record = bfs_slot_record(&slot, i ? record : chunk);
        assert_int_equal(record.raw_size, 16);
        assert_int_equal(record.stored_off, 77);
        assert_int_equal(record.encoding.transform, BFS_TRANSFORM_F16_TO_F32);
        assert_true(bfs_xxh128_equal(&record.check, &of16));
    }
    /* A plain slot that shares a widened chunk takes its record as it is. */
    slot = (struct bfs_slot){.raw_size = 16, .check = of16, .file_check = of16};
    record = bfs_slot_record(&slot, record);
    assert_int_equal(record.encoding.transform, BFS_TRANSFORM_F16_TO_F32);
    assert_int_equal(record.raw_size, 16);
}

/* The memory of a slot holds the bytes before the transform. */
static void plans_are_bounded_before_the_transform(void **state)
{
    enum { SIZE = BFS_CHUNK_SIZE_MIN, CAPACITY = SIZE + SIZE / 4 };
    static const struct {
        uint64_t size; /* before the transform */
        uint64_t file_size;
        uint32_t chunk_size;
        unsigned transform;
        int result;
    } cases[] = {
        {1000, 1000, SIZE, BFS_TRANSFORM_NONE, 0},
        {1001, 1001, SIZE, BFS_TRANSFORM_NONE, 0},
        {10 * SIZE, 10 * SIZE, SIZE, BFS_TRANSFORM_NONE, 0},
        {10 * SIZE, 10 * SIZE, 2 * SIZE, BFS_TRANSFORM_NONE, -EINVAL},
        {10 * SIZE, 10 * SIZE, SIZE / 2, BFS_TRANSFORM_NONE, -EINVAL},
        {10 * SIZE, 10 * SIZE, 0, BFS_TRANSFORM_NONE, -EINVAL},
        {1000, 999, SIZE, BFS_TRANSFORM_NONE, -EINVAL},
        {1000, 1001, SIZE, BFS_TRANSFORM_NONE, -EINVAL},
        {1000, 2000, SIZE, BFS_TRANSFORM_F16_TO_F32, 0},
        {10 * SIZE + 2, 20 * SIZE + 4, SIZE, BFS_TRANSFORM_F16_TO_F32, 0},
        {10 * SIZE + 1, 20 * SIZE + 2, SIZE, BFS_TRANSFORM_F16_TO_F32, -EINVAL},
        {999, 1998, SIZE, BFS_TRANSFORM_F16_TO_F32, -EINVAL},
        {0, 0, SIZE, BFS_TRANSFORM_F16_TO_F32, -EINVAL},
        {UINT64_MAX / 2 + 1, 0, SIZE, BFS_TRANSFORM_F16_TO_F32, -EINVAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bfs_plan_run run = {.size = cases[i].size,
                                   .transform = (enum bfs_transform)cases[i].transform};
        const struct bfs_made made = {
            .size = cases[i].file_size,
            .plan = {.runs = &run, .n_runs = 1, .chunk_size = cases[i].chunk_size}};
        assert_int_equal(bfs_made_check(&made, CAPACITY, "f", NULL), cases[i].result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_widened_file_stores_nothing),
        cmocka_unit_test(another_cut_is_stored_once),
        cmocka_unit_test(a_plain_file_shares_with_a_widened_one),
        cmocka_unit_test(a_widened_chunk_is_no_source),
        cmocka_unit_test(records_say_what_the_file_holds),
        cmocka_unit_test(plans_are_bounded_before_the_transform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
