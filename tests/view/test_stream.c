/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/view/stream.h"
#include "tests/support/folder.h"

#include <errno.h>
#include <stdatomic.h>

/* A converter whose output can be told in advance: byte i is (7 * i + its source's first byte). */
enum { BAND = 1000, SIZE = 40 * BAND + 17, SCALES = 5 };

static atomic_int n_prepared, n_made;
static uint64_t fail_at;

static int prepare(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                   uint64_t piece, struct bfs_error *error)
{
    uint8_t *byte = bfs_part_scratch_get(scratch, 0, 1);
    assert_non_null(byte);
    n_prepared++;
    part->scales[piece] = (float)piece;
    return bfs_part_read(part, fd, piece, byte, 1, error);
}

static void settle(struct bfs_part *part)
{
    for (uint64_t i = 0; i < part->n_scales; i++)
        part->scales[i] += 1;
}

static int make(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                uint64_t offset, size_t size, uint8_t *to, struct bfs_measure *measure,
                struct bfs_error *error)
{
    uint8_t *byte = bfs_part_scratch_get(scratch, 1, 1);
    assert_true(offset % part->band_size == 0);
    assert_true(size == part->band_size || offset + size == part->size);
    assert_int_equal(n_prepared, part->n_pieces); /* all of it, before */
    int r = fail_at == offset ? bfs_fail(error, -ENOSPC, "no") : 0;
    if (r == 0)
        r = bfs_part_read(part, fd, 0, byte, 1, error);
    for (size_t i = 0; r == 0 && i < size; i++)
        to[i] = (uint8_t)((offset + i) * 7 + *byte);
    const float a[2] = {1, 1}, b[2] = {1.0f + 1.0f / (float)(offset + 3), 1};
    bfs_measure_add(measure, a, b, 2);
    n_made++;
    return r;
}

static const struct bfs_part_ops ops = {
    .name = "test", .prepare = prepare, .settle = settle, .make = make};

