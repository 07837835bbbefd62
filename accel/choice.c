/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/choice.h"

#include <errno.h>
#include <string.h>

/* Bytes of each view's files: parents come before their children, so one pass tells every inode
 * which view it is in. */
static int measure(const struct bfs_index *index, struct bfs_choice *choice)
{
    uint32_t n = bfs_index_n_inodes(index);
    bfs_autofree uint8_t *view_of = calloc(n, 1); /* 0: none; else number + 1 */
    if (!view_of)
        return -ENOMEM;
    for (unsigned i = 0; i < choice->n_views; i++)
        view_of[choice->views[i].inode] = (uint8_t)(i + 1);
    for (uint32_t i = choice->directory + 1; i < n; i++) {
        struct bfs_inode inode = bfs_index_inode(index, i);
        if (!view_of[i])
            view_of[i] = view_of[inode.parent];
        if (view_of[i] && S_ISREG(inode.mode))
            choice->views[view_of[i] - 1].size += inode.size;
    }
    return 0;
}

static int find_forced(const struct bfs_choice *choice, const char *forced)
{
    for (unsigned i = 0; i < choice->n_views; i++)
        if (strcmp(choice->views[i].config->id, forced) == 0)
            return (int)i;
    return -1;
}

/* What the profiles with tiles write; docs/views.md. */
static bool is_bare(const struct bfs_view_config *config)
{
    return strcmp(config->container, "bin") == 0;
}

static void judge(const struct bfs_host *host, const char *forced, struct bfs_choice *choice)
{
    struct bfs_fit fits[BFS_VIEWS_MAX];
    const char *ids[BFS_VIEWS_MAX];
    for (unsigned i = 0; i < choice->n_views; i++) {
        struct bfs_choice_view *view = &choice->views[i];
        bfs_fit_judge(host, &view->config->key,
                      (struct bfs_fit_view){.size = view->size, .is_bare = is_bare(view->config)},
                      &view->fit);
        fits[i] = view->fit;
        ids[i] = view->config->id;
    }
    choice->best = forced ? find_forced(choice, forced) : bfs_fit_best(fits, ids, choice->n_views);
}

int bfs_choice_make(const struct bfs_host *host, const struct bfs_bundle *bundle,
                    const char *forced, struct bfs_choice **ret)
{
    _Static_assert(BFS_VIEWS_MAX < UINT8_MAX, "a byte tells which view an inode is in");
    const struct bfs_bundle_config *config = bfs_bundle_config(bundle);
    const struct bfs_index *index = bfs_bundle_index(bundle);
    size_t n = config->n_views;
    bfs_autofree struct bfs_choice *choice =
        calloc(1, sizeof(*choice) + n * sizeof(choice->views[0]));
    if (!choice)
        return -ENOMEM;
    choice->best = -1;
    if (n > 0 && bfs_index_resolve(index, "views", &choice->directory) == 0) {
        struct bfs_inode directory = bfs_index_inode(index, choice->directory);
        for (size_t i = 0; i < n; i++) {
            struct bfs_choice_view *view = &choice->views[i];
            view->config = &config->views[i];
            if (!bfs_index_lookup(index, &directory, view->config->id, strlen(view->config->id),
                                  &view->inode))
                return -EBADMSG; /* the bundle was checked for it when it was opened */
        }
        choice->n_views = (unsigned)n;
        int r = measure(index, choice);
        if (r)
            return r;
        judge(host, forced, choice);
    }
    *ret = bfs_steal(&choice);
    return 0;
}
