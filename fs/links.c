/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/links_private.h"

#include "fs/invalidate.h"
#include "fs/state.h"
#include "verify/array.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* What was resolved for a directory, and from what. */
struct known {
    uint64_t directory;
    struct bfs_xxh128 stamp;
    struct bfs_link_set *set;
};

struct bfs_links {
    pthread_mutex_t mutex;
    struct known *known; /* by directory; protected by mutex */
    size_t n;
};

int bfs_links_new(struct bfs_links **ret)
{
    struct bfs_links *links = calloc(1, sizeof(*links));
    if (!links)
        return -ENOMEM;
    (void)pthread_mutex_init(&links->mutex, NULL);
    *ret = links;
    return 0;
}

struct bfs_links *bfs_links_free(struct bfs_links *links)
{
    if (links) {
        for (size_t i = 0; i < links->n; i++)
            (void)bfs_link_set_unref(links->known[i].set);
        free(links->known);
        (void)pthread_mutex_destroy(&links->mutex);
        free(links);
    }
    return NULL;
}

static struct bfs_link_set *ref(struct bfs_link_set *set)
{
    atomic_fetch_add(&set->references, 1);
    return set;
}

struct bfs_link_set *bfs_link_set_unref(struct bfs_link_set *set)
{
    if (set && atomic_fetch_sub(&set->references, 1) == 1) {
        for (size_t i = 0; i < set->n; i++) {
            bfs_tree_numbers_unref(set->numbers, set->items[i].node, 1);
            free(set->items[i].name);
            free(set->items[i].target);
        }
        for (size_t i = 0; i < set->n_forks; i++)
            free(set->forks[i].path);
        free(set->items);
        for (size_t i = 0; i < set->n_pending; i++)
            free(set->pending[i].path);
        free(set->pending);
        free(set->asked);
        free(set->forks);
        free(set->refusals);
        free(set);
    }
    return NULL;
}

const struct bfs_link *bfs_link_set_items(const struct bfs_link_set *set, size_t *ret_n)
{
    *ret_n = set->n;
    return set->items;
}

const struct bfs_link *bfs_link_set_find(const struct bfs_link_set *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->items[i].name, name) == 0)
            return &set->items[i];
    return NULL;
}

bool bfs_links_needed(const struct bfs_catalog *catalog, const char *model)
{
    size_t n;
    if (catalog->n_statements == 0)
        return false;
    if (bfs_catalog_aliases(catalog, model, &n))
        return true;
    const struct bfs_catalog_entry *entry = bfs_catalog_model(catalog, model, &n);
    for (; n > 0; entry++, n--)
        if (bfs_links_is_disputed(catalog, &entry->manifest))
            return true;
    return false;
}

/* Of all that a model's links depend on: the catalogue, and who is believed. */
static int stamp_of(const struct bfs_trust *trust, const char *model, struct bfs_xxh128 *ret)
{
    const struct bfs_catalog *catalog = trust->catalog;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    if (trust->policy)
        bfs_buffer_put(&text, bfs_policy_digest(trust->policy), sizeof(struct bfs_digest));
    bfs_buffer_put_u64(&text, bfs_policy_epoch(trust->policy, trust->now));
    size_t n, n_about;
    const struct bfs_catalog_statement *const *aliases = bfs_catalog_aliases(catalog, model, &n);
    for (size_t i = 0; i < n; i++)
        bfs_buffer_put(&text, &aliases[i]->manifest, sizeof(aliases[i]->manifest));
    const struct bfs_catalog_entry *entry = bfs_catalog_model(catalog, model, &n);
    for (; n > 0; entry++, n--) {
        const struct bfs_catalog_statement *about =
            bfs_catalog_statements(catalog, &entry->manifest, &n_about);
        bfs_buffer_put(&text, entry->reference.version, strlen(entry->reference.version) + 1);
        bfs_buffer_put(&text, &entry->manifest, sizeof(entry->manifest));
        for (size_t i = 0; i < n_about; i++)
            bfs_buffer_put(&text, &about[i].manifest, sizeof(about[i].manifest));
    }
    if (bfs_buffer_status(&text))
        return -ENOMEM;
    *ret = bfs_xxh128(text.bytes ? text.bytes : (const uint8_t *)"", text.size);
    return 0;
}

