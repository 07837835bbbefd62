/* SPDX-License-Identifier: Apache-2.0
 * From the statements about a model to its links. */
#include "fs/links_private.h"

#include "codec/store/aliases.h"
#include "fs/state.h"
#include "verify/array.h"

#include <stdio.h>
#include <string.h>

bool bfs_links_is_disputed(const struct bfs_catalog *catalog, const struct bfs_digest *bundle)
{
    size_t n;
    const struct bfs_catalog_statement *entries = bfs_catalog_statements(catalog, bundle, &n);
    for (size_t i = 0; i < n; i++)
        if (entries[i].kind == BFS_STATEMENT_DEPRECATION ||
            entries[i].kind == BFS_STATEMENT_REVOCATION)
            return true;
    return false;
}

struct resolver {
    struct bfs_fs *fs;
    const struct bfs_tree *tree;
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
    set->forks[set->n_forks++] = (struct bfs_link_fork){path, alias->link->statement->sequence};
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
        if (link.node)
            bfs_tree_numbers_unref(resolver->fs->numbers, link.node, 1);
        free(link.name);
        free(link.target);
        return bfs_fail(resolver->error, -ENOMEM, "out of memory");
    }
    set->items[set->n++] = link;
    return 0;
}

/* Does the policy refuse the bundle? The answer is remembered: the set stands while it does. */
static bool is_refused(struct resolver *resolver, const struct bfs_catalog_entry *entry)
{
    struct bfs_link_set *set = resolver->set;
    size_t n_slots;
    const uint32_t *slots = bfs_tree_slots(resolver->tree, &n_slots);
    uint32_t slot = slots[entry - resolver->catalog->entries];
    if (!resolver->fs->guard)
        return false;
    if (bfs_array_grow(&set->asked, set->n_asked, sizeof(*set->asked))) {
        resolver->status = bfs_fail(resolver->error, -ENOMEM, "out of memory");
        return true;
    }
    bool is_served = bfs_guard_admit(resolver->fs->guard, slot, true) == 0;
    set->asked[set->n_asked++] = (struct bfs_link_verdict){slot, is_served};
    return !is_served;
}

bool bfs_links_stands(struct bfs_fs *fs, const struct bfs_link_set *set)
{
    for (size_t i = 0; i < set->n_asked; i++) {
        int r = bfs_guard_admit(fs->guard, set->asked[i].slot, false);
        if (r == -EWOULDBLOCK || (r == 0) != set->asked[i].is_served)
            return false;
    }
    return true;
}

/* Is the bundle deprecated or revoked? */
static bool is_out_of_favour(struct resolver *resolver, const struct bfs_catalog_entry *entry)
{
    bfs_autostatements struct bfs_statements about = {0};
    enum bfs_favour favour = BFS_FAVOUR_FULL;
    if (!bfs_links_is_disputed(resolver->catalog, &entry->manifest))
        return false;
    resolver->status = bfs_statements_of_bundle(resolver->fs->store, resolver->catalog,
                                                &entry->manifest, &about, resolver->error);
    if (resolver->status == -E2BIG) {
        char name[BFS_REFERENCE_MAX + 1];
        resolver->status = refuse_all(resolver, bfs_reference_text(&entry->reference, name));
        return true;
    }
    if (resolver->status == 0)
        resolver->status = add_refusals(resolver, &about);
    if (resolver->status == 0)
        resolver->status = bfs_trust_favour(&resolver->trust, &entry->reference, &entry->manifest,
                                            &favour, NULL, resolver->error);
    return favour != BFS_FAVOUR_FULL;
}

/* bfs_catalog_skips */
static bool skips(void *context, const struct bfs_catalog_entry *entry)
{
    struct resolver *resolver = context;
    return resolver->status || is_out_of_favour(resolver, entry) || is_refused(resolver, entry);
}

static int add_latest(struct resolver *resolver)
{
    const struct bfs_catalog_entry *latest =
        bfs_catalog_latest_of(resolver->catalog, resolver->model, skips, resolver);
    if (resolver->status)
        return resolver->status;
    return latest ? add_link(resolver, "latest", latest->reference.version) : 0;
}

/* Why the policy does not accept a move; false: it does. */
static bool is_rejected(struct resolver *resolver, const struct bfs_alias_link *link,
                        char ret[static BFS_VERDICT_REASON_SIZE])
{
    bfs_autodossier struct bfs_dossier dossier = {0};
    bfs_autoevidence struct bfs_evidence evidence = {0};
    struct bfs_verdict verdict = {0};
    /* Its first member. */
    const struct bfs_stored_statement *stored = (const void *)link->statement;
    const struct bfs_digest *subject = &link->statement->subject;
    if (bfs_dossier_load(&resolver->trust, subject, &dossier, NULL) ||
        bfs_evidence_read(resolver->trust.policy, stored->envelope, stored->size, subject, "alias",
                          &evidence, NULL))
        return false;
    const struct bfs_facts facts = {.reference = &link->statement->subject_name,
                                    .evidence = dossier.pointers,
                                    .n_evidence = dossier.n,
                                    .now = resolver->trust.now};
    bfs_policy_judge_alias(resolver->trust.policy, &evidence, &facts, &verdict);
    (void)snprintf(ret, BFS_VERDICT_REASON_SIZE, "%s", verdict.reason);
    return verdict.code != 0;
}

/* The last move of an alias that is listed, when the policy lets the alias stay elsewhere. */
static int add_pending(struct resolver *resolver, const struct bfs_aliases *aliases,
                       const char *name)
{
    struct bfs_link_set *set = resolver->set;
    const struct bfs_alias *alias = bfs_aliases_find(aliases, name);
    const struct bfs_alias_link *last =
        bfs_alias_chains_head(&aliases->chains, name, NULL, NULL, NULL);
    struct bfs_link_pending pending = {0};
    if (!last || (alias && alias->link->statement->sequence >= last->statement->sequence) ||
        !is_rejected(resolver, last, pending.reason))
        return 0;
    pending.sequence = last->statement->sequence;
    memcpy(pending.version, last->statement->subject_name.version, sizeof(pending.version));
    if (bfs_array_grow(&set->pending, set->n_pending, sizeof(*set->pending)) ||
        asprintf(&pending.path, "%s/%s", resolver->model, name) < 0)
        return bfs_fail(resolver->error, -ENOMEM, "out of memory");
    set->pending[set->n_pending++] = pending;
    return 0;
}

static int add_all_pending(struct resolver *resolver, const struct bfs_aliases *aliases)
{
    size_t at = 0;
    int r = 0;
    for (const char *name;
         r == 0 && resolver->trust.policy && (name = bfs_alias_chains_next(&aliases->chains, &at));)
        r = add_pending(resolver, aliases, name);
    return r;
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
    if (r == 0)
        r = add_all_pending(resolver, &aliases);
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

int bfs_links_resolve(struct bfs_fs *fs, const struct bfs_tree *tree, const struct bfs_trust *trust,
                      const char *model, struct bfs_link_set **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_link_set_cleanup) struct bfs_link_set *set = calloc(1, sizeof(*set));
    if (!set)
        return bfs_fail(error, -ENOMEM, "out of memory");
    atomic_init(&set->references, 1);
    set->numbers = fs->numbers;
    struct resolver resolver = {.fs = fs,
                                .tree = tree,
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
