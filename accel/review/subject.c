/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/review/subject.h"

#include "codec/content/whole.h"
#include "codec/store/files.h"
#include "verify/array.h"
#include "verify/checked.h"
#include "verify/links.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int by_path(const void *a, const void *b)
{
    const struct bfs_subject_file *left = a, *right = b;
    return strcmp(left->path, right->path);
}

static int by_link_path(const void *a, const void *b)
{
    const struct bfs_subject_link *left = a, *right = b;
    return strcmp(left->path, right->path);
}

void bfs_subject_sort(struct bfs_subject *subject)
{
    if (subject->n_files)
        qsort(subject->files, subject->n_files, sizeof(*subject->files), by_path);
    if (subject->n_links)
        qsort(subject->links, subject->n_links, sizeof(*subject->links), by_link_path);
}

int bfs_subject_add_link(struct bfs_subject *subject, const char *path, const char *target,
                         size_t target_length)
{
    if (bfs_array_grow(&subject->links, subject->n_links, sizeof(*subject->links)))
        return -ENOMEM;
    struct bfs_subject_link *link = &subject->links[subject->n_links++];
    *link =
        (struct bfs_subject_link){.path = strdup(path), .target = strndup(target, target_length)};
    return link->path && link->target ? 0 : -ENOMEM;
}

static int to_path(const void *path, const void *file)
{
    return strcmp(path, ((const struct bfs_subject_file *)file)->path);
}

static int to_link_path(const void *path, const void *link)
{
    return strcmp(path, ((const struct bfs_subject_link *)link)->path);
}

static const char *target_at(void *context, const char *path)
{
    const struct bfs_subject *subject = context;
    const struct bfs_subject_link *link =
        bsearch(path, subject->links, subject->n_links, sizeof(*subject->links), to_link_path);
    return link ? link->target : NULL;
}

static const struct bfs_subject_file *find_file(const struct bfs_subject *subject, const char *path)
{
    return subject->n_files
               ? bsearch(path, subject->files, subject->n_files, sizeof(*subject->files), to_path)
               : NULL;
}

const struct bfs_subject_file *bfs_subject_find(const struct bfs_subject *subject, const char *path)
{
    bfs_autofree char *end = NULL;
    const struct bfs_subject_file *file = find_file(subject, path);
    if (file || subject->n_links == 0)
        return file;
    struct bfs_subject copy = *subject;
    return bfs_links_follow(path, target_at, &copy, &end) ? NULL : find_file(subject, end);
}

bool bfs_subject_has_view(const struct bfs_subject *subject, const char *id)
{
    for (size_t i = 0; i < subject->n_views; i++)
        if (strcmp(subject->views[i].id, id) == 0)
            return true;
    return false;
}

static int read_disk(const struct bfs_subject *subject, const struct bfs_subject_file *file,
                     uint64_t limit, uint8_t **ret, size_t *ret_size, struct bfs_error *error)
{
    bfs_autofree char *path = bfs_join(subject->directory, file->path);
    if (!path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    return bfs_read_file(path, limit, ret, ret_size, error);
}

int bfs_review_spend(struct bfs_review_budget *budget, const char *path, uint64_t size,
                     struct bfs_error *error)
{
    static const char json[] = ".json";
    size_t length = strlen(path);
    bool is_json = length >= strlen(json) && strcmp(path + length - strlen(json), json) == 0;
    uint64_t weight = is_json ? BFS_REVIEW_JSON_WEIGHT : 1;
    if (!budget)
        return 0;
    if (size > budget->left / weight)
        return bfs_fail(error, -EFBIG, "%.255s: the check may not read so much", path);
    budget->left -= size * weight;
    return 0;
}

int bfs_subject_read(const struct bfs_subject *subject, const struct bfs_subject_file *file,
                     uint64_t limit, uint8_t **ret, size_t *ret_size, struct bfs_error *error)
{
    int r = bfs_review_spend(subject->budget, file->path, file->size, error);
    if (r)
        return r;
    if (file->size > limit)
        return bfs_fail(error, -E2BIG, "%.255s: is larger than %llu bytes", file->path,
                        (unsigned long long)limit);
    return subject->bundle
               ? bfs_content_whole(subject->bundle, file->number, limit, ret, ret_size, error)
               : read_disk(subject, file, limit, ret, ret_size, error);
}

int bfs_subject_read_contract(struct bfs_subject *subject, struct bfs_error *error)
{
    const struct bfs_subject_file *file = bfs_subject_find(subject, "contract.json");
    bfs_autofree uint8_t *bytes = NULL;
    size_t size;
    if (!file)
        return 0;
    int r = bfs_subject_read(subject, file, BFS_CONTRACT_SIZE_MAX, &bytes, &size, error);
    if (r == 0)
        r = bfs_contract_parse(bytes, size, "contract.json", &subject->contract, error);
    subject->has_contract = r == 0;
    return r;
}

int bfs_subject_contract_faults(const struct bfs_subject *subject,
                                void (*report)(void *context, const struct bfs_error *error),
                                void *context, struct bfs_error *error)
{
    static const char name[] = "contract.json";
    const struct bfs_subject_file *file = bfs_subject_find(subject, name);
    bfs_autofree uint8_t *bytes = NULL;
    size_t size;
    if (!file)
        return 0;
    int r = bfs_subject_read(subject, file, BFS_CONTRACT_SIZE_MAX, &bytes, &size, error);
    if (r == 0 && (r = bfs_contract_faults(bytes, size, name, report, context)))
        r = bfs_fail(error, r, "out of memory");
    return r;
}

void bfs_subject_done(struct bfs_subject *subject)
{
    for (size_t i = 0; i < subject->n_files; i++) {
        free(subject->files[i].path);
        bfs_tensor_map_done(&subject->files[i].map);
    }
    for (size_t i = 0; i < subject->n_links; i++) {
        free(subject->links[i].path);
        free(subject->links[i].target);
    }
    free(subject->files);
    free(subject->links);
    free(subject->views);
    free(subject->directory);
    (void)bfs_bundle_unref(subject->bundle);
    bfs_contract_done(&subject->contract);
    memset(subject, 0, sizeof(*subject));
}
