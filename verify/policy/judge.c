/* SPDX-License-Identifier: Apache-2.0
 * The verdict on a bundle: each question in turn. */
#include "verify/policy/rules.h"
#include "verify/rfc3339.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What one judgement goes through. */
struct court {
    const struct bfs_policy *policy;
    const struct bfs_rule *rule;
    const struct bfs_facts *facts;
    const struct bfs_policy_trace *trace;
    char whose[BFS_POLICY_PLACE_SIZE]; /* rule 2 ("acme/") */
    int64_t until;
};

typedef int (*question)(struct court *court, char text[static BFS_VERDICT_REASON_SIZE]);

static void tell(const struct bfs_policy_trace *trace, bool passed, const char *text)
{
    if (trace)
        trace->step(trace->context, passed, text);
}

static void add_said(char text[static BFS_VERDICT_REASON_SIZE], const char *word,
                     const struct bfs_policy_key *key, const struct bfs_statement *statement)
{
    char time[BFS_RFC3339_SIZE] = "?";
    (void)bfs_rfc3339_format(statement->when, time);
    bfs_reason_add(text, "%s by %s at %s", word, key->name, time);
    if (*statement->reason)
        bfs_reason_add(text, ": %.200s", statement->reason);
}

static int ask_revoked(struct court *court, char text[static BFS_VERDICT_REASON_SIZE])
{
    const struct bfs_policy *policy = court->policy;
    size_t key;
    for (size_t i = 0; i < court->facts->n_evidence; i++) {
        const struct bfs_evidence *evidence = court->facts->evidence[i];
        if (evidence->is_signed && evidence->statement.kind == BFS_STATEMENT_REVOCATION &&
            bfs_policy_signed_by(policy, evidence, &court->rule->revoke, NULL, &key)) {
            add_said(text, "revoked", &policy->keys[key], &evidence->statement);
            return -EKEYREJECTED;
        }
    }
    bfs_reason_add(text, "not revoked");
    return 0;
}

int bfs_policy_require(const struct bfs_policy *policy, const struct bfs_facts *facts,
                       const struct bfs_requirements *require, const char *whose,
                       const struct bfs_policy_trace *trace,
                       char text[static BFS_VERDICT_REASON_SIZE])
{
    int code = 0;
    for (size_t i = 0; i < require->n && (trace || code == 0); i++) {
        const struct bfs_requirement *wanted = &require->items[i];
        char step[BFS_VERDICT_REASON_SIZE] = "";
        struct bfs_count count;
        bfs_policy_count(policy, facts, wanted, &count);
        bool is_met = count.counted >= wanted->count;
        bfs_reason_add(step, "%s wants %u %s%s in the role %s: %u count%s", whose, wanted->count,
                       bfs_statement_word(wanted->kind), wanted->count == 1 ? "" : "s",
                       policy->roles[wanted->role], count.counted, count.counted == 1 ? "s" : "");
        if (*count.names)
            bfs_reason_add(step, " (%s)", count.names);
        if (*count.rejected)
            bfs_reason_add(step, "; not counted: %s", count.rejected);
        tell(trace, is_met, step);
        if (is_met || code)
            continue;
        code = count.n_rejected ? -EKEYREJECTED : -ENOKEY;
        memcpy(text, step, sizeof(step));
    }
    return code;
}

static int ask_promoted(struct court *court, char text[static BFS_VERDICT_REASON_SIZE])
{
    bool is_promoted = court->facts->is_promoted;
    if (!court->rule->refuses_unpromoted)
        return 0;
    bfs_reason_add(text, "%s", is_promoted ? "an alias points to it" : "no alias points to it");
    return is_promoted ? 0 : -EKEYREJECTED;
}

/* The newest deprecation by a key that may deprecate; NULL: none. */
static const struct bfs_statement *find_deprecation(const struct court *court, size_t *ret_key)
{
    const struct bfs_facts *facts = court->facts;
    const struct bfs_statement *newest = NULL;
    size_t key;
    for (size_t i = 0; i < facts->n_evidence; i++) {
        const struct bfs_evidence *evidence = facts->evidence[i];
        if (!evidence->is_signed || evidence->statement.kind != BFS_STATEMENT_DEPRECATION ||
            !bfs_policy_signed_by(court->policy, evidence, &court->rule->deprecate, NULL, &key) ||
            (newest && !bfs_deprecation_supersedes(&evidence->statement, newest)))
            continue;
        newest = &evidence->statement;
        *ret_key = key;
    }
    return newest;
}

static int ask_deprecated(struct court *court, char text[static BFS_VERDICT_REASON_SIZE])
{
    const struct bfs_rule *rule = court->rule;
    char sunset[BFS_RFC3339_SIZE] = "?";
    size_t key = 0;
    const struct bfs_statement *said = find_deprecation(court, &key);
    bool is_past = said && said->has_sunset && said->sunset <= court->facts->now;
    if (said && said->has_sunset && !is_past && said->sunset < court->until)
        court->until = said->sunset;
    bool refuses = said && !said->is_withdrawn &&
                   (rule->refuses_deprecated || (is_past && rule->refuses_past_sunset));
    if (said && said->has_sunset) {
        (void)bfs_rfc3339_format(said->sunset, sunset);
        bfs_reason_add(text, "%s %s: ", is_past ? "past its sunset" : "sunset", sunset);
    }
    if (!said)
        bfs_reason_add(text, "not deprecated");
    else
        add_said(text, said->is_withdrawn ? "no longer deprecated, said" : "deprecated",
                 &court->policy->keys[key], said);
    return refuses ? -EKEYREJECTED : 0;
}

