/* SPDX-License-Identifier: Apache-2.0
 * "rules" of a policy. */
#include "verify/policy/pattern.h"
#include "verify/policy/rules.h"

#include <stdio.h>
#include <string.h>

static const struct bfs_json_field rule_fields[] = {
    {"match", BFS_JSON_STRING, true},        {"require", BFS_JSON_ARRAY, false},
    {"aliases", BFS_JSON_OBJECT, false},     {"unpromoted", BFS_JSON_STRING, false},
    {"deprecated", BFS_JSON_STRING, false},  {"past_sunset", BFS_JSON_STRING, false},
    {"deprecate", BFS_JSON_ARRAY, false},    {"revoke", BFS_JSON_ARRAY, false},
    {"check", BFS_JSON_STRING, false},       {"access", BFS_JSON_OBJECT, false},
    {"annotations", BFS_JSON_OBJECT, false}, {0},
};

static const struct bfs_json_field requirement_fields[] = {
    {"statement", BFS_JSON_STRING, true},
    {"role", BFS_JSON_STRING, true},
    {"count", BFS_JSON_INTEGER, false},
    {0},
};

static const struct bfs_json_field alias_fields[] = {
    {"move", BFS_JSON_ARRAY, true},
    {"require", BFS_JSON_ARRAY, false},
    {0},
};

/* A place with what is inside of it; `whole` has BFS_POLICY_PLACE_SIZE bytes. */
static char *inside(const char *place, const char *name, char *whole)
{
    (void)snprintf(whole, BFS_POLICY_PLACE_SIZE, "%.180s: %.64s", place, name);
    return whole;
}

/* One of the two words; `ret` keeps its value when the field is absent. */
static int read_choice(struct json_object *object, const char *name, const char *place, bool *ret,
                       struct bfs_error *error)
{
    const char *text = bfs_json_string(object, name);
    if (!text)
        return 0;
    if (strcmp(text, "allow") != 0 && strcmp(text, "refuse") != 0) {
        (void)bfs_fail(error, -EBADMSG, "%s: \"%s\" is not understood", place, name);
        bfs_fail_values(error, "allow or refuse", text);
        return -EBADMSG;
    }
    *ret = strcmp(text, "refuse") == 0;
    return 0;
}

static int read_check(struct json_object *object, const char *place, enum bfs_policy_check *ret,
                      struct bfs_error *error)
{
    const char *text = bfs_json_string(object, "check");
    *ret = BFS_POLICY_CHECK_ERROR;
    if (!text || strcmp(text, "none") == 0)
        return 0;
    if (strcmp(text, "error") == 0) {
        *ret = BFS_POLICY_CHECK_WARNING;
    } else if (strcmp(text, "warning") == 0) {
        *ret = BFS_POLICY_CHECK_CLEAN;
    } else {
        (void)bfs_fail(error, -EBADMSG, "%s: \"check\" is not understood", place);
        bfs_fail_values(error, "none, error or warning", text);
        return -EBADMSG;
    }
    return 0;
}

/* The number of a role that some key has. */
static int find_role(const struct bfs_policy *policy, struct json_object *value, const char *place,
                     unsigned *ret, struct bfs_error *error)
{
    const char *role =
        json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
    for (size_t i = 0; role && i < policy->n_roles; i++)
        if (strcmp(policy->roles[i], role) == 0) {
            *ret = (unsigned)i;
            return 0;
        }
    return bfs_fail(error, -EBADMSG, "%s: no key has the role \"%.64s\"", place, role ? role : "");
}

/* Who may do something: these roles; every key when the field is absent. */
static int read_roles(const struct bfs_policy *policy, struct json_object *object, const char *name,
                      const char *place, struct bfs_roles *ret, struct bfs_error *error)
{
    struct json_object *list = bfs_json_member(object, name);
    char inner[BFS_POLICY_PLACE_SIZE];
    size_t n = list ? json_object_array_length(list) : 0;
    (void)inside(place, name, inner);
    ret->any = !list;
    if (n > BFS_POLICY_ROLES_MAX)
        return bfs_fail(error, -E2BIG, "%s: %zu roles are more than %d", inner, n,
                        BFS_POLICY_ROLES_MAX);
    for (size_t i = 0; i < n; i++) {
        unsigned role = 0;
        int r = find_role(policy, json_object_array_get_idx(list, i), inner, &role, error);
        if (r)
            return r;
        ret->bits[role / 64] |= UINT64_C(1) << (role % 64);
    }
    return 0;
}

