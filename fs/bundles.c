/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/bundles.h"

#include "fs/call.h"
#include "fs/names.h"
#include "fs/node.h"

#include <stdatomic.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* There may be half a million, so what most of them never have is elsewhere. */
struct slot {
    /* All of it is protected by the table's mutex. */
    bool is_loading; /* somebody reads the store for it */
    bool is_led;     /* somebody is about to: others wait in line */
    bool has_size;
    uint64_t content_size; /* bytes of all files, with has_size */
    struct bfs_job *waiting;
    struct bfs_bundle *bundle; /* NULL: not loaded */
    struct slot *newer;        /* of those that are loaded, by their last use */
    struct slot *older;
    struct bfs_views *views; /* owned; NULL: none to show; stays when the bundle is dropped */
    struct refusal *refusal; /* owned; NULL: the last attempt succeeded, or there was none */
};

/* The key of a slot's name. */
struct identity {
    struct bfs_digest manifest;
    uint8_t manifest_size[sizeof(uint64_t)]; /* the lowest byte first, on every host */
    char name[BFS_REFERENCE_MAX + 1];        /* NAME:VERSION; the key ends with its NUL */
};
_Static_assert(sizeof(struct identity) <= BFS_NAME_KEY_MAX, "every name fits");

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
    void (*gone)(void *context, uint32_t slot);
    void *gone_context;
    atomic_uint_fast64_t judgements;
    pthread_mutex_t mutex;
    pthread_cond_t loaded;   /* something was loaded, or refused */
    struct bfs_names *names; /* with a struct slot each; protected by mutex, like all below */
    struct slot *newest;     /* of those that are loaded */
    struct slot *oldest;
    size_t memory; /* of loaded indexes */
    uint64_t n_loaded;
};

static void slot_done(void *payload)
{
    struct slot *slot = payload;
    (void)bfs_bundle_unref(slot->bundle);
    free(slot->views);
    free(slot->refusal);
}

int bfs_bundles_new(const struct bfs_store *store, const struct bfs_view_rules *rules,
                    struct bfs_metrics *metrics, const struct bfs_log *log,
                    struct bfs_bundles **ret)
{
    const struct bfs_names_setup setup = {.first_id = 0,
                                          .end_id = BFS_SLOTS_MAX,
                                          .first_ino = BFS_INO_FIRST_BUNDLE,
                                          .block = BFS_INO_BUNDLE,
                                          .n_blocks = BFS_INO_N_BUNDLES,
                                          .payload = sizeof(struct slot),
                                          .done = slot_done};
    bfs_autofree struct bfs_bundles *bundles = calloc(1, sizeof(*bundles));
    if (!bundles)
        return -ENOMEM;
    int r = bfs_names_new(&setup, &bundles->names);
    if (r)
        return r;
    bundles->store = store;
    bundles->rules = rules;
    bundles->metrics = metrics;
    bundles->log = log;
    (void)pthread_mutex_init(&bundles->mutex, NULL);
    (void)pthread_cond_init(&bundles->loaded, NULL);
    *ret = bfs_steal(&bundles);
    return 0;
}

struct bfs_bundles *bfs_bundles_free(struct bfs_bundles *bundles)
{
    if (!bundles)
        return NULL;
    (void)bfs_names_free(bundles->names);
    (void)pthread_cond_destroy(&bundles->loaded);
    (void)pthread_mutex_destroy(&bundles->mutex);
    free(bundles);
    return NULL;
}

void bfs_bundles_on_gone(struct bfs_bundles *bundles, void (*gone)(void *context, uint32_t slot),
                         void *context)
{
    bundles->gone = gone;
    bundles->gone_context = context;
}

static struct slot *slot_of(struct bfs_name *name)
{
    return name ? (struct slot *)(void *)name->payload : NULL;
}

/* With the mutex held; NULL: there is no such slot. */
static struct bfs_name *find_name(const struct bfs_bundles *bundles, uint32_t number)
{
    return bfs_names_find(bundles->names, number);
}

int bfs_bundles_slot(struct bfs_bundles *bundles, const struct bfs_catalog_entry *entry,
                     uint32_t *ret)
{
    struct identity key = {.manifest = entry->manifest};
    struct bfs_name *name;
    for (size_t i = 0; i < sizeof(key.manifest_size); i++)
        key.manifest_size[i] = (uint8_t)(entry->manifest_size >> 8 * i);
    (void)bfs_reference_text(&entry->reference, key.name);
    (void)pthread_mutex_lock(&bundles->mutex);
    int r = bfs_names_intern(bundles->names, &key,
                             offsetof(struct identity, name) + strlen(key.name) + 1, &name);
    if (r == 0)
        *ret = (uint32_t)name->id;
    (void)pthread_mutex_unlock(&bundles->mutex);
    return r;
}

