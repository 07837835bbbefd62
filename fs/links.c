/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/links.h"

#include "codec/store/aliases.h"
#include "codec/store/trust.h"
#include "fs/invalidate.h"
#include "fs/state.h"
#include "verify/array.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct bfs_link_set {
    atomic_uint references;
    struct bfs_link *items; /* by name */
    size_t n;
    struct fork *forks; /* of aliases that point to one of several bundles */
    size_t n_forks;
    struct bfs_statement_refusal *refusals;
    size_t n_refusals;
};

struct fork {
    char *path; /* owned; acme/m/production */
    uint64_t sequence;
};

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
            free(set->items[i].name);
            free(set->items[i].target);
        }
        for (size_t i = 0; i < set->n_forks; i++)
            free(set->forks[i].path);
        free(set->items);
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

/* The number of statements about a bundle of one of two kinds. */
static bool is_out_of_favour(const struct bfs_catalog *catalog, const struct bfs_digest *bundle)
{
    size_t n;
    const struct bfs_catalog_statement *entries = bfs_catalog_statements(catalog, bundle, &n);
    for (size_t i = 0; i < n; i++)
        if (entries[i].kind == BFS_STATEMENT_DEPRECATION ||
            entries[i].kind == BFS_STATEMENT_REVOCATION)
            return true;
    return false;
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
        if (is_out_of_favour(catalog, &entry->manifest))
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

struct resolver {
    struct bfs_fs *fs;
    const struct bfs_catalog *catalog;
    struct bfs_trust trust;
    const char *model;
    struct bfs_link_set *set;
    int status;
    struct bfs_error *error;
};

/* Of `name`, which cannot be told more closely: too much is said about it to be believed. */
static int refuse_all(struct resolver *resolver, const char *name)
{
    struct bfs_link_set *set = resolver->set;
    if (bfs_array_grow(&set->refusals, set->n_refusals, sizeof(*set->refusals)))
        return bfs_fail(resolver->error, -ENOMEM, "out of memory");
    struct bfs_statement_refusal *refusal = &set->refusals[set->n_refusals++];
    (void)snprintf(refusal->name, sizeof(refusal->name), "%s", name);
    (void)bfs_error_text(resolver->error, refusal->reason);
    return 0;
}

static int add_fork(struct resolver *resolver, const struct bfs_alias *alias)
{
    struct bfs_link_set *set = resolver->set;
    char *path = NULL;
    if (bfs_array_grow(&set->forks, set->n_forks, sizeof(*set->forks)) ||
        asprintf(&path, "%s/%s", resolver->model, alias->name) < 0)
        return bfs_fail(resolver->error, -ENOMEM, "out of memory");
    set->forks[set->n_forks++] = (struct fork){path, alias->link->statement->sequence};
    return 0;
}

static int add_refusals(struct resolver *resolver, const struct bfs_statements *statements)
{
    struct bfs_link_set *set = resolver->set;
    for (size_t i = 0; i < statements->n_refusals; i++) {
        if (bfs_array_grow(&set->refusals, set->n_refusals, sizeof(*set->refusals)))
            return bfs_fail(resolver->error, -ENOMEM, "out of memory");
        set->refusals[set->n_refusals++] = statements->refusals[i];
    }
    return 0;
}

static int add_link(struct resolver *resolver, const char *name, const char *target)
{
    struct bfs_link_set *set = resolver->set;
    struct bfs_link link = {
        .name = strdup(name),
        .target = strdup(target),
        .node = bfs_tree_numbers_link(resolver->fs->numbers, resolver->model, name, target)};
    if (!link.name || !link.target || !link.node ||
        bfs_array_grow(&set->items, set->n, sizeof(*set->items))) {
        free(link.name);
        free(link.target);
        return bfs_fail(resolver->error, -ENOMEM, "out of memory");
    }
    set->items[set->n++] = link;
    return 0;
}

/* bfs_catalog_skips */
static bool skips(void *context, const struct bfs_catalog_entry *entry)
{
    struct resolver *resolver = context;
    bfs_autostatements struct bfs_statements about = {0};
    if (resolver->status || !is_out_of_favour(resolver->catalog, &entry->manifest))
        return false;
    resolver->status = bfs_statements_of_bundle(resolver->fs->store, resolver->catalog,
                                                &entry->manifest, &about, resolver->error);
    if (resolver->status == -E2BIG) {
        char name[BFS_REFERENCE_MAX + 1];
        resolver->status = refuse_all(resolver, bfs_reference_text(&entry->reference, name));
        return true;
    }
    enum bfs_favour favour = BFS_FAVOUR_FULL;
    if (resolver->status == 0)
        resolver->status = add_refusals(resolver, &about);
    if (resolver->status == 0)
        resolver->status = bfs_trust_favour(&resolver->trust, &entry->reference, &entry->manifest,
                                            &favour, NULL, resolver->error);
    return favour != BFS_FAVOUR_FULL;
}

static int add_latest(struct resolver *resolver)
{
    const struct bfs_catalog_entry *latest =
        bfs_catalog_latest_of(resolver->catalog, resolver->model, skips, resolver);
    if (resolver->status)
        return resolver->status;
    return latest ? add_link(resolver, "latest", latest->reference.version) : 0;
}

static int add_aliases(struct resolver *resolver)
{
    bfs_autoaliases struct bfs_aliases aliases = {0};
    int r = bfs_aliases_load(resolver->fs->store, resolver->catalog, resolver->model,
                             bfs_trust_believes, &resolver->trust, &aliases, resolver->error);
    if (r == -E2BIG)
        return refuse_all(resolver, resolver->model);
    if (r == 0 && (r = resolver->trust.status))
        return bfs_fail(resolver->error, r, "what is said about a bundle cannot be read: %s",
                        strerror(-r));
    if (r == 0)
        r = add_refusals(resolver, &aliases.statements);
    for (size_t i = 0; r == 0 && i < aliases.n; i++) {
        const struct bfs_alias *alias = &aliases.items[i];
        if (alias->is_forked)
            r = add_fork(resolver, alias);
        if (r == 0 && alias->target)
            r = add_link(resolver, alias->name, alias->target->reference.version);
    }
    return r;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct bfs_link *)a)->name, ((const struct bfs_link *)b)->name);
}

