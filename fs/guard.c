/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/guard_private.h"

#include "accel/review/policy_check.h"
#include "fs/json_text.h"

#include <search.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { RETRY_S = 1 }; /* after statements could not be read */

int bfs_guard_new(const struct bfs_store *store, struct bfs_bundles *bundles,
                  struct bfs_policy_file *file, const struct bfs_log *log, struct bfs_audit *audit,
                  struct bfs_guard **ret)
{
    struct bfs_guard *guard = calloc(1, sizeof(*guard));
    if (!guard)
        return -ENOMEM;
    (void)pthread_mutex_init(&guard->mutex, NULL);
    (void)pthread_cond_init(&guard->judged, NULL);
    guard->store = store;
    guard->bundles = bundles;
    guard->file = file;
    guard->log = log;
    guard->audit = audit;
    guard->next_due = INT64_MAX;
    guard->policy = bfs_policy_file_policy(file);
    *ret = guard;
    return 0;
}

static void free_entry(void *pointer)
{
    struct bfs_guard_entry *entry = pointer;
    free(entry->reason);
    free(entry->uncounted);
    bfs_needs_done(&entry->needs);
    free(entry);
}

static int by_slot(const void *a, const void *b)
{
    const struct bfs_guard_entry *left = a, *right = b;
    return (left->slot > right->slot) - (left->slot < right->slot);
}

/* With the mutex held; NULL: nothing is known. */
static struct bfs_guard_entry *find_entry(const struct bfs_guard *guard, uint32_t slot)
{
    const struct bfs_guard_entry key = {.slot = slot};
    struct bfs_guard_entry **found = tfind(&key, &guard->entries, by_slot);
    return found ? *found : NULL;
}

struct bfs_guard *bfs_guard_free(struct bfs_guard *guard)
{
    if (guard) {
        tdestroy(guard->entries, free_entry);
        (void)bfs_tree_unref(guard->tree);
        (void)bfs_policy_unref(guard->policy);
        (void)pthread_cond_destroy(&guard->judged);
        (void)pthread_mutex_destroy(&guard->mutex);
        free(guard);
    }
    return NULL;
}

void bfs_guard_set_tree(struct bfs_guard *guard, struct bfs_tree *tree)
{
    if (!guard)
        return;
    (void)pthread_mutex_lock(&guard->mutex);
    struct bfs_tree *old = guard->tree;
    guard->tree = bfs_tree_ref(tree);
    guard->generation++;
    guard->next = 0;
    (void)pthread_mutex_unlock(&guard->mutex);
    (void)bfs_tree_unref(old);
}

void bfs_guard_set_policy(struct bfs_guard *guard)
{
    struct bfs_policy *policy = bfs_policy_file_policy(guard->file);
    (void)pthread_mutex_lock(&guard->mutex);
    struct bfs_policy *old = guard->policy;
    guard->policy = policy;
    guard->generation++;
    guard->policy_generation++;
    guard->next = 0;
    (void)pthread_mutex_unlock(&guard->mutex);
    (void)bfs_policy_unref(old);
}

struct bfs_policy *bfs_guard_policy(struct bfs_guard *guard)
{
    if (!guard)
        return NULL;
    (void)pthread_mutex_lock(&guard->mutex);
    struct bfs_policy *policy = bfs_policy_ref(guard->policy);
    (void)pthread_mutex_unlock(&guard->mutex);
    return policy;
}

struct bfs_guard_entry *bfs_guard_entry_at(struct bfs_guard *guard, uint32_t slot)
{
    struct bfs_guard_entry *entry = find_entry(guard, slot);
    /* Looked at under the mutex: bfs_guard_drop(), which follows when a slot goes, takes it too. */
    if (entry || !bfs_bundles_is_live(guard->bundles, slot))
        return entry;
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->slot = slot;
    if (!tsearch(entry, &guard->entries, by_slot)) {
        free(entry);
        return NULL;
    }
    return entry;
}

void bfs_guard_drop(struct bfs_guard *guard, uint32_t slot)
{
    if (!guard)
        return;
    (void)pthread_mutex_lock(&guard->mutex);
    struct bfs_guard_entry *entry = find_entry(guard, slot);
    bool goes = entry && !bfs_bundles_is_live(guard->bundles, slot); /* it may have come back */
    if (goes)
        (void)tdelete(entry, &guard->entries, by_slot);
    (void)pthread_mutex_unlock(&guard->mutex);
    if (goes)
        free_entry(entry);
}

