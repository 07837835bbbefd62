/* SPDX-License-Identifier: Apache-2.0
 * How a backing file gets its content: what was decoded for others is offered to it; of the rest it
 * asks the kernel, which has what was read, and has decoded what nobody has, a few chunks at a
 * time, when the workers have nothing else to do. */
#include "fs/backing_private.h"

#include "fs/clock.h"

enum {
    SLOW_MS = 50,      /* a write that takes so long waits for the disk */
    SLOW_FOR_MS = 200, /* what the kernel lets a writer wait at once */
};

static void waiter_done(struct bfs_waiter *waiter, int status, struct bfs_block *block);

struct bfs_fill *bfs_fill_new(struct bfs_backed *backed, struct bfs_file *source, bool complete)
{
    struct bfs_fill *fill = calloc(1, sizeof(*fill));
    if (!fill)
        return NULL;
    fill->source = bfs_file_ref(source);
    fill->complete = complete;
    for (unsigned i = 0; i < BFS_FILL_PARTS; i++) {
        fill->parts[i].waiter.done = waiter_done;
        fill->parts[i].backed = backed;
        fill->parts[i].next_free = fill->free;
        fill->free = &fill->parts[i];
    }
    return fill;
}

struct bfs_fill *bfs_fill_free(struct bfs_fill *fill)
{
    if (!fill)
        return NULL;
    /* A kernel that is gone does not answer any more. */
    for (unsigned i = 0; i < BFS_FILL_PARTS; i++)
        if (fill->parts[i].kept)
            bfs_cache_give_room(fill->parts[i].backed->backing->cache, fill->parts[i].kept,
                                fill->parts[i].size);
    (void)bfs_file_unref(fill->source);
    free(fill);
    return NULL;
}

static void note_error_locked(struct bfs_fill *fill, int status)
{
    if (status && !fill->error)
        fill->error = status;
}

void bfs_fill_end_locked(struct bfs_backed *backed)
{
    struct bfs_fill *fill = backed->fill;
    if (backed->state != BFS_BACKED_FILLING || fill->n_work > 0 || fill->asking)
        return;
    bool all_asked = fill->next == bfs_chunk_table_n_chunks(bfs_file_table(fill->source));
    if (!fill->error && !bfs_backing_file_is_full(backed->file) && !all_asked)
        return;
    backed->state = BFS_BACKED_ENDING;
    bfs_backing_queue_locked(backed->backing, backed);
}

int bfs_fill_write(struct bfs_backed *backed, uint32_t i, const uint8_t *raw)
{
    struct bfs_backing *backing = backed->backing;
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(backed->fill->source), i);
    uint64_t before = bfs_now_ms();
    int r = bfs_backing_file_write(backed->file, i, &chunk, raw);
    uint64_t after = bfs_now_ms();
    if (r == 0)
        bfs_metric_add(backing->metrics, BFS_METRIC_BACKING_WRITTEN_BYTES, chunk.raw_size);
    if (after - before >= SLOW_MS)
        atomic_store(&backing->slow_until_ms, after + SLOW_FOR_MS);
    return r;
}

int bfs_fill_claim_and_write(struct bfs_backed *backed, uint32_t i, const uint8_t *raw)
{
    (void)pthread_mutex_lock(&backed->backing->mutex);
    bool ours = bfs_backing_file_claim(backed->file, i);
    (void)pthread_mutex_unlock(&backed->backing->mutex);
    return ours ? bfs_fill_write(backed, i, raw) : 0;
}

/* What it works on stays, and so does the fill, until it is no longer counted in n_work. */
void bfs_fill_work_done(struct bfs_backed *backed, int status)
{
    struct bfs_backing *backing = backed->backing;
    (void)pthread_mutex_lock(&backing->mutex);
    note_error_locked(backed->fill, status);
    backed->fill->n_work--;
    bfs_fill_end_locked(backed);
    (void)pthread_mutex_unlock(&backing->mutex);
}

static void free_part_locked(struct bfs_fill *fill, struct bfs_fill_part *part)
{
    part->is_asked = false;
    fill->asked -= part->size;
    part->next_free = fill->free;
    fill->free = part;
}

bool bfs_fill_is_asked_locked(const struct bfs_fill *fill, uint32_t i)
{
    for (unsigned k = 0; k < BFS_FILL_PARTS; k++)
        if (fill->parts[k].is_asked && fill->parts[k].index == i)
            return true;
    return false;
}

void bfs_fill_part_done(struct bfs_fill_part *part, int status)
{
    struct bfs_backed *backed = part->backed;
    struct bfs_backing *backing = backed->backing;
    struct bfs_fill *fill = backed->fill;
    (void)pthread_mutex_lock(&backing->mutex);
    note_error_locked(fill, status);
    free_part_locked(fill, part);
    (void)pthread_mutex_unlock(&backing->mutex);
    bfs_fill_go_on(backed);
    bfs_fill_work_done(backed, 0);
}

