/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/trust.h"

#include "codec/store/statement_name.h"

#include <stdio.h>
#include <string.h>

void bfs_dossier_done(struct bfs_dossier *dossier)
{
    for (size_t i = 0; i < dossier->n; i++)
        bfs_evidence_done(&dossier->evidence[i]);
    free(dossier->evidence);
    free(dossier->pointers);
    *dossier = (struct bfs_dossier){0};
}

/* A name is a hint, but whoever may have revoked the bundle is heard, even if only half. */
static bool says_revocation(const char *text)
{
    struct bfs_statement_name name;
    return bfs_statement_name_parse(text, &name, NULL) == 0 &&
           name.kind == BFS_STATEMENT_REVOCATION;
}

static void note_unreadable(struct bfs_dossier *dossier, bool revokes, const char *name,
                            const char *reason)
{
    if (dossier->n_unreadable++ == 0 || (revokes && !dossier->hides_revocation))
        (void)snprintf(dossier->unreadable, sizeof(dossier->unreadable), "%.200s: %.300s", name,
                       reason);
    dossier->hides_revocation = dossier->hides_revocation || revokes;
}

static int add_evidence(const struct bfs_trust *trust, const struct bfs_stored_statement *stored,
                        const struct bfs_digest *bundle, struct bfs_dossier *dossier,
                        struct bfs_error *error)
{
    char digest[BFS_DIGEST_TEXT_SIZE], text[BFS_ERROR_TEXT_SIZE];
    struct bfs_error why = {0};
    struct bfs_evidence *evidence = &dossier->evidence[dossier->n];
    bool revokes = stored->statement.kind == BFS_STATEMENT_REVOCATION;
    (void)bfs_digest_text(&stored->digest, digest);
    int r = bfs_evidence_read_within(trust->policy, stored->envelope, stored->size, bundle, digest,
                                     &dossier->tries, evidence, &why);
    if (r == -ENOMEM)
        return bfs_fail(error, r, "out of memory");
    if (r) {
        note_unreadable(dossier, revokes, digest, bfs_error_text(&why, text));
        return 0;
    }
    evidence->claims_revocation = revokes;
    if (evidence->is_unsure)
        note_unreadable(dossier, revokes, digest,
                        "there are too many signatures by unknown keys to try this one's with all "
                        "that are known");
    dossier->pointers[dossier->n++] = evidence;
    return 0;
}

int bfs_dossier_load(const struct bfs_trust *trust, const struct bfs_digest *bundle,
                     struct bfs_dossier *ret, struct bfs_error *error)
{
    bfs_autostatements struct bfs_statements statements = {0};
    bfs_autodossier struct bfs_dossier dossier = {.tries = BFS_TRUST_TRIES_MAX};
    int r = bfs_statements_of_bundle(trust->store, trust->catalog, bundle, &statements, error);
    if (r)
        return r;
    dossier.evidence = calloc(statements.n + 1, sizeof(*dossier.evidence));
    dossier.pointers = calloc(statements.n + 1, sizeof(*dossier.pointers));
    if (!dossier.evidence || !dossier.pointers)
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < statements.n; i++) {
        r = add_evidence(trust, statements.items[i], bundle, &dossier, error);
        if (r)
            return r;
    }
    for (size_t i = 0; i < statements.n_refusals; i++)
        note_unreadable(&dossier, says_revocation(statements.refusals[i].name),
                        statements.refusals[i].name, statements.refusals[i].reason);
    *ret = dossier;
    dossier = (struct bfs_dossier){0}; /* transferred */
    return 0;
}

/* What the policy says of the move without what is said about its target: most are decided so, and
 * anybody may have listed thousands that nobody signed. */
static int judge_alone(const struct bfs_trust *trust, const struct bfs_evidence *alias,
                       struct bfs_facts *facts)
{
    struct bfs_verdict verdict;
    bfs_policy_judge_alias(trust->policy, alias, facts, &verdict);
    return verdict.code;
}

bool bfs_trust_believes(void *context, const struct bfs_alias_link *link)
{
    struct bfs_trust *trust = context;
    /* Its first member. */
    const struct bfs_stored_statement *stored = (const void *)link->statement;
    bfs_autodossier struct bfs_dossier dossier = {0};
    bfs_autoevidence struct bfs_evidence alias = {0};
    struct bfs_facts facts = {.reference = &link->statement->subject_name, .now = trust->now};
    int r;
    if (!trust->policy)
        return true;
    r = bfs_evidence_read(trust->policy, stored->envelope, stored->size, &link->statement->subject,
                          "alias", &alias, NULL);
    if (r == -ENOMEM && trust->status == 0)
        trust->status = r;
    if (r)
        return false;
    r = judge_alone(trust, &alias, &facts);
    if (r != -ENOKEY) /* approvals are wanted */
        return r == 0;
    r = bfs_dossier_load(trust, &link->statement->subject, &dossier, NULL);
    if (r && r != -E2BIG && trust->status == 0)
        trust->status = r;
    facts.evidence = dossier.pointers;
    facts.n_evidence = dossier.n;
    return r == 0 && judge_alone(trust, &alias, &facts) == 0;
}

