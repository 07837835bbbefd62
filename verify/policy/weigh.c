/* SPDX-License-Identifier: Apache-2.0
 * Why a single statement does not count. */
#include "verify/policy/rules.h"
#include "verify/rfc3339.h"

#include <stdio.h>
#include <string.h>

static void add_roles(const struct bfs_policy *policy, const struct bfs_roles *roles,
                      char text[static BFS_VERDICT_REASON_SIZE])
{
    const char *between = "";
    for (unsigned i = 0; i < policy->n_roles; i++)
        if (roles->bits[i / 64] >> (i % 64) & 1) {
            bfs_reason_add(text, "%s%s", between, policy->roles[i]);
            between = " or ";
        }
}

static bool find_signer(const struct bfs_policy *policy, const struct bfs_evidence *evidence,
                        size_t *ret_key)
{
    return evidence->is_signed &&
           bfs_policy_signed_by(policy, evidence, &(struct bfs_roles){.any = true}, NULL, ret_key);
}

/* Says why no signer counts; `now` NULL: keys are not judged by time. */
static int lacks(const struct bfs_policy *policy, const struct bfs_evidence *evidence,
                 const struct bfs_roles *roles, const int64_t *now,
                 char text[static BFS_VERDICT_REASON_SIZE])
{
    size_t key = 0;
    char time[BFS_RFC3339_SIZE] = "?";
    if (bfs_policy_signed_by(policy, evidence, roles, now, &key))
        return 0;
    if (!bfs_policy_signed_by(policy, evidence, roles, NULL, &key)) {
        (void)find_signer(policy, evidence, &key);
        bfs_reason_add(text, "key %s lacks the role ", policy->keys[key].name);
        add_roles(policy, roles, text);
    } else if (*now < policy->keys[key].not_before) {
        (void)bfs_rfc3339_format(policy->keys[key].not_before, time);
        bfs_reason_add(text, "key %s is not valid before %s", policy->keys[key].name, time);
    } else {
        (void)bfs_rfc3339_format(policy->keys[key].not_after, time);
        bfs_reason_add(text, "key %s expired at %s", policy->keys[key].name, time);
    }
    return -EKEYREJECTED;
}

static void add_required(const struct bfs_requirements *require, enum bfs_statement_kind kind,
                         struct bfs_roles *ret)
{
    for (size_t i = 0; i < require->n; i++)
        if (require->items[i].kind == kind)
            ret->bits[require->items[i].role / 64] |= UINT64_C(1) << (require->items[i].role % 64);
}

/* The roles in which the rule, or one of its aliases, asks for such a statement; any: in none. */
static struct bfs_roles required(const struct bfs_rule *rule, enum bfs_statement_kind kind)
{
    struct bfs_roles roles = {0}, none = {0};
    add_required(&rule->require, kind, &roles);
    for (size_t i = 0; i < rule->n_aliases; i++)
        add_required(&rule->aliases[i].require, kind, &roles);
    roles.any = memcmp(roles.bits, none.bits, sizeof(none.bits)) == 0;
    return roles;
}

static int weigh_approval(const struct bfs_policy *policy, const struct bfs_evidence *evidence,
                          const int64_t *now, char text[static BFS_VERDICT_REASON_SIZE])
{
    struct bfs_roles roles = {0};
    for (unsigned i = 0; i < policy->n_roles; i++)
        if (strcmp(policy->roles[i], evidence->statement.role) == 0) {
            roles.bits[i / 64] |= UINT64_C(1) << (i % 64);
            return lacks(policy, evidence, &roles, now, text);
        }
    bfs_reason_add(text, "the policy has no role %s", evidence->statement.role);
    return -EKEYREJECTED;
}

static int weigh(const struct bfs_policy *policy, const struct bfs_facts *target,
                 const struct bfs_evidence *evidence, int rule_number,
                 char text[static BFS_VERDICT_REASON_SIZE])
{
    char name[BFS_REFERENCE_MAX + 1];
    struct bfs_roles roles;
    size_t key;
    if (rule_number < 0) {
        bfs_reason_add(text, "no rule of the policy matches %s",
                       bfs_reference_text(target->reference, name));
        return -EKEYREJECTED;
    }
    if (!find_signer(policy, evidence, &key)) {
        bfs_reason_add(text, "the policy does not know its key (%s)",
                       *evidence->key_id ? evidence->key_id : "without an id");
        return -EKEYREJECTED;
    }
    const struct bfs_rule *rule = &policy->rules[rule_number];
    switch (evidence->statement.kind) {
    case BFS_STATEMENT_REVOCATION:
        return lacks(policy, evidence, &rule->revoke, NULL, text);
    case BFS_STATEMENT_DEPRECATION:
        return lacks(policy, evidence, &rule->deprecate, NULL, text);
    case BFS_STATEMENT_APPROVAL:
        return weigh_approval(policy, evidence, &target->now, text);
    default:
        roles = required(rule, evidence->statement.kind);
        return lacks(policy, evidence, &roles, &target->now, text);
    }
}