/* What a judgement works with, while the guard goes on. */
struct inquiry {
    uint32_t slot;
    struct bfs_reference reference;
    struct bfs_digest digest;
    struct bfs_tree *tree;
    struct bfs_policy *policy;
    uint64_t generation, policy_generation;
    struct bfs_needs needs;
    struct bfs_trust trust;
};

static void inquiry_done(struct inquiry *inquiry)
{
    bfs_needs_done(&inquiry->needs);
    (void)bfs_tree_unref(inquiry->tree);
    (void)bfs_policy_unref(inquiry->policy);
}

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

/* With the mutex held. */
static int begin(struct bfs_guard *guard, uint32_t slot, struct inquiry *ret)
{
    if (!guard->tree || !bfs_bundles_identity(guard->bundles, slot, &ret->reference, &ret->digest))
        return -ENOENT;
    ret->slot = slot;
    ret->tree = bfs_tree_ref(guard->tree);
    ret->policy = bfs_policy_ref(guard->policy);
    ret->generation = guard->generation;
    ret->policy_generation = guard->policy_generation;
    ret->trust = (struct bfs_trust){.store = guard->store,
                                    .catalog = bfs_tree_catalog(ret->tree),
                                    .policy = ret->policy,
                                    .now = now(),
                                    .check = bfs_policy_check_bundle,
                                    .needs = &ret->needs};
    return 0;
}

/* Is the verdict still good, though the catalogue may have changed? With the mutex held. */
bool bfs_guard_entry_is_good(const struct bfs_guard *guard, struct bfs_guard_entry *entry,
                             uint32_t slot)
{
    if (!entry->is_judged || entry->policy != guard->policy_generation || now() >= entry->until)
        return false;
    if (entry->generation == guard->generation)
        return true;
    struct bfs_trust trust = {
        .catalog = bfs_tree_catalog(guard->tree), .policy = guard->policy, .needs = &entry->needs};
    struct bfs_reference reference;
    struct bfs_digest digest;
    struct bfs_xxh128 fingerprint;
    if (!bfs_bundles_identity(guard->bundles, slot, &reference, &digest) ||
        bfs_trust_fingerprint(&trust, &reference, &digest, &fingerprint) ||
        !bfs_xxh128_equal(&fingerprint, &entry->fingerprint))
        return false;
    entry->generation = guard->generation;
    return true;
}

static void report(const struct bfs_guard *guard, const struct inquiry *inquiry, int code,
                   const char *reason)
{
    char name[BFS_REFERENCE_MAX + 1], digest[BFS_DIGEST_TEXT_SIZE];
    int status = 0;
    (void)bfs_reference_text(&inquiry->reference, name);
    bfs_log(guard->log, code ? BFS_LOG_WARNING : BFS_LOG_INFO, "%s: %s: %s", name,
            code ? "refused by the policy" : "served again", reason);
    if (!guard->audit)
        return;
    struct json_object *fields = bfs_json_new_object(&status);
    bfs_json_add_text(fields, "name", name, &status);
    bfs_json_add_string(fields, "digest", bfs_digest_text(&inquiry->digest, digest), &status);
    bfs_json_add_text(fields, "reason", reason, &status);
    bfs_audit_put(guard->audit, code ? "refuse" : "serve", fields);
}

static void report_uncounted(const struct bfs_guard *guard, const struct inquiry *inquiry,
                             const char *uncounted)
{
    char name[BFS_REFERENCE_MAX + 1];
    bfs_log(guard->log, BFS_LOG_WARNING, "%s: %s", bfs_reference_text(&inquiry->reference, name),
            uncounted);
}

/* Did somebody judge it meanwhile who knew more? */
static bool is_outdated(const struct bfs_guard *guard, const struct bfs_guard_entry *entry,
                        const struct inquiry *inquiry)
{
    return inquiry->policy_generation != guard->policy_generation ||
           (entry->is_judged && entry->policy == inquiry->policy_generation &&
            entry->generation > inquiry->generation);
}

/* What a judgement came to. */
struct outcome {
    const struct bfs_verdict *verdict;
    const struct bfs_access *access;
    struct bfs_xxh128 fingerprint, access_print;
    char *reason;         /* owned; of a refusal */
    char *uncounted;      /* owned; NULL: every statement counts */
    bool tells_uncounted; /* it was not known before */
};