/* Might an alias of its model point to the bundle, as far as names tell? */
static bool may_be_promoted(const struct bfs_catalog *catalog, const char *model,
                            const struct bfs_digest *bundle)
{
    size_t n;
    const struct bfs_catalog_statement *about = bfs_catalog_statements(catalog, bundle, &n);
    for (size_t i = 0; i < n; i++)
        if (about[i].kind == BFS_STATEMENT_ALIAS && strcmp(about[i].model, model) == 0)
            return true;
    return false;
}

/* Does an alias of its model point to the bundle? */
static int find_promotion(const struct bfs_trust *trust, const struct bfs_reference *reference,
                          const struct bfs_digest *bundle, bool *ret, struct bfs_error *error)
{
    bfs_autostatements struct bfs_statements statements = {0};
    bfs_autochains struct bfs_alias_chains chains = {0};
    struct bfs_trust asked = *trust;
    *ret = false;
    if (!may_be_promoted(trust->catalog, reference->name, bundle))
        return 0;
    int r = bfs_statements_of_aliases(trust->store, trust->catalog, reference->name, &statements,
                                      error);
    if (r == 0) {
        r = bfs_statements_chains(&statements, &chains);
        if (r)
            (void)bfs_fail(error, r, "out of memory");
    }
    if (r)
        return r;
    size_t at = 0;
    for (const char *alias; !*ret && (alias = bfs_alias_chains_next(&chains, &at));) {
        const struct bfs_alias_link *head =
            bfs_alias_chains_head(&chains, alias, bfs_trust_believes, &asked, NULL);
        if (asked.status)
            return bfs_fail(error, asked.status,
                            "what is said about a bundle that %.128s points to: %s", alias,
                            strerror(-asked.status));
        *ret = head && bfs_digest_equal(&head->statement->subject, bundle);
    }
    return 0;
}

int bfs_trust_judge(const struct bfs_trust *trust, const struct bfs_reference *reference,
                    const struct bfs_digest *bundle, const struct bfs_policy_trace *trace,
                    struct bfs_verdict *ret, struct bfs_error *error)
{
    bfs_autodossier struct bfs_dossier dossier = {0};
    struct bfs_facts facts = {.reference = reference, .now = trust->now};
    struct bfs_verdict verdict;
    int r = trust->policy ? bfs_dossier_load(trust, bundle, &dossier, error) : 0;
    if (r)
        return r;
    facts.evidence = dossier.pointers;
    facts.n_evidence = dossier.n;
    if (bfs_policy_wants_promotion(trust->policy, reference)) {
        r = find_promotion(trust, reference, bundle, &facts.is_promoted, error);
        if (r)
            return r;
    }
    if (trust->check && bfs_policy_wants_check(trust->policy, reference)) {
        r = trust->check(trust, reference, bundle, &facts.check, error);
        if (r)
            return bfs_fail_context(error, r, "check");
    }
    bfs_policy_judge(trust->policy, &facts, trace, &verdict);
    if (dossier.hides_revocation) {
        char text[BFS_VERDICT_REASON_SIZE];
        (void)snprintf(text, sizeof(text), "a revocation cannot be read: %.470s",
                       dossier.unreadable);
        if (trace)
            trace->step(trace->context, false, text);
        if (verdict.code == 0) {
            verdict.code = -EKEYREJECTED;
            memcpy(verdict.reason, text, sizeof(text));
        }
    } else if (dossier.n_unreadable && trace) {
        char text[BFS_VERDICT_REASON_SIZE];
        (void)snprintf(text, sizeof(text), "%zu statement%s left aside: %.440s",
                       dossier.n_unreadable, dossier.n_unreadable == 1 ? " is" : "s are",
                       dossier.unreadable);
        trace->step(trace->context, true, text);
    }
    *ret = verdict;
    return 0;
}

/* What is said about a bundle, as far as names tell. */
static void add_statements(const struct bfs_catalog *catalog, const struct bfs_digest *bundle,
                           struct bfs_buffer *ret)
{
    size_t n;
    const struct bfs_catalog_statement *items = bfs_catalog_statements(catalog, bundle, &n);
    for (size_t i = 0; i < n; i++)
        bfs_buffer_put(ret, &items[i].manifest, sizeof(items[i].manifest));
}

