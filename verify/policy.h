/* SPDX-License-Identifier: Apache-2.0
 * The policy of a mount: whose statements count, what a bundle needs to be served, who may read it.
 * docs/policy.md is the specification of the file. A policy knows no store: callers hand it what
 * the store holds about a bundle, and it judges.
 *
 * Keys are judged by `now`: a key counts from not_before to not_after, whatever time a statement
 * claims, for that is only what its signer says. Revocations and deprecations are the exception:
 * they outlive their key, so that no bundle comes back because a key expired.
 *
 * Every function takes a NULL policy, which believes and serves everything.
 *
 * THREAD SAFETY: a policy is immutable and reference-counted once it was resolved; functions are
 * pure. */
#ifndef BFS_VERIFY_POLICY_H
#define BFS_VERIFY_POLICY_H

#include "verify/cleanup.h"
#include "verify/trust/statement.h"

#include <sys/types.h>

#define BFS_POLICY_DEFAULT_PATH "/etc/bundlefs/policy.json"
#define BFS_POLICY_VARIABLE "BUNDLEFS_POLICY"
#define BFS_POLICY_NONE "none"

enum {
    BFS_POLICY_SIZE_MAX = 8 << 20, /* bytes of the file: ten thousand rules of some size */
    BFS_POLICY_KEYS_MAX = 1024,
    BFS_POLICY_RULES_MAX = 10000,
    BFS_POLICY_REQUIREMENTS_MAX = 32, /* of a rule, or of an alias in it */
    BFS_POLICY_ALIASES_MAX = 64,      /* of a rule */
    BFS_POLICY_ROLES_MAX = 64,        /* of a key, or named in one place of a rule */
    BFS_POLICY_READERS_MAX = 64,      /* users, and as many groups, of a rule */
    BFS_VERDICT_REASON_SIZE = 512,    /* fits into what an error says */
    BFS_POLICY_KEY_NOTICE_DAYS = 30,  /* so long before a key ends, hosts warn */
};

struct bfs_policy;

/* Parses and compiles. `what` names the document in messages. Refused is also what could never be
 * met: a role that no key has, more keys than have it. Errors: -EBADMSG, -E2BIG,
 * -EPROTONOSUPPORT (a schema_version or an algorithm that is not known), -ENOMEM. */
int bfs_policy_parse(const void *text, size_t size, const char *what, struct bfs_policy **ret,
                     struct bfs_error *error);
/* Which policy is in force on this host: `named` (an option's value), else $BUNDLEFS_POLICY, else
 * BFS_POLICY_DEFAULT_PATH when it exists. BFS_POLICY_NONE as a value means none. NULL: none.
 * Programs that run with the rights of another user ignore the environment. Borrowed from `named`,
 * the environment or the program. */
const char *bfs_policy_path(const char *named);

/* Reads a file. Errors: also -EINVAL (not a regular file), errno of open(2) and read(2). */
int bfs_policy_load(const char *path, struct bfs_policy **ret, struct bfs_error *error);
struct bfs_policy *bfs_policy_ref(struct bfs_policy *policy);
struct bfs_policy *bfs_policy_unref(struct bfs_policy *policy);
BFS_DEFINE_CLEANUP(bfs_policy, bfs_policy_unref)

/* SHA-256 of the text it was parsed from. */
const struct bfs_digest *bfs_policy_digest(const struct bfs_policy *policy);
/* The name of key i, as the policy calls it. */
const char *bfs_policy_key_name(const struct bfs_policy *policy, size_t i);
size_t bfs_policy_n_keys(const struct bfs_policy *policy);
/* Does key i end within BFS_POLICY_KEY_NOTICE_DAYS after `now`? Then *ret_end is its not_after, in
 * seconds since 1970. False for a key that has ended or never ends; then *ret_end is untouched. */
bool bfs_policy_key_ends_soon(const struct bfs_policy *policy, size_t i, int64_t now,
                              int64_t *ret_end);

/* One statement about a bundle and which keys of the policy signed it. */
struct bfs_evidence {
    struct bfs_digest envelope; /* SHA-256 of its bytes: what `previous` of an alias names */
    /* False: no key of the policy signed it, so it was not parsed. */
    bool is_signed;
    /* Not every signature was tried with every key: it would have been too many. */
    bool is_unsure;
    struct bfs_statement statement;             /* when is_signed */
    uint64_t signers[BFS_POLICY_KEYS_MAX / 64]; /* bit i: key i */
    /* By its text, which nobody known signed, it revokes. Set by who reads a store. */
    bool claims_revocation;
    char key_id[BFS_KEY_ID_TEXT_SIZE]; /* what the first signature claims; "" for nothing */
};

/* Parses an envelope, finds out which keys signed it, whether they are valid at present or not, and
 * then parses the statement. Without a policy, nothing is verified and everything is parsed.
 * Errors: -EKEYREJECTED when the statement is about another bundle than `subject`; those of
 * bfs_envelope_parse() and bfs_statement_read(). A signature by nobody known is none: is_signed. */
int bfs_evidence_read(const struct bfs_policy *policy, const void *envelope, size_t size,
                      const struct bfs_digest *subject, const char *what, struct bfs_evidence *ret,
                      struct bfs_error *error);
