/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz_target.h"
#include "verify/policy/pattern.h"
#include "verify/policy/rules.h"

#include <errno.h>
#include <string.h>

/* Rule after rule, as docs/policy.md says it. */
static int first_match(const struct bfs_policy *policy, const struct bfs_reference *reference)
{
    for (size_t i = 0; i < policy->n_rules; i++) {
        const struct bfs_rule *rule = &policy->rules[i];
        if (bfs_pattern_match(rule->match, rule->name_length, reference->name) &&
            (!rule->version ||
             bfs_pattern_match(rule->version, strlen(rule->version), reference->version)))
            return (int)i;
    }
    return -1;
}

static void judge(const struct bfs_policy *policy, const struct bfs_reference *reference)
{
    struct bfs_facts facts = {.reference = reference, .now = 1780272000};
    struct bfs_verdict verdict, again;
    struct bfs_evidence alias = {.is_signed = true, .statement.kind = BFS_STATEMENT_ALIAS};
    strcpy(alias.statement.alias, "production");
    bfs_policy_judge(policy, &facts, NULL, &verdict);
    bfs_policy_judge(policy, &facts, NULL, &again);
    fuzz_require(verdict.rule == first_match(policy, reference), "the first rule that matches");
    fuzz_require(verdict.code == 0 || verdict.code == -ENOKEY || verdict.code == -EKEYREJECTED,
                 "a documented verdict");
    fuzz_require(verdict.rule >= 0 || verdict.code == -EKEYREJECTED, "no rule, no bundle");
    fuzz_require(*verdict.reason != '\0' && strcmp(verdict.reason, again.reason) == 0,
                 "one reason, always the same");
    fuzz_require(verdict.until > facts.now, "a verdict lasts");
    bfs_policy_judge_alias(policy, &alias, &facts, &again);
    fuzz_require(again.code == -EKEYREJECTED, "nobody who did not sign moves an alias");
    struct bfs_policy_readers readers = bfs_policy_readers(policy, reference);
    fuzz_require(readers.has_access == (bfs_policy_access(policy, reference) != NULL),
                 "who reads is said in both ways or in none");
    fuzz_require((readers.mode & ~(mode_t)0555) == 0, "nobody may write");
}

/* The pattern of a rule without its wildcards is a name that may match. */
static void judge_by(const struct bfs_policy *policy, const struct bfs_rule *rule)
{
    struct bfs_reference reference = {.version = "1.0.0"};
    size_t n = 0;
    for (size_t i = 0; i < rule->name_length; i++)
        if (rule->match[i] != '*')
            reference.name[n++] = rule->match[i];
    judge(policy, &reference);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bfs_reference references[] = {{.name = "acme/tiny", .version = "1.0.0"},
                                                      {.name = "a", .version = "1"},
                                                      {.name = "a/b/c"}};
    struct bfs_error error = {0};
    struct bfs_policy *policy = NULL;
    char *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    int r = bfs_policy_parse(copy, size, "policy.json", &policy, &error);
    free(copy);
    fuzz_require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT || r == -E2BIG,
                 "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    fuzz_require((r == 0) == (policy != NULL), "nothing changed on failure");
    if (r)
        return 0;
    for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++)
        judge(policy, &references[i]);
    for (size_t i = 0; i < policy->n_rules && i < 16; i++)
        judge_by(policy, &policy->rules[i]);
    fuzz_require(bfs_policy_epoch(policy, INT64_MAX) >= bfs_policy_epoch(policy, 0),
                 "time goes one way");
    (void)bfs_policy_unref(policy);
    return 0;
}