/* The bundles of a model, and what is said about them. */
static void add_model(const struct bfs_catalog *catalog, const char *name, struct bfs_buffer *ret)
{
    size_t n;
    const struct bfs_catalog_entry *entry = bfs_catalog_model(catalog, name, &n);
    bfs_buffer_put_text(ret, name);
    for (; n > 0; entry++, n--) {
        bfs_buffer_put(ret, entry->reference.version, strlen(entry->reference.version) + 1);
        bfs_buffer_put(ret, &entry->manifest, sizeof(entry->manifest));
        add_statements(catalog, &entry->manifest, ret);
    }
}

int bfs_trust_fingerprint(const struct bfs_trust *trust, const struct bfs_reference *reference,
                          const struct bfs_digest *bundle, struct bfs_xxh128 *ret)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    size_t n = 0;
    add_statements(trust->catalog, bundle, &text);
    /* Whether an alias points to it depends on what is said about the others that it might. */
    const struct bfs_catalog_statement *const *aliases =
        bfs_policy_wants_promotion(trust->policy, reference)
            ? bfs_catalog_aliases(trust->catalog, reference->name, &n)
            : NULL;
    for (size_t i = 0; i < n; i++) {
        bfs_buffer_put(&text, &aliases[i]->manifest, sizeof(aliases[i]->manifest));
        /* Those of one bundle follow each other. */
        if (i == 0 || !bfs_digest_equal(&aliases[i]->subject, &aliases[i - 1]->subject))
            add_statements(trust->catalog, &aliases[i]->subject, &text);
    }
    for (size_t i = 0; trust->needs && i < trust->needs->n; i++)
        add_model(trust->catalog, trust->needs->names[i], &text);
    int r = bfs_buffer_status(&text);
    if (r == 0)
        *ret = bfs_xxh128(text.size ? (const void *)text.bytes : "", text.size);
    return r;
}

/* The statement that decides: a revocation, else the newest deprecation; NULL: none. */
static const struct bfs_statement *find_decisive(const struct bfs_trust *trust,
                                                 const struct bfs_reference *reference,
                                                 const struct bfs_dossier *dossier)
{
    const struct bfs_statement *deprecation = NULL;
    for (size_t i = 0; i < dossier->n; i++) {
        const struct bfs_evidence *evidence = &dossier->evidence[i];
        const struct bfs_statement *said = &evidence->statement;
        if (!evidence->is_signed ||
            (said->kind != BFS_STATEMENT_REVOCATION && said->kind != BFS_STATEMENT_DEPRECATION) ||
            !bfs_policy_counts(trust->policy, reference, evidence, trust->now))
            continue;
        if (said->kind == BFS_STATEMENT_REVOCATION)
            return said;
        if (!deprecation || bfs_deprecation_supersedes(said, deprecation))
            deprecation = said;
    }
    return deprecation && !deprecation->is_withdrawn ? deprecation : NULL;
}

int bfs_trust_favour(const struct bfs_trust *trust, const struct bfs_reference *reference,
                     const struct bfs_digest *bundle, enum bfs_favour *ret,
                     char ret_reason[BFS_VERDICT_REASON_SIZE], struct bfs_error *error)
{
    bfs_autodossier struct bfs_dossier dossier = {0};
    int r = bfs_dossier_load(trust, bundle, &dossier, error);
    if (r)
        return r;
    const struct bfs_statement *said = find_decisive(trust, reference, &dossier);
    bool is_revoked = said && said->kind == BFS_STATEMENT_REVOCATION;
    bool is_hidden = !is_revoked && trust->policy && dossier.hides_revocation;
    *ret = is_revoked || is_hidden ? BFS_FAVOUR_REVOKED
           : said                  ? BFS_FAVOUR_DEPRECATED
                                   : BFS_FAVOUR_FULL;
    if (ret_reason)
        (void)snprintf(ret_reason, BFS_VERDICT_REASON_SIZE, "%.500s",
                       is_hidden ? dossier.unreadable
                       : said    ? said->reason
                                 : "");
    return 0;
}

int bfs_trust_skips(const struct bfs_trust *trust, const struct bfs_catalog_entry *entry, bool *ret,
                    struct bfs_error *error)
{
    enum bfs_favour favour;
    struct bfs_verdict verdict = {0};
    int r = bfs_trust_favour(trust, &entry->reference, &entry->manifest, &favour, NULL, error);
    if (r == 0 && favour == BFS_FAVOUR_FULL && trust->policy)
        r = bfs_trust_judge(trust, &entry->reference, &entry->manifest, NULL, &verdict, error);
    if (r == 0)
        *ret = favour != BFS_FAVOUR_FULL || verdict.code != 0;
    return r;
}
