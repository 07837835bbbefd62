/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/views.h"

#include "accel/view/plan_private.h"
#include "accel/view/views_read.h"
#include "codec/pack/scan_add.h"

#include <errno.h>
#include <string.h>

struct bfs_views {
    struct bfs_pack_extension extension;
    struct bfs_view_directory directory;
    char *path;
    struct bfs_view_ids asked;

    /* of the scan that was extended last */
    struct bfs_view_plan *plans;
    size_t n_plans;
    struct bfs_view_config *opaque;
    size_t n_opaque;
};

static void forget(struct bfs_views *views)
{
    for (size_t i = 0; i < views->n_plans; i++)
        bfs_view_plan_done(&views->plans[i]);
    free(views->plans);
    free(views->opaque);
    views->plans = NULL;
    views->opaque = NULL;
    views->n_plans = views->n_opaque = 0;
    bfs_view_directory_done(&views->directory);
}

static int find_opaque(struct bfs_views *views, const struct bfs_scan *scan,
                       struct bfs_error *error)
{
    uint32_t folder;
    if (!bfs_scan_find(scan, "views", &folder))
        return 0;
    views->opaque = calloc(BFS_VIEWS_MAX, sizeof(*views->opaque));
    if (!views->opaque)
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (uint32_t i = folder + 1; i < scan->n_entries; i++) {
        if (scan->entries[i].parent != folder)
            continue;
        if (views->n_opaque == BFS_VIEWS_MAX)
            return bfs_fail(error, -E2BIG, "views: more than %d views", BFS_VIEWS_MAX);
        int r = bfs_view_read_opaque(&views->directory, scan->entries[i].name,
                                     &views->opaque[views->n_opaque], error);
        if (r)
            return r;
        views->n_opaque++;
    }
    return 0;
}

static int check_conflicts(const struct bfs_views *views, const struct bfs_view_ids *ids,
                           struct bfs_error *error)
{
    if (ids->n + views->n_opaque > BFS_VIEWS_MAX)
        return bfs_fail(error, -E2BIG, "more than %d views in one bundle", BFS_VIEWS_MAX);
    for (size_t i = 0; i < views->n_opaque; i++)
        for (size_t k = 0; k < ids->n; k++)
            if (strcmp(views->opaque[i].id, ids->profiles[k]->id) == 0)
                return bfs_fail(error, -EEXIST,
                                "views/%s: the directory has a view of this name, and one is to "
                                "be made; rename the folder",
                                views->opaque[i].id);
    return 0;
}

static int make_plans(struct bfs_views *views, const struct bfs_view_ids *ids,
                      struct bfs_error *error)
{
    int r = bfs_view_directory_read(&views->directory, error);
    views->plans = calloc(ids->n, sizeof(*views->plans));
    if (r == 0 && !views->plans)
        r = bfs_fail(error, -ENOMEM, "out of memory");
    for (size_t i = 0; r == 0 && i < ids->n; i++) {
        struct bfs_view_plan *plan = &views->plans[views->n_plans++];
        bfs_view_plan_init(plan, ids->profiles[i], &views->directory);
        r = plan->profile->plan(plan, error);
    }
    return r;
}

/* All are planned before the first is placed: one that cannot be made changes nothing. */
static int place_plans(struct bfs_views *views, struct bfs_scan *scan, struct bfs_error *error)
{
    uint32_t folder;
    int r = 0;
    if (!bfs_scan_find(scan, "views", &folder))
        r = bfs_scan_add_directory(scan, 0, "views", &folder, error);
    for (size_t i = 0; r == 0 && i < views->n_plans; i++)
        r = bfs_view_plan_place(&views->plans[i], scan, folder, error);
    return r;
}

static int extend(void *context, struct bfs_scan *scan, struct bfs_error *error)
{
    struct bfs_views *views = context;
    struct bfs_view_ids ids = views->asked;
    int r;
    forget(views);
    views->directory.scan = scan;
    if ((r = bfs_view_read_list(&views->directory, &ids, error)) ||
        (r = find_opaque(views, scan, error)) || (r = check_conflicts(views, &ids, error)))
        return r;
    if (ids.n == 0)
        return 0;
    bfs_view_ids_sort(&ids);
    r = make_plans(views, &ids, error);
    if (r == 0)
        r = place_plans(views, scan, error);
    bfs_view_directory_forget(&views->directory);
    return r;
}

static int describe(void *context, struct bfs_bundle_config *config, struct bfs_error *error)
{
    const struct bfs_views *views = context;
    bfs_autofree struct bfs_view_config *view = malloc(sizeof(*view));
    int r = view ? 0 : bfs_fail(error, -ENOMEM, "out of memory");
    for (size_t i = 0; r == 0 && i < views->n_plans; i++) {
        bfs_view_plan_describe(&views->plans[i], view);
        r = bfs_bundle_config_add_view(config, view, error);
    }
    for (size_t i = 0; r == 0 && i < views->n_opaque; i++)
        r = bfs_bundle_config_add_view(config, &views->opaque[i], error);
    return r;
}

int bfs_views_new(const struct bfs_views_options *options, struct bfs_views **ret,
                  struct bfs_error *error)
{
    BFS_CLEANUP(bfs_views_cleanup) struct bfs_views *views = calloc(1, sizeof(*views));
    if (!views || !(views->path = strdup(options->directory)))
        return bfs_fail(error, -ENOMEM, "out of memory");
    views->directory = (struct bfs_view_directory){
        .path = views->path,
        .dereference = options->dereference,
        .chunk_size = options->chunk_size,
        .n_threads = options->n_threads,
    };
    views->extension =
        (struct bfs_pack_extension){.extend = extend, .describe = describe, .context = views};
    for (size_t i = 0; i < options->n_ids; i++) {
        int r = bfs_view_ids_add(&views->asked, options->ids[i], NULL, error);
        if (r)
            return r;
    }
    *ret = bfs_steal(&views);
    return 0;
}

struct bfs_views *bfs_views_free(struct bfs_views *views)
{
    if (!views)
        return NULL;
    forget(views);
    free(views->path);
    free(views);
    return NULL;
}

const struct bfs_pack_extension *bfs_views_extension(const struct bfs_views *views)
{
    return &views->extension;
}
