/* SPDX-License-Identifier: Apache-2.0
 * Required bundles: of each, the highest version in the range, with what that one requires in turn.
 * Every range that was met on the way counts when it is asked whether a version is left. */
#include "accel/review/rules.h"

#include "codec/content/whole.h"
#include "verify/array.h"
#include "verify/contract/range.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    DEPTH_MAX = 64,
    CONSTRAINTS_MAX = 4096, /* in all, so that no store makes a check endless */
};

struct constraint {
    char *name; /* of the required bundle */
    char *range;
    char *by;       /* who requires it: NAME:VERSION */
    bool is_met;    /* some version is in it */
    bool is_judged; /* whether it leaves a version, with those before it */
};

struct walk {
    const struct bfs_review_options *options;
    struct bfs_findings *findings;
    struct bfs_error *error;
    struct constraint *constraints;
    size_t n_constraints;
    const struct bfs_catalog_entry **seen;
    size_t n_seen;
    const char *path[DEPTH_MAX]; /* names from the checked bundle down to here */
    size_t depth;
    bool is_cut; /* not all was followed, and that was told */
};

static void walk_done(struct walk *walk)
{
    for (size_t i = 0; i < walk->n_constraints; i++) {
        free(walk->constraints[i].name);
        free(walk->constraints[i].range);
        free(walk->constraints[i].by);
    }
    free(walk->constraints);
    free(walk->seen);
}

static int out_of_memory(const struct walk *walk)
{
    return bfs_fail(walk->error, -ENOMEM, "out of memory");
}

static int add_constraint(struct walk *walk, const struct bfs_contract_need *need,
                          const struct bfs_reference *by)
{
    char text[BFS_REFERENCE_MAX + 1];
    if (bfs_array_grow(&walk->constraints, walk->n_constraints, sizeof(*walk->constraints)))
        return out_of_memory(walk);
    struct constraint *constraint = &walk->constraints[walk->n_constraints++];
    *constraint = (struct constraint){.name = strdup(need->name),
                                      .range = strdup(need->range),
                                      .by = strdup(bfs_reference_text(by, text))};
    return constraint->name && constraint->range && constraint->by ? 0 : out_of_memory(walk);
}

/* What is no semantic version is below all that are. */
static bool is_higher(const char *a, const char *b)
{
    struct bfs_semver left, right;
    if (bfs_semver_parse(a, &left))
        return false;
    return bfs_semver_parse(b, &right) || bfs_semver_compare(&left, &right) > 0;
}

static const struct bfs_catalog_entry *choose(const struct bfs_catalog *catalog, const char *name,
                                              const char *range, bool *ret_known)
{
    const struct bfs_catalog_entry *best = NULL;
    size_t n = 0;
    const struct bfs_catalog_entry *entries = catalog ? bfs_catalog_model(catalog, name, &n) : NULL;
    for (size_t i = 0; i < n; i++)
        if (bfs_range_has(range, entries[i].reference.version) &&
            (!best || is_higher(entries[i].reference.version, best->reference.version)))
            best = &entries[i];
    *ret_known = n > 0;
    return best;
}

static bool is_seen(struct walk *walk, const struct bfs_catalog_entry *entry)
{
    for (size_t i = 0; i < walk->n_seen; i++)
        if (walk->seen[i] == entry)
            return true;
    return false;
}

static int ask_standing(struct walk *walk, const struct bfs_catalog_entry *entry,
                        const struct bfs_reference *by)
{
    char name[BFS_REFERENCE_MAX + 1], from[BFS_REFERENCE_MAX + 1];
    enum bfs_requirement_state standing = BFS_REQUIREMENT_GOOD;
    bfs_autofree char *reason = NULL;
    if (!walk->options->standing)
        return 0;
    int r = walk->options->standing(walk->options->context, entry, &standing, &reason, walk->error);
    if (r == 0 && standing != BFS_REQUIREMENT_GOOD)
        bfs_finding_add(walk->findings,
                        standing == BFS_REQUIREMENT_REVOKED ? BFS_FINDING_BUNDLE_REVOKED
                                                            : BFS_FINDING_BUNDLE_DEPRECATED,
                        "%s, which %s requires: %s", bfs_reference_text(&entry->reference, name),
                        bfs_reference_text(by, from),
                        reason && *reason ? reason : "no reason is given");
    return r;
}

