/* SPDX-License-Identifier: Apache-2.0
 * "keys" of a policy. */
#include "verify/policy/rules.h"
#include "verify/rfc3339.h"

#include <stdio.h>
#include <string.h>

static const struct bfs_json_field fields[] = {
    {"name", BFS_JSON_STRING, true},
    {"public_key", BFS_JSON_STRING, true},
    {"roles", BFS_JSON_ARRAY, true},
    {"not_before", BFS_JSON_STRING, false},
    {"not_after", BFS_JSON_STRING, false},
    {"annotations", BFS_JSON_OBJECT, false},
    {0},
};

/* The number of a role, which is a new one when no key had it yet. */
static int intern_role(struct bfs_policy *policy, const char *role, const char *place,
                       unsigned *ret, struct bfs_error *error)
{
    for (size_t i = 0; i < policy->n_roles; i++)
        if (strcmp(policy->roles[i], role) == 0) {
            *ret = (unsigned)i;
            return 0;
        }
    if (policy->n_roles == BFS_POLICY_DISTINCT_ROLES)
        return bfs_fail(error, -E2BIG, "%s: more than %d different roles", place,
                        BFS_POLICY_DISTINCT_ROLES);
    if (!policy->roles) {
        policy->roles = calloc(BFS_POLICY_DISTINCT_ROLES, sizeof(*policy->roles));
        if (!policy->roles)
            return bfs_fail(error, -ENOMEM, "%s: out of memory", place);
    }
    memcpy(policy->roles[policy->n_roles], role, strlen(role) + 1);
    *ret = (unsigned)policy->n_roles++;
    return 0;
}

static int read_roles(struct bfs_policy *policy, struct json_object *list, const char *place,
                      struct bfs_roles *ret, struct bfs_error *error)
{
    size_t n = json_object_array_length(list);
    if (n > BFS_POLICY_ROLES_MAX)
        return bfs_fail(error, -E2BIG, "%s: %zu roles are more than %d", place, n,
                        BFS_POLICY_ROLES_MAX);
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        unsigned role = 0;
        if (!json_object_is_type(item, json_type_string) ||
            !bfs_role_is_valid(json_object_get_string(item)))
            return bfs_fail(error, -EBADMSG,
                            "%s: role %zu is not a word of letters, digits, '.', '_' and '-'",
                            place, i + 1);
        int r = intern_role(policy, json_object_get_string(item), place, &role, error);
        if (r)
            return r;
        if (bfs_roles_has(ret, role))
            return bfs_fail(error, -EBADMSG, "%s: the role \"%s\" is there twice", place,
                            policy->roles[role]);
        ret->bits[role / 64] |= UINT64_C(1) << (role % 64);
    }
    return 0;
}

static int read_time(struct json_object *object, const char *name, const char *place, int64_t *ret,
                     struct bfs_error *error)
{
    const char *text = bfs_json_string(object, name);
    if (text && bfs_rfc3339_parse(text, ret)) {
        (void)bfs_fail(error, -EBADMSG, "%s: \"%s\" is not a time", place, name);
        bfs_fail_values(error, "a time such as 2026-01-31T12:00:00Z", text);
        return -EBADMSG;
    }
    return 0;
}

/* One key under two names would count twice for a threshold. */
static int check_distinct(const struct bfs_policy *policy, const struct bfs_policy_key *key,
                          const char *place, struct bfs_error *error)
{
    for (size_t i = 0; i < policy->n_keys; i++) {
        if (strcmp(policy->keys[i].name, key->name) == 0)
            return bfs_fail(error, -EBADMSG, "%s: the name \"%s\" is there twice", place,
                            key->name);
        if (bfs_public_key_equal(&policy->keys[i].key, &key->key))
            return bfs_fail(error, -EBADMSG, "%s: it is the same key as \"%s\"", place,
                            policy->keys[i].name);
    }
    return 0;
}

static int read_key(struct bfs_policy *policy, struct json_object *object, const char *place,
                    struct bfs_error *error)
{
    struct bfs_policy_key key = {.not_before = INT64_MIN, .not_after = INT64_MAX};
    int r = bfs_json_check(object, fields, false, place, error);
    if (r)
        return r;
    const char *name = bfs_json_string(object, "name");
    if (!bfs_role_is_valid(name)) {
        (void)bfs_fail(error, -EBADMSG, "%s: \"name\" is not a word", place);
        bfs_fail_values(error, "up to 64 letters, digits, '.', '_' and '-'", name);
        return -EBADMSG;
    }
    memcpy(key.name, name, strlen(name) + 1);
    if ((r = bfs_public_key_parse_line(bfs_json_string(object, "public_key"), place, &key.key,
                                       error)) ||
        (r = read_roles(policy, bfs_json_member(object, "roles"), place, &key.roles, error)) ||
        (r = read_time(object, "not_before", place, &key.not_before, error)) ||
        (r = read_time(object, "not_after", place, &key.not_after, error)) ||
        (r = check_distinct(policy, &key, place, error)))
        return r;
    if (key.not_after <= key.not_before)
        return bfs_fail(error, -EBADMSG,
                        "%s: it is valid until \"not_after\", but only from "
                        "\"not_before\" on, which is no earlier",
                        place);
    policy->keys[policy->n_keys++] = key;
    return 0;
}

int bfs_policy_read_keys(struct bfs_policy *policy, struct json_object *list, const char *what,
                         struct bfs_error *error)
{
    size_t n = list ? json_object_array_length(list) : 0;
    if (n > BFS_POLICY_KEYS_MAX)
        return bfs_fail(error, -E2BIG, "%s: %zu keys are more than %d", what, n,
                        BFS_POLICY_KEYS_MAX);
    policy->keys = calloc(n + 1, sizeof(*policy->keys));
    if (!policy->keys)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", what);
    for (size_t i = 0; i < n; i++) {
        char place[BFS_POLICY_PLACE_SIZE];
        (void)snprintf(place, sizeof(place), "%.200s: key %zu", what, i + 1);
        int r = read_key(policy, json_object_array_get_idx(list, i), place, error);
        if (r)
            return r;
    }
    return 0;
}