/* With the mutex held; true: it says something else than what was known. */
static bool replace(struct bfs_guard *guard, struct bfs_guard_entry *entry, struct inquiry *inquiry,
                    struct outcome *outcome)
{
    const struct bfs_verdict *verdict = outcome->verdict;
    bool news = (verdict->code || entry->code) &&
                (entry->code != verdict->code || !entry->reason || !outcome->reason ||
                 strcmp(entry->reason, outcome->reason) != 0);
    if (entry->is_judged && (entry->code != verdict->code ||
                             !bfs_xxh128_equal(&entry->access_print, &outcome->access_print)))
        bfs_guard_note_news(guard, entry);
    outcome->tells_uncounted =
        outcome->uncounted &&
        (!entry->uncounted || strcmp(entry->uncounted, outcome->uncounted) != 0);
    if (entry->code != verdict->code || entry->n_uncounted != verdict->n_uncounted ||
        outcome->tells_uncounted)
        bfs_bundles_note_judgement(guard->bundles);
    free(entry->reason);
    free(entry->uncounted);
    bfs_needs_done(&entry->needs);
    entry->is_judged = true;
    entry->uncounted = bfs_steal(&outcome->uncounted);
    entry->n_uncounted = verdict->n_uncounted;
    entry->code = verdict->code;
    entry->reason = bfs_steal(&outcome->reason);
    entry->until = verdict->until;
    entry->generation = inquiry->generation;
    entry->policy = inquiry->policy_generation;
    entry->needs = inquiry->needs;
    inquiry->needs = (struct bfs_needs){0}; /* transferred */
    entry->fingerprint = outcome->fingerprint;
    entry->access_print = outcome->access_print;
    entry->access = outcome->access;
    if (verdict->until < guard->next_due)
        guard->next_due = verdict->until;
    return news;
}

/* Puts what was found into the table. */
static int conclude(struct bfs_guard *guard, struct inquiry *inquiry,
                    const struct bfs_verdict *verdict)
{
    struct outcome outcome = {.verdict = verdict,
                              .access = bfs_policy_access(inquiry->policy, &inquiry->reference)};
    bfs_autofree char *reason = verdict->code ? strdup(verdict->reason) : NULL;
    bfs_autofree char *uncounted = verdict->n_uncounted ? strdup(verdict->uncounted) : NULL;
    int r = bfs_access_print(outcome.access, &outcome.access_print);
    if (r == 0)
        r = bfs_trust_fingerprint(&inquiry->trust, &inquiry->reference, &inquiry->digest,
                                  &outcome.fingerprint);
    if (r || (verdict->code && !reason) || (verdict->n_uncounted && !uncounted))
        return -ENOMEM;
    outcome.reason = bfs_steal(&reason);
    outcome.uncounted = bfs_steal(&uncounted);
    (void)pthread_mutex_lock(&guard->mutex);
    struct bfs_guard_entry *entry = bfs_guard_entry_at(guard, inquiry->slot);
    bool news = false;
    if (entry && !is_outdated(guard, entry, inquiry))
        news = replace(guard, entry, inquiry, &outcome);
    else if (entry)
        bfs_guard_note_news(guard, entry); /* whoever asked answers by what is outdated */
    (void)pthread_mutex_unlock(&guard->mutex);
    free(outcome.reason);
    free(outcome.uncounted);
    if (outcome.tells_uncounted)
        report_uncounted(guard, inquiry, verdict->uncounted);
    if (news)
        report(guard, inquiry, verdict->code, verdict->reason);
    /* Without an entry, the next one who asks judges anew. */
    return 0;
}

/* Reads the statements and judges. */
static int judge(struct bfs_guard *guard, struct inquiry *inquiry)
{
    struct bfs_verdict verdict;
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE];
    int r = bfs_trust_judge(&inquiry->trust, &inquiry->reference, &inquiry->digest, NULL, &verdict,
                            &error);
    if (r) {
        /* What is too much stays so; anything else may have been the moment. */
        verdict = (struct bfs_verdict){
            .code = r, .until = r == -E2BIG ? INT64_MAX : inquiry->trust.now + RETRY_S};
        (void)snprintf(verdict.reason, sizeof(verdict.reason), "it cannot be judged: %.480s",
                       bfs_error_text(&error, text));
    }
    r = conclude(guard, inquiry, &verdict);
    return r ? r : verdict.code;
}

/* With the mutex held: the verdict, or -EWOULDBLOCK. */
static int peek(struct bfs_guard *guard, uint32_t slot, struct bfs_guard_entry **ret)
{
    *ret = bfs_guard_entry_at(guard, slot);
    if (!*ret)
        return bfs_bundles_is_live(guard->bundles, slot) ? -ENOMEM : -ENOENT;
    return bfs_guard_entry_is_good(guard, *ret, slot) ? (*ret)->code : -EWOULDBLOCK;
}

