/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/names.h"

#include "verify/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { BUCKETS_MIN = 64 };

struct bfs_names {
    struct bfs_names_setup with;
    uint8_t secret[16]; /* hashed too, so that no catalogue can put all keys into one bucket */
    struct bfs_name **by_key, **by_id, **by_ino; /* chains; n_buckets of each, in one allocation */
    size_t n_buckets;                            /* a power of two */
    size_t n;
    uint64_t next_id;
    uint64_t kept[BFS_NAMES_KEPT]; /* identifiers of names that lost their last reference; a ring */
    size_t next_kept;
};

int bfs_names_new(const struct bfs_names_setup *setup, struct bfs_names **ret)
{
    struct bfs_names *names = calloc(1, sizeof(*names));
    if (!names)
        return -ENOMEM;
    names->with = *setup;
    names->next_id = setup->first_id;
    for (size_t i = 0; i < BFS_NAMES_KEPT; i++)
        names->kept[i] = setup->end_id; /* nobody's */
    (void)!getrandom(names->secret, sizeof(names->secret), GRND_NONBLOCK);
    *ret = names;
    return 0;
}

static void destroy(struct bfs_names *names, struct bfs_name *name)
{
    if (names->with.done)
        names->with.done(name->payload);
    free(name);
}

struct bfs_names *bfs_names_free(struct bfs_names *names)
{
    if (!names)
        return NULL;
    for (size_t i = 0; i < names->n_buckets; i++) {
        for (struct bfs_name *name = names->by_id[i], *next; name; name = next) {
            next = name->next_id;
            destroy(names, name);
        }
    }
    free(names->by_key);
    free(names);
    return NULL;
}

static size_t bucket_of(const struct bfs_names *names, uint64_t value)
{
    return (size_t)(value * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (names->n_buckets - 1);
}

static size_t key_bucket(const struct bfs_names *names, const void *key, size_t size)
{
    uint64_t hash;
    uint8_t hashed[sizeof(names->secret) + BFS_NAME_KEY_MAX];
    memcpy(hashed, names->secret, sizeof(names->secret));
    memcpy(hashed + sizeof(names->secret), key, size);
    struct bfs_xxh128 mixed = bfs_xxh128(hashed, sizeof(names->secret) + size);
    memcpy(&hash, mixed.bytes, sizeof(hash));
    return bucket_of(names, hash);
}

static void insert(struct bfs_names *names, struct bfs_name *name)
{
    struct bfs_name **key = &names->by_key[key_bucket(names, name->key, name->size)];
    struct bfs_name **id = &names->by_id[bucket_of(names, name->id)];
    struct bfs_name **ino = &names->by_ino[bucket_of(names, name->ino)];
    name->next_key = *key;
    name->next_id = *id;
    name->next_ino = *ino;
    *key = *id = *ino = name;
}

/* Errors: -ENOMEM, with the tables as they were. */
static int resize(struct bfs_names *names, size_t n_buckets)
{
    struct bfs_name **chains = calloc(n_buckets * 3, sizeof(*chains));
    if (!chains)
        return -ENOMEM;
    struct bfs_name **old = names->by_key, **old_ids = names->by_id;
    size_t n_old = names->n_buckets;
    names->by_key = chains;
    names->by_id = chains + n_buckets;
    names->by_ino = chains + 2 * n_buckets;
    names->n_buckets = n_buckets;
    for (size_t i = 0; i < n_old; i++) {
        for (struct bfs_name *name = old_ids[i], *next; name; name = next) {
            next = name->next_id;
            insert(names, name);
        }
    }
    free(old);
    return 0;
}

static bool ino_is_taken(const struct bfs_names *names, uint64_t ino)
{
    const struct bfs_name *name = names->by_ino[bucket_of(names, ino)];
    while (name && name->ino != ino)
        name = name->next_ino;
    return name != NULL;
}

/* SHA-256, so that nobody makes thousands of names with one number. */
static int choose_ino(const struct bfs_names *names, const void *key, size_t size, uint64_t *ret)
{
    struct bfs_digest digest;
    uint64_t number = 0;
    int r = bfs_sha256(key, size, &digest);
    if (r)
        return r;
    for (size_t i = 0; i < sizeof(number); i++)
        number = number << 8 | digest.bytes[i];
    do
        *ret = names->with.first_ino + (number++ & (names->with.n_blocks - 1)) * names->with.block;
    while (ino_is_taken(names, *ret));
    return 0;
}

static int make(struct bfs_names *names, const void *key, size_t size, struct bfs_name **ret)
{
    if (names->next_id >= names->with.end_id)
        return -E2BIG;
    bfs_autofree struct bfs_name *name = calloc(1, sizeof(*name) + names->with.payload + size);
    if (!name)
        return -ENOMEM;
    name->key = (uint8_t *)name->payload + names->with.payload;
    name->size = size;
    memcpy(name->key, key, size);
    int r = choose_ino(names, key, size, &name->ino);
    if (r)
        return r;
    name->id = names->next_id++;
    names->n++;
    insert(names, name);
    *ret = bfs_steal(&name);
    return 0;
}

int bfs_names_intern(struct bfs_names *names, const void *key, size_t size, struct bfs_name **ret)
{
    if (size > BFS_NAME_KEY_MAX)
        return -E2BIG;
    if (names->n >= names->n_buckets) {
        int r = resize(names, names->n_buckets ? names->n_buckets * 2 : BUCKETS_MIN);
        if (r)
            return r;
    }
    struct bfs_name *name = names->by_key[key_bucket(names, key, size)];
    while (name && (name->size != size || memcmp(name->key, key, size) != 0))
        name = name->next_key;
    int r = name ? 0 : make(names, key, size, &name);
    if (r)
        return r;
    name->references++;
    *ret = name;
    return 0;
}

struct bfs_name *bfs_names_find(const struct bfs_names *names, uint64_t id)
{
    struct bfs_name *name = names->n_buckets ? names->by_id[bucket_of(names, id)] : NULL;
    while (name && name->id != id)
        name = name->next_id;
    return name;
}

static void remove_name(struct bfs_names *names, struct bfs_name *name)
{
    struct bfs_name **key = &names->by_key[key_bucket(names, name->key, name->size)];
    struct bfs_name **id = &names->by_id[bucket_of(names, name->id)];
    struct bfs_name **ino = &names->by_ino[bucket_of(names, name->ino)];
    while (*key != name)
        key = &(*key)->next_key;
    while (*id != name)
        id = &(*id)->next_id;
    while (*ino != name)
        ino = &(*ino)->next_ino;
    *key = name->next_key;
    *id = name->next_id;
    *ino = name->next_ino;
    names->n--;
    destroy(names, name);
    /* When memory is short, the larger tables stay. */
    if (names->n_buckets > BUCKETS_MIN && names->n < names->n_buckets / 8)
        (void)resize(names, names->n_buckets / 2);
}

void bfs_names_unref(struct bfs_names *names, struct bfs_name *name, uint64_t n)
{
    if (name->references == 0)
        return;
    name->references = n < name->references ? name->references - n : 0;
    if (name->references)
        return;
    uint64_t *place = &names->kept[names->next_kept];
    names->next_kept = (names->next_kept + 1) % BFS_NAMES_KEPT;
    struct bfs_name *oldest = bfs_names_find(names, *place);
    *place = name->id;
    if (oldest && oldest != name && oldest->references == 0)
        remove_name(names, oldest);
}

size_t bfs_names_count(const struct bfs_names *names)
{
    return names->n;
}
