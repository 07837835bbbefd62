/* SPDX-License-Identifier: Apache-2.0
 * What a policy is compiled into; for the files of this folder.
 *
 * THREAD SAFETY: see verify/policy.h. */
#ifndef BFS_VERIFY_POLICY_RULES_H
#define BFS_VERIFY_POLICY_RULES_H

#include "verify/json.h"
#include "verify/policy.h"

#include <stdatomic.h>

enum {
    BFS_POLICY_DISTINCT_ROLES = 256,
    BFS_POLICY_PLACE_SIZE = 256, /* of what names a place of the document in messages */
};

/* Roles by their number in the policy. */
struct bfs_roles {
    bool any; /* every key, whatever its roles */
    uint64_t bits[BFS_POLICY_DISTINCT_ROLES / 64];
};

struct bfs_policy_key {
    struct bfs_public_key key;
    char name[BFS_STATEMENT_ROLE_MAX + 1];
    struct bfs_roles roles;
    int64_t not_before, not_after; /* counts from the one to before the other */
};

struct bfs_requirement {
    enum bfs_statement_kind kind;
    unsigned role;
    unsigned count;
};

struct bfs_requirements {
    struct bfs_requirement *items; /* owned */
    size_t n;
};

struct bfs_alias_rule {
    char name[BFS_VERSION_MAX + 1]; /* "*": every other */
    struct bfs_roles move;
    struct bfs_requirements require;
};

struct bfs_rule {
    char *match;         /* owned */
    size_t name_length;  /* of the part of it before a ':' */
    const char *version; /* the part after it; NULL: every version */
    struct bfs_requirements require;
    struct bfs_alias_rule *aliases; /* owned */
    size_t n_aliases;
    struct bfs_roles revoke, deprecate; /* who may */
    bool refuses_unpromoted, refuses_deprecated, refuses_past_sunset;
    enum bfs_policy_check check_max; /* the worst that is let pass; ERROR: nothing is asked for */
    bool has_access;
    char **users, **groups; /* owned, like their elements; access has as many of each */
    struct bfs_access access;
};

/* Where to look for rules that can match a name: by what their patterns begin with. */
struct bfs_rule_place {
    const char *literal; /* borrowed from the rule; without a NUL */
    uint32_t length;
    uint32_t rule;
};

struct bfs_policy {
    atomic_uint references;
    uint64_t serial; /* of all policies of this process, from 1 */
    struct bfs_digest digest;
    char (*roles)[BFS_STATEMENT_ROLE_MAX + 1]; /* owned */
    size_t n_roles;
    struct bfs_policy_key *keys; /* owned */
    size_t n_keys;
    struct bfs_rule *rules; /* owned */
    size_t n_rules;
    struct bfs_rule_place *places;  /* owned; by literal, then rule */
    bool lengths[BFS_NAME_MAX + 1]; /* some literal is so long */
};

static inline bool bfs_roles_has(const struct bfs_roles *roles, unsigned role)
{
    return roles->any || (roles->bits[role / 64] >> (role % 64) & 1);
}

bool bfs_roles_meet(const struct bfs_roles *a, const struct bfs_roles *b);

/* The rest of reading: "keys" comes first, because rules name the roles of keys.
 * Errors: those of bfs_policy_parse(). */
int bfs_policy_read_keys(struct bfs_policy *policy, struct json_object *list, const char *what,
                         struct bfs_error *error);
int bfs_policy_read_rules(struct bfs_policy *policy, struct json_object *list, const char *what,
                          struct bfs_error *error);
int bfs_rule_read_access(struct bfs_rule *rule, struct json_object *object, const char *place,
                         struct bfs_error *error);
void bfs_rule_done(struct bfs_rule *rule);

/* Errors: -ENOMEM. */
int bfs_policy_index_rules(struct bfs_policy *policy);
/* The first rule that matches; -1: none. */
int bfs_policy_find_rule(const struct bfs_policy *policy, const struct bfs_reference *reference);

/* How many different keys meet a requirement. */
struct bfs_count {
    unsigned counted;
    unsigned n_rejected;                    /* keys and unknown signatures that do not count */
    char names[BFS_VERDICT_REASON_SIZE];    /* of those that count */
    char rejected[BFS_VERDICT_REASON_SIZE]; /* each with why */
};
void bfs_policy_count(const struct bfs_policy *policy, const struct bfs_facts *facts,
                      const struct bfs_requirement *requirement, struct bfs_count *ret);
/* Is one of the signers a key of these roles; at any time, or at `now`? Sets *ret_key to which. */
bool bfs_policy_signed_by(const struct bfs_policy *policy, const struct bfs_evidence *evidence,
                          const struct bfs_roles *roles, const int64_t *now, size_t *ret_key);
/* Moves *until to where the validity of one of the signers changes after `now`. */
void bfs_policy_next_change(const struct bfs_policy *policy, const struct bfs_evidence *evidence,
                            int64_t now, int64_t *until);
/* The same of every key. */
void bfs_policy_next_epoch(const struct bfs_policy *policy, int64_t now, int64_t *until);

/* Fills in what of the evidence does not count, and traces each. */
void bfs_policy_uncounted(const struct bfs_policy *policy, const struct bfs_facts *facts,
                          const struct bfs_policy_trace *trace, struct bfs_verdict *ret);

/* Appends to a text of BFS_VERDICT_REASON_SIZE bytes what fits. */
void bfs_reason_add(char text[static BFS_VERDICT_REASON_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Judges all of them: 0, -ENOKEY or -EKEYREJECTED of the first that is not met, which `text` then
 * explains; else says what was found. `whose` begins the sentence. */
int bfs_policy_require(const struct bfs_policy *policy, const struct bfs_facts *facts,
                       const struct bfs_requirements *require, const char *whose,
                       const struct bfs_policy_trace *trace,
                       char text[static BFS_VERDICT_REASON_SIZE]);

#endif
