/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/signatures.h"

#include "fs/invalidate.h"
#include "fs/node.h"
#include "fs/state.h"
#include "verify/array.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct bfs_signature_set {
    atomic_uint references;
    struct bfs_signature *items;          /* by inode */
    const struct bfs_signature **by_name; /* owned; the same */
    size_t n;
    struct bfs_statement_refusal *refusals;
    size_t n_refusals;
};

/* What was read of a bundle, and from what. */
struct known {
    uint32_t slot;
    struct bfs_xxh128 stamp;
    struct bfs_signature_set *set;
    struct bfs_digest *seen; /* every statement that ever had a number: its place */
    size_t n_seen;
};

struct bfs_signatures {
    pthread_mutex_t mutex;
    struct known *known; /* by slot; protected by mutex */
    size_t n;
};

int bfs_signatures_new(struct bfs_signatures **ret)
{
    struct bfs_signatures *signatures = calloc(1, sizeof(*signatures));
    if (!signatures)
        return -ENOMEM;
    (void)pthread_mutex_init(&signatures->mutex, NULL);
    *ret = signatures;
    return 0;
}

struct bfs_signatures *bfs_signatures_free(struct bfs_signatures *signatures)
{
    if (signatures) {
        for (size_t i = 0; i < signatures->n; i++) {
            (void)bfs_signature_set_unref(signatures->known[i].set);
            free(signatures->known[i].seen);
        }
        free(signatures->known);
        (void)pthread_mutex_destroy(&signatures->mutex);
        free(signatures);
    }
    return NULL;
}

static struct bfs_signature_set *ref(struct bfs_signature_set *set)
{
    atomic_fetch_add(&set->references, 1);
    return set;
}

struct bfs_signature_set *bfs_signature_set_unref(struct bfs_signature_set *set)
{
    if (set && atomic_fetch_sub(&set->references, 1) == 1) {
        free(set->items);
        free(set->by_name);
        free(set->refusals);
        free(set);
    }
    return NULL;
}

const struct bfs_signature *bfs_signature_set_items(const struct bfs_signature_set *set,
                                                    size_t *ret_n)
{
    *ret_n = set->n;
    return set->items;
}

const struct bfs_signature *bfs_signature_set_name(const struct bfs_signature_set *set,
                                                   const char *name)
{
    size_t low = 0, high = set->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(set->by_name[middle]->name, name);
        if (order == 0)
            return set->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct bfs_signature *bfs_signature_set_inode(const struct bfs_signature_set *set,
                                                    uint32_t inode)
{
    size_t low = 0, high = set->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->items[middle].inode == inode)
            return &set->items[middle];
        if (set->items[middle].inode < inode)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool bfs_signatures_exist(struct bfs_fs *fs, const struct bfs_digest *bundle)
{
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(fs);
    size_t n;
    (void)bfs_catalog_statements(bfs_tree_catalog(tree), bundle, &n);
    return n > 0;
}

static int stamp_of(const struct bfs_catalog *catalog, const struct bfs_digest *bundle,
                    struct bfs_xxh128 *ret)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    size_t n;
    const struct bfs_catalog_statement *about = bfs_catalog_statements(catalog, bundle, &n);
    bfs_buffer_put(&text, bundle, sizeof(*bundle));
    for (size_t i = 0; i < n; i++)
        bfs_buffer_put(&text, &about[i].manifest, sizeof(about[i].manifest));
    if (bfs_buffer_status(&text))
        return -ENOMEM;
    *ret = bfs_xxh128(text.bytes, text.size);
    return 0;
}