static void end(struct bfs_guard *guard, const struct inquiry *inquiry)
{
    (void)pthread_mutex_lock(&guard->mutex);
    struct bfs_guard_entry *entry = bfs_guard_entry_at(guard, inquiry->slot);
    if (entry && entry->judging == inquiry->generation)
        entry->judging = 0;
    (void)pthread_cond_broadcast(&guard->judged);
    (void)pthread_mutex_unlock(&guard->mutex);
}

int bfs_guard_admit(struct bfs_guard *guard, uint32_t slot, bool may_block)
{
    BFS_CLEANUP(inquiry_done) struct inquiry inquiry = {0};
    struct bfs_guard_entry *entry;
    int r;
    if (!guard)
        return 0;
    (void)pthread_mutex_lock(&guard->mutex);
    while ((r = peek(guard, slot, &entry)) == -EWOULDBLOCK && may_block &&
           bfs_guard_is_judging(guard, entry))
        (void)pthread_cond_wait(&guard->judged, &guard->mutex);
    bool ours = r == -EWOULDBLOCK && may_block;
    if (ours && (r = begin(guard, slot, &inquiry)) == 0)
        entry->judging = guard->generation;
    (void)pthread_mutex_unlock(&guard->mutex);
    if (!ours || r)
        return r;
    r = judge(guard, &inquiry);
    end(guard, &inquiry);
    return r;
}

bool bfs_guard_refusal(struct bfs_guard *guard, uint32_t slot, char ret[static BFS_ERROR_TEXT_SIZE])
{
    if (!guard)
        return false;
    (void)pthread_mutex_lock(&guard->mutex);
    const struct bfs_guard_entry *entry = find_entry(guard, slot);
    bool refused = entry && entry->is_judged && entry->code;
    if (refused)
        (void)snprintf(ret, BFS_ERROR_TEXT_SIZE, "%s", entry->reason);
    (void)pthread_mutex_unlock(&guard->mutex);
    return refused;
}

unsigned bfs_guard_uncounted(struct bfs_guard *guard, uint32_t slot,
                             char ret[static BFS_VERDICT_REASON_SIZE])
{
    if (!guard)
        return 0;
    (void)pthread_mutex_lock(&guard->mutex);
    const struct bfs_guard_entry *entry = find_entry(guard, slot);
    unsigned n = entry && entry->is_judged && entry->uncounted ? entry->n_uncounted : 0;
    if (n)
        (void)snprintf(ret, BFS_VERDICT_REASON_SIZE, "%s", entry->uncounted);
    (void)pthread_mutex_unlock(&guard->mutex);
    return n;
}

void bfs_guard_note_inodes(struct bfs_guard *guard, uint32_t slot, uint32_t n_inodes)
{
    if (!guard)
        return;
    (void)pthread_mutex_lock(&guard->mutex);
    struct bfs_guard_entry *entry = bfs_guard_entry_at(guard, slot);
    if (entry)
        entry->n_inodes = n_inodes;
    (void)pthread_mutex_unlock(&guard->mutex);
}

/* What the rule says at present; with the mutex held. */
static const struct bfs_access *access_of(struct bfs_guard *guard, uint32_t slot)
{
    struct bfs_reference reference;
    struct bfs_digest digest;
    struct bfs_guard_entry *entry = bfs_guard_entry_at(guard, slot);
    if (entry && entry->is_judged && entry->policy == guard->policy_generation)
        return entry->access;
    /* The policy has just changed. No verdict remembers that the kernel is told this, so a further
     * change could not be noticed by comparing with one. */
    if (entry)
        bfs_guard_note_news(guard, entry);
    return bfs_bundles_identity(guard->bundles, slot, &reference, &digest)
               ? bfs_policy_access(guard->policy, &reference)
               : NULL;
}

void bfs_guard_apply(struct bfs_guard *guard, uint32_t slot, struct stat *stat)
{
    if (!guard)
        return;
    (void)pthread_mutex_lock(&guard->mutex);
    const struct bfs_access *access = access_of(guard, slot);
    if (access)
        bfs_access_apply(access, stat);
    (void)pthread_mutex_unlock(&guard->mutex);
}

int bfs_guard_acl(struct bfs_guard *guard, uint32_t slot, const struct stat *stat,
                  struct bfs_buffer *ret)
{
    if (!guard)
        return -ENODATA;
    (void)pthread_mutex_lock(&guard->mutex);
    const struct bfs_access *access = access_of(guard, slot);
    int r = access ? bfs_access_acl(access, stat, ret) : -ENODATA;
    (void)pthread_mutex_unlock(&guard->mutex);
    return r;
}
