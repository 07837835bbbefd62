/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/bundles.h"

#include "fs/call.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

struct slot {
    struct bfs_catalog_entry entry;
    char name[BFS_REFERENCE_MAX + 1];
    pthread_mutex_t loading; /* held while the store is read; taken before the table's mutex */

    /* All below is protected by the table's mutex. */
    struct bfs_bundle *bundle; /* NULL: not loaded */
    struct bfs_views views;    /* stays when the bundle is dropped */
    uint64_t used;             /* clock of the last use */
    int refusal;               /* negative errno of the last attempt, or 0 */
    uint64_t refused_ms;
    char reason[BFS_ERROR_TEXT_SIZE];
};

struct bfs_bundles {
    const struct bfs_store *store;
    const struct bfs_view_rules *rules;
    struct bfs_metrics *metrics;
    const struct bfs_log *log;
    uint8_t secret[16]; /* hashed too, so that no catalogue can make all keys alike */
    pthread_mutex_t mutex;
    struct slot **slots; /* protected by mutex, like all below; a slot itself never moves */
    uint32_t n_slots;
    uint32_t *by_key; /* hash of slot numbers, UINT32_MAX when free */
    uint32_t mask;
    uint64_t clock;
    size_t memory; /* of loaded indexes */
    uint64_t n_loaded;
};

int bfs_bundles_new(const struct bfs_store *store, const struct bfs_view_rules *rules,
                    struct bfs_metrics *metrics, const struct bfs_log *log,
                    struct bfs_bundles **ret)
{
    struct bfs_bundles *bundles = calloc(1, sizeof(*bundles));
    if (!bundles)
        return -ENOMEM;
    bundles->store = store;
    bundles->rules = rules;
    bundles->metrics = metrics;
    bundles->log = log;
    (void)!getrandom(bundles->secret, sizeof(bundles->secret), GRND_NONBLOCK);
    (void)pthread_mutex_init(&bundles->mutex, NULL);
    *ret = bundles;
    return 0;
}

struct bfs_bundles *bfs_bundles_free(struct bfs_bundles *bundles)
{
    if (!bundles)
        return NULL;
    for (uint32_t i = 0; i < bundles->n_slots; i++) {
        (void)bfs_bundle_unref(bundles->slots[i]->bundle);
        (void)pthread_mutex_destroy(&bundles->slots[i]->loading);
        free(bundles->slots[i]);
    }
    free(bundles->slots);
    free(bundles->by_key);
    (void)pthread_mutex_destroy(&bundles->mutex);
    free(bundles);
    return NULL;
}

/* Of name and digest: one bundle may be there under many names. */
static uint32_t key_of(const struct bfs_bundles *bundles, const struct bfs_catalog_entry *entry)
{
    struct {
        uint8_t secret[sizeof(bundles->secret)];
        struct bfs_digest manifest;
        char name[BFS_REFERENCE_MAX + 1];
    } hashed = {.manifest = entry->manifest};
    uint32_t key;
    memcpy(hashed.secret, bundles->secret, sizeof(hashed.secret));
    size_t length = strlen(bfs_reference_text(&entry->reference, hashed.name));
    struct bfs_xxh128 hash = bfs_xxh128(&hashed, (size_t)(hashed.name - (char *)&hashed) + length);
    memcpy(&key, hash.bytes, sizeof(key));
    return key;
}

static bool is_entry(const struct slot *slot, const struct bfs_catalog_entry *entry)
{
    return bfs_digest_equal(&slot->entry.manifest, &entry->manifest) &&
           slot->entry.manifest_size == entry->manifest_size &&
           strcmp(slot->entry.reference.name, entry->reference.name) == 0 &&
           strcmp(slot->entry.reference.version, entry->reference.version) == 0;
}

static void insert(struct bfs_bundles *bundles, uint32_t number)
{
    uint32_t at = key_of(bundles, &bundles->slots[number]->entry) & bundles->mask;
    while (bundles->by_key[at] != UINT32_MAX)
        at = (at + 1) & bundles->mask;
    bundles->by_key[at] = number;
}

