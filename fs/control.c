/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control.h"

#include "fs/json_text.h"

#include "verify/json.h"
#include "verify/rfc3339.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *bfs_control_name(enum bfs_control control)
{
    static const char *const names[] = {
#define NAME(ID, name) name,
        BFS_CONTROL_LIST(NAME)
#undef NAME
    };
    return names[control];
}

/* Counts anew when a bundle has been judged since the last time: a walk through 100,000 bundles takes
 * 10 ms of a request thread. Called while a text is rendered, so by one thread at a time. */
static struct bfs_counted count(struct bfs_fs *fs, const struct bfs_tree *tree)
{
    struct bfs_counted *counted = &fs->counted;
    /* Before the walk: what changes during it is counted the next time. */
    uint64_t judgements = bfs_bundles_judgements(fs->bundles);
    if (counted->is_set && counted->judgements == judgements)
        return *counted;
    *counted = (struct bfs_counted){.is_set = true,
                                    .judgements = judgements,
                                    .n_refused = bfs_tree_catalog(tree)->n_refused};
    size_t n_nodes;
    const struct bfs_tree_node *nodes = bfs_tree_all(tree, &n_nodes);
    char reason[BFS_ERROR_TEXT_SIZE], what[BFS_VERDICT_REASON_SIZE];
    for (size_t i = 0; i < n_nodes; i++) {
        if (nodes[i].kind != BFS_TREE_BUNDLE)
            continue;
        counted->n_refused += bfs_fs_refusal(fs, nodes[i].slot, reason);
        counted->n_uncounted += bfs_guard_uncounted(fs->guard, nodes[i].slot, what);
    }
    return *counted;
}

/* Gauges that are the state of something else are taken when asked for. */
static int write_metrics(struct bfs_fs *fs,
                         void (*write)(const struct bfs_metrics *metrics, struct bfs_buffer *ret),
                         struct bfs_buffer *ret)
{
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(fs);
    uint64_t oldest_ms;
    bfs_metric_set(&fs->metrics, BFS_METRIC_BUNDLES_REFUSED, count(fs, tree).n_refused);
    bfs_metric_set(&fs->metrics, BFS_METRIC_CACHE_BYTES, bfs_cache_size(fs->cache));
    bfs_metric_set(&fs->metrics, BFS_METRIC_TABLE_BYTES, bfs_file_tables_size());
    bfs_metric_set(&fs->metrics, BFS_METRIC_QUEUED_JOBS, bfs_pool_queued(fs->pool));
    bfs_metric_set(&fs->metrics, BFS_METRIC_PENDING_REQUESTS,
                   bfs_calls_pending(fs->calls, &oldest_ms));
    write(&fs->metrics, ret);
    return bfs_buffer_status(ret);
}

static int write_document(struct json_object *root, int status, struct bfs_buffer *ret)
{
    if (status == 0)
        bfs_json_write(root, ret);
    return status ? status : bfs_buffer_status(ret);
}

static void add_expiring(struct json_object *root, const struct bfs_policy *policy, int *status)
{
    struct json_object *list = bfs_json_new_array(status);
    char text[BFS_RFC3339_SIZE];
    int64_t end, now = (int64_t)time(NULL);
    for (size_t i = 0; i < bfs_policy_n_keys(policy); i++) {
        if (!bfs_policy_key_ends_soon(policy, i, now, &end) || bfs_rfc3339_format(end, text))
            continue;
        struct json_object *object = bfs_json_new_object(status);
        bfs_json_add_string(object, "name", bfs_policy_key_name(policy, i), status);
        bfs_json_add_string(object, "not_after", text, status);
        bfs_json_append(list, object, status);
    }
    bfs_json_add(root, "keys_expiring", list, status);
}

/* The policy in force, and what is wrong with its file or the audit log. */
static void add_policy(struct json_object *root, struct bfs_fs *fs, int *status)
{
    char text[BFS_ERROR_TEXT_SIZE], digest[BFS_DIGEST_TEXT_SIZE];
    uint64_t n_lost;
    if (fs->policy_file) {
        BFS_CLEANUP(bfs_policy_cleanup)
        struct bfs_policy *policy = bfs_policy_file_policy(fs->policy_file);
        bfs_json_add_text(root, "policy", bfs_policy_file_path(fs->policy_file), status);
        bfs_json_add_string(root, "policy_digest",
                            bfs_digest_text(bfs_policy_digest(policy), digest), status);
        if (bfs_policy_file_trouble(fs->policy_file, text))
            bfs_json_add_text(root, "policy_trouble", text, status);
        add_expiring(root, policy, status);
    }
    if (!fs->audit)
        return;
    if (bfs_audit_trouble(fs->audit, text, &n_lost))
        bfs_json_add_text(root, "audit_trouble", text, status);
    bfs_json_add_integer(root, "audit_lost_lines", n_lost, status);
}

