/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/explain.h"

#include "accel/review/policy_check.h"
#include "codec/store/trust.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/report.h"
#include "tools/text.h"
#include "tools/verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct explanation {
    struct json_object *steps; /* NULL: they are printed */
    int status;                /* of the JSON builders */
};

static void on_step(void *context, bool passed, const char *text)
{
    struct explanation *explanation = context;
    if (!explanation->steps) {
        bfs_autofree char *printable = bfs_text_printable(text, strlen(text));
        if (printable)
            (void)printf("%-4s %s\n", passed ? "ok" : "no", printable);
        else
            explanation->status = -ENOMEM;
        return;
    }
    struct json_object *step = bfs_json_new_object(&explanation->status);
    bfs_json_add_boolean(step, "passed", passed, &explanation->status);
    bfs_report_text(step, "text", text, strlen(text), &explanation->status);
    bfs_json_append(explanation->steps, step, &explanation->status);
}

static void add_names(struct json_object *root, const char *name, char *const names[], size_t n,
                      int *status)
{
    struct json_object *list = n ? bfs_json_new_array(status) : NULL;
    for (size_t i = 0; i < n; i++)
        bfs_json_append(list, bfs_json_new_string(names[i], status), status);
    if (n)
        bfs_json_add(root, name, list, status);
}

static int print_json(struct explanation *explanation, const char *name, const char *path,
                      const struct bfs_verdict *verdict, const struct bfs_policy_readers *readers)
{
    int *status = &explanation->status;
    struct json_object *root = bfs_json_new_object(status);
    bfs_json_add_string(root, "schema_version", "1.0", status);
    bfs_json_add_string(root, "name", name, status);
    bfs_report_text(root, "policy", path, strlen(path), status);
    bfs_json_add_boolean(root, "served", verdict->code == 0, status);
    if (verdict->code)
        bfs_json_add_string(root, "code", bfs_error_word(verdict->code), status);
    if (verdict->rule >= 0)
        bfs_json_add_integer(root, "rule", (uint64_t)verdict->rule + 1, status);
    bfs_report_text(root, "reason", verdict->reason, strlen(verdict->reason), status);
    bfs_json_add(root, "steps", bfs_steal(&explanation->steps), status);
    if (readers->has_access) {
        char mode[8];
        (void)snprintf(mode, sizeof(mode), "%04o", (unsigned)readers->mode);
        struct json_object *access = bfs_json_new_object(status);
        add_names(access, "users", readers->users, readers->n_users, status);
        add_names(access, "groups", readers->groups, readers->n_groups, status);
        bfs_json_add_string(access, "mode", mode, status);
        bfs_json_add(root, "access", access, status);
    }
    return bfs_report_print(root, *status);
}

static void print_list(const char *word, char *const names[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)printf("%s%s", i ? ", " : word, names[i]);
}

static int print_text(const char *name, const struct bfs_verdict *verdict,
                       const struct bfs_policy_readers *readers)
{
    bfs_autofree char *reason = bfs_text_printable(verdict->reason, strlen(verdict->reason));
    if (readers->has_access) {
        (void)printf("     access: mode %04o", (unsigned)readers->mode);
        print_list("; users ", readers->users, readers->n_users);
        print_list("; groups ", readers->groups, readers->n_groups);
        (void)printf("\n");
    }
    if (!reason)
        return -ENOMEM;
    (void)printf("%s is %s: %s\n", name, verdict->code ? "refused" : "served", reason);
    return 0;
}

static int judge(const struct bfs_opened *opened, const char *path, const struct bfs_policy *policy,
                 bool json)
{
    struct explanation explanation = {0};
    struct bfs_trust trust = {.store = opened->store,
                              .catalog = opened->catalog,
                              .policy = policy,
                              .now = (int64_t)time(NULL),
                              .check = bfs_policy_check_bundle};
    const struct bfs_policy_trace trace = {.step = on_step, .context = &explanation};
    struct bfs_verdict verdict;
    struct bfs_error error = {0};
    char name[BFS_REFERENCE_MAX + 1];
    if (json)
        explanation.steps = bfs_json_new_array(&explanation.status);
    if (bfs_trust_judge(&trust, &opened->entry->reference, &opened->entry->manifest, &trace,
                        &verdict, &error)) {
        (void)json_object_put(explanation.steps);
        return bfs_message_error(&error);
    }
    if (opened->entry->is_hidden) {
        static const char reason[] =
            "it was packed with --hidden: mounts leave it out until it is promoted";
        on_step(&explanation, false, reason);
        if (verdict.code == 0) {
            verdict.code = -ENOENT;
            (void)snprintf(verdict.reason, sizeof(verdict.reason), "%s", reason);
        }
    }
    struct bfs_policy_readers readers = bfs_policy_readers(policy, &opened->entry->reference);
    (void)bfs_reference_text(&opened->entry->reference, name);
    int status = BFS_EXIT_OK;
    if (json)
        status = print_json(&explanation, name, path, &verdict, &readers);
    else if (print_text(name, &verdict, &readers) || explanation.status) {
        bfs_message("out of memory");
        status = BFS_EXIT_FAILED;
    }
    return verdict.code ? BFS_EXIT_FAILED : status;
}

int bfs_explain(const char *store, const char *reference, const char *path, bool json)
{
    bfs_autoopened struct bfs_opened opened = {.policy_named = path};
    int status = bfs_opened_entry("doctor", store, reference, &opened);
    if (status == BFS_EXIT_OK)
        status = bfs_opened_policy(&opened);
    if (status != BFS_EXIT_OK)
        return status;
    /* As a mount does: a user or group that this host does not know is refused there. */
    struct bfs_error error = {0};
    if (opened.policy && bfs_policy_resolve(opened.policy, opened.policy_path, &error))
        return bfs_message_error(&error);
    return judge(&opened, opened.policy_path ? opened.policy_path : BFS_POLICY_NONE, opened.policy,
                 json);
}