/* Room for one more slot: the array doubles, and the hash keeps half of its places free. */
static int grow(struct bfs_bundles *bundles)
{
    if (bundles->by_key && bundles->n_slots + 1 <= bundles->mask / 2)
        return 0;
    size_t n = bundles->by_key ? ((size_t)bundles->mask + 1) * 2 : 64;
    struct slot **slots = reallocarray(bundles->slots, n / 2, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    bundles->slots = slots;
    uint32_t *by_key = malloc(n * sizeof(*by_key));
    if (!by_key)
        return -ENOMEM;
    memset(by_key, 0xff, n * sizeof(*by_key));
    free(bundles->by_key);
    bundles->by_key = by_key;
    bundles->mask = (uint32_t)(n - 1);
    for (uint32_t i = 0; i < bundles->n_slots; i++)
        insert(bundles, i);
    return 0;
}

static int slot_locked(struct bfs_bundles *bundles, const struct bfs_catalog_entry *entry,
                       uint32_t *ret)
{
    int r = grow(bundles);
    if (r)
        return r;
    uint32_t at = key_of(bundles, entry) & bundles->mask;
    for (uint32_t i; (i = bundles->by_key[at]) != UINT32_MAX; at = (at + 1) & bundles->mask) {
        if (is_entry(bundles->slots[i], entry)) {
            *ret = i;
            return 0;
        }
    }
    struct slot *slot = calloc(1, sizeof(*slot));
    if (!slot)
        return -ENOMEM;
    slot->entry = *entry;
    (void)bfs_reference_text(&entry->reference, slot->name);
    (void)pthread_mutex_init(&slot->loading, NULL);
    bundles->slots[bundles->n_slots] = slot;
    insert(bundles, bundles->n_slots);
    *ret = bundles->n_slots++;
    return 0;
}

int bfs_bundles_slot(struct bfs_bundles *bundles, const struct bfs_catalog_entry *entry,
                     uint32_t *ret)
{
    (void)pthread_mutex_lock(&bundles->mutex);
    int r = slot_locked(bundles, entry, ret);
    (void)pthread_mutex_unlock(&bundles->mutex);
    return r;
}

static struct slot *find_slot(struct bfs_bundles *bundles, uint32_t number)
{
    (void)pthread_mutex_lock(&bundles->mutex);
    struct slot *slot = number < bundles->n_slots ? bundles->slots[number] : NULL;
    (void)pthread_mutex_unlock(&bundles->mutex);
    return slot;
}

const char *bfs_bundles_name(struct bfs_bundles *bundles, uint32_t number)
{
    const struct slot *slot = find_slot(bundles, number);
    return slot ? slot->name : "?";
}

bool bfs_bundles_refusal(struct bfs_bundles *bundles, uint32_t number,
                         char ret[static BFS_ERROR_TEXT_SIZE])
{
    const struct slot *slot = find_slot(bundles, number);
    if (!slot)
        return false;
    (void)pthread_mutex_lock(&bundles->mutex);
    bool refused = slot->refusal != 0;
    if (refused)
        (void)snprintf(ret, BFS_ERROR_TEXT_SIZE, "%s", slot->reason);
    (void)pthread_mutex_unlock(&bundles->mutex);
    return refused;
}

struct bfs_views bfs_bundles_views(struct bfs_bundles *bundles, uint32_t number)
{
    const struct slot *slot = find_slot(bundles, number);
    struct bfs_views views = {.best = -1};
    (void)pthread_mutex_lock(&bundles->mutex);
    if (slot)
        views = slot->views;
    (void)pthread_mutex_unlock(&bundles->mutex);
    return views;
}

/* What is known without reading: 0 with a reference, a fresh refusal, or -EWOULDBLOCK. */
static int peek(struct bfs_bundles *bundles, struct slot *slot, struct bfs_bundle **ret)
{
    int r = -EWOULDBLOCK;
    (void)pthread_mutex_lock(&bundles->mutex);
    if (slot->bundle) {
        slot->used = ++bundles->clock;
        *ret = bfs_bundle_ref(slot->bundle);
        r = 0;
    } else if (slot->refusal && bfs_now_ms() - slot->refused_ms < BFS_BUNDLES_RETRY_MS) {
        r = slot->refusal;
    }
    (void)pthread_mutex_unlock(&bundles->mutex);
    return r;
}

/* Drops the least recently used indexes but the newest, with the mutex held. A linear search: it
 * happens at most once for each load, which costs more. */
static void shrink(struct bfs_bundles *bundles, const struct slot *newest)
{
    while (bundles->memory > BFS_BUNDLES_MEMORY) {
        struct slot *oldest = NULL;
        for (uint32_t i = 0; i < bundles->n_slots; i++) {
            struct slot *slot = bundles->slots[i];
            if (slot != newest && slot->bundle && (!oldest || slot->used < oldest->used))
                oldest = slot;
        }
        if (!oldest)
            return;
        bundles->memory -= bfs_bundle_memory(oldest->bundle);
        bundles->n_loaded--;
        oldest->bundle = bfs_bundle_unref(oldest->bundle);
    }
}

static void remember(struct bfs_bundles *bundles, struct slot *slot, struct bfs_bundle *bundle,
                     const struct bfs_views *views)
{
    (void)pthread_mutex_lock(&bundles->mutex);
    slot->refusal = 0;
    slot->bundle = bfs_bundle_ref(bundle);
    slot->views = *views;
    slot->used = ++bundles->clock;
    bundles->memory += bfs_bundle_memory(bundle);
    bundles->n_loaded++;
    shrink(bundles, slot);
    bfs_metric_set(bundles->metrics, BFS_METRIC_BUNDLES_LOADED, bundles->n_loaded);
    (void)pthread_mutex_unlock(&bundles->mutex);
}

static void refuse(struct bfs_bundles *bundles, struct slot *slot, int code,
                   const struct bfs_error *error)
{
    char text[BFS_ERROR_TEXT_SIZE];
    (void)bfs_error_text(error, text);
    (void)pthread_mutex_lock(&bundles->mutex);
    bool news = slot->refusal != code || strcmp(slot->reason, text) != 0;
    slot->refusal = code;
    slot->refused_ms = bfs_now_ms();
    (void)snprintf(slot->reason, sizeof(slot->reason), "%s", text);
    (void)pthread_mutex_unlock(&bundles->mutex);
    if (news)
        bfs_log(bundles->log, BFS_LOG_ERROR, "%s: refused: %s", slot->name, text);
}

int bfs_bundles_get(struct bfs_bundles *bundles, uint32_t number, bool may_block,
                    struct bfs_bundle **ret)
{
    struct slot *slot = find_slot(bundles, number);
    if (!slot)
        return -ENOENT;
    int r = peek(bundles, slot, ret);
    if (r != -EWOULDBLOCK || !may_block)
        return r;
    (void)pthread_mutex_lock(&slot->loading);
    r = peek(bundles, slot, ret); /* somebody else may have loaded it meanwhile */
    if (r == -EWOULDBLOCK) {
        struct bfs_error error = {0};
        BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
        struct bfs_views views = {.best = -1};
        r = bfs_bundle_open(bundles->store, &slot->entry.manifest, slot->entry.manifest_size,
                            &bundle, &error);
        if (r == 0 && bundles->rules)
            r = bfs_views_choose(bundles->rules, bundle, &views);
        if (r == 0) {
            remember(bundles, slot, bundle, &views);
            *ret = bfs_steal(&bundle);
        } else {
            refuse(bundles, slot, r, &error);
        }
    }
    (void)pthread_mutex_unlock(&slot->loading);
    return r;
}