/* Of the watch, the policy and the log, what is worst. */
static void find_trouble(struct bfs_fs *fs, char ret[static BFS_ERROR_TEXT_SIZE])
{
    char text[BFS_ERROR_TEXT_SIZE];
    uint64_t n_lost;
    if (!ret[0] && fs->policy_file && bfs_policy_file_trouble(fs->policy_file, text))
        (void)snprintf(ret, BFS_ERROR_TEXT_SIZE, "policy: %.1000s", text);
    if (!ret[0] && bfs_audit_trouble(fs->audit, text, &n_lost))
        (void)snprintf(ret, BFS_ERROR_TEXT_SIZE, "%s", text);
    uint64_t n_corrupt = bfs_metric_get(&fs->metrics, BFS_METRIC_CORRUPT_CHUNKS);
    if (!ret[0] && n_corrupt > 0)
        (void)snprintf(ret, BFS_ERROR_TEXT_SIZE,
                       "%" PRIu64 " reads of corrupt chunks were refused since the mount; the log "
                       "names them, bundlefs verify finds all",
                       n_corrupt);
}

struct forks {
    struct json_object *list;
    int *status;
};

static void add_fork(void *context, const char *path, uint64_t sequence)
{
    const struct forks *forks = context;
    struct json_object *object = bfs_json_new_object(forks->status);
    bfs_json_add_text(object, "alias", path, forks->status);
    bfs_json_add_integer(object, "sequence", sequence, forks->status);
    bfs_json_append(forks->list, object, forks->status);
}

/* Whether anybody's signature was looked at, and where moves with one number contradict each other.
 */
static void add_aliases(struct json_object *root, struct bfs_fs *fs, int *status)
{
    struct forks forks = {bfs_json_new_array(status), status};
    bfs_json_add_string(root, "aliases", fs->policy_file ? "verified" : "unverified", status);
    bfs_links_forks(fs->links, add_fork, &forks);
    bfs_json_add(root, "alias_forks", forks.list, status);
}

enum { UNCOUNTED_LISTED = 100 }; /* bundles */

/* Statements whose signers may not say what they say. */
static void add_uncounted(struct json_object *root, struct bfs_fs *fs, const struct bfs_tree *tree,
                          uint64_t total, int *status)
{
    struct json_object *list = bfs_json_new_array(status);
    const struct bfs_tree_node *nodes;
    char what[BFS_VERDICT_REASON_SIZE], name[BFS_REFERENCE_MAX + 1];
    size_t n, n_listed = 0;
    nodes = bfs_tree_all(tree, &n);
    for (size_t i = 0; total && i < n && n_listed < UNCOUNTED_LISTED; i++) {
        if (nodes[i].kind != BFS_TREE_BUNDLE ||
            bfs_guard_uncounted(fs->guard, nodes[i].slot, what) == 0)
            continue;
        n_listed++;
        struct json_object *object = bfs_json_new_object(status);
        bfs_json_add_text(object, "name", bfs_bundles_name(fs->bundles, nodes[i].slot, name),
                          status);
        bfs_json_add_text(object, "what", what, status);
        bfs_json_append(list, object, status);
    }
    bfs_json_add_integer(root, "statements_not_counted", total, status);
    bfs_json_add(root, "not_counted", list, status);
}

static void add_pending(void *context, const char *path, uint64_t sequence, const char *version,
                        const char *reason)
{
    const struct forks *pending = context;
    struct json_object *object = bfs_json_new_object(pending->status);
    bfs_json_add_text(object, "alias", path, pending->status);
    bfs_json_add_integer(object, "sequence", sequence, pending->status);
    bfs_json_add_text(object, "version", version, pending->status);
    bfs_json_add_text(object, "reason", reason, pending->status);
    bfs_json_append(pending->list, object, pending->status);
}

/* What statements ask for and the policy does not grant. */
static void add_ungranted(struct json_object *root, struct bfs_fs *fs, const struct bfs_tree *tree,
                          uint64_t n_uncounted, int *status)
{
    struct forks pending = {bfs_json_new_array(status), status};
    add_uncounted(root, fs, tree, n_uncounted, status);
    bfs_links_pending(fs->links, add_pending, &pending);
    bfs_json_add(root, "promotions_not_in_force", pending.list, status);
}