static int ask_checked(struct court *court, char text[static BFS_VERDICT_REASON_SIZE])
{
    static const char *const words[] = {
        [BFS_POLICY_CHECK_UNKNOWN] = "its contract was not checked",
        [BFS_POLICY_CHECK_CLEAN] = "the check of its contract found nothing",
        [BFS_POLICY_CHECK_WARNING] = "the check of its contract found warnings",
        [BFS_POLICY_CHECK_ERROR] = "the check of its contract found errors",
        [BFS_POLICY_CHECK_TOO_LARGE] = "the check of its contract would have to read too much",
    };
    enum bfs_policy_check found = court->facts->check, most = court->rule->check_max;
    if (most == BFS_POLICY_CHECK_ERROR)
        return 0;
    bfs_reason_add(text, "%s", words[found]);
    return found != BFS_POLICY_CHECK_UNKNOWN && found <= most ? 0 : -EKEYREJECTED;
}

/* A version that has the name of an alias would stand where the alias does, and need nothing that
 * the rule asks of the alias. */
static int ask_name(struct court *court, char text[static BFS_VERDICT_REASON_SIZE])
{
    const char *version = court->facts->reference->version;
    for (size_t i = 0; i < court->rule->n_aliases; i++)
        if (strcmp(court->rule->aliases[i].name, version) == 0) {
            bfs_reason_add(text, "%s is the name of an alias, not of a version", version);
            return -EKEYREJECTED;
        }
    return 0;
}

static int ask_required(struct court *court, char text[static BFS_VERDICT_REASON_SIZE])
{
    return bfs_policy_require(court->policy, court->facts, &court->rule->require, court->whose,
                              court->trace, text);
}

static int ask_all(struct court *court, char reason[static BFS_VERDICT_REASON_SIZE])
{
    static const question questions[] = {ask_revoked,  ask_name,       ask_required,
                                         ask_promoted, ask_deprecated, ask_checked};
    int code = 0;
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        char text[BFS_VERDICT_REASON_SIZE] = "";
        int r = questions[i](court, text);
        if (*text && questions[i] != ask_required)
            tell(court->trace, r == 0, text);
        if (r && code == 0) {
            code = r;
            /* A requirement names its rule itself. */
            if (questions[i] == ask_required)
                memcpy(reason, text, sizeof(text));
            else
                bfs_reason_add(reason, "%s; %s", text, court->whose);
        }
        if (code && !court->trace)
            break;
    }
    return code;
}

static void tell_rule(const struct court *court, int rule)
{
    char text[BFS_VERDICT_REASON_SIZE] = "";
    char name[BFS_REFERENCE_MAX + 1];
    (void)bfs_reference_text(court->facts->reference, name);
    if (rule > 0)
        bfs_reason_add(text, "%s %d do%s not match; ", rule == 1 ? "rule" : "rules 1 to", rule,
                       rule == 1 ? "es" : "");
    bfs_reason_add(text, "%s matches %s", court->whose, name);
    tell(court->trace, true, text);
}

void bfs_policy_judge(const struct bfs_policy *policy, const struct bfs_facts *facts,
                      const struct bfs_policy_trace *trace, struct bfs_verdict *ret)
{
    *ret = (struct bfs_verdict){.rule = -1, .until = INT64_MAX};
    if (!policy) {
        bfs_reason_add(ret->reason, "there is no policy");
        tell(trace, true, ret->reason);
        return;
    }
    struct court court = {.policy = policy, .facts = facts, .trace = trace, .until = INT64_MAX};
    ret->rule = bfs_policy_find_rule(policy, facts->reference);
    if (ret->rule < 0) {
        char name[BFS_REFERENCE_MAX + 1];
        ret->code = -EKEYREJECTED;
        bfs_reason_add(ret->reason, "no rule of the policy matches %s",
                       bfs_reference_text(facts->reference, name));
        tell(trace, false, ret->reason);
        return;
    }
    court.rule = &policy->rules[ret->rule];
    /* Which alias points to it may depend on any key. */
    if (court.rule->refuses_unpromoted)
        bfs_policy_next_epoch(policy, facts->now, &court.until);
    (void)snprintf(court.whose, sizeof(court.whose), "rule %d (\"%.200s\")", ret->rule + 1,
                   court.rule->match);
    tell_rule(&court, ret->rule);
    for (size_t i = 0; i < facts->n_evidence; i++)
        bfs_policy_next_change(policy, facts->evidence[i], facts->now, &court.until);
    ret->code = ask_all(&court, ret->reason);
    bfs_policy_uncounted(policy, facts, trace, ret);
    if (ret->code == 0)
        bfs_reason_add(ret->reason, "%s has all that it asks for", court.whose);
    ret->until = court.until;
}
