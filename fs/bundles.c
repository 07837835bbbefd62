/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/bundles.h"

#include "fs/call.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* There may be half a million, so what most of them never have is elsewhere. */
struct slot {
    struct bfs_digest manifest;
    uint64_t manifest_size;

    /* All below is protected by the table's mutex. */
    bool is_loading; /* somebody reads the store for it */
    bool is_led;     /* somebody is about to: others wait in line */
    struct bfs_job *waiting;
    struct bfs_bundle *bundle; /* NULL: not loaded */
    struct slot *newer;        /* of those that are loaded, by their last use */
    struct slot *older;
    struct bfs_views *views; /* owned; NULL: none to show; stays when the bundle is dropped */
    struct refusal *refusal; /* owned; NULL: the last attempt succeeded, or there was none */
    char name[];             /* NAME:VERSION */
};

struct refusal {
    int code; /* negative errno */
    uint64_t at_ms;
    char reason[BFS_ERROR_TEXT_SIZE];
};

struct bfs_bundles {
    const struct bfs_store *store;
    const struct bfs_view_rules *rules;
    struct bfs_metrics *metrics;
    const struct bfs_log *log;
    uint8_t secret[16]; /* hashed too, so that no catalogue can make all keys alike */
    pthread_mutex_t mutex;
    pthread_cond_t loaded; /* something was loaded, or refused */
    struct slot **slots;   /* protected by mutex, like all below; a slot itself never moves */
    uint32_t n_slots;
    uint32_t *by_key; /* hash of slot numbers, UINT32_MAX when free */
    uint32_t mask;
    struct slot *newest; /* of those that are loaded */
    struct slot *oldest;
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
    (void)pthread_cond_init(&bundles->loaded, NULL);
    *ret = bundles;
    return 0;
}

struct bfs_bundles *bfs_bundles_free(struct bfs_bundles *bundles)
{
    if (!bundles)
        return NULL;
    for (uint32_t i = 0; i < bundles->n_slots; i++) {
        (void)bfs_bundle_unref(bundles->slots[i]->bundle);
        free(bundles->slots[i]->views);
        free(bundles->slots[i]->refusal);
        free(bundles->slots[i]);
    }
    free(bundles->slots);
    free(bundles->by_key);
    (void)pthread_cond_destroy(&bundles->loaded);
    (void)pthread_mutex_destroy(&bundles->mutex);
    free(bundles);
    return NULL;
}

/* Of name and digest: one bundle may be there under many names. */
static uint32_t key_of(const struct bfs_bundles *bundles, const struct bfs_digest *manifest,
                       const char *name)
{
    struct {
        uint8_t secret[sizeof(bundles->secret)];
        struct bfs_digest manifest;
        char name[BFS_REFERENCE_MAX + 1];
    } hashed;
    uint32_t key;
    size_t length = strlen(name);
    memcpy(hashed.secret, bundles->secret, sizeof(hashed.secret));
    hashed.manifest = *manifest;
    memcpy(hashed.name, name, length);
    struct bfs_xxh128 hash = bfs_xxh128(&hashed, (size_t)(hashed.name - (char *)&hashed) + length);
    memcpy(&key, hash.bytes, sizeof(key));
    return key;
}

static bool is_entry(const struct slot *slot, const struct bfs_catalog_entry *entry,
                     const char *name)
{
    return bfs_digest_equal(&slot->manifest, &entry->manifest) &&
           slot->manifest_size == entry->manifest_size && strcmp(slot->name, name) == 0;
}

