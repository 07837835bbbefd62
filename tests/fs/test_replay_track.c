/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/replay_track.h"

#include <stdlib.h>

/* Files 7, 3 and 7 again: positions 0, 100 and 400, 600 in all. */
static struct bfs_track *sample(void)
{
    struct bfs_order_step steps[] = {{1000, 100, 7}, {0, 300, 3}, {500, 200, 7}};
    const struct bfs_order order = {.steps = steps, .n_steps = 3, .size = 600};
    struct bfs_track *track = NULL;
    assert_int_equal(bfs_track_new(5, true, &order, &track), 0);
    assert_int_equal(track->size, 600);
    assert_int_equal(track->n_files, 2);
    assert_int_equal(track->files[0].inode, 3);
    assert_int_equal(track->files[0].last, 1);
    assert_int_equal(track->files[1].inode, 7);
    assert_int_equal(track->files[1].last, 2);
    return track;
}

static void expect_wish(struct bfs_track *track, uint64_t window, uint64_t stored_window,
                        const struct bfs_track_wish *wanted)
{
    struct bfs_track_wish wish;
    assert_true(bfs_track_next(track, window, stored_window, &wish));
    assert_int_equal(wish.file, wanted->file);
    assert_int_equal(wish.from, wanted->from);
    assert_int_equal(wish.end, wanted->end);
    assert_int_equal(wish.is_stored, wanted->is_stored);
}

static void expect_none(struct bfs_track *track, uint64_t window, uint64_t stored_window)
{
    struct bfs_track_wish wish;
    assert_false(bfs_track_next(track, window, stored_window, &wish));
}

static void it_begins_with_the_first_file(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_track_cleanup) struct bfs_track *track = sample();
    assert_false(bfs_track_note(track, 7, 1000, 1010));
    assert_false(bfs_track_begin(track, 3));
    assert_false(bfs_track_begin(track, 8));
    assert_true(bfs_track_begin(track, 7));
    assert_false(bfs_track_begin(track, 7)); /* it runs */
    assert_true(bfs_track_note(track, 7, 1000, 1010));

    const struct bfs_order none = {0};
    BFS_CLEANUP(bfs_track_cleanup) struct bfs_track *empty = NULL;
    assert_int_equal(bfs_track_new(5, true, &none, &empty), 0);
    assert_false(bfs_track_begin(empty, 7));
    assert_false(bfs_track_note(empty, 7, 0, 1));
}

static void wishes_go_along_the_order(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_track_cleanup) struct bfs_track *track = sample();
    assert_true(bfs_track_begin(track, 7));
    expect_wish(track, 150, 270, &(struct bfs_track_wish){1, 1000, 1100, false});
    expect_wish(track, 150, 270, &(struct bfs_track_wish){0, 0, 50, false});
    expect_wish(track, 150, 270, &(struct bfs_track_wish){0, 50, 300, true});
    expect_wish(track, 150, 270, &(struct bfs_track_wish){1, 500, 520, true});
    expect_none(track, 150, 270);
    assert_false(bfs_track_is_due(track, 150));
    assert_true(bfs_track_note(track, 7, 1000, 1075));
    assert_true(bfs_track_is_due(track, 150));
    expect_wish(track, 150, 0, &(struct bfs_track_wish){0, 50, 125, false});
    expect_none(track, 150, 0);
    /* A narrower window asks for nothing, and forgets nothing. */
    expect_none(track, 10, 0);
    assert_true(bfs_track_note(track, 3, 100, 200));
    expect_wish(track, 10, 0, &(struct bfs_track_wish){0, 200, 210, false});
    expect_none(track, 10, 0);
    expect_wish(track, 1000, 1000, &(struct bfs_track_wish){0, 210, 300, false});
    expect_wish(track, 1000, 1000, &(struct bfs_track_wish){1, 500, 700, false});
    expect_none(track, 1000, 1000);
}

static void reads_elsewhere_do_not_follow(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_track_cleanup) struct bfs_track *track = sample();
    assert_true(bfs_track_begin(track, 7));
    assert_false(bfs_track_note(track, 4, 0, 10));
    assert_false(bfs_track_note(track, 7, 999, 1010));
    assert_false(bfs_track_note(track, 7, 1100, 1110));
    assert_false(bfs_track_note(track, 3, 300, UINT64_MAX));
    assert_int_equal(track->at, 0);
    assert_true(bfs_track_note(track, 3, 299, UINT64_MAX)); /* no further than the step */
    assert_int_equal(track->at, 400);
    assert_false(bfs_track_note(track, 7, 1000, 1010)); /* passed */
    assert_int_equal(track->at, 400);
    assert_true(bfs_track_note(track, 7, 600, 700));
    assert_int_equal(track->at, track->size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_with_the_first_file),
        cmocka_unit_test(wishes_go_along_the_order),
        cmocka_unit_test(reads_elsewhere_do_not_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
