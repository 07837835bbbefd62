/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fs/blob_age.h"

#include "codec/store/file.h"

#include <stdatomic.h>

int __real_bfs_file_blob_state(const struct bfs_file *file, uint32_t blob,
                               struct bfs_blob_state *ret);
int __wrap_bfs_file_blob_state(const struct bfs_file *file, uint32_t blob,
                               struct bfs_blob_state *ret);

static atomic_bool is_frozen, is_pretended;
static struct timespec pretended;

int __wrap_bfs_file_blob_state(const struct bfs_file *file, uint32_t blob,
                               struct bfs_blob_state *ret)
{
    int r = __real_bfs_file_blob_state(file, blob, ret);
    if (r)
        return r;
    ret->changed.tv_sec -= 3600;
    if (is_frozen)
        ret->changed = ret->modified = (struct timespec){.tv_sec = 1};
    if (is_pretended)
        ret->changed = pretended;
    return 0;
}

void blob_age_pretend(const struct timespec *changed)
{
    is_pretended = changed != NULL;
    if (changed)
        pretended = *changed;
}

void blob_age_freeze(bool frozen)
{
    is_frozen = frozen;
}