static void insert(struct bfs_bundles *bundles, uint32_t number)
{
    const struct slot *slot = bundles->slots[number];
    uint32_t at = key_of(bundles, &slot->manifest, slot->name) & bundles->mask;
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
    char name[BFS_REFERENCE_MAX + 1];
    int r = grow(bundles);
    if (r)
        return r;
    (void)bfs_reference_text(&entry->reference, name);
    uint32_t at = key_of(bundles, &entry->manifest, name) & bundles->mask;
    for (uint32_t i; (i = bundles->by_key[at]) != UINT32_MAX; at = (at + 1) & bundles->mask) {
        if (is_entry(bundles->slots[i], entry, name)) {
            *ret = i;
            return 0;
        }
    }
    size_t name_size = strlen(name) + 1;
    struct slot *slot = calloc(1, sizeof(*slot) + name_size);
    if (!slot)
        return -ENOMEM;
    slot->manifest = entry->manifest;
    slot->manifest_size = entry->manifest_size;
    memcpy(slot->name, name, name_size);
    bundles->slots[bundles->n_slots] = slot;
    bundles->by_key[at] = bundles->n_slots;
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

bool bfs_bundles_identity(struct bfs_bundles *bundles, uint32_t number,
                          struct bfs_reference *ret_reference, struct bfs_digest *ret_manifest)
{
    const struct slot *slot = find_slot(bundles, number);
    const char *colon = slot ? strchr(slot->name, ':') : NULL;
    if (!colon)
        return false;
    size_t length = (size_t)(colon - slot->name);
    memcpy(ret_reference->name, slot->name, length);
    ret_reference->name[length] = '\0';
    memcpy(ret_reference->version, colon + 1, strlen(colon + 1) + 1);
    *ret_manifest = slot->manifest;
    return true;
}

bool bfs_bundles_refusal(struct bfs_bundles *bundles, uint32_t number,
                         char ret[static BFS_ERROR_TEXT_SIZE])
{
    const struct slot *slot = find_slot(bundles, number);
    if (!slot)
        return false;
    (void)pthread_mutex_lock(&bundles->mutex);
    bool refused = slot->refusal != NULL;
    if (refused)
        memcpy(ret, slot->refusal->reason, sizeof(slot->refusal->reason));
    (void)pthread_mutex_unlock(&bundles->mutex);
    return refused;
}

struct bfs_views bfs_bundles_views(struct bfs_bundles *bundles, uint32_t number)
{
    const struct slot *slot = find_slot(bundles, number);
    struct bfs_views views = {.best = -1};
    (void)pthread_mutex_lock(&bundles->mutex);
    if (slot && slot->views)
        views = *slot->views;
    (void)pthread_mutex_unlock(&bundles->mutex);
    return views;
}

static void unlink_loaded(struct bfs_bundles *bundles, struct slot *slot)
{
    *(slot->newer ? &slot->newer->older : &bundles->newest) = slot->older;
    *(slot->older ? &slot->older->newer : &bundles->oldest) = slot->newer;
}

static void link_newest(struct bfs_bundles *bundles, struct slot *slot)
{
    slot->newer = NULL;
    slot->older = bundles->newest;
    *(slot->older ? &slot->older->newer : &bundles->oldest) = slot;
    bundles->newest = slot;
}

/* What is known without reading: 0 with a reference, a fresh refusal, or -EWOULDBLOCK. With the
 * mutex held. */
static int peek(struct bfs_bundles *bundles, struct slot *slot, struct bfs_bundle **ret)
{
    if (slot->bundle) {
        if (bundles->newest != slot) {
            unlink_loaded(bundles, slot);
            link_newest(bundles, slot);
        }
        *ret = bfs_bundle_ref(slot->bundle);
        return 0;
    }
    if (slot->refusal && bfs_now_ms() - slot->refusal->at_ms < BFS_BUNDLES_RETRY_MS)
        return slot->refusal->code;
    return -EWOULDBLOCK;
}

/* Drops the least recently used indexes but the newest, with the mutex held. */
static void shrink(struct bfs_bundles *bundles)
{
    while (bundles->memory > BFS_BUNDLES_MEMORY && bundles->oldest != bundles->newest) {
        struct slot *oldest = bundles->oldest;
        unlink_loaded(bundles, oldest);
        bundles->memory -= bfs_bundle_memory(oldest->bundle);
        bundles->n_loaded--;
        oldest->bundle = bfs_bundle_unref(oldest->bundle);
    }
}

/* Errors: -ENOMEM. */
static int remember_views(struct slot *slot, const struct bfs_views *views)
{
    if (!slot->views && views->best < 0 && !views->directory && !views->hidden)
        return 0;
    if (!slot->views && !(slot->views = malloc(sizeof(*slot->views))))
        return -ENOMEM;
    *slot->views = *views;
    return 0;
}

static int remember(struct bfs_bundles *bundles, struct slot *slot, struct bfs_bundle *bundle,
                    const struct bfs_views *views)
{
    int r = remember_views(slot, views);
    if (r)
        return r;
    free(slot->refusal);
    slot->refusal = NULL;
    slot->bundle = bfs_bundle_ref(bundle);
    link_newest(bundles, slot);
    bundles->memory += bfs_bundle_memory(bundle);
    bundles->n_loaded++;
    shrink(bundles);
    bfs_metric_set(bundles->metrics, BFS_METRIC_BUNDLES_LOADED, bundles->n_loaded);
    return 0;
}

/* Is it news? With no memory for a reason there is none, and the next one asks the store again. */
static bool refuse(struct slot *slot, int code, const char *reason)
{
    bool news =
        !slot->refusal || slot->refusal->code != code || strcmp(slot->refusal->reason, reason) != 0;
    if (!slot->refusal)
        slot->refusal = malloc(sizeof(*slot->refusal));
    if (slot->refusal) {
        slot->refusal->code = code;
        slot->refusal->at_ms = bfs_now_ms();
        (void)snprintf(slot->refusal->reason, sizeof(slot->refusal->reason), "%s", reason);
    }
    return news;
}

/* Reads the store; without the mutex, with is_loading. */
static int load(struct bfs_bundles *bundles, struct slot *slot, struct bfs_bundle **ret)
{
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE];
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    struct bfs_views views = {.best = -1};
    bool news = false;
    int r = bfs_bundle_open(bundles->store, &slot->manifest, slot->manifest_size, &bundle, &error);
    if (r == 0 && bundles->rules)
        r = bfs_views_choose(bundles->rules, bundle, &views);
    (void)pthread_mutex_lock(&bundles->mutex);
    if (r == 0)
        r = remember(bundles, slot, bundle, &views);
    if (r)
        news = refuse(slot, r, bfs_error_text(&error, text));
    slot->is_loading = false;
    (void)pthread_cond_broadcast(&bundles->loaded);
    (void)pthread_mutex_unlock(&bundles->mutex);
    if (news)
        bfs_log(bundles->log, BFS_LOG_ERROR, "%s: refused: %s", slot->name, text);
    if (r == 0)
        *ret = bfs_steal(&bundle);
    return r;
}

