/* SPDX-License-Identifier: Apache-2.0
 * The verdict on single statements: what moves an alias, what deprecates and revokes. */
#include "verify/policy/rules.h"

#include <stdio.h>
#include <string.h>

static const struct bfs_alias_rule *find_alias(const struct bfs_rule *rule, const char *name)
{
    const struct bfs_alias_rule *other = NULL;
    for (size_t i = 0; i < rule->n_aliases; i++) {
        if (strcmp(rule->aliases[i].name, name) == 0)
            return &rule->aliases[i];
        if (strcmp(rule->aliases[i].name, "*") == 0)
            other = &rule->aliases[i];
    }
    return other;
}

static int judge(const struct bfs_policy *policy, const struct bfs_evidence *alias,
                 const struct bfs_facts *target, struct bfs_verdict *ret)
{
    const char *name = alias->statement.alias;
    char whose[BFS_POLICY_PLACE_SIZE];
    size_t key;
    if (!alias->is_signed || alias->statement.kind != BFS_STATEMENT_ALIAS) {
        bfs_reason_add(ret->reason, "signed by a key that the policy does not know (%s)",
                       *alias->key_id ? alias->key_id : "without an id");
        return -EKEYREJECTED;
    }
    if (ret->rule < 0) {
        char text[BFS_REFERENCE_MAX + 1];
        bfs_reason_add(ret->reason, "no rule of the policy matches %s",
                       bfs_reference_text(target->reference, text));
        return -EKEYREJECTED;
    }
    const struct bfs_rule *rule = &policy->rules[ret->rule];
    const struct bfs_alias_rule *alias_rule = find_alias(rule, name);
    (void)snprintf(whose, sizeof(whose), "rule %d (\"%.100s\")", ret->rule + 1, rule->match);
    if (!alias_rule) {
        bfs_reason_add(ret->reason, "%s knows no alias %s", whose, name);
        return -EKEYREJECTED;
    }
    if (!bfs_policy_signed_by(policy, alias, &alias_rule->move, &target->now, &key)) {
        bool is_known =
            bfs_policy_signed_by(policy, alias, &(struct bfs_roles){.any = true}, NULL, &key);
        bfs_reason_add(ret->reason, "%s: %s may not move the alias %s, or not now", whose,
                       is_known ? policy->keys[key].name : "the signer", name);
        return -EKEYREJECTED;
    }
    size_t used = strlen(whose);
    (void)snprintf(whose + used, sizeof(whose) - used, ": alias %s", name);
    int r = bfs_policy_require(policy, target, &alias_rule->require, whose, NULL, ret->reason);
    if (r == 0)
        bfs_reason_add(ret->reason, "%s: moved by %s", whose, policy->keys[key].name);
    return r;
}

void bfs_policy_judge_alias(const struct bfs_policy *policy, const struct bfs_evidence *alias,
                            const struct bfs_facts *target, struct bfs_verdict *ret)
{
    *ret = (struct bfs_verdict){.rule = -1, .until = INT64_MAX};
    if (!policy) {
        bfs_reason_add(ret->reason, "there is no policy");
        return;
    }
    ret->rule = bfs_policy_find_rule(policy, target->reference);
    bfs_policy_next_change(policy, alias, target->now, &ret->until);
    for (size_t i = 0; i < target->n_evidence; i++)
        bfs_policy_next_change(policy, target->evidence[i], target->now, &ret->until);
    ret->code = judge(policy, alias, target, ret);
}

bool bfs_policy_counts(const struct bfs_policy *policy, const struct bfs_reference *reference,
                       const struct bfs_evidence *evidence, int64_t now)
{
    static const struct bfs_roles everybody = {.any = true};
    size_t key;
    if (!policy)
        return true;
    int number = bfs_policy_find_rule(policy, reference);
    if (!evidence->is_signed || number < 0)
        return false;
    const struct bfs_rule *rule = &policy->rules[number];
    switch (evidence->statement.kind) {
    case BFS_STATEMENT_REVOCATION:
        return bfs_policy_signed_by(policy, evidence, &rule->revoke, NULL, &key);
    case BFS_STATEMENT_DEPRECATION:
        return bfs_policy_signed_by(policy, evidence, &rule->deprecate, NULL, &key);
    default:
        return bfs_policy_signed_by(policy, evidence, &everybody, &now, &key);
    }
}

bool bfs_policy_wants_promotion(const struct bfs_policy *policy,
                                const struct bfs_reference *reference)
{
    int rule = policy ? bfs_policy_find_rule(policy, reference) : -1;
    return rule >= 0 && policy->rules[rule].refuses_unpromoted;
}

bool bfs_policy_wants_check(const struct bfs_policy *policy, const struct bfs_reference *reference)
{
    int rule = policy ? bfs_policy_find_rule(policy, reference) : -1;
    return rule >= 0 && policy->rules[rule].check_max != BFS_POLICY_CHECK_ERROR;
}