static int write_health(struct bfs_fs *fs, struct bfs_buffer *ret)
{
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(fs);
    char trouble[BFS_ERROR_TEXT_SIZE];
    uint64_t oldest_ms, pending = bfs_calls_pending(fs->calls, &oldest_ms);
    struct bfs_counted counted = count(fs, tree);
    char no_passthrough[BFS_ERROR_TEXT_SIZE];
    (void)pthread_mutex_lock(&fs->mutex);
    memcpy(no_passthrough, fs->no_passthrough, sizeof(no_passthrough));
    memcpy(trouble, fs->trouble, sizeof(trouble));
    bool is_exposed = fs->is_exposed;
    uint64_t checked = fs->checked_ms, now = bfs_now_ms();
    (void)pthread_mutex_unlock(&fs->mutex);
    uint64_t age = now > checked ? now - checked : 0;
    /* The watching thread and the workers hang with the store, so silence is a sign too. */
    uint64_t timeout_ms = fs->options->timeout * 1000;
    if (!trouble[0] &&
        (age > timeout_ms + fs->options->poll_ms || bfs_pool_longest_ms(fs->pool) > timeout_ms))
        (void)snprintf(trouble, sizeof(trouble), "the store does not answer");

    find_trouble(fs, trouble);

    int status = 0;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "schema_version", "1.0", &status);
    bfs_json_add_string(root, "status", trouble[0] ? "degraded" : "ok", &status);
    if (trouble[0])
        bfs_json_add_text(root, "reason", trouble, &status);
    bfs_json_add_string(root, "version", BFS_VERSION, &status);
    bfs_json_add_text(root, "store", bfs_store_path(fs->store), &status);
    bfs_json_add_integer(root, "bundles", bfs_tree_catalog(tree)->n_entries, &status);
    bfs_json_add_integer(root, "refused", counted.n_refused, &status);
    add_aliases(root, fs, &status);
    bfs_json_add_integer(root, "catalog_age_ms", age, &status);
    bfs_json_add_integer(root, "pending_requests", pending, &status);
    bfs_json_add_integer(root, "oldest_request_ms", oldest_ms, &status);
    add_policy(root, fs, &status);
    if (fs->policy_file)
        bfs_json_add_boolean(root, "store_readable_by_all", is_exposed, &status);
    if (fs->policy_file)
        add_ungranted(root, fs, tree, counted.n_uncounted, &status);
    if (fs->options->view) {
        bfs_json_add_text(root, "view", fs->options->view, &status);
        bfs_json_add_boolean(root, "view_found", atomic_load(&fs->is_view_found), &status);
    }
    bfs_json_add_integer(root, "corrupt_chunks",
                         bfs_metric_get(&fs->metrics, BFS_METRIC_CORRUPT_CHUNKS), &status);
    bfs_json_add_string(root, "passthrough", no_passthrough[0] ? "off" : "on", &status);
    if (no_passthrough[0])
        bfs_json_add_text(root, "passthrough_reason", no_passthrough, &status);
    return write_document(root, status, ret);
}

static void add_refusal(struct json_object *list, const char *name, const char *reason, int *status)
{
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_text(object, "name", name, status);
    bfs_json_add_text(object, "reason", reason, status);
    bfs_json_append(list, object, status);
}

struct refusals {
    struct json_object *list;
    struct json_object *told; /* names of statements that are in the list */
    int *status;
};

/* Whoever needs a statement reads it, and refuses it anew. */
static void add_statement(void *context, const struct bfs_statement_refusal *refusal)
{
    const struct refusals *refusals = context;
    if (refusals->told && bfs_json_member(refusals->told, refusal->name))
        return;
    bfs_json_add_boolean(refusals->told, refusal->name, true, refusals->status);
    add_refusal(refusals->list, refusal->name, refusal->reason, refusals->status);
}

static int write_refused(struct bfs_fs *fs, struct bfs_buffer *ret)
{
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *tree = bfs_fs_tree(fs);
    const struct bfs_catalog *catalog = bfs_tree_catalog(tree);
    int status = 0;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    struct json_object *list = bfs_json_new_array(&status);
    bfs_json_add_string(root, "schema_version", "1.0", &status);
    for (size_t i = 0; i < catalog->n_refusals; i++)
        add_refusal(list, catalog->refusals[i].name, catalog->refusals[i].reason, &status);
    size_t n;
    const struct bfs_tree_node *nodes = bfs_tree_all(tree, &n);
    for (size_t i = 0; i < n; i++) {
        char reason[BFS_ERROR_TEXT_SIZE], name[BFS_REFERENCE_MAX + 1];
        if (nodes[i].kind == BFS_TREE_BUNDLE && bfs_fs_refusal(fs, nodes[i].slot, reason))
            add_refusal(list, bfs_bundles_name(fs->bundles, nodes[i].slot, name), reason, &status);
    }
    bfs_autojson struct json_object *told = bfs_json_new_object(&status);
    struct refusals refusals = {list, told, &status};
    bfs_links_refusals(fs->links, add_statement, &refusals);
    bfs_signatures_refusals(fs->signatures, add_statement, &refusals);
    bfs_json_add(root, "refused", list, &status);
    return write_document(root, status, ret);
}

int bfs_control_write(struct bfs_fs *fs, enum bfs_control control, struct bfs_buffer *ret)
{
    switch (control) {
    case BFS_CONTROL_METRICS:
        return write_metrics(fs, bfs_metrics_write, ret);
    case BFS_CONTROL_OPENMETRICS:
        return write_metrics(fs, bfs_metrics_write_openmetrics, ret);
    case BFS_CONTROL_HEALTH:
        return write_health(fs, ret);
    case BFS_CONTROL_HOST:
        return bfs_host_write(&fs->host, ret);
    case BFS_CONTROL_REFUSED:
        return write_refused(fs, ret);
    case BFS_CONTROL_SESSION:
        return bfs_negotiated_write(fs, ret);
    case BFS_N_CONTROLS:
        break;
    }
    return -ENOENT;
}
