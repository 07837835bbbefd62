/* SPDX-License-Identifier: Apache-2.0
 * A plan as the list of chunks that it makes. Included after cmocka.h. */
#ifndef BFS_TESTS_CUT_H
#define BFS_TESTS_CUT_H

#include "codec/pack/plan.h"
#include "verify/array.h"
#include "verify/cleanup.h"

struct test_cut {
    struct bfs_plan_chunk *chunks;
    size_t n_chunks;
};

static inline struct test_cut test_cut_make(const struct bfs_plan *plan)
{
    struct bfs_plan_cursor cursor = {.plan = plan};
    struct bfs_plan_chunk chunk;
    struct test_cut cut = {0};
    while (bfs_plan_next(&cursor, &chunk)) {
        assert_int_equal(bfs_array_grow(&cut.chunks, cut.n_chunks, sizeof(chunk)), 0);
        cut.chunks[cut.n_chunks++] = chunk;
    }
    assert_false(bfs_plan_next(&cursor, &chunk)); /* the end stays the end */
    return cut;
}

static inline void test_cut_done(struct test_cut *cut)
{
    free(cut->chunks);
}
#define test_autocut BFS_CLEANUP(test_cut_done)

#endif
