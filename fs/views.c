/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/views.h"

int bfs_views_choose(const struct bfs_view_rules *rules, const struct bfs_bundle *bundle,
                     struct bfs_views *ret)
{
    bfs_autofree struct bfs_choice *choice = NULL;
    int r = bfs_choice_make(rules->host, bundle, rules->forced, &choice);
    if (r)
        return r;
    if (rules->forced && rules->found && choice->best >= 0)
        atomic_store(rules->found, true);
    _Static_assert(BFS_VIEWS_MAX <= 64, "one bit for each view");
    *ret = (struct bfs_views){.directory = choice->directory, .best = choice->best};
    for (unsigned i = 0; rules->hide_unfit && i < choice->n_views; i++)
        if (!choice->views[i].fit.fits && (int)i != choice->best)
            ret->hidden |= UINT64_C(1) << i;
    return 0;
}