/* The same where much is read that anybody may have written. A signature is always tried with the
 * keys that it names; *tries is how often others may still be tried, and is lowered. When it is not
 * enough for this envelope, they are not, and the evidence is_unsure. */
int bfs_evidence_read_within(const struct bfs_policy *policy, const void *envelope, size_t size,
                             const struct bfs_digest *subject, const char *what, size_t *tries,
                             struct bfs_evidence *ret, struct bfs_error *error);
void bfs_evidence_done(struct bfs_evidence *evidence);
#define bfs_autoevidence BFS_CLEANUP(bfs_evidence_done)

/* The worst that `check` found. */
enum bfs_policy_check {
    BFS_POLICY_CHECK_UNKNOWN, /* it was not run: refused where a rule asks for it */
    BFS_POLICY_CHECK_CLEAN,
    BFS_POLICY_CHECK_WARNING,
    BFS_POLICY_CHECK_ERROR,
    BFS_POLICY_CHECK_TOO_LARGE, /* it would take more than a daemon may spend on it: refused, too */
};

/* What is known about one bundle. */
struct bfs_facts {
    const struct bfs_reference *reference;
    const struct bfs_evidence *const *evidence; /* all about its digest */
    size_t n_evidence;
    bool is_promoted; /* an alias that bfs_policy_judge_alias() accepts points to it */
    enum bfs_policy_check check;
    int64_t now; /* seconds since 1970 */
};

struct bfs_verdict {
    int code; /* 0: yes; -ENOKEY: statements are missing; -EKEYREJECTED: refused */
    int rule; /* the one that decides, from 0; -1: none matches */
    char reason[BFS_VERDICT_REASON_SIZE]; /* one sentence, of a yes too */
    /* Of bfs_policy_judge(): revocations, deprecations and approvals that do not count because of
     * who signed them; "1 revocation not counted: key qa lacks the role security". */
    unsigned n_uncounted;
    char uncounted[BFS_VERDICT_REASON_SIZE];
    int64_t until; /* from then on time alone may change it; INT64_MAX: never */
};

/* Is told each step of a judgement, in order; `passed` is what it came to. */
struct bfs_policy_trace {
    void (*step)(void *context, bool passed, const char *text);
    void *context;
};

/* May the bundle be served? `trace` may be NULL. */
void bfs_policy_judge(const struct bfs_policy *policy, const struct bfs_facts *facts,
                      const struct bfs_policy_trace *trace, struct bfs_verdict *ret);

/* May this statement move its alias? `target` is what is known about the bundle that it points to;
 * its is_promoted and check are not looked at. A promotion that is refused for want of approvals is
 * not in force: the alias stays where the statement before put it, until they are there. */
void bfs_policy_judge_alias(const struct bfs_policy *policy, const struct bfs_evidence *alias,
                            const struct bfs_facts *target, struct bfs_verdict *ret);

/* Does a statement about the target count, and why not? One that moves an alias is judged as above,
 * others by their signer. A signature or provenance counts for nothing when the rule asks for some
 * and its key has none of the roles. */
void bfs_policy_weigh(const struct bfs_policy *policy, const struct bfs_evidence *evidence,
                      const struct bfs_facts *target, struct bfs_verdict *ret);

/* Does the policy take a statement about a bundle of that name into account: a REVOCATION or
 * DEPRECATION by a key that may say so, others by a key that is valid at `now`? */
bool bfs_policy_counts(const struct bfs_policy *policy, const struct bfs_reference *reference,
                       const struct bfs_evidence *evidence, int64_t now);

/* Counts the moments up to `now` at which a key begins or ends to be valid: while it is the same,
 * so is what bfs_policy_judge_alias() and bfs_policy_counts() say. */
uint64_t bfs_policy_epoch(const struct bfs_policy *policy, int64_t now);

/* Does any rule ask for these? Then they need not be found out otherwise. */
bool bfs_policy_wants_promotion(const struct bfs_policy *policy,
                                const struct bfs_reference *reference);
bool bfs_policy_wants_check(const struct bfs_policy *policy, const struct bfs_reference *reference);

/* Who may read a bundle: users get the bits of the owner in `mode`, groups those of the group. */
struct bfs_access {
    mode_t mode;  /* of directories, without a type; files lose the x that they did not have */
    uid_t *users; /* owned */
    size_t n_users;
    gid_t *groups; /* owned */
    size_t n_groups;
};

/* Looks up the users and groups of the rules in the system; before the policy is shared. Errors:
 * -ENOENT (no such user or group), -ENOMEM, errno of getpwnam_r(3) and getgrnam_r(3). */
int bfs_policy_resolve(struct bfs_policy *policy, const char *what, struct bfs_error *error);
/* Does any rule say who may read? */
bool bfs_policy_limits_readers(const struct bfs_policy *policy);
/* The same as it is written, for people; borrowed from the policy. */
struct bfs_policy_readers {
    bool has_access;
    mode_t mode;
    char *const *users;
    size_t n_users;
    char *const *groups;
    size_t n_groups;
};
struct bfs_policy_readers bfs_policy_readers(const struct bfs_policy *policy,
                                             const struct bfs_reference *reference);
/* NULL: no rule, or one that says nothing about access. Borrowed from the policy. */
const struct bfs_access *bfs_policy_access(const struct bfs_policy *policy,
                                           const struct bfs_reference *reference);

#endif
