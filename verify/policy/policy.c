/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/policy.h"

#include "verify/policy/rules.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const struct bfs_json_field fields[] = {
    {"schema_version", BFS_JSON_STRING, true},
    {"keys", BFS_JSON_ARRAY, false},
    {"rules", BFS_JSON_ARRAY, true},
    {"annotations", BFS_JSON_OBJECT, false},
    {0},
};

static int read_document(struct bfs_policy *policy, struct json_object *root, const char *what,
                         struct bfs_error *error)
{
    int r = bfs_json_check(root, fields, false, what, error);
    if (r)
        return r;
    const char *version = bfs_json_string(root, "schema_version");
    if (strcmp(version, "1.0") != 0) {
        (void)bfs_fail(error, -EPROTONOSUPPORT, "%s: unknown schema_version", what);
        bfs_fail_values(error, "1.0", version);
        return -EPROTONOSUPPORT;
    }
    if ((r = bfs_policy_read_keys(policy, bfs_json_member(root, "keys"), what, error)) ||
        (r = bfs_policy_read_rules(policy, bfs_json_member(root, "rules"), what, error)))
        return r;
    r = bfs_policy_index_rules(policy);
    return r ? bfs_fail(error, r, "%s: out of memory", what) : 0;
}

int bfs_policy_parse(const void *text, size_t size, const char *what, struct bfs_policy **ret,
                     struct bfs_error *error)
{
    bfs_autojson struct json_object *root = NULL;
    if (size > BFS_POLICY_SIZE_MAX)
        return bfs_fail(error, -E2BIG, "%s: a policy has at most %d bytes", what,
                        BFS_POLICY_SIZE_MAX);
    int r = bfs_json_parse(text, size, what, &root, error);
    if (r)
        return r;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = calloc(1, sizeof(*policy));
    if (!policy)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", what);
    atomic_init(&policy->references, 1);
    r = bfs_sha256(text, size, &policy->digest);
    if (r)
        return bfs_fail(error, r, "%s: cannot compute its digest", what);
    r = read_document(policy, root, what, error);
    if (r)
        return r;
    *ret = bfs_steal(&policy);
    return 0;
}

/* The bytes of a regular file, which may grow and shrink meanwhile. */
static int read_file(const char *path, struct bfs_buffer *ret, struct bfs_error *error)
{
    struct stat st;
    /* A pipe in its place would keep the caller waiting. */
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return bfs_fail(error, -EINVAL, "%s: not a regular file", path);
    for (;;) {
        uint8_t bytes[65536];
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
        if (n == 0)
            break;
        bfs_buffer_put(ret, bytes, (size_t)n);
        if (ret->size > BFS_POLICY_SIZE_MAX)
            return bfs_fail(error, -E2BIG, "%s: a policy has at most %d bytes", path,
                            BFS_POLICY_SIZE_MAX);
    }
    int r = bfs_buffer_status(ret);
    return r ? bfs_fail(error, r, "%s: out of memory", path) : 0;
}

int bfs_policy_load(const char *path, struct bfs_policy **ret, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    int r = read_file(path, &text, error);
    return r ? r
             : bfs_policy_parse(text.size ? (const void *)text.bytes : "", text.size, path, ret,
                                error);
}

struct bfs_policy *bfs_policy_ref(struct bfs_policy *policy)
{
    if (policy)
        atomic_fetch_add(&policy->references, 1);
    return policy;
}

struct bfs_policy *bfs_policy_unref(struct bfs_policy *policy)
{
    if (policy && atomic_fetch_sub(&policy->references, 1) == 1) {
        for (size_t i = 0; i < policy->n_rules; i++)
            bfs_rule_done(&policy->rules[i]);
        free(policy->rules);
        free(policy->places);
        free(policy->keys);
        free(policy->roles);
        free(policy);
    }
    return NULL;
}

const struct bfs_digest *bfs_policy_digest(const struct bfs_policy *policy)
{
    return &policy->digest;
}

const char *bfs_policy_key_name(const struct bfs_policy *policy, size_t i)
{
    return policy->keys[i].name;
}

size_t bfs_policy_n_keys(const struct bfs_policy *policy)
{
    return policy ? policy->n_keys : 0;
}