static void waiter_done(struct bfs_waiter *waiter, int status, struct bfs_block *block)
{
    struct bfs_fill_part *part = (struct bfs_fill_part *)waiter; /* its first member */
    if (status == 0) {
        status = bfs_block_size(block) == part->size
                     ? bfs_fill_claim_and_write(part->backed, part->index, bfs_block_bytes(block))
                     : -EBADMSG;
        bfs_cache_put_delivered(part->backed->backing->cache, block, part->size);
    }
    bfs_fill_part_done(part, status);
}

void bfs_fill_decode(struct bfs_fill_part *part)
{
    struct bfs_backed *backed = part->backed;
    struct bfs_block *block = NULL;
    int r = bfs_cache_get_later(backed->backing->cache, backed->fill->source, part->index,
                                &part->waiter, &block);
    if (r)
        waiter_done(&part->waiter, r < 0 ? r : 0, block);
}

bool bfs_fill_must_wait_locked(const struct bfs_backed *backed)
{
    const struct bfs_backing *backing = backed->backing;
    return backing->is_tight && !backing->place.folder && !bfs_backed_is_awaited(backed);
}

/* The next chunk to ask for, counted as work; NULL: none at present. It is claimed when it is
 * there: whoever has it first writes it. */
static struct bfs_fill_part *next_part_locked(struct bfs_backed *backed)
{
    struct bfs_fill *fill = backed->fill;
    const struct bfs_chunk_table *table = bfs_file_table(fill->source);
    while (fill->next < bfs_chunk_table_n_chunks(table) &&
           bfs_backing_file_is_claimed(backed->file, fill->next))
        fill->next++;
    uint64_t limit = fill->was_read ? BFS_FILL_RETRIEVED_MAX : BFS_FILL_AHEAD_MAX;
    if (fill->error || backed->backing->stopping || !fill->free || fill->asked >= limit ||
        fill->next == bfs_chunk_table_n_chunks(table))
        return NULL;
    struct bfs_fill_part *part = fill->free;
    fill->free = part->next_free;
    part->index = fill->next++;
    part->size = bfs_chunk_table_at(table, part->index).raw_size;
    part->is_asked = true;
    fill->asked += part->size;
    fill->n_work++;
    return part;
}

/* -EAGAIN: when another part is done. */
static int start_part(struct bfs_fill_part *part, bool was_read)
{
    struct bfs_backed *backed = part->backed;
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(backed->fill->source), part->index);
    struct bfs_block *block = was_read ? bfs_cache_peek(backed->backing->cache, &chunk) : NULL;
    if (block) {
        waiter_done(&part->waiter, 0, block);
        return 0;
    }
    int r = was_read ? bfs_fill_retrieve(part) : -ENOSYS;
    if (r == -ENOMEM)
        return -EAGAIN;
    if (r)
        bfs_fill_decode(part);
    return 0;
}

/* Asks for it another time, when others are asked for and will be done; false: there are none. */
static bool put_back_locked(struct bfs_fill *fill, struct bfs_fill_part *part)
{
    if (fill->asked == part->size)
        return false;
    fill->next = part->index;
    fill->n_work--;
    free_part_locked(fill, part);
    return true;
}

void bfs_fill_go_on(struct bfs_backed *backed)
{
    struct bfs_backing *backing = backed->backing;
    struct bfs_fill_part *part;
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_fill *fill = backed->fill;
    fill->is_paused = fill->complete && bfs_fill_must_wait_locked(backed);
    /* By halves, so that workers find several to prove together. */
    if (backed->state != BFS_BACKED_FILLING || !fill->complete || fill->asking || fill->is_paused ||
        fill->asked > BFS_FILL_AHEAD_MAX / 2) {
        (void)pthread_mutex_unlock(&backing->mutex);
        return;
    }
    fill->asking = true;
    while ((part = next_part_locked(backed))) {
        bool was_read = fill->was_read;
        (void)pthread_mutex_unlock(&backing->mutex);
        int r = start_part(part, was_read);
        (void)pthread_mutex_lock(&backing->mutex);
        if (r && put_back_locked(fill, part))
            break;
        if (r) {
            (void)pthread_mutex_unlock(&backing->mutex);
            bfs_fill_decode(part);
            (void)pthread_mutex_lock(&backing->mutex);
        }
    }
    fill->asking = false;
    bfs_fill_end_locked(backed);
    (void)pthread_mutex_unlock(&backing->mutex);
}
