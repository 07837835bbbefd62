/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/check/digest_set.h"

#include <string.h>

enum { ITEMS_MAX = 1 << 30 };

/* SHA-256 needs no more hashing to be spread evenly; one who makes up digests to collide here only
 * makes his own check slow. */
static size_t slot_of(const struct bfs_digest_set *set, const struct bfs_digest *digest)
{
    uint64_t hash;
    memcpy(&hash, digest->bytes, sizeof(hash));
    size_t slot = (size_t)hash & (set->n_slots - 1);
    while (set->slots[slot] && !bfs_digest_equal(&set->items[set->slots[slot] - 1].digest, digest))
        slot = (slot + 1) & (set->n_slots - 1);
    return slot;
}

struct bfs_digest_item *bfs_digest_set_find(const struct bfs_digest_set *set,
                                            const struct bfs_digest *digest)
{
    if (!set->n_slots)
        return NULL;
    uint32_t number = set->slots[slot_of(set, digest)];
    return number ? &set->items[number - 1] : NULL;
}

/* At most half of the slots are used. */
static int grow(struct bfs_digest_set *set)
{
    size_t capacity = set->capacity ? set->capacity * 2 : 64;
    struct bfs_digest_item *items = reallocarray(set->items, capacity, sizeof(*items));
    if (!items)
        return -ENOMEM;
    set->items = items;
    uint32_t *slots = calloc(capacity * 2, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    free(set->slots);
    set->slots = slots;
    set->n_slots = capacity * 2;
    set->capacity = capacity;
    for (size_t i = 0; i < set->n_items; i++)
        set->slots[slot_of(set, &set->items[i].digest)] = (uint32_t)i + 1;
    return 0;
}

int bfs_digest_set_add(struct bfs_digest_set *set, const struct bfs_digest_item *item)
{
    if (set->n_items == ITEMS_MAX)
        return -E2BIG;
    int r = set->n_items == set->capacity ? grow(set) : 0;
    if (r)
        return r;
    set->items[set->n_items++] = *item;
    set->slots[slot_of(set, &item->digest)] = (uint32_t)set->n_items;
    return 0;
}

void bfs_digest_set_done(struct bfs_digest_set *set)
{
    free(set->items);
    free(set->slots);
    memset(set, 0, sizeof(*set));
}