int bfs_bundles_get(struct bfs_bundles *bundles, uint32_t number, bool may_block,
                    struct bfs_bundle **ret)
{
    int r = -ENOENT;
    (void)pthread_mutex_lock(&bundles->mutex);
    struct slot *slot = number < bundles->n_slots ? bundles->slots[number] : NULL;
    while (slot && (r = peek(bundles, slot, ret)) == -EWOULDBLOCK && may_block && slot->is_loading)
        (void)pthread_cond_wait(&bundles->loaded, &bundles->mutex);
    bool ours = r == -EWOULDBLOCK && may_block;
    if (ours)
        slot->is_loading = true;
    (void)pthread_mutex_unlock(&bundles->mutex);
    return ours ? load(bundles, slot, ret) : r;
}

enum bfs_turn bfs_bundles_begin(struct bfs_bundles *bundles, uint32_t number, struct bfs_job *job)
{
    enum bfs_turn turn = BFS_TURN_FREE;
    (void)pthread_mutex_lock(&bundles->mutex);
    struct slot *slot = number < bundles->n_slots ? bundles->slots[number] : NULL;
    if (slot && !slot->bundle) {
        turn = !slot->is_led ? BFS_TURN_LEADS : job ? BFS_TURN_WAITS : BFS_TURN_TAKEN;
        slot->is_led = true;
        if (turn == BFS_TURN_WAITS) {
            job->next = slot->waiting;
            slot->waiting = job;
        }
    }
    (void)pthread_mutex_unlock(&bundles->mutex);
    return turn;
}

struct bfs_job *bfs_bundles_end(struct bfs_bundles *bundles, uint32_t number)
{
    (void)pthread_mutex_lock(&bundles->mutex);
    struct slot *slot = bundles->slots[number];
    struct bfs_job *waiting = slot->waiting;
    slot->waiting = NULL;
    slot->is_led = false;
    (void)pthread_mutex_unlock(&bundles->mutex);
    return waiting;
}
