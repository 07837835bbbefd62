/* SPDX-License-Identifier: Apache-2.0
 * "access" of a rule, and the users and groups of this system that it names. */
#include "verify/policy/rules.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

static const struct bfs_json_field fields[] = {
    {"users", BFS_JSON_ARRAY, false},
    {"groups", BFS_JSON_ARRAY, false},
    {"mode", BFS_JSON_STRING, true},
    {0},
};

/* Read and enter come together: a directory that can be read but not entered helps nobody. */
static int read_mode(const char *text, const char *place, mode_t *ret, struct bfs_error *error)
{
    if (strlen(text) != 4 || text[0] != '0' || strspn(text, "05") != 4) {
        (void)bfs_fail(error, -EBADMSG, "%s: \"mode\" is not understood", place);
        bfs_fail_values(
            error, "0 and three digits, 5 (may read) or 0: users, groups, others; \"0550\"", text);
        return -EBADMSG;
    }
    *ret = 0;
    for (const char *at = text; *at; at++)
        *ret = *ret << 3 | (mode_t)(*at - '0');
    return 0;
}

static bool is_printable(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f || *at == ':')
            return false;
    return *text && strlen(text) <= BFS_STATEMENT_ROLE_MAX;
}

static int read_names(struct json_object *object, const char *field, const char *place, char ***ret,
                      size_t *ret_n, struct bfs_error *error)
{
    struct json_object *list = bfs_json_member(object, field);
    size_t n = list ? json_object_array_length(list) : 0;
    if (n > BFS_POLICY_READERS_MAX)
        return bfs_fail(error, -E2BIG, "%s: %zu %s are more than %d", place, n, field,
                        BFS_POLICY_READERS_MAX);
    *ret = calloc(n + 1, sizeof(**ret));
    if (!*ret)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", place);
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const char *name =
            json_object_is_type(item, json_type_string) ? json_object_get_string(item) : "";
        if (!is_printable(name) || strlen(name) != (size_t)json_object_get_string_len(item))
            return bfs_fail(error, -EBADMSG, "%s: \"%s\" has something that is no name at %zu",
                            place, field, i + 1);
        for (size_t j = 0; j < i; j++)
            if (strcmp((*ret)[j], name) == 0)
                return bfs_fail(error, -EBADMSG, "%s: \"%s\" is in \"%s\" twice", place, name,
                                field);
        (*ret)[i] = strdup(name);
        if (!(*ret)[i])
            return bfs_fail(error, -ENOMEM, "%s: out of memory", place);
        *ret_n = i + 1;
    }
    return 0;
}

int bfs_rule_read_access(struct bfs_rule *rule, struct json_object *object, const char *place,
                         struct bfs_error *error)
{
    struct bfs_access *access = &rule->access;
    char inner[BFS_POLICY_PLACE_SIZE];
    int r;
    if (!object)
        return 0;
    (void)snprintf(inner, sizeof(inner), "%.230s: access", place);
    if ((r = bfs_json_check(object, fields, false, inner, error)) ||
        (r = read_mode(bfs_json_string(object, "mode"), inner, &access->mode, error)) ||
        (r = read_names(object, "users", inner, &rule->users, &access->n_users, error)) ||
        (r = read_names(object, "groups", inner, &rule->groups, &access->n_groups, error)))
        return r;
    access->users = calloc(access->n_users + 1, sizeof(*access->users));
    access->groups = calloc(access->n_groups + 1, sizeof(*access->groups));
    if (!access->users || !access->groups)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", inner);
    rule->has_access = true;
    return 0;
}

/* A number stands for itself, so that a policy can be written for users of another system. */
static bool parse_number(const char *text, uint32_t *ret)
{
    uint64_t value = 0;
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > 10 || text[n])
        return false;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (uint64_t)(text[i] - '0');
    if (value >= UINT32_MAX) /* -1 means "none" to the kernel */
        return false;
    *ret = (uint32_t)value;
    return true;
}