/* The place of a directory among those known, or where it would be. */
static size_t place_of(const struct bfs_links *links, uint64_t directory)
{
    size_t low = 0, high = links->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (links->known[middle].directory < directory)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_known(const struct bfs_links *links, size_t place, uint64_t directory)
{
    return place < links->n && links->known[place].directory == directory;
}

static struct bfs_link_set *recall(struct bfs_fs *fs, uint64_t directory,
                                   const struct bfs_xxh128 *stamp)
{
    struct bfs_links *links = fs->links;
    struct bfs_link_set *set = NULL;
    (void)pthread_mutex_lock(&links->mutex);
    size_t place = place_of(links, directory);
    if (is_known(links, place, directory) && bfs_xxh128_equal(&links->known[place].stamp, stamp))
        set = ref(links->known[place].set);
    (void)pthread_mutex_unlock(&links->mutex);
    return set && !bfs_links_stands(fs, set) ? bfs_link_set_unref(set) : set;
}

void bfs_links_drop(struct bfs_links *links, struct bfs_tree_numbers *numbers, uint64_t directory)
{
    struct bfs_link_set *gone = NULL;
    (void)pthread_mutex_lock(&links->mutex);
    size_t place = place_of(links, directory);
    if (is_known(links, place, directory) && !bfs_tree_numbers_is_live(numbers, directory)) {
        gone = links->known[place].set;
        memmove(&links->known[place], &links->known[place + 1],
                (--links->n - place) * sizeof(*links->known));
    }
    (void)pthread_mutex_unlock(&links->mutex);
    (void)bfs_link_set_unref(gone);
}

/* Of a directory that nobody refers to, nothing is kept. */
static int remember(struct bfs_fs *fs, uint64_t directory, const struct bfs_xxh128 *stamp,
                    struct bfs_link_set *set)
{
    struct bfs_links *links = fs->links;
    struct bfs_link_set *before = NULL;
    int r = 0;
    (void)pthread_mutex_lock(&links->mutex);
    size_t place = place_of(links, directory);
    bool is_kept = bfs_tree_numbers_is_live(fs->numbers, directory);
    if (is_kept && is_known(links, place, directory)) {
        before = links->known[place].set;
    } else if (is_kept &&
               (r = bfs_array_grow(&links->known, links->n, sizeof(*links->known))) == 0) {
        memmove(&links->known[place + 1], &links->known[place],
                (links->n - place) * sizeof(*links->known));
        links->n++;
    }
    if (is_kept && r == 0)
        links->known[place] = (struct known){directory, *stamp, ref(set)};
    (void)pthread_mutex_unlock(&links->mutex);
    (void)bfs_link_set_unref(before); /* which may drop another directory's */
    return r;
}

static int load(struct bfs_fs *fs, const struct bfs_tree *tree, const struct bfs_trust *trust,
                uint64_t directory, const char *model, const struct bfs_xxh128 *stamp,
                struct bfs_link_set **ret)
{
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE];
    BFS_CLEANUP(bfs_link_set_cleanup) struct bfs_link_set *set = NULL;
    int r = bfs_links_resolve(fs, tree, trust, model, &set, &error);
    if (r == 0)
        r = remember(fs, directory, stamp, set);
    if (r) {
        bfs_log(fs->log, BFS_LOG_ERROR, "%s: aliases: %s", model, bfs_error_text(&error, text));
        return r;
    }
    for (size_t i = 0; i < set->n_refusals; i++)
        bfs_log(fs->log, BFS_LOG_ERROR, "%s: refused: %s", set->refusals[i].name,
                set->refusals[i].reason);
    for (size_t i = 0; i < set->n_pending; i++)
        bfs_log(fs->log, BFS_LOG_WARNING,
                "%s: move %" PRIu64 ", to version %s, is not in force: %s", set->pending[i].path,
                set->pending[i].sequence, set->pending[i].version, set->pending[i].reason);
    *ret = bfs_steal(&set);
    return 0;
}

int bfs_links_get(struct bfs_fs *fs, uint64_t directory, bool may_block, struct bfs_link_set **ret)
{
    char model[BFS_NAME_MAX + 1];
    if (!bfs_tree_numbers_path(fs->numbers, directory, model, sizeof(model)))
        return -ENOENT;
    for (;;) {
        BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(fs);
        BFS_CLEANUP(bfs_link_set_cleanup) struct bfs_link_set *set = NULL;
        BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = bfs_guard_policy(fs->guard);
        struct bfs_trust trust = {.store = fs->store,
                                  .catalog = bfs_tree_catalog(tree),
                                  .policy = policy,
                                  .now = (int64_t)time(NULL)};
        struct bfs_xxh128 stamp;
        int r = stamp_of(&trust, model, &stamp);
        if (r)
            return r;
        set = recall(fs, directory, &stamp);
        if (!set && !may_block)
            return -EWOULDBLOCK;
        if (!set && (r = load(fs, tree, &trust, directory, model, &stamp, &set)))
            return r;
        /* What was read while the catalogue changed must not reach the kernel, which has been told
         * to forget it already. */
        BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *now = bfs_fs_tree(fs);
        if (now == tree) {
            *ret = bfs_steal(&set);
            return 0;
        }
    }
}

