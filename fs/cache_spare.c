/* SPDX-License-Identifier: Apache-2.0
 * A fresh page costs a fault when a worker writes to it first; where faults are dear
 * (paravirtualized hosts), that is more work than decoding. So a thread of its own has the kernel
 * make the pages of the slab's next area while workers fill the one before. */
#include "fs/area.h"
#include "fs/cache_private.h"
#include "fs/thread.h"

/* Memory that is tight is not taken ahead. */
static bool is_wanted(const struct bfs_cache *cache)
{
    return atomic_load(&cache->bound) == SIZE_MAX &&
           bfs_slab_wants_spare(&cache->slab, bfs_cache_limit_now(cache));
}

void bfs_cache_ask_for_spare(struct bfs_cache *cache)
{
    if (cache->slab.has_grown && is_wanted(cache))
        (void)pthread_cond_signal(&cache->spare_wanted);
}

static void *make_spares(void *argument)
{
    struct bfs_cache *cache = argument;
    (void)pthread_mutex_lock(&cache->mutex);
    for (;;) {
        while (!cache->stopping && !is_wanted(cache))
            (void)pthread_cond_wait(&cache->spare_wanted, &cache->mutex);
        if (cache->stopping)
            break;
        bfs_slab_reserve_spare(&cache->slab);
        (void)pthread_mutex_unlock(&cache->mutex);
        void *area = bfs_area_map(BFS_AREA_SIZE, true);
        if (area)
            bfs_area_populate(area, BFS_AREA_SIZE);
        (void)pthread_mutex_lock(&cache->mutex);
        bfs_slab_set_spare(&cache->slab, area);
        bfs_slab_trim(&cache->slab, bfs_cache_limit_now(cache));
    }
    (void)pthread_mutex_unlock(&cache->mutex);
    return NULL;
}

int bfs_cache_start_spare_maker(struct bfs_cache *cache)
{
    int r = bfs_thread_start(&cache->spare_maker, make_spares, cache);
    cache->has_spare_maker = r == 0;
    return r;
}

void bfs_cache_stop_spare_maker(struct bfs_cache *cache)
{
    (void)pthread_mutex_lock(&cache->mutex);
    cache->stopping = true;
    (void)pthread_cond_signal(&cache->spare_wanted);
    (void)pthread_mutex_unlock(&cache->mutex);
    if (cache->has_spare_maker)
        (void)pthread_join(cache->spare_maker, NULL);
}