static int visit(struct walk *walk, const struct bfs_reference *reference,
                 const struct bfs_contract *contract);

static int open_contract(struct walk *walk, const struct bfs_catalog_entry *entry,
                         struct bfs_contract *ret, struct bfs_error *error)
{
    static const char path[] = "contract.json";
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    bfs_autofree uint8_t *bytes = NULL;
    uint32_t number;
    size_t size;
    int r;
    if ((r = bfs_bundle_open(walk->options->store, &entry->manifest, entry->manifest_size, &bundle,
                             error)) ||
        bfs_index_follow(bfs_bundle_index(bundle), path, &number))
        return r;
    struct bfs_inode inode = bfs_index_inode(bfs_bundle_index(bundle), number);
    if (!S_ISREG(inode.mode))
        return 0;
    if ((r = bfs_review_spend(walk->options->budget, path, inode.size, error)) ||
        (r = bfs_content_whole(bundle, number, BFS_CONTRACT_SIZE_MAX, &bytes, &size, error)))
        return r;
    return bfs_contract_parse(bytes, size, path, ret, error);
}

/* Is it the bundle that is wrong, and not the moment? */
static bool is_damage(int code)
{
    switch (code) {
    case -EBADMSG:
    case -EINVAL:
    case -EPROTONOSUPPORT:
    case -E2BIG:
    case -ENOENT:
    case -ELOOP: /* a blob that is a link */
        return true;
    default:
        return false;
    }
}

static int descend(struct walk *walk, const struct bfs_catalog_entry *entry)
{
    bfs_autocontract struct bfs_contract contract = {0};
    char name[BFS_REFERENCE_MAX + 1];
    struct bfs_error why = {0};
    if (bfs_array_grow(&walk->seen, walk->n_seen, sizeof(struct bfs_catalog_entry *)))
        return out_of_memory(walk);
    walk->seen[walk->n_seen++] = entry;
    int r = open_contract(walk, entry, &contract, &why);
    if (r && !is_damage(r)) {
        if (walk->error)
            *walk->error = why;
        return bfs_fail_context(walk->error, r, "%s", bfs_reference_text(&entry->reference, name));
    }
    if (r) {
        bfs_finding_add_error(walk->findings, BFS_FINDING_BUNDLE_DAMAGED,
                              bfs_reference_text(&entry->reference, name), &why);
        return 0;
    }
    return contract.root ? visit(walk, &entry->reference, &contract) : 0;
}

static bool is_on_path(const struct walk *walk, const char *name)
{
    for (size_t i = 0; i < walk->depth; i++)
        if (strcmp(walk->path[i], name) == 0)
            return true;
    return false;
}

static int follow(struct walk *walk, const struct bfs_reference *by,
                  const struct bfs_contract_need *need)
{
    char from[BFS_REFERENCE_MAX + 1];
    bool is_known;
    (void)bfs_reference_text(by, from);
    if (is_on_path(walk, need->name)) {
        bfs_finding_add(walk->findings, BFS_FINDING_BUNDLE_CYCLE,
                        "%s requires %s, by which it is required itself", from, need->name);
        return 0;
    }
    if (walk->n_constraints == CONSTRAINTS_MAX || walk->depth == DEPTH_MAX) {
        if (!walk->is_cut)
            bfs_finding_add(walk->findings, BFS_FINDING_BUNDLE_EXCESS,
                            "%s: what it requires is beyond %d requirements in all, or %d deep",
                            from, CONSTRAINTS_MAX, DEPTH_MAX);
        walk->is_cut = true;
        return 0;
    }
    int r = add_constraint(walk, need, by);
    if (r)
        return r;
    if (walk->options->needs && bfs_needs_add(walk->options->needs, need->name))
        return out_of_memory(walk);
    size_t mine = walk->n_constraints - 1;
    const struct bfs_catalog_entry *entry =
        choose(walk->options->catalog, need->name, need->range, &is_known);
    if (!is_known)
        bfs_finding_add(walk->findings, BFS_FINDING_BUNDLE_MISSING, "%s requires %s %s", from,
                        need->name, need->range);
    else if (!entry)
        bfs_finding_add(walk->findings, BFS_FINDING_BUNDLE_VERSION,
                        "%s requires %s %s, and the store has other versions only", from,
                        need->name, need->range);
    walk->constraints[mine].is_met = entry != NULL;
    if (!entry || is_seen(walk, entry))
        return 0;
    r = ask_standing(walk, entry, by);
    return r ? r : descend(walk, entry);
}