/* Names by kind, in the order of time. */
static int fill(struct bfs_signature_set *set, struct bfs_statements *statements)
{
    unsigned counts[BFS_N_STATEMENT_KINDS] = {0};
    set->items = calloc(statements->n + 1, sizeof(*set->items));
    set->by_name = calloc(statements->n + 1, sizeof(*set->by_name));
    if (!set->items || !set->by_name)
        return -ENOMEM;
    for (size_t i = 0; i < statements->n; i++) {
        const struct bfs_stored_statement *stored = statements->items[i];
        struct bfs_signature *item = &set->items[set->n++];
        char hex[BFS_DIGEST_HEX_SIZE];
        (void)snprintf(item->name, sizeof(item->name), "%s-%u-%.12s.dsse.json",
                       bfs_statement_word(stored->statement.kind), ++counts[stored->statement.kind],
                       bfs_digest_hex(&stored->digest, hex));
        item->digest = stored->digest;
        item->size = stored->size;
        item->when = stored->statement.when;
    }
    set->refusals = statements->refusals; /* transferred */
    set->n_refusals = statements->n_refusals;
    statements->refusals = NULL;
    statements->n_refusals = 0;
    return 0;
}

static size_t place_of(const struct bfs_signatures *signatures, uint32_t slot)
{
    size_t low = 0, high = signatures->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (signatures->known[middle].slot < slot)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* NULL: not known. With the mutex held. */
static struct known *find_known(struct bfs_signatures *signatures, uint32_t slot)
{
    size_t place = place_of(signatures, slot);
    return place < signatures->n && signatures->known[place].slot == slot
               ? &signatures->known[place]
               : NULL;
}

static struct known *add_known(struct bfs_signatures *signatures, uint32_t slot)
{
    size_t place = place_of(signatures, slot);
    if (bfs_array_grow(&signatures->known, signatures->n, sizeof(*signatures->known)))
        return NULL;
    memmove(&signatures->known[place + 1], &signatures->known[place],
            (signatures->n - place) * sizeof(*signatures->known));
    signatures->n++;
    signatures->known[place] = (struct known){.slot = slot};
    return &signatures->known[place];
}

/* Among the first `n_before`, for no two of a set are alike. Mostly they come as they came before,
 * so the search begins at *next, behind the last. */
static int number(struct known *known, size_t n_before, const struct bfs_digest *digest,
                  size_t *next, uint32_t *ret)
{
    for (size_t i = 0; i < n_before; i++) {
        size_t place = (*next + i) % n_before;
        if (bfs_digest_equal(&known->seen[place], digest)) {
            *ret = BFS_INODE_FIRST_SIGNATURE + (uint32_t)place;
            *next = place + 1;
            return 0;
        }
    }
    if (known->n_seen >= BFS_INODE_SIGNATURES_MAX)
        return -E2BIG;
    int r = bfs_array_grow(&known->seen, known->n_seen, sizeof(*known->seen));
    if (r)
        return r;
    known->seen[known->n_seen] = *digest;
    *ret = BFS_INODE_FIRST_SIGNATURE + (uint32_t)known->n_seen++;
    return 0;
}

static int by_inode(const void *a, const void *b)
{
    const struct bfs_signature *left = a, *right = b;
    return (left->inode > right->inode) - (left->inode < right->inode);
}

static int by_name(const void *a, const void *b)
{
    const struct bfs_signature *left = *(const struct bfs_signature *const *)a;
    const struct bfs_signature *right = *(const struct bfs_signature *const *)b;
    return strcmp(left->name, right->name);
}

static void sort(struct bfs_signature_set *set)
{
    if (set->n == 0)
        return;
    qsort(set->items, set->n, sizeof(*set->items), by_inode);
    for (size_t i = 0; i < set->n; i++)
        set->by_name[i] = &set->items[i];
    qsort(set->by_name, set->n, sizeof(const void *), by_name);
}

void bfs_signatures_drop(struct bfs_signatures *signatures, struct bfs_bundles *bundles,
                         uint32_t slot)
{
    struct known gone = {0};
    (void)pthread_mutex_lock(&signatures->mutex);
    struct known *known = find_known(signatures, slot);
    if (known && !bfs_bundles_is_live(bundles, slot)) { /* it may have come back */
        gone = *known;
        size_t place = (size_t)(known - signatures->known);
        memmove(known, known + 1, (--signatures->n - place) * sizeof(*known));
    }
    (void)pthread_mutex_unlock(&signatures->mutex);
    (void)bfs_signature_set_unref(gone.set);
    free(gone.seen);
}

/* Errors: -ENOMEM, -E2BIG, -ESTALE: nobody refers to the slot. */
static int remember(struct bfs_signatures *signatures, struct bfs_bundles *bundles, uint32_t slot,
                    const struct bfs_xxh128 *stamp, struct bfs_signature_set *set)
{
    (void)pthread_mutex_lock(&signatures->mutex);
    struct known *known = find_known(signatures, slot);
    if (!known && !bfs_bundles_is_live(bundles, slot)) {
        (void)pthread_mutex_unlock(&signatures->mutex);
        return -ESTALE;
    }
    if (!known)
        known = add_known(signatures, slot);
    int r = known ? 0 : -ENOMEM;
    size_t next = 0, n_before = known ? known->n_seen : 0;
    for (size_t i = 0; r == 0 && i < set->n; i++)
        r = number(known, n_before, &set->items[i].digest, &next, &set->items[i].inode);
    if (r == 0) {
        sort(set);
        (void)bfs_signature_set_unref(known->set);
        known->stamp = *stamp;
        known->set = ref(set);
    }
    (void)pthread_mutex_unlock(&signatures->mutex);
    return r;
}

/* `stamp` NULL: whatever is known. */
static struct bfs_signature_set *recall(struct bfs_signatures *signatures, uint32_t slot,
                                        const struct bfs_xxh128 *stamp)
{
    struct bfs_signature_set *set = NULL;
    (void)pthread_mutex_lock(&signatures->mutex);
    struct known *known = find_known(signatures, slot);
    if (known && known->set && (!stamp || bfs_xxh128_equal(&known->stamp, stamp)))
        set = ref(known->set);
    (void)pthread_mutex_unlock(&signatures->mutex);
    return set;
}

/* Too much is said about the bundle for any of it to be shown. */
static int refuse_all(struct bfs_fs *fs, uint32_t slot, const struct bfs_error *error,
                      struct bfs_statements *ret)
{
    struct bfs_statement_refusal *refusal = calloc(1, sizeof(*refusal));
    if (!refusal)
        return -ENOMEM;
    char name[BFS_REFERENCE_MAX + 1];
    (void)snprintf(refusal->name, sizeof(refusal->name), "%s",
                   bfs_bundles_name(fs->bundles, slot, name));
    (void)bfs_error_text(error, refusal->reason);
    ret->refusals = refusal;
    ret->n_refusals = 1;
    return 0;
}

static int load(struct bfs_fs *fs, const struct bfs_tree *tree, uint32_t slot,
                const struct bfs_digest *bundle, const struct bfs_xxh128 *stamp,
                struct bfs_signature_set **ret)
{
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE], name[BFS_REFERENCE_MAX + 1];
    bfs_autostatements struct bfs_statements statements = {0};
    BFS_CLEANUP(bfs_signature_set_cleanup) struct bfs_signature_set *set = calloc(1, sizeof(*set));
    if (!set)
        return -ENOMEM;
    atomic_init(&set->references, 1);
    int r =
        bfs_statements_of_bundle(fs->store, bfs_tree_catalog(tree), bundle, &statements, &error);
    if (r == -E2BIG)
        r = refuse_all(fs, slot, &error, &statements);
    if (r == 0 && ((r = fill(set, &statements)) ||
                   (r = remember(fs->signatures, fs->bundles, slot, stamp, set))))
        (void)bfs_fail(&error, r, "%s", strerror(-r));
    if (r) {
        bfs_log(fs->log, BFS_LOG_ERROR, "%s: statements: %s",
                bfs_bundles_name(fs->bundles, slot, name), bfs_error_text(&error, text));
        return r;
    }
    for (size_t i = 0; i < set->n_refusals; i++)
        bfs_log(fs->log, BFS_LOG_ERROR, "%s: refused: %s", set->refusals[i].name,
                set->refusals[i].reason);
    *ret = bfs_steal(&set);
    return 0;
}

