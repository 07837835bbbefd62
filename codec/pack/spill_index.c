/* SPDX-License-Identifier: Apache-2.0
 * The low bits of a hash choose the page, its high bits where in the page the search begins; a full
 * slot leads to the next one of the same page. When pages are three quarters full on average,
 * their number doubles: page i goes to pages i and i + n, in one pass from the first to the last.
 */
#include "codec/pack/spill_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct slot {
    uint32_t hash;
    uint32_t number; /* of the element plus 1; 0: free */
};

enum {
    SLOTS = BFS_SPILL_PAGE_SIZE / sizeof(struct slot),
    SLOTS_USED = SLOTS / 4 * 3,
    POSITION_SHIFT = 32 - 9,         /* the high bits: SLOTS of them */
    PAGES_MAX = 1 << POSITION_SHIFT, /* the low bits that are left */
};
_Static_assert(SLOTS == 1 << 9, "the high bits of a hash number the slots");

struct bfs_spill_index {
    struct bfs_spill *pages;
    uint64_t n_pages; /* a power of two */
    uint64_t n_elements;
};

int bfs_spill_index_new(const char *folder, size_t memory, struct bfs_spill_index **ret)
{
    BFS_CLEANUP(bfs_spill_index_cleanup)
    struct bfs_spill_index *index = calloc(1, sizeof(*index));
    if (!index)
        return -ENOMEM;
    int r = bfs_spill_new(folder, memory, &index->pages);
    if (r)
        return r;
    index->n_pages = 1;
    *ret = bfs_steal(&index);
    return 0;
}

struct bfs_spill_index *bfs_spill_index_free(struct bfs_spill_index *index)
{
    if (index) {
        (void)bfs_spill_free(index->pages);
        free(index);
    }
    return NULL;
}

/* The slot with the k-th place in the search for a hash. */
static struct slot *slot_of(struct slot page[static SLOTS], uint32_t hash, unsigned k)
{
    return &page[((hash >> POSITION_SHIFT) + k) % SLOTS];
}

/* False when the page is full. */
static bool insert(struct slot page[static SLOTS], const struct slot *element)
{
    for (unsigned k = 0; k < SLOTS; k++) {
        struct slot *slot = slot_of(page, element->hash, k);
        if (slot->number)
            continue;
        *slot = *element;
        return true;
    }
    return false;
}

static int split(struct bfs_spill_index *index, uint64_t number)
{
    struct slot low[SLOTS] = {{0}}, high[SLOTS] = {{0}};
    void *page;
    int r = bfs_spill_page(index->pages, number, true, &page);
    if (r)
        return r;
    const struct slot *slots = page;
    for (unsigned k = 0; k < SLOTS; k++) {
        const struct slot *slot = &slots[k];
        if (slot->number)
            (void)insert(slot->hash & index->n_pages ? high : low, slot); /* had room in one page */
    }
    memcpy(page, low, sizeof(low));
    r = bfs_spill_page(index->pages, number + index->n_pages, true, &page);
    if (r)
        return r;
    memcpy(page, high, sizeof(high));
    return 0;
}

static int grow(struct bfs_spill_index *index)
{
    for (uint64_t i = 0; i < index->n_pages; i++) {
        int r = split(index, i);
        if (r)
            return r;
    }
    index->n_pages *= 2;
    return 0;
}

int bfs_spill_index_add(struct bfs_spill_index *index, uint32_t hash, uint32_t number)
{
    void *page;
    int r = 0;
    if (index->n_elements >= index->n_pages * SLOTS_USED && index->n_pages < PAGES_MAX)
        r = grow(index);
    if (r == 0)
        r = bfs_spill_page(index->pages, hash & (index->n_pages - 1), true, &page);
    if (r)
        return r;
    const struct slot element = {.hash = hash, .number = number + 1};
    index->n_elements += insert(page, &element);
    return 0;
}

int bfs_spill_index_find(struct bfs_spill_index *index, uint32_t hash, bfs_spill_index_match *match,
                         void *context, uint32_t *ret)
{
    void *page;
    int r = bfs_spill_page(index->pages, hash & (index->n_pages - 1), false, &page);
    if (r)
        return r;
    for (unsigned k = 0; k < SLOTS; k++) {
        const struct slot *slot = slot_of(page, hash, k);
        bool is_it = false;
        if (!slot->number)
            break;
        if (slot->hash != hash)
            continue;
        r = match(context, slot->number - 1, &is_it);
        if (r)
            return r;
        if (is_it) {
            *ret = slot->number - 1;
            return 0;
        }
    }
    *ret = BFS_SPILL_INDEX_NONE;
    return 0;
}
