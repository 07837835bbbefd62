/* SPDX-License-Identifier: Apache-2.0
 * Which keys count, and why others do not. */
#include "verify/policy/rules.h"
#include "verify/rfc3339.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void bfs_reason_add(char text[static BFS_VERDICT_REASON_SIZE], const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text + used, BFS_VERDICT_REASON_SIZE - used, format, args);
    va_end(args);
}

bool bfs_roles_meet(const struct bfs_roles *a, const struct bfs_roles *b)
{
    if (a->any || b->any)
        return true;
    for (size_t i = 0; i < BFS_POLICY_DISTINCT_ROLES / 64; i++)
        if (a->bits[i] & b->bits[i])
            return true;
    return false;
}

static bool is_signer(const struct bfs_evidence *evidence, size_t key)
{
    return evidence->is_signed && (evidence->signers[key / 64] >> (key % 64) & 1);
}

static bool is_valid_at(const struct bfs_policy_key *key, int64_t now)
{
    return now >= key->not_before && now < key->not_after;
}

bool bfs_policy_signed_by(const struct bfs_policy *policy, const struct bfs_evidence *evidence,
                          const struct bfs_roles *roles, const int64_t *now, size_t *ret_key)
{
    for (size_t i = 0; i < policy->n_keys; i++)
        if (is_signer(evidence, i) && bfs_roles_meet(&policy->keys[i].roles, roles) &&
            (!now || is_valid_at(&policy->keys[i], *now))) {
            *ret_key = i;
            return true;
        }
    return false;
}

static void sooner(const struct bfs_policy_key *key, int64_t now, int64_t *until)
{
    if (key->not_before > now && key->not_before < *until)
        *until = key->not_before;
    if (key->not_after > now && key->not_after < *until)
        *until = key->not_after;
}

void bfs_policy_next_change(const struct bfs_policy *policy, const struct bfs_evidence *evidence,
                            int64_t now, int64_t *until)
{
    for (size_t i = 0; i < policy->n_keys; i++)
        if (is_signer(evidence, i))
            sooner(&policy->keys[i], now, until);
}

void bfs_policy_next_epoch(const struct bfs_policy *policy, int64_t now, int64_t *until)
{
    for (size_t i = 0; i < policy->n_keys; i++)
        sooner(&policy->keys[i], now, until);
}

static void add_name(char text[static BFS_VERDICT_REASON_SIZE], const char *name)
{
    bfs_reason_add(text, "%s%s", *text ? ", " : "", name);
}

/* Why a key that signed does not count; NULL: it does. */
static const char *why_not(const struct bfs_policy *policy, const struct bfs_policy_key *key,
                           const struct bfs_requirement *requirement, int64_t now,
                           char ret[static BFS_VERDICT_REASON_SIZE])
{
    char time[BFS_RFC3339_SIZE] = "?";
    *ret = '\0';
    if (!bfs_roles_has(&key->roles, requirement->role)) {
        bfs_reason_add(ret, "%s has not the role %s", key->name, policy->roles[requirement->role]);
    } else if (now < key->not_before) {
        (void)bfs_rfc3339_format(key->not_before, time);
        bfs_reason_add(ret, "%s is not valid before %s", key->name, time);
    } else if (now >= key->not_after) {
        (void)bfs_rfc3339_format(key->not_after, time);
        bfs_reason_add(ret, "%s expired at %s", key->name, time);
    }
    return *ret ? ret : NULL;
}

struct tally {
    const struct bfs_policy *policy;
    const struct bfs_requirement *requirement;
    int64_t now;
    uint64_t seen[BFS_POLICY_KEYS_MAX / 64]; /* a key counts, or is rejected, once */
    struct bfs_count *count;
};

static void take_signers(struct tally *tally, const struct bfs_evidence *evidence)
{
    const struct bfs_policy *policy = tally->policy;
    struct bfs_count *count = tally->count;
    char why[BFS_VERDICT_REASON_SIZE];
    for (size_t i = 0; i < policy->n_keys; i++) {
        uint64_t bit = UINT64_C(1) << (i % 64);
        if (!is_signer(evidence, i) || tally->seen[i / 64] & bit)
            continue;
        tally->seen[i / 64] |= bit;
        if (why_not(policy, &policy->keys[i], tally->requirement, tally->now, why)) {
            count->n_rejected++;
            add_name(count->rejected, why);
        } else {
            count->counted++;
            add_name(count->names, policy->keys[i].name);
        }
    }
}

/* An approval says in which role it is given; one in another role is no answer to this question. */
static bool is_about(const struct bfs_policy *policy, const struct bfs_requirement *requirement,
                     const struct bfs_evidence *evidence)
{
    const struct bfs_statement *statement = &evidence->statement;
    return evidence->is_signed && statement->kind == requirement->kind &&
           (statement->kind != BFS_STATEMENT_APPROVAL ||
            strcmp(statement->role, policy->roles[requirement->role]) == 0);
}

void bfs_policy_count(const struct bfs_policy *policy, const struct bfs_facts *facts,
                      const struct bfs_requirement *requirement, struct bfs_count *ret)
{
    struct tally tally = {
        .policy = policy, .requirement = requirement, .now = facts->now, .count = ret};
    *ret = (struct bfs_count){0};
    for (size_t i = 0; i < facts->n_evidence; i++) {
        const struct bfs_evidence *evidence = facts->evidence[i];
        if (is_about(policy, requirement, evidence)) {
            take_signers(&tally, evidence);
        } else if (!evidence->is_signed) {
            ret->n_rejected++;
            bfs_reason_add(ret->rejected, "%sa key that the policy does not know (%s)",
                           *ret->rejected ? ", " : "",
                           *evidence->key_id ? evidence->key_id : "without an id");
        }
    }
}

uint64_t bfs_policy_epoch(const struct bfs_policy *policy, int64_t now)
{
    uint64_t n = 0;
    for (size_t i = 0; policy && i < policy->n_keys; i++)
        n += (uint64_t)(policy->keys[i].not_before <= now) +
             (uint64_t)(policy->keys[i].not_after <= now);
    return n;
}