int bfs_signatures_get(struct bfs_fs *fs, uint32_t slot, const struct bfs_digest *bundle,
                       bool may_block, struct bfs_signature_set **ret)
{
    for (;;) {
        BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(fs);
        BFS_CLEANUP(bfs_signature_set_cleanup) struct bfs_signature_set *set = NULL;
        struct bfs_xxh128 stamp;
        int r = stamp_of(bfs_tree_catalog(tree), bundle, &stamp);
        if (r)
            return r;
        set = recall(fs->signatures, slot, &stamp);
        if (!set && !may_block)
            return -EWOULDBLOCK;
        if (!set && (r = load(fs, tree, slot, bundle, &stamp, &set)))
            return r;
        /* As in fs/links.c: nothing stale after the kernel has been told. */
        BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *now = bfs_fs_tree(fs);
        if (now == tree) {
            *ret = bfs_steal(&set);
            return 0;
        }
    }
}

static void invalidate_difference(struct bfs_fs *fs, uint64_t directory,
                                  const struct bfs_signature_set *a,
                                  const struct bfs_signature_set *b)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct bfs_signature *same = bfs_signature_set_name(b, a->items[i].name);
        if (!same || same->inode != a->items[i].inode)
            bfs_invalidate_name(fs, directory, a->items[i].name);
    }
}

