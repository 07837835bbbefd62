/* SPDX-License-Identifier: Apache-2.0
 * A bundle in a store, as a check sees it: all from its index. */
#include "accel/review/subject.h"

#include "verify/array.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int copy_map(const struct bfs_index *index, const struct bfs_inode *inode,
                    struct bfs_tensor_map *ret)
{
    ret->container = (enum bfs_container)inode->container;
    if (inode->n_tensors == 0)
        return 0;
    ret->tensors = calloc(inode->n_tensors, sizeof(*ret->tensors));
    if (!ret->tensors)
        return -ENOMEM;
    for (; ret->n_tensors < inode->n_tensors; ret->n_tensors++) {
        struct bfs_index_tensor from = bfs_index_tensor(index, inode, (uint32_t)ret->n_tensors);
        struct bfs_tensor *to = &ret->tensors[ret->n_tensors];
        to->name = strndup(from.name, from.name_length);
        if (!to->name)
            return -ENOMEM;
        to->dtype = (enum bfs_dtype)from.dtype;
        to->n_dims = from.n_dims;
        memcpy(to->shape, from.shape, sizeof(to->shape));
        to->offset = from.offset;
        to->size = from.size;
    }
    return 0;
}

static int add_file(struct bfs_subject *subject, const struct bfs_index *index, uint32_t number)
{
    struct bfs_inode inode = bfs_index_inode(index, number);
    if (bfs_array_grow(&subject->files, subject->n_files, sizeof(*subject->files)))
        return -ENOMEM;
    struct bfs_subject_file *file = &subject->files[subject->n_files++];
    *file = (struct bfs_subject_file){
        .path = bfs_index_path(index, number), .size = inode.size, .number = number};
    if (!file->path || copy_map(index, &inode, &file->map))
        return -ENOMEM;
    if (!(inode.flags & BFS_INODE_GENERATED))
        subject->content_size += inode.size;
    for (size_t i = 0; i < file->map.n_tensors; i++)
        subject->tensor_size += file->map.tensors[i].size;
    return 0;
}

static int add_link(struct bfs_subject *subject, const struct bfs_index *index, uint32_t number,
                    const struct bfs_inode *inode)
{
    bfs_autofree char *path = bfs_index_path(index, number);
    return path ? bfs_subject_add_link(subject, path, bfs_index_target(index, inode),
                                       (size_t)inode->size)
                : -ENOMEM;
}

static int name_views(struct bfs_subject *subject, const struct bfs_bundle_config *config)
{
    subject->views = calloc(config->n_views + (size_t)1, sizeof(*subject->views));
    if (!subject->views)
        return -ENOMEM;
    for (uint32_t i = 0; i < config->n_views; i++)
        memcpy(subject->views[i].id, config->views[i].id, sizeof(subject->views[i].id));
    subject->n_views = config->n_views;
    return 0;
}

/* Sums of one view's files, by the number of its directory. */
struct view_sum {
    uint64_t files, tensors;
};

static void add_to_view(struct view_sum *sum, const struct bfs_index *index,
                        const struct bfs_inode *inode)
{
    sum->files += inode->size;
    for (uint32_t i = 0; i < inode->n_tensors; i++)
        sum->tensors += bfs_index_tensor(index, inode, i).size;
}

static void name_sum(struct bfs_subject *subject, const struct bfs_dirent *view,
                     const struct view_sum *sum)
{
    for (size_t i = 0; i < subject->n_views; i++)
        if (strlen(subject->views[i].id) == view->name_length &&
            memcmp(subject->views[i].id, view->name, view->name_length) == 0)
            subject->views[i].tensor_size = sum->tensors ? sum->tensors : sum->files;
}

/* Parents come before children, so one pass knows of each inode in which view it lies. */
static int survey(struct bfs_subject *subject, const struct bfs_index *index)
{
    uint32_t n = bfs_index_n_inodes(index), views = 0;
    bfs_autofree uint32_t *owner = calloc(n, sizeof(*owner)); /* inode of the view; 0: the model */
    bfs_autofree struct view_sum *sums = calloc(n, sizeof(*sums));
    int r = owner && sums ? 0 : -ENOMEM;
    bool has_views = r == 0 && bfs_index_resolve(index, "views", &views) == 0;
    for (uint32_t i = 1; r == 0 && i < n; i++) {
        struct bfs_inode inode = bfs_index_inode(index, i);
        owner[i] = has_views && inode.parent == views ? i : owner[inode.parent];
        if (S_ISLNK(inode.mode) && !owner[i])
            r = add_link(subject, index, i, &inode);
        if (!S_ISREG(inode.mode))
            continue;
        if (owner[i])
            add_to_view(&sums[owner[i]], index, &inode);
        else
            r = add_file(subject, index, i);
    }
    if (r || !has_views)
        return r;
    struct bfs_inode directory = bfs_index_inode(index, views);
    for (uint32_t i = 0; i < directory.n_dirents; i++) {
        struct bfs_dirent view = bfs_index_dirent(index, &directory, i);
        name_sum(subject, &view, &sums[view.inode]);
    }
    return 0;
}

int bfs_subject_of_bundle(const struct bfs_reference *reference, struct bfs_bundle *bundle,
                          struct bfs_subject *ret, struct bfs_error *error)
{
    bfs_autosubject struct bfs_subject subject = {.reference = *reference,
                                                  .bundle = bfs_bundle_ref(bundle)};
    if (name_views(&subject, bfs_bundle_config(bundle)) ||
        survey(&subject, bfs_bundle_index(bundle)))
        return bfs_fail(error, -ENOMEM, "out of memory");
    bfs_subject_sort(&subject);
    *ret = subject;
    subject = (struct bfs_subject){0}; /* transferred */
    return 0;
}