/* Calls one of the two with a buffer that is large enough. */
static int look_up(const char *name, bool is_group, uint32_t *ret)
{
    enum { SIZE_MAX_TRIED = 1 << 20 };
    if (parse_number(name, ret))
        return 0;
    for (size_t size = 4096;; size *= 2) {
        bfs_autofree char *buffer = malloc(size);
        struct passwd user, *found_user = NULL;
        struct group group, *found_group = NULL;
        if (!buffer)
            return -ENOMEM;
        int r = is_group ? getgrnam_r(name, &group, buffer, size, &found_group)
                         : getpwnam_r(name, &user, buffer, size, &found_user);
        if (r == ERANGE && size < SIZE_MAX_TRIED)
            continue;
        /* Some sources of users report that there is none as an error of theirs. */
        if (!found_user && !found_group)
            return r == ENOMEM || r == EIO || r == EMFILE || r == ENFILE ? -r : -ENOENT;
        *ret = is_group ? found_group->gr_gid : found_user->pw_uid;
        return 0;
    }
}

/* Numbers that were found. Asking the system reads its files anew each time, or asks a server. */
struct known {
    struct json_object *users, *groups; /* by name */
};

static int recall_or_look_up(struct json_object *known, const char *name, bool is_group,
                             uint32_t *ret)
{
    int status = 0;
    if (bfs_json_member(known, name)) {
        *ret = (uint32_t)bfs_json_integer(known, name);
        return 0;
    }
    int r = look_up(name, is_group, ret);
    if (r == 0)
        bfs_json_add_integer(known, name, *ret, &status);
    return r ? r : status;
}

static int resolve_names(char *const names[], size_t n, bool is_group, const struct known *known,
                         uint32_t ret[], const char *place, struct bfs_error *error)
{
    for (size_t i = 0; i < n; i++) {
        int r =
            recall_or_look_up(is_group ? known->groups : known->users, names[i], is_group, &ret[i]);
        if (r == -ENOENT)
            return bfs_fail(error, r, "%s: this system has no %s \"%s\"; its number would do",
                            place, is_group ? "group" : "user", names[i]);
        if (r)
            return bfs_fail(error, r, "%s: cannot look up \"%s\": %s", place, names[i],
                            strerror(-r));
    }
    return 0;
}

static int resolve_rule(struct bfs_rule *rule, const struct known *known, const char *place,
                        struct bfs_error *error)
{
    struct bfs_access *access = &rule->access;
    int r = resolve_names(rule->users, access->n_users, false, known, access->users, place, error);
    return r ? r
             : resolve_names(rule->groups, access->n_groups, true, known, access->groups, place,
                             error);
}

int bfs_policy_resolve(struct bfs_policy *policy, const char *what, struct bfs_error *error)
{
    _Static_assert(sizeof(uid_t) == sizeof(uint32_t) && sizeof(gid_t) == sizeof(uint32_t),
                   "ids are 32 bits wide");
    int status = 0;
    bfs_autojson struct json_object *users = bfs_json_new_object(&status);
    bfs_autojson struct json_object *groups = bfs_json_new_object(&status);
    const struct known known = {users, groups};
    if (status)
        return bfs_fail(error, status, "%s: out of memory", what);
    for (size_t i = 0; policy && i < policy->n_rules; i++) {
        char place[BFS_POLICY_PLACE_SIZE];
        if (!policy->rules[i].has_access)
            continue;
        (void)snprintf(place, sizeof(place), "%.200s: rule %zu: access", what, i + 1);
        int r = resolve_rule(&policy->rules[i], &known, place, error);
        if (r)
            return r;
    }
    return 0;
}

const struct bfs_access *bfs_policy_access(const struct bfs_policy *policy,
                                           const struct bfs_reference *reference)
{
    int rule = policy ? bfs_policy_find_rule(policy, reference) : -1;
    return rule >= 0 && policy->rules[rule].has_access ? &policy->rules[rule].access : NULL;
}

bool bfs_policy_limits_readers(const struct bfs_policy *policy)
{
    for (size_t i = 0; i < policy->n_rules; i++)
        if (policy->rules[i].has_access)
            return true;
    return false;
}

struct bfs_policy_readers bfs_policy_readers(const struct bfs_policy *policy,
                                             const struct bfs_reference *reference)
{
    int number = policy ? bfs_policy_find_rule(policy, reference) : -1;
    const struct bfs_rule *rule = number >= 0 ? &policy->rules[number] : NULL;
    if (!rule || !rule->has_access)
        return (struct bfs_policy_readers){0};
    return (struct bfs_policy_readers){.has_access = true,
                                       .mode = rule->access.mode,
                                       .users = rule->users,
                                       .n_users = rule->access.n_users,
                                       .groups = rule->groups,
                                       .n_groups = rule->access.n_groups};
}