bool bfs_bundles_ref(struct bfs_bundles *bundles, uint32_t number)
{
    (void)pthread_mutex_lock(&bundles->mutex);
    struct bfs_name *name = find_name(bundles, number);
    if (name)
        name->references++;
    (void)pthread_mutex_unlock(&bundles->mutex);
    return name != NULL;
}

bool bfs_bundles_is_live(struct bfs_bundles *bundles, uint32_t number)
{
    (void)pthread_mutex_lock(&bundles->mutex);
    const struct bfs_name *name = find_name(bundles, number);
    bool is_live = name && name->references > 0;
    (void)pthread_mutex_unlock(&bundles->mutex);
    return is_live;
}

/* Copies the identity; false: there is no such slot. */
static bool copy_identity(struct bfs_bundles *bundles, uint32_t number, struct identity *ret)
{
    (void)pthread_mutex_lock(&bundles->mutex);
    const struct bfs_name *name = find_name(bundles, number);
    if (name)
        memcpy(ret, name->key, name->size);
    (void)pthread_mutex_unlock(&bundles->mutex);
    return name != NULL;
}

const char *bfs_bundles_name(struct bfs_bundles *bundles, uint32_t number,
                             char ret[static BFS_REFERENCE_MAX + 1])
{
    struct identity identity;
    bool found = copy_identity(bundles, number, &identity);
    return strcpy(ret, found ? identity.name : "?");
}

bool bfs_bundles_identity(struct bfs_bundles *bundles, uint32_t number,
                          struct bfs_reference *ret_reference, struct bfs_digest *ret_manifest)
{
    struct identity identity;
    if (!copy_identity(bundles, number, &identity))
        return false;
    const char *colon = strchr(identity.name, ':');
    size_t length = (size_t)(colon - identity.name);
    memcpy(ret_reference->name, identity.name, length);
    ret_reference->name[length] = '\0';
    memcpy(ret_reference->version, colon + 1, strlen(colon + 1) + 1);
    *ret_manifest = identity.manifest;
    return true;
}

uint64_t bfs_bundles_ino(struct bfs_bundles *bundles, uint32_t number, uint32_t inode)
{
    (void)pthread_mutex_lock(&bundles->mutex);
    const struct bfs_name *name = find_name(bundles, number);
    uint64_t ino = name ? name->ino + bfs_inode_place(inode) : bfs_node_of(number, inode);
    (void)pthread_mutex_unlock(&bundles->mutex);
    return ino;
}

size_t bfs_bundles_count(struct bfs_bundles *bundles)
{
    (void)pthread_mutex_lock(&bundles->mutex);
    size_t n = bfs_names_count(bundles->names);
    (void)pthread_mutex_unlock(&bundles->mutex);
    return n;
}

uint64_t bfs_bundles_judgements(const struct bfs_bundles *bundles)
{
    return atomic_load(&bundles->judgements);
}

void bfs_bundles_note_judgement(struct bfs_bundles *bundles)
{
    (void)atomic_fetch_add(&bundles->judgements, 1);
}

bool bfs_bundles_refusal(struct bfs_bundles *bundles, uint32_t number,
                         char ret[static BFS_ERROR_TEXT_SIZE])
{
    (void)pthread_mutex_lock(&bundles->mutex);
    const struct slot *slot = slot_of(find_name(bundles, number));
    bool refused = slot && slot->refusal;
    if (refused)
        memcpy(ret, slot->refusal->reason, sizeof(slot->refusal->reason));
    (void)pthread_mutex_unlock(&bundles->mutex);
    return refused;
}

struct bfs_views bfs_bundles_views(struct bfs_bundles *bundles, uint32_t number)
{
    struct bfs_views views = {.best = -1};
    (void)pthread_mutex_lock(&bundles->mutex);
    const struct slot *slot = slot_of(find_name(bundles, number));
    if (slot && slot->views)
        views = *slot->views;
    (void)pthread_mutex_unlock(&bundles->mutex);
    return views;
}

bool bfs_bundles_content_size(struct bfs_bundles *bundles, uint32_t number, uint64_t *ret)
{
    (void)pthread_mutex_lock(&bundles->mutex);
    const struct slot *slot = slot_of(find_name(bundles, number));
    bool has_size = slot && slot->has_size;
    if (has_size)
        *ret = slot->content_size;
    (void)pthread_mutex_unlock(&bundles->mutex);
    return has_size;
}

/* With the mutex held. */
static void note_size(struct slot *slot, uint64_t size)
{
    slot->has_size = true;
    slot->content_size = size;
}