/* Every link of `a` that `b` (NULL: none) does not have as it is. */
static void invalidate_difference(struct bfs_fs *fs, uint64_t directory,
                                  const struct bfs_link_set *a, const struct bfs_link_set *b)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct bfs_link *same = b ? bfs_link_set_find(b, a->items[i].name) : NULL;
        if (!same || same->node != a->items[i].node)
            bfs_invalidate_name(fs, directory, a->items[i].name);
    }
}

static int refresh(struct bfs_fs *fs, uint64_t directory, const struct bfs_link_set *before)
{
    BFS_CLEANUP(bfs_link_set_cleanup) struct bfs_link_set *now = NULL;
    int r = bfs_links_get(fs, directory, true, &now);
    if (r || now == before)
        return r;
    invalidate_difference(fs, directory, now, before);
    if (before)
        invalidate_difference(fs, directory, before, now);
    return 0;
}

int bfs_links_rejudge(struct bfs_fs *fs, uint32_t slot)
{
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(fs);
    BFS_CLEANUP(bfs_link_set_cleanup) struct bfs_link_set *set = NULL;
    const struct bfs_tree_node *bundle = bfs_tree_bundle(tree, slot);
    struct bfs_links *links = fs->links;
    if (!bundle)
        return 0;
    (void)pthread_mutex_lock(&links->mutex);
    size_t place = place_of(links, bundle->parent);
    if (is_known(links, place, bundle->parent))
        set = ref(links->known[place].set);
    (void)pthread_mutex_unlock(&links->mutex);
    return set ? refresh(fs, bundle->parent, set) : 0;
}

/* A directory that had no set may have had names looked up that were not there. */
static int refresh_new(struct bfs_fs *fs, const struct bfs_tree *before)
{
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(fs);
    size_t n;
    const struct bfs_tree_node *nodes = bfs_tree_all(tree, &n);
    int r = 0;
    for (size_t i = 0; i < n; i++) {
        if (nodes[i].kind != BFS_TREE_DIRECTORY || !nodes[i].has_links)
            continue;
        const struct bfs_tree_node *same = bfs_tree_find(before, nodes[i].node);
        if (!same || same->has_links)
            continue;
        int failed = refresh(fs, nodes[i].node, NULL);
        r = r ? r : failed;
    }
    return r;
}

int bfs_links_refresh(struct bfs_fs *fs, const struct bfs_tree *before)
{
    struct bfs_links *links = fs->links;
    int r = refresh_new(fs, before);
    uint64_t directory = 0;
    for (;;) {
        BFS_CLEANUP(bfs_link_set_cleanup) struct bfs_link_set *set = NULL;
        (void)pthread_mutex_lock(&links->mutex);
        size_t place = place_of(links, directory);
        if (place < links->n) {
            directory = links->known[place].directory;
            set = ref(links->known[place].set);
        }
        (void)pthread_mutex_unlock(&links->mutex);
        if (!set)
            return r;
        int failed = refresh(fs, directory++, set);
        if (failed != -ENOENT) /* the directory has gone meanwhile */
            r = r ? r : failed;
    }
}

void bfs_links_refusals(struct bfs_links *links,
                        void (*visit)(void *context, const struct bfs_statement_refusal *refusal),
                        void *context)
{
    (void)pthread_mutex_lock(&links->mutex);
    for (size_t i = 0; i < links->n; i++)
        for (size_t k = 0; k < links->known[i].set->n_refusals; k++)
            visit(context, &links->known[i].set->refusals[k]);
    (void)pthread_mutex_unlock(&links->mutex);
}

void bfs_links_forks(struct bfs_links *links,
                     void (*visit)(void *context, const char *path, uint64_t sequence),
                     void *context)
{
    (void)pthread_mutex_lock(&links->mutex);
    for (size_t i = 0; i < links->n; i++)
        for (size_t k = 0; k < links->known[i].set->n_forks; k++)
            visit(context, links->known[i].set->forks[k].path,
                  links->known[i].set->forks[k].sequence);
    (void)pthread_mutex_unlock(&links->mutex);
}

void bfs_links_pending(struct bfs_links *links,
                       void (*visit)(void *context, const char *path, uint64_t sequence,
                                     const char *version, const char *reason),
                       void *context)
{
    (void)pthread_mutex_lock(&links->mutex);
    for (size_t i = 0; i < links->n; i++)
        for (size_t k = 0; k < links->known[i].set->n_pending; k++) {
            const struct bfs_link_pending *pending = &links->known[i].set->pending[k];
            visit(context, pending->path, pending->sequence, pending->version, pending->reason);
        }
    (void)pthread_mutex_unlock(&links->mutex);
}