struct fixture {
    struct test_folder folder;
    struct bfs_scan scan;
    struct bfs_source_file file;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->folder = test_folder_make();
    test_write_text(&fixture->folder, "source", "0123456789");
    assert_int_equal(bfs_scan_directory(fixture->folder.path, false, &fixture->scan, NULL), 0);
    assert_int_equal(bfs_source_file_make(fixture->folder.path, false, &fixture->scan.entries[1],
                                          &fixture->file),
                     0);
    n_prepared = n_made = 0;
    fail_at = UINT64_MAX;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    bfs_source_file_done(&fixture->file);
    bfs_scan_done(&fixture->scan);
    test_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static struct bfs_part converted(const struct fixture *fixture)
{
    return (struct bfs_part){
        .ops = &ops,
        .size = SIZE,
        .band_size = BAND,
        .scales_from = BFS_PART_NONE,
        .source = {.file = &fixture->file, .size = 10},
        .tensor_class = 1,
        .n_scales = 2,
        .n_pieces = SCALES,
    };
}

/* Literal bytes, zeros, scales, the tensor, a copy: part 3 is the tensor. */
static struct bfs_part_list list(const struct fixture *fixture)
{
    struct bfs_part_list list = {0};
    struct bfs_part part = converted(fixture);
    const struct bfs_part_source source = {.file = &fixture->file, .offset = 2, .size = 5};
    uint8_t *bytes = malloc(3);
    assert_non_null(bytes);
    memcpy(bytes, "abc", 3);
    assert_int_equal(bfs_part_list_add_bytes(&list, bytes, 3), 0);
    assert_int_equal(bfs_part_list_align(&list, 8), 0);
    assert_int_equal(bfs_part_list_add_scales(&list, 3, 2), 0);
    assert_int_equal(bfs_part_list_add(&list, &part), 0);
    assert_int_equal(bfs_part_list_add_copy(&list, source), 0);
    assert_int_equal(list.size, 8 + 8 + SIZE + 5);
    return list;
}

static int start(struct bfs_part_list *parts, unsigned n_threads, struct bfs_measure *measures,
                 struct bfs_made *ret)
{
    const struct bfs_stream_options options = {
        .what = "views/x/y", .n_threads = n_threads, .measures = measures, .n_measures = 2};
    return bfs_stream_new(parts, &options, ret, NULL);
}

static void bytes_and_measures_do_not_depend_on_threads(void **state)
{
    static const unsigned threads[] = {1, 2, 7, 64};
    struct bfs_measure first[2] = {0};
    for (size_t t = 0; t < 4; t++) {
        bfs_automade struct bfs_made made = {0};
        struct bfs_part_list parts = list(*state);
        struct bfs_measure measures[2] = {0};
        uint8_t bytes[16 + SIZE + 5];
        const float scales[2] = {1, 2};
        n_prepared = 0;
        assert_int_equal(start(&parts, threads[t], measures, &made), 0);
        assert_null(parts.parts);
        assert_int_equal(made.ops->begin(made.context, NULL), 0);
        for (size_t at = 0; at < sizeof(bytes);) { /* in odd steps */
            size_t step = sizeof(bytes) - at < 777 ? sizeof(bytes) - at : 777;
            assert_int_equal(made.ops->read(made.context, bytes + at, step, NULL), 0);
            at += step;
        }
        assert_int_equal(made.ops->read(made.context, bytes, 1, NULL), -EINVAL);
        made.ops->end(made.context);
        assert_memory_equal(bytes, "abc\0\0\0\0\0", 8);
        assert_memory_equal(bytes + 8, scales, 8);
        for (size_t i = 0; i < SIZE; i++)
            assert_int_equal(bytes[16 + i], (uint8_t)(i * 7 + '0'));
        assert_memory_equal(bytes + 16 + SIZE, "23456", 5);
        assert_int_equal(n_prepared, SCALES);
        assert_int_equal(measures[0].n, 0);
        assert_int_equal(measures[1].n, 2 * 41);
        if (t == 0)
            memcpy(first, measures, sizeof(first));
        assert_memory_equal(first, measures, sizeof(first));
    }
}

static void a_failing_band_stops_the_file(void **state)
{
    for (unsigned n_threads = 1; n_threads <= 4; n_threads += 3) {
        bfs_automade struct bfs_made made = {0};
        struct bfs_part_list parts = list(*state);
        struct bfs_measure measures[2] = {0};
        struct bfs_error error = {0};
        uint8_t bytes[16 + SIZE];
        int r = 0;
        n_prepared = 0;
        fail_at = 30 * BAND;
        assert_int_equal(start(&parts, n_threads, measures, &made), 0);
        assert_int_equal(made.ops->begin(made.context, NULL), 0);
        for (size_t at = 0; r == 0 && at + BAND <= sizeof(bytes); at += BAND)
            r = made.ops->read(made.context, bytes + at, BAND, &error);
        assert_int_equal(r, -ENOSPC);
        assert_string_equal(error.what, "no");
        made.ops->end(made.context);
        assert_int_equal(measures[1].n, 0); /* of a file that is not whole, nothing counts */
    }
}

static void change_source(const struct fixture *fixture)
{
    test_write_text(&fixture->folder, "source", "0123456789!");
}

static void a_changed_source_is_found(void **state)
{
    const struct fixture *fixture = *state;
    for (int when = 0; when < 2; when++) {
        bfs_automade struct bfs_made made = {0};
        struct bfs_part_list parts = list(fixture);
        struct bfs_error error = {0};
        uint8_t bytes[16 + SIZE + 5];
        n_prepared = 0;
        assert_int_equal(start(&parts, 2, NULL, &made), 0);
        if (when == 1) {
            change_source(fixture);
            assert_int_equal(made.ops->begin(made.context, &error), -ESTALE);
        } else {
            assert_int_equal(made.ops->begin(made.context, &error), 0);
            assert_int_equal(made.ops->read(made.context, bytes, sizeof(bytes) - 1, &error), 0);
            change_source(fixture);
            assert_int_equal(made.ops->read(made.context, bytes, 1, &error), -ESTALE);
            made.ops->end(made.context);
        }
        assert_non_null(strstr(error.what, "source: changed while"));
    }
}

static void a_symlink_in_place_of_the_source_is_not_followed(void **state)
{
    const struct fixture *fixture = *state;
    bfs_autofree char *path = test_path(&fixture->folder, "source");
    bfs_autofree char *other = test_path(&fixture->folder, "other");
    int fd;
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink("other", path), 0);
    /* As if the link's target had been scanned: all but the link is in order. */
    struct bfs_source_file file = fixture->file;
    struct stat st;
    assert_int_equal(stat(other, &st), 0);
    file.ctime = st.st_ctim;
    assert_int_equal(bfs_source_file_open(&file, &fd, NULL), -ESTALE);
    file.dereference = true;
    assert_int_equal(bfs_source_file_open(&file, &fd, NULL), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(bfs_source_file_open(&fixture->file, &fd, NULL), -ESTALE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(bfs_source_file_open(&fixture->file, &fd, NULL), -ESTALE);
}

/* A part of 1 TiB: what was read is what was made, and little more. */
static void a_stream_makes_no_more_than_its_memory(void **state)
{
    bfs_automade struct bfs_made made = {0};
    struct bfs_part_list parts = {0};
    struct bfs_part part = converted(*state);
    uint8_t byte;
    part.size = UINT64_C(1) << 40;
    part.band_size = BFS_BAND_SIZE;
    part.n_pieces = 0;
    assert_int_equal(bfs_part_list_add(&parts, &part), 0);
    assert_int_equal(start(&parts, 64, NULL, &made), 0);
    assert_int_equal(made.ops->begin(made.context, NULL), 0);
    assert_int_equal(made.ops->read(made.context, &byte, 1, NULL), 0);
    assert_true(n_made > 1);
    assert_true((uint64_t)n_made * BFS_BAND_SIZE <= BFS_STREAM_MEMORY);
    made.ops->end(made.context);
}

static void parts_that_contradict_themselves_are_refused(void **state)
{
    for (int i = 0; i < 5; i++) {
        bfs_automade struct bfs_made made = {0};
        struct bfs_part_list parts = {0};
        struct bfs_part part = converted(*state);
        part.band_size = i == 0 ? 0 : i == 1 ? BFS_BAND_SIZE_MAX + 1 : BAND;
        part.source.file = i == 2 ? NULL : part.source.file;
        assert_int_equal(bfs_part_list_add(&parts, &part), 0);
        assert_int_equal(bfs_part_list_add_scales(&parts, i == 3 ? 2 : 0, i == 4 ? 3 : 2), 0);
        assert_int_equal(start(&parts, 2, NULL, &made), -EINVAL);
        assert_null(made.ops);
    }
    struct bfs_part_list parts = {0};
    const struct bfs_part part = {.size = UINT64_MAX - 1, .scales_from = BFS_PART_NONE};
    assert_int_equal(bfs_part_list_add(&parts, &part), -E2BIG);
    assert_int_equal(bfs_part_list_add_scales(&parts, 0, UINT64_MAX / 2), -E2BIG);
    assert_int_equal(parts.n_parts, 0);
}

/* Scales live from the first part that uses them to the last: only those of one time count. */
static void scales_at_a_time_are_bounded(void **state)
{
    for (int i = 0; i < 3; i++) {
        bfs_automade struct bfs_made made = {0};
        struct bfs_part_list parts = {0};
        struct bfs_error error = {0};
        struct bfs_part part = converted(*state);
        part.n_scales = BFS_STREAM_SCALES_MAX / 2 + (i == 1);
        assert_int_equal(bfs_part_list_add(&parts, &part), 0);
        if (i == 2)
            assert_int_equal(bfs_part_list_add_scales(&parts, 0, part.n_scales), 0);
        assert_int_equal(bfs_part_list_add(&parts, &part), 0);
        assert_int_equal(bfs_part_list_add(&parts, &part), 0);
        size_t last = parts.n_parts - 1;
        if (i < 2) {
            assert_int_equal(bfs_part_list_add_scales(&parts, last, part.n_scales), 0);
            assert_int_equal(bfs_part_list_add_scales(&parts, last - 1, part.n_scales), 0);
        }
        const struct bfs_stream_options options = {.what = "views/x/y", .n_threads = 1};
        assert_int_equal(bfs_stream_new(&parts, &options, &made, &error), i == 1 ? -E2BIG : 0);
        assert_int_equal(strncmp(error.what, "views/x/y: its matrices", i == 1 ? 23 : 0), 0);
    }
}

static void reads_outside_of_the_tensor_are_refused(void **state)
{
    const struct fixture *fixture = *state;
    struct bfs_part part = converted(fixture);
    bfs_autoclose int fd = -1;
    uint8_t bytes[11];
    assert_int_equal(bfs_source_file_open(&fixture->file, &fd, NULL), 0);
    assert_int_equal(bfs_part_read(&part, fd, 0, bytes, 10, NULL), 0);
    assert_int_equal(bfs_part_read(&part, fd, 0, bytes, 11, NULL), -EINVAL);
    assert_int_equal(bfs_part_read(&part, fd, UINT64_MAX, bytes, 1, NULL), -EINVAL);
    part.source.size = 11; /* the map lied, or the file was cut */
    assert_int_equal(bfs_part_read(&part, fd, 0, bytes, 11, NULL), -ESTALE);
}

#define WITH_FILE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(bytes_and_measures_do_not_depend_on_threads),
        WITH_FILE(a_failing_band_stops_the_file),
        WITH_FILE(a_changed_source_is_found),
        WITH_FILE(a_symlink_in_place_of_the_source_is_not_followed),
        WITH_FILE(a_stream_makes_no_more_than_its_memory),
        WITH_FILE(parts_that_contradict_themselves_are_refused),
        WITH_FILE(scales_at_a_time_are_bounded),
        WITH_FILE(reads_outside_of_the_tensor_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
