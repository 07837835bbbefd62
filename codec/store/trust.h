/* SPDX-License-Identifier: Apache-2.0
 * What a policy makes of the statements of a store.
 *
 * THREAD SAFETY: functions on immutable objects; a dossier belongs to one thread. */
#ifndef BFS_CODEC_TRUST_H
#define BFS_CODEC_TRUST_H

#include "codec/store/needs.h"
#include "codec/store/statements.h"
#include "verify/policy.h"

enum {
    /* How often signatures about one bundle are tried with keys that they do not name: seconds of
     * one processor. Ours name their key, so it is for those of other programs. */
    BFS_TRUST_TRIES_MAX = 16384,
};

struct bfs_trust;
/* How bad is the worst that a check of the bundle finds? Errors: what kept it from being made. */
typedef int (*bfs_trust_check)(const struct bfs_trust *trust, const struct bfs_reference *reference,
                               const struct bfs_digest *bundle, enum bfs_policy_check *ret,
                               struct bfs_error *error);

/* Where it is asked, by which policy, and when. All borrowed. */
struct bfs_trust {
    const struct bfs_store *store;
    const struct bfs_catalog *catalog;
    const struct bfs_policy *policy; /* NULL: everything is believed */
    int64_t now;                     /* seconds since 1970 */
    int status; /* 0; the first error that kept bfs_trust_believes() from finding out */
    /* Makes the check, which takes more than this folder knows; NULL: where a rule asks for one,
     * the bundle is refused. */
    bfs_trust_check check;
    /* Of the bundle that is judged: the check adds to them, a fingerprint covers them. NULL: not
     * wanted, or none. */
    struct bfs_needs *needs;
};

/* Everything that is said about one bundle. */
struct bfs_dossier {
    struct bfs_evidence *evidence; /* owned */
    const struct bfs_evidence **pointers;
    size_t n;
    size_t tries; /* of BFS_TRUST_TRIES_MAX, how many are left */
    /* Statements that contradict themselves, as their names tell: a policy cannot weigh them. So
     * are those by nobody known of which not every key was tried. */
    size_t n_unreadable;
    bool hides_revocation;                /* one of those may have revoked it */
    char unreadable[BFS_ERROR_WHAT_SIZE]; /* that one, else the first of them, and why */
};
void bfs_dossier_done(struct bfs_dossier *dossier);
#define bfs_autodossier BFS_CLEANUP(bfs_dossier_done)

/* Reads the statements about a bundle. Errors: those of bfs_statements_add(). */
int bfs_dossier_load(const struct bfs_trust *trust, const struct bfs_digest *bundle,
                     struct bfs_dossier *ret, struct bfs_error *error);

/* Reads what the policy asks for and judges. A statement that may have revoked the bundle and
 * cannot be read refuses it. `trace` may be NULL. Errors: those of bfs_statements_add(); a verdict
 * against the bundle is none. */
int bfs_trust_judge(const struct bfs_trust *trust, const struct bfs_reference *reference,
                    const struct bfs_digest *bundle, const struct bfs_policy_trace *trace,
                    struct bfs_verdict *ret, struct bfs_error *error);

/* A bfs_alias_believes, with a struct bfs_trust as its context, for links whose statements are
 * those of a struct bfs_stored_statement: does the policy let it move the alias? Where the store
 * could not be read, the answer is no, and trust->status says that it is none. */
bool bfs_trust_believes(void *context, const struct bfs_alias_link *link);

enum bfs_favour {
    BFS_FAVOUR_FULL,
    BFS_FAVOUR_DEPRECATED,
    BFS_FAVOUR_REVOKED, /* or what may revoke it cannot be read */
};
/* What statements that the policy takes into account say of the bundle; without a policy, all.
 * `ret_reason` may be NULL. Errors: those of bfs_statements_add(). */
int bfs_trust_favour(const struct bfs_trust *trust, const struct bfs_reference *reference,
                     const struct bfs_digest *bundle, enum bfs_favour *ret,
                     char ret_reason[BFS_VERDICT_REASON_SIZE], struct bfs_error *error);

/* Does "latest" skip the bundle: is it deprecated or revoked, or, with a policy, not served?
 * Errors: those of bfs_trust_judge(). */
int bfs_trust_skips(const struct bfs_trust *trust, const struct bfs_catalog_entry *entry, bool *ret,
                    struct bfs_error *error);

/* Of all that a verdict on the bundle depends on in the catalogue, with the models that
 * trust->needs names: equal means that nothing was added or taken away. Errors: -ENOMEM. */
int bfs_trust_fingerprint(const struct bfs_trust *trust, const struct bfs_reference *reference,
                          const struct bfs_digest *bundle, struct bfs_xxh128 *ret);

#endif