void bfs_bundles_note_content_size(struct bfs_bundles *bundles, uint32_t number, uint64_t size)
{
    (void)pthread_mutex_lock(&bundles->mutex);
    struct slot *slot = slot_of(find_name(bundles, number));
    if (slot)
        note_size(slot, size);
    (void)pthread_mutex_unlock(&bundles->mutex);
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

/* With the mutex held. */
static void drop(struct bfs_bundles *bundles, struct slot *slot)
{
    unlink_loaded(bundles, slot);
    bundles->memory -= bfs_bundle_memory(slot->bundle);
    bundles->n_loaded--;
    slot->bundle = bfs_bundle_unref(slot->bundle);
    bfs_metric_set(bundles->metrics, BFS_METRIC_BUNDLES_LOADED, bundles->n_loaded);
}

/* Drops the least recently used indexes but the newest, with the mutex held. */
static void shrink(struct bfs_bundles *bundles)
{
    while (bundles->memory > BFS_BUNDLES_MEMORY && bundles->oldest != bundles->newest)
        drop(bundles, bundles->oldest);
}

void bfs_bundles_unref(struct bfs_bundles *bundles, uint32_t number, uint64_t n)
{
    bool gone = false;
    (void)pthread_mutex_lock(&bundles->mutex);
    struct bfs_name *name = find_name(bundles, number);
    if (name) {
        bfs_names_unref(bundles->names, name, n);
        gone = name->references == 0;
    }
    if (gone) {
        struct slot *slot = slot_of(name);
        if (slot->bundle)
            drop(bundles, slot);
        slot_done(slot);
        *slot = (struct slot){0};
    }
    (void)pthread_mutex_unlock(&bundles->mutex);
    if (gone && bundles->gone)
        bundles->gone(bundles->gone_context, number);
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
    if (slot->refusal)
        bfs_bundles_note_judgement(bundles);
    free(slot->refusal);
    slot->refusal = NULL;
    note_size(slot, bfs_bundle_config(bundle)->content_size);
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

/* Reads the store; without the mutex, with is_loading and a reference to the name. */
static int load(struct bfs_bundles *bundles, struct bfs_name *name, struct bfs_bundle **ret)
{
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE];
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    struct slot *slot = slot_of(name);
    const struct identity *identity = (const struct identity *)(const void *)name->key;
    struct bfs_views views = {.best = -1};
    uint64_t manifest_size = 0;
    bool news = false;
    for (size_t i = sizeof(identity->manifest_size); i-- > 0;)
        manifest_size = manifest_size << 8 | identity->manifest_size[i];
    int r = bfs_bundle_open(bundles->store, &identity->manifest, manifest_size, &bundle, &error);
    if (r == 0 && bundles->rules)
        r = bfs_views_choose(bundles->rules, bundle, &views);
    (void)pthread_mutex_lock(&bundles->mutex);
    if (r == 0)
        r = remember(bundles, slot, bundle, &views);
    if (r)
        news = refuse(slot, r, bfs_error_text(&error, text));
    if (news)
        bfs_bundles_note_judgement(bundles);
    slot->is_loading = false;
    (void)pthread_cond_broadcast(&bundles->loaded);
    (void)pthread_mutex_unlock(&bundles->mutex);
    if (news)
        bfs_log(bundles->log, BFS_LOG_ERROR, "%s: refused: %s", identity->name, text);
    if (r == 0)
        *ret = bfs_steal(&bundle);
    return r;
}

int bfs_bundles_get(struct bfs_bundles *bundles, uint32_t number, bool may_block,
                    struct bfs_bundle **ret)
{
    int r = -ENOENT;
    (void)pthread_mutex_lock(&bundles->mutex);
    struct bfs_name *name = find_name(bundles, number);
    struct slot *slot = slot_of(name);
    /* Whoever blocks refers to the slot, so that it stays. */
    if (name && may_block)
        name->references++;
    while (slot && (r = peek(bundles, slot, ret)) == -EWOULDBLOCK && may_block && slot->is_loading)
        (void)pthread_cond_wait(&bundles->loaded, &bundles->mutex);
    bool ours = r == -EWOULDBLOCK && may_block;
    if (ours)
        slot->is_loading = true;
    (void)pthread_mutex_unlock(&bundles->mutex);
    if (ours)
        r = load(bundles, name, ret);
    if (name && may_block)
        bfs_bundles_unref(bundles, number, 1);
    return r;
}

enum bfs_turn bfs_bundles_begin(struct bfs_bundles *bundles, uint32_t number, struct bfs_job *job)
{
    enum bfs_turn turn = BFS_TURN_FREE;
    (void)pthread_mutex_lock(&bundles->mutex);
    struct bfs_name *name = find_name(bundles, number);
    struct slot *slot = slot_of(name);
    if (slot && !slot->bundle) {
        turn = !slot->is_led ? BFS_TURN_LEADS : job ? BFS_TURN_WAITS : BFS_TURN_TAKEN;
        slot->is_led = true;
        if (turn == BFS_TURN_LEADS)
            name->references++; /* until bfs_bundles_end() */
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
    struct slot *slot = slot_of(find_name(bundles, number));
    struct bfs_job *waiting = slot ? slot->waiting : NULL;
    if (slot) {
        slot->waiting = NULL;
        slot->is_led = false;
    }
    (void)pthread_mutex_unlock(&bundles->mutex);
    bfs_bundles_unref(bundles, number, 1);
    return waiting;
}
