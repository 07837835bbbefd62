/* SPDX-License-Identifier: Apache-2.0
 * The first rule that matches, without trying each: a rule can match only names that begin with
 * what its pattern begins with, up to the first wildcard. */
#include "verify/policy/pattern.h"
#include "verify/policy/rules.h"

#include <stdatomic.h>
#include <string.h>

static int compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int by_literal(const void *a, const void *b)
{
    const struct bfs_rule_place *left = a, *right = b;
    int order = compare(left->literal, left->length, right->literal, right->length);
    return order ? order : (left->rule > right->rule) - (left->rule < right->rule);
}

int bfs_policy_index_rules(struct bfs_policy *policy)
{
    static _Atomic uint64_t n_policies;
    policy->serial = atomic_fetch_add(&n_policies, 1) + 1;
    policy->places = calloc(policy->n_rules + 1, sizeof(*policy->places));
    if (!policy->places)
        return -ENOMEM;
    for (size_t i = 0; i < policy->n_rules; i++) {
        const struct bfs_rule *rule = &policy->rules[i];
        const char *wild = memchr(rule->match, '*', rule->name_length);
        size_t length = wild ? (size_t)(wild - rule->match) : rule->name_length;
        policy->places[i] = (struct bfs_rule_place){
            .literal = rule->match, .length = (uint32_t)length, .rule = (uint32_t)i};
        policy->lengths[length] = true;
    }
    if (policy->n_rules)
        qsort(policy->places, policy->n_rules, sizeof(*policy->places), by_literal);
    return 0;
}

static bool matches(const struct bfs_rule *rule, const struct bfs_reference *reference)
{
    return bfs_pattern_match(rule->match, rule->name_length, reference->name) &&
           (!rule->version ||
            bfs_pattern_match(rule->version, strlen(rule->version), reference->version));
}

/* The first place of a rule with that literal. */
static size_t lower_bound(const struct bfs_policy *policy, const char *literal, size_t length)
{
    size_t low = 0, high = policy->n_rules;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct bfs_rule_place *place = &policy->places[middle];
        if (compare(place->literal, place->length, literal, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int search(const struct bfs_policy *policy, const struct bfs_reference *reference)
{
    size_t name_length = strlen(reference->name), best = policy->n_rules;
    for (size_t length = 0; length <= name_length; length++) {
        if (!policy->lengths[length])
            continue;
        for (size_t i = lower_bound(policy, reference->name, length); i < policy->n_rules; i++) {
            const struct bfs_rule_place *place = &policy->places[i];
            if (place->rule >= best || place->length != length ||
                memcmp(place->literal, reference->name, length) != 0)
                break;
            if (matches(&policy->rules[place->rule], reference)) {
                best = place->rule;
                break;
            }
        }
    }
    return best < policy->n_rules ? (int)best : -1;
}

/* Whoever judges a bundle asks for its rule several times in a row. A serial number is of one
 * policy for ever, as an address is not. */
int bfs_policy_find_rule(const struct bfs_policy *policy, const struct bfs_reference *reference)
{
    static _Thread_local struct {
        uint64_t serial; /* 0: of none */
        struct bfs_reference reference;
        int rule;
    } last;
    if (last.serial == policy->serial && strcmp(last.reference.name, reference->name) == 0 &&
        strcmp(last.reference.version, reference->version) == 0)
        return last.rule;
    last.rule = search(policy, reference);
    last.serial = policy->serial;
    last.reference = *reference;
    return last.rule;
}