static int resolve(struct bfs_fs *fs, const struct bfs_trust *trust, const char *model,
                   struct bfs_link_set **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_link_set_cleanup) struct bfs_link_set *set = calloc(1, sizeof(*set));
    if (!set)
        return bfs_fail(error, -ENOMEM, "out of memory");
    atomic_init(&set->references, 1);
    struct resolver resolver = {.fs = fs,
                                .catalog = trust->catalog,
                                .trust = *trust,
                                .model = model,
                                .set = set,
                                .error = error};
    int r = add_aliases(&resolver);
    if (r == 0)
        r = add_latest(&resolver);
    if (r)
        return r;
    if (set->n)
        qsort(set->items, set->n, sizeof(*set->items), by_name);
    *ret = bfs_steal(&set);
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

static struct bfs_link_set *recall(struct bfs_links *links, uint64_t directory,
                                   const struct bfs_xxh128 *stamp)
{
    struct bfs_link_set *set = NULL;
    (void)pthread_mutex_lock(&links->mutex);
    size_t place = place_of(links, directory);
    if (is_known(links, place, directory) && bfs_xxh128_equal(&links->known[place].stamp, stamp))
        set = ref(links->known[place].set);
    (void)pthread_mutex_unlock(&links->mutex);
    return set;
}

static int remember(struct bfs_links *links, uint64_t directory, const struct bfs_xxh128 *stamp,
                    struct bfs_link_set *set)
{
    int r = 0;
    (void)pthread_mutex_lock(&links->mutex);
    size_t place = place_of(links, directory);
    if (is_known(links, place, directory)) {
        (void)bfs_link_set_unref(links->known[place].set);
    } else {
        r = bfs_array_grow(&links->known, links->n, sizeof(*links->known));
        if (r == 0) {
            memmove(&links->known[place + 1], &links->known[place],
                    (links->n - place) * sizeof(*links->known));
            links->n++;
        }
    }
    if (r == 0)
        links->known[place] = (struct known){directory, *stamp, ref(set)};
    (void)pthread_mutex_unlock(&links->mutex);
    return r;
}

static int load(struct bfs_fs *fs, const struct bfs_trust *trust, uint64_t directory,
                const char *model, const struct bfs_xxh128 *stamp, struct bfs_link_set **ret)
{
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE];
    BFS_CLEANUP(bfs_link_set_cleanup) struct bfs_link_set *set = NULL;
    int r = resolve(fs, trust, model, &set, &error);
    if (r == 0)
        r = remember(fs->links, directory, stamp, set);
    if (r) {
        bfs_log(fs->log, BFS_LOG_ERROR, "%s: aliases: %s", model, bfs_error_text(&error, text));
        return r;
    }
    for (size_t i = 0; i < set->n_refusals; i++)
        bfs_log(fs->log, BFS_LOG_ERROR, "%s: refused: %s", set->refusals[i].name,
                set->refusals[i].reason);
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
        set = recall(fs->links, directory, &stamp);
        if (!set && !may_block)
            return -EWOULDBLOCK;
        if (!set && (r = load(fs, &trust, directory, model, &stamp, &set)))
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