void bfs_policy_weigh(const struct bfs_policy *policy, const struct bfs_evidence *evidence,
                      const struct bfs_facts *target, struct bfs_verdict *ret)
{
    if (!policy || (evidence->is_signed && evidence->statement.kind == BFS_STATEMENT_ALIAS)) {
        bfs_policy_judge_alias(policy, evidence, target, ret);
        return;
    }
    *ret = (struct bfs_verdict){.rule = bfs_policy_find_rule(policy, target->reference),
                                .until = INT64_MAX};
    bfs_policy_next_change(policy, evidence, target->now, &ret->until);
    ret->code = weigh(policy, target, evidence, ret->rule, ret->reason);
}

/* "revocation by key qa at 2026-01-31T12:00:00Z" */
static void add_what(const struct bfs_policy *policy, const struct bfs_evidence *evidence,
                     char text[static BFS_VERDICT_REASON_SIZE])
{
    const struct bfs_statement *said = &evidence->statement;
    char time[BFS_RFC3339_SIZE] = "?";
    size_t key = 0;
    if (!evidence->is_signed) {
        bfs_reason_add(text, "a %s by nobody known",
                       evidence->claims_revocation ? "revocation" : "statement");
        return;
    }
    (void)find_signer(policy, evidence, &key);
    (void)bfs_rfc3339_format(said->when, time);
    bfs_reason_add(text, "the %s by %s at %s", bfs_statement_word(said->kind),
                   policy->keys[key].name, time);
    if (said->kind == BFS_STATEMENT_ALIAS)
        bfs_reason_add(text, " (%s, number %llu)", said->alias, (unsigned long long)said->sequence);
}

/* A statement that does not count: is that news for who runs a mount? Not when its key has ended,
 * which is the course of things, nor of a signature by somebody else's key: where one is missed,
 * the requirement says so. */
static bool is_news(const struct bfs_policy *policy, const struct bfs_evidence *evidence)
{
    char text[BFS_VERDICT_REASON_SIZE] = "";
    if (!evidence->is_signed)
        return evidence->claims_revocation;
    switch (evidence->statement.kind) {
    case BFS_STATEMENT_REVOCATION:
    case BFS_STATEMENT_DEPRECATION:
        return true;
    case BFS_STATEMENT_APPROVAL:
        return weigh_approval(policy, evidence, NULL, text) != 0;
    default:
        return false;
    }
}

static enum bfs_statement_kind kind_of(const struct bfs_evidence *evidence)
{
    return evidence->is_signed ? evidence->statement.kind : BFS_STATEMENT_REVOCATION;
}

static void sum_up(const unsigned counts[static BFS_N_STATEMENT_KINDS], const char *reasons,
                   char ret[static BFS_VERDICT_REASON_SIZE])
{
    for (unsigned i = 0; i < BFS_N_STATEMENT_KINDS; i++)
        if (counts[i])
            bfs_reason_add(ret, "%s%u %s%s", *ret ? ", " : "", counts[i],
                           bfs_statement_word((enum bfs_statement_kind)i),
                           counts[i] == 1 ? "" : "s");
    if (*ret)
        bfs_reason_add(ret, " not counted: %s", reasons);
}

void bfs_policy_uncounted(const struct bfs_policy *policy, const struct bfs_facts *facts,
                          const struct bfs_policy_trace *trace, struct bfs_verdict *ret)
{
    unsigned counts[BFS_N_STATEMENT_KINDS] = {0};
    char reasons[BFS_VERDICT_REASON_SIZE] = "";
    for (size_t i = 0; i < facts->n_evidence; i++) {
        const struct bfs_evidence *evidence = facts->evidence[i];
        struct bfs_verdict verdict;
        bool news = is_news(policy, evidence);
        if (!trace && !news)
            continue;
        bfs_policy_weigh(policy, evidence, facts, &verdict);
        if (verdict.code == 0)
            continue;
        if (trace) {
            char text[BFS_VERDICT_REASON_SIZE] = "";
            add_what(policy, evidence, text);
            bfs_reason_add(text, " does not count: %s", verdict.reason);
            trace->step(trace->context, false, text);
        }
        if (!news)
            continue;
        counts[kind_of(evidence)]++;
        ret->n_uncounted++;
        if (!strstr(reasons, verdict.reason))
            bfs_reason_add(reasons, "%s%s", *reasons ? "; " : "", verdict.reason);
    }
    sum_up(counts, reasons, ret->uncounted);
}
