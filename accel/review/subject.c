/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/review/subject.h"

#include "codec/content/whole.h"
#include "codec/store/files.h"
#include "verify/array.h"
#include "verify/checked.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

const struct bfs_subject_file *bfs_subject_find(const struct bfs_subject *subject, const char *path)
{
    for (size_t i = 0; i < subject->n_files; i++)
        if (strcmp(subject->files[i].path, path) == 0)
            return &subject->files[i];
    return NULL;
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

int bfs_subject_read(const struct bfs_subject *subject, const struct bfs_subject_file *file,
                     uint64_t limit, uint8_t **ret, size_t *ret_size, struct bfs_error *error)
{
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

void bfs_subject_done(struct bfs_subject *subject)
{
    for (size_t i = 0; i < subject->n_files; i++) {
        free(subject->files[i].path);
        bfs_tensor_map_done(&subject->files[i].map);
    }
    free(subject->files);
    free(subject->views);
    free(subject->directory);
    (void)bfs_bundle_unref(subject->bundle);
    bfs_contract_done(&subject->contract);
    memset(subject, 0, sizeof(*subject));
}