static int read_kind(const char *word, const char *place, enum bfs_statement_kind *ret,
                     struct bfs_error *error)
{
    if (bfs_statement_kind_parse(word, ret) == 0 &&
        (*ret == BFS_STATEMENT_SIGNATURE || *ret == BFS_STATEMENT_APPROVAL ||
         *ret == BFS_STATEMENT_PROVENANCE))
        return 0;
    (void)bfs_fail(error, -EBADMSG, "%s: \"statement\" cannot be required", place);
    bfs_fail_values(error, "signature, approval or provenance", word);
    return -EBADMSG;
}

static int read_requirement(const struct bfs_policy *policy, struct json_object *object,
                            const char *place, struct bfs_requirement *ret, struct bfs_error *error)
{
    struct bfs_requirement requirement = {.count = 1};
    int r;
    if ((r = bfs_json_check(object, requirement_fields, false, place, error)) ||
        (r = read_kind(bfs_json_string(object, "statement"), place, &requirement.kind, error)) ||
        (r = find_role(policy, bfs_json_member(object, "role"), place, &requirement.role, error)))
        return r;
    if (bfs_json_member(object, "count")) {
        uint64_t count = bfs_json_integer(object, "count");
        if (count < 1 || count > BFS_POLICY_KEYS_MAX)
            return bfs_fail(error, -EBADMSG, "%s: \"count\" is not from 1 to %d", place,
                            BFS_POLICY_KEYS_MAX);
        requirement.count = (unsigned)count;
    }
    unsigned n = 0;
    for (size_t i = 0; i < policy->n_keys; i++)
        n += bfs_roles_has(&policy->keys[i].roles, requirement.role);
    if (n < requirement.count)
        return bfs_fail(error, -EBADMSG, "%s: it wants %u keys with the role \"%s\"; there are %u",
                        place, requirement.count, policy->roles[requirement.role], n);
    *ret = requirement;
    return 0;
}

static int read_requirements(const struct bfs_policy *policy, struct json_object *object,
                             const char *place, struct bfs_requirements *ret,
                             struct bfs_error *error)
{
    struct json_object *list = bfs_json_member(object, "require");
    size_t n = list ? json_object_array_length(list) : 0;
    if (n > BFS_POLICY_REQUIREMENTS_MAX)
        return bfs_fail(error, -E2BIG, "%s: %zu requirements are more than %d", place, n,
                        BFS_POLICY_REQUIREMENTS_MAX);
    ret->items = calloc(n + 1, sizeof(*ret->items));
    if (!ret->items)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", place);
    for (size_t i = 0; i < n; i++) {
        char name[32], inner[BFS_POLICY_PLACE_SIZE];
        (void)snprintf(name, sizeof(name), "requirement %zu", i + 1);
        int r = read_requirement(policy, json_object_array_get_idx(list, i),
                                 inside(place, name, inner), &ret->items[i], error);
        if (r)
            return r;
        ret->n++;
    }
    return 0;
}

static int read_alias(const struct bfs_policy *policy, const char *name, struct json_object *object,
                      const char *place, struct bfs_alias_rule *ret, struct bfs_error *error)
{
    char inner[BFS_POLICY_PLACE_SIZE];
    int r;
    (void)snprintf(inner, sizeof(inner), "%.120s: alias \"%.64s\"", place, name);
    if (strcmp(name, "*") != 0 && !bfs_alias_is_valid(name))
        return bfs_fail(error, -EBADMSG, "%s: that cannot be an alias", inner);
    memcpy(ret->name, name, strlen(name) + 1);
    if ((r = bfs_json_check(object, alias_fields, false, inner, error)) ||
        (r = read_roles(policy, object, "move", inner, &ret->move, error)))
        return r;
    return read_requirements(policy, object, inner, &ret->require, error);
}

