/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/slab.h"

#include <sys/mman.h>

/* Written into the first bytes of a free buffer. */
struct bfs_slab_free {
    struct bfs_slab_free *next;
};

/* The chunk sizes that the packer knows and a quarter more, which is what a last chunk may have;
 * twice that after a transform. */
static const size_t class_sizes[BFS_SLAB_N_CLASSES] = {
    4 << 10,    16 << 10,   32 << 10,   64 << 10,   80 << 10,    128 << 10,  160 << 10,
    256 << 10,  320 << 10,  512 << 10,  640 << 10,  1024 << 10,  1280 << 10, 2048 << 10,
    2560 << 10, 4096 << 10, 5120 << 10, 8192 << 10, 10240 << 10,
};

/* BFS_SLAB_N_CLASSES when none fits. */
static unsigned class_of(size_t size)
{
    unsigned i = 0;
    while (i < BFS_SLAB_N_CLASSES && class_sizes[i] < size)
        i++;
    return i;
}

size_t bfs_slab_round(size_t size)
{
    unsigned i = class_of(size);
    return i < BFS_SLAB_N_CLASSES ? class_sizes[i] : 0;
}

static void unmap_one(struct bfs_slab *slab, unsigned i)
{
    struct bfs_slab_free *buffer = slab->free[i];
    slab->free[i] = buffer->next;
    (void)munmap(buffer, class_sizes[i]);
    slab->mapped -= class_sizes[i];
}

void bfs_slab_trim(struct bfs_slab *slab)
{
    for (unsigned i = 0; i < BFS_SLAB_N_CLASSES; i++)
        while (slab->free[i])
            unmap_one(slab, i);
}

void *bfs_slab_alloc(struct bfs_slab *slab, size_t size, size_t limit)
{
    unsigned wanted = class_of(size);
    if (wanted == BFS_SLAB_N_CLASSES)
        return NULL;
    struct bfs_slab_free *buffer = slab->free[wanted];
    if (buffer) {
        slab->free[wanted] = buffer->next;
        slab->in_use += class_sizes[wanted];
        return buffer;
    }
    for (unsigned i = 0; i < BFS_SLAB_N_CLASSES; i++)
        while (slab->free[i] && slab->mapped + class_sizes[wanted] > limit)
            unmap_one(slab, i);
    if (slab->mapped + class_sizes[wanted] > limit)
        return NULL;
    void *mapped =
        mmap(NULL, class_sizes[wanted], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    slab->mapped += class_sizes[wanted];
    slab->in_use += class_sizes[wanted];
    return mapped;
}

void bfs_slab_release(struct bfs_slab *slab, void *buffer, size_t size)
{
    unsigned i = class_of(size);
    struct bfs_slab_free *freed = buffer;
    freed->next = slab->free[i];
    slab->free[i] = freed;
    slab->in_use -= class_sizes[i];
}
