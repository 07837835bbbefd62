/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/directory.h"

#include "accel/view/views.h"
#include "codec/pack/pack.h"

/* What the callback of the pack's check fills. */
struct taking {
    const struct bfs_pack_options *options;
    struct bfs_subject *ret;
};

static int take_subject(void *context, const struct bfs_scan *scan, struct bfs_error *error)
{
    const struct taking *taking = context;
    return bfs_subject_of_scan(&taking->options->reference, taking->options->directory,
                               taking->options->dereference, scan, taking->ret, error);
}

int bfs_directory_as_packed(const struct bfs_reference *reference, const char *directory,
                            bool dereference, struct bfs_subject *ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_views_cleanup) struct bfs_views *views = NULL;
    struct bfs_pack_options options = {.directory = directory,
                                       .reference = *reference,
                                       .dereference = dereference,
                                       .chunk_size = BFS_CHUNK_SIZE_DEFAULT,
                                       .n_jobs = 1};
    struct taking taking = {.options = &options, .ret = ret};
    const struct bfs_views_options wanted = {.directory = directory,
                                             .dereference = dereference,
                                             .chunk_size = options.chunk_size,
                                             .n_threads = 1};
    int r = bfs_views_new(&wanted, &views, error);
    if (r)
        return r;
    options.extension = bfs_views_extension(views);
    options.review = take_subject;
    options.context = &taking;
    return bfs_pack_check(NULL, &options, error);
}

int bfs_directory_as_is(const struct bfs_reference *reference, const char *directory,
                        bool dereference, struct bfs_subject *ret, struct bfs_error *error)
{
    bfs_autoscan struct bfs_scan scan = {0};
    int r;
    if ((r = bfs_scan_directory(directory, dereference, &scan, error)) ||
        (r = bfs_scan_finish(&scan, error)))
        return r;
    return bfs_subject_of_scan(reference, directory, dereference, &scan, ret, error);
}