static int visit(struct walk *walk, const struct bfs_reference *reference,
                 const struct bfs_contract *contract)
{
    int r = 0;
    walk->path[walk->depth++] = reference->name;
    for (size_t i = 0; r == 0 && i < contract->n_bundles; i++)
        r = follow(walk, reference, &contract->bundles[i]);
    walk->depth--;
    return r;
}

/* Who asked for the bundle before, with another range. */
static const struct constraint *rival(const struct walk *walk, size_t k)
{
    for (size_t i = 0; i < k; i++)
        if (walk->constraints[i].is_met &&
            strcmp(walk->constraints[i].name, walk->constraints[k].name) == 0 &&
            strcmp(walk->constraints[i].range, walk->constraints[k].range) != 0)
            return &walk->constraints[i];
    return NULL;
}

/* Versions that are in every range so far. */
struct versions {
    const struct bfs_catalog_entry *entries;
    bool *is_out;
    size_t n, n_left;
};

static void narrow(struct versions *versions, const char *range)
{
    for (size_t i = 0; i < versions->n; i++)
        if (!versions->is_out[i] && !bfs_range_has(range, versions->entries[i].reference.version)) {
            versions->is_out[i] = true;
            versions->n_left--;
        }
}

/* Goes through all that name the same bundle as the first of them does. */
static int judge_ranges(struct walk *walk, size_t first)
{
    const char *name = walk->constraints[first].name;
    struct versions versions = {0};
    versions.entries = bfs_catalog_model(walk->options->catalog, name, &versions.n);
    versions.n_left = versions.n;
    bfs_autofree bool *is_out = calloc(versions.n + 1, sizeof(*is_out));
    if (!is_out)
        return out_of_memory(walk);
    versions.is_out = is_out;
    for (size_t k = first; k < walk->n_constraints; k++) {
        struct constraint *mine = &walk->constraints[k];
        if (strcmp(mine->name, name) != 0)
            continue;
        mine->is_judged = true;
        if (!mine->is_met)
            continue;
        narrow(&versions, mine->range);
        const struct constraint *other = versions.n_left ? NULL : rival(walk, k);
        if (other)
            bfs_finding_add(walk->findings, BFS_FINDING_BUNDLE_CONFLICT,
                            "%s requires %s %s, and %s requires %s %s", other->by, other->name,
                            other->range, mine->by, mine->name, mine->range);
    }
    return 0;
}

static int find_conflicts(struct walk *walk)
{
    int r = 0;
    for (size_t k = 0; r == 0 && walk->options->catalog && k < walk->n_constraints; k++)
        if (!walk->constraints[k].is_judged)
            r = judge_ranges(walk, k);
    return r;
}

int bfs_rules_needs(const struct bfs_subject *subject, const struct bfs_review_options *options,
                    struct bfs_findings *findings, struct bfs_error *error)
{
    struct walk walk __attribute__((cleanup(walk_done))) = {
        .options = options, .findings = findings, .error = error};
    int r = visit(&walk, &subject->reference, &subject->contract);
    return r ? r : find_conflicts(&walk);
}