static int read_aliases(const struct bfs_policy *policy, struct json_object *object,
                        const char *place, struct bfs_rule *rule, struct bfs_error *error)
{
    size_t n = object ? (size_t)json_object_object_length(object) : 0;
    if (n > BFS_POLICY_ALIASES_MAX)
        return bfs_fail(error, -E2BIG, "%s: %zu aliases are more than %d", place, n,
                        BFS_POLICY_ALIASES_MAX);
    rule->aliases = calloc(n + 1, sizeof(*rule->aliases));
    if (!rule->aliases)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", place);
    if (!object)
        return 0;
    json_object_object_foreach(object, name, value)
    {
        int r = read_alias(policy, name, value, place, &rule->aliases[rule->n_aliases++], error);
        if (r)
            return r;
    }
    return 0;
}

static int read_match(const char *text, const char *place, struct bfs_rule *rule,
                      struct bfs_error *error)
{
    const char *colon = strchr(text, ':');
    size_t name_length = colon ? (size_t)(colon - text) : strlen(text);
    if (!bfs_pattern_is_valid(text, name_length, false) ||
        (colon && !bfs_pattern_is_valid(colon + 1, strlen(colon + 1), true))) {
        (void)bfs_fail(error, -EBADMSG, "%s: \"match\" is no pattern", place);
        bfs_fail_values(error, "NAME or NAME:VERSION, with * and **; \"acme/*\"", text);
        return -EBADMSG;
    }
    rule->match = strdup(text);
    if (!rule->match)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", place);
    rule->name_length = name_length;
    rule->version = colon ? rule->match + name_length + 1 : NULL;
    return 0;
}

static int read_rule(const struct bfs_policy *policy, struct json_object *object, const char *place,
                     struct bfs_rule *rule, struct bfs_error *error)
{
    int r;
    rule->refuses_past_sunset = true;
    if ((r = bfs_json_check(object, rule_fields, false, place, error)) ||
        (r = read_match(bfs_json_string(object, "match"), place, rule, error)) ||
        (r = read_requirements(policy, object, place, &rule->require, error)) ||
        (r = read_aliases(policy, bfs_json_member(object, "aliases"), place, rule, error)) ||
        (r = read_choice(object, "unpromoted", place, &rule->refuses_unpromoted, error)) ||
        (r = read_choice(object, "deprecated", place, &rule->refuses_deprecated, error)) ||
        (r = read_choice(object, "past_sunset", place, &rule->refuses_past_sunset, error)) ||
        (r = read_roles(policy, object, "deprecate", place, &rule->deprecate, error)) ||
        (r = read_roles(policy, object, "revoke", place, &rule->revoke, error)) ||
        (r = read_check(object, place, &rule->check_max, error)))
        return r;
    return bfs_rule_read_access(rule, bfs_json_member(object, "access"), place, error);
}

int bfs_policy_read_rules(struct bfs_policy *policy, struct json_object *list, const char *what,
                          struct bfs_error *error)
{
    size_t n = json_object_array_length(list);
    if (n > BFS_POLICY_RULES_MAX)
        return bfs_fail(error, -E2BIG, "%s: %zu rules are more than %d", what, n,
                        BFS_POLICY_RULES_MAX);
    policy->rules = calloc(n + 1, sizeof(*policy->rules));
    if (!policy->rules)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", what);
    for (size_t i = 0; i < n; i++) {
        char place[BFS_POLICY_PLACE_SIZE];
        (void)snprintf(place, sizeof(place), "%.200s: rule %zu", what, i + 1);
        int r = read_rule(policy, json_object_array_get_idx(list, i), place,
                          &policy->rules[policy->n_rules++], error);
        if (r)
            return r;
    }
    return 0;
}

static void free_names(char **names, size_t n)
{
    for (size_t i = 0; names && i < n; i++)
        free(names[i]);
    free(names);
}

void bfs_rule_done(struct bfs_rule *rule)
{
    for (size_t i = 0; i < rule->n_aliases; i++)
        free(rule->aliases[i].require.items);
    free(rule->aliases);
    free(rule->require.items);
    free_names(rule->users, rule->access.n_users);
    free_names(rule->groups, rule->access.n_groups);
    free(rule->access.users);
    free(rule->access.groups);
    free(rule->match);
}