static int refresh(struct bfs_fs *fs, uint32_t slot, const struct bfs_digest *bundle,
                   bool comes_or_goes)
{
    uint64_t directory = bfs_node_of(slot, BFS_INODE_SIGNATURES);
    BFS_CLEANUP(bfs_signature_set_cleanup)
    struct bfs_signature_set *before = recall(fs->signatures, slot, NULL);
    BFS_CLEANUP(bfs_signature_set_cleanup) struct bfs_signature_set *now = NULL;
    int r = before ? bfs_signatures_get(fs, slot, bundle, true, &now) : 0;
    if (r)
        return r;
    if (comes_or_goes)
        bfs_invalidate_name(fs, bfs_node_of(slot, BFS_INODE_ROOT), BFS_SIGNATURES_NAME);
    bfs_invalidate_node(fs, directory);
    if (before) {
        invalidate_difference(fs, directory, now, before);
        invalidate_difference(fs, directory, before, now);
    }
    return 0;
}

int bfs_signatures_refresh(struct bfs_fs *fs, const struct bfs_tree *before)
{
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(fs);
    const struct bfs_catalog *then = bfs_tree_catalog(before), *now = bfs_tree_catalog(tree);
    size_t n_slots;
    const uint32_t *slots = bfs_tree_slots(tree, &n_slots);
    int r = 0;
    if (then->n_statements == 0 && now->n_statements == 0)
        return 0;
    for (size_t i = 0; i < now->n_entries; i++) {
        const struct bfs_digest *bundle = &now->entries[i].manifest;
        size_t n_then, n_now;
        const struct bfs_catalog_statement *a = bfs_catalog_statements(then, bundle, &n_then);
        const struct bfs_catalog_statement *b = bfs_catalog_statements(now, bundle, &n_now);
        bool same = n_then == n_now;
        for (size_t k = 0; same && k < n_now; k++)
            same = bfs_digest_equal(&a[k].manifest, &b[k].manifest);
        if (same)
            continue;
        int failed = refresh(fs, slots[i], bundle, (n_then == 0) != (n_now == 0));
        r = r ? r : failed;
    }
    return r;
}

void bfs_signatures_refusals(struct bfs_signatures *signatures,
                             void (*visit)(void *context,
                                           const struct bfs_statement_refusal *refusal),
                             void *context)
{
    (void)pthread_mutex_lock(&signatures->mutex);
    for (size_t i = 0; i < signatures->n; i++) {
        const struct bfs_signature_set *set = signatures->known[i].set;
        for (size_t k = 0; set && k < set->n_refusals; k++)
            visit(context, &set->refusals[k]);
    }
    (void)pthread_mutex_unlock(&signatures->mutex);
}
