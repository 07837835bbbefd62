/* SPDX-License-Identifier: Apache-2.0
 * bundlefs verify: is everything in a store what it should be? */
#include "codec/check/check.h"
#include "tools/interrupt.h"
#include "tools/jobs.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/text.h"
#include "tools/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct options {
    uint64_t jobs;
    bool quick;
    const char *policy;
    bool json;
};

struct verification {
    const struct bfs_opened *opened;
    uint64_t n_refused; /* bundles that the policy in force does not serve */
    struct bfs_progress progress;
    struct json_object *problems; /* NULL: print them */
    struct json_object *bundles;
    int status; /* of the JSON builders */
};

static int on_progress(void *context, uint64_t done, uint64_t total)
{
    struct verification *verification = context;
    bfs_progress_show(&verification->progress, done, total, 0);
    return bfs_interrupted();
}

static void add_problem(struct verification *verification, const struct bfs_check_problem *problem)
{
    int *status = &verification->status;
    const struct bfs_error *error = problem->error;
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_string(object, "kind", bfs_check_kind_name(problem->kind), status);
    bfs_report_text(object, "bundle", problem->bundle, strlen(problem->bundle), status);
    if (problem->path)
        bfs_report_text(object, "file", problem->path, strlen(problem->path), status);
    if (problem->has_chunk)
        bfs_json_add_integer(object, "chunk", problem->chunk, status);
    bfs_json_add_string(object, "code", bfs_error_word(error->code), status);
    bfs_report_text(object, "what", error->what, strlen(error->what), status);
    if (error->has_offset)
        bfs_json_add_integer(object, "offset", error->offset, status);
    if (*error->expected)
        bfs_report_text(object, "expected", error->expected, strlen(error->expected), status);
    if (*error->found)
        bfs_report_text(object, "found", error->found, strlen(error->found), status);
    bfs_json_append(verification->problems, object, status);
}

/* Problems are what the verb reports, hence data on stdout. */
static void print_problem(struct verification *verification,
                          const struct bfs_check_problem *problem)
{
    char text[BFS_ERROR_TEXT_SIZE];
    bfs_autofree char *line = NULL;
    bfs_progress_clear(&verification->progress);
    if (asprintf(&line, "%s: %s%s%s", problem->bundle, problem->path ? problem->path : "",
                 problem->path ? ": " : "", bfs_error_text(problem->error, text)) < 0)
        line = NULL; /* the exit status is 1 all the same */
    bfs_autofree char *printable = line ? bfs_text_printable(line, strlen(line)) : NULL;
    (void)printf("%s\n", printable ? printable : problem->bundle);
}

static void on_problem(void *context, const struct bfs_check_problem *problem)
{
    struct verification *verification = context;
    if (verification->problems)
        add_problem(verification, problem);
    else
        print_problem(verification, problem);
}

static void report_refusal(struct verification *verification, const char *name, int code,
                           const char *reason)
{
    int *status = &verification->status;
    verification->n_refused++;
    if (!verification->problems) {
        bfs_autofree char *printable = bfs_text_printable(reason, strlen(reason));
        bfs_progress_clear(&verification->progress);
        (void)printf("%s: refused by the policy: %s\n", name, printable ? printable : "?");
        return;
    }
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_string(object, "kind", "policy", status);
    bfs_report_text(object, "bundle", name, strlen(name), status);
    bfs_json_add_string(object, "code", bfs_error_word(code), status);
    bfs_report_text(object, "what", reason, strlen(reason), status);
    bfs_json_append(verification->problems, object, status);
}

/* Asks the policy in force about a bundle whose bytes have been looked at. */
static uint64_t judge(struct verification *verification, const struct bfs_catalog_entry *entry)
{
    struct bfs_verdict verdict;
    struct bfs_error error = {0};
    char name[BFS_REFERENCE_MAX + 1], text[BFS_ERROR_TEXT_SIZE];
    if (!verification->opened->policy)
        return 0;
    const struct bfs_trust trust = bfs_opened_trust(verification->opened);
    (void)bfs_reference_text(&entry->reference, name);
    int r = bfs_trust_judge(&trust, &entry->reference, &entry->manifest, NULL, &verdict, &error);
    if (r || verdict.code)
        report_refusal(verification, name, r ? r : verdict.code,
                       r ? bfs_error_text(&error, text) : verdict.reason);
    return r || verdict.code;
}

static void on_verdict(void *context, const struct bfs_catalog_entry *entry, uint64_t n_problems)
{
    struct verification *verification = context;
    char name[BFS_REFERENCE_MAX + 1];
    n_problems += judge(verification, entry);
    if (!verification->problems) {
        bfs_progress_clear(&verification->progress);
        (void)bfs_reference_text(&entry->reference, name);
        if (n_problems)
            (void)printf("%s  %" PRIu64 " problems\n", name, n_problems);
        else
            (void)printf("%s  ok\n", name);
        return;
    }
    struct json_object *object = bfs_json_new_object(&verification->status);
    bfs_report_entry(object, entry, &verification->status);
    bfs_json_add_integer(object, "n_problems", n_problems, &verification->status);
    bfs_json_append(verification->bundles, object, &verification->status);
}

static int print_json(struct verification *verification, const struct bfs_check_report *report)
{
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"n_problems", report->n_problems},     {"n_bundles", report->n_bundles},
        {"n_files", report->n_files},           {"n_files_read", report->n_files_read},
        {"content_size", report->content_size}, {"n_blobs", report->n_blobs},
        {"blobs_size", report->blobs_size},     {"n_statements", report->n_statements},
        {"n_refused", verification->n_refused},
    };
    const struct {
        const char *name;
        uint64_t value;
    } garbage[] = {
        {"n_unreferenced", report->n_unreferenced},
        {"unreferenced_size", report->unreferenced_size},
        {"n_temporaries", report->n_temporaries},
        {"temporaries_size", report->temporaries_size},
    };
    int *status = &verification->status;
    struct json_object *root = bfs_json_new_object(status);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        bfs_json_add_integer(root, numbers[i].name, numbers[i].value, status);
    for (size_t i = 0; report->has_garbage && i < sizeof(garbage) / sizeof(garbage[0]); i++)
        bfs_json_add_integer(root, garbage[i].name, garbage[i].value, status);
    bfs_json_add(root, "bundles", bfs_steal(&verification->bundles), status);
    bfs_json_add(root, "problems", bfs_steal(&verification->problems), status);
    return bfs_report_print(root, *status);
}

static void print_summary(const char *what, const struct verification *verification,
                          const struct bfs_check_report *report, bool quick)
{
    char content[BFS_SIZE_TEXT_SIZE], blobs[BFS_SIZE_TEXT_SIZE], extra[BFS_SIZE_TEXT_SIZE];
    (void)printf("%s: %" PRIu64 " bundles, %" PRIu64 " files (%s in %" PRIu64
                 " different ones), %" PRIu64 " blobs (%s): ",
                 what, report->n_bundles, report->n_files,
                 bfs_text_size(report->content_size, content), report->n_files_read,
                 report->n_blobs, bfs_text_size(report->blobs_size, blobs));
    if (report->n_problems)
        (void)printf("%" PRIu64 " problems\n", report->n_problems);
    else
        (void)printf("%s\n", quick ? "structure and sizes are right" : "all proved");
    if (verification->n_refused)
        (void)printf("%" PRIu64 " bundle%s refused by the policy %s\n", verification->n_refused,
                     verification->n_refused == 1 ? " is" : "s are",
                     verification->opened->policy_path);
    if (report->n_unreferenced || report->n_temporaries)
        (void)printf("%" PRIu64 " blobs and %" PRIu64
                     " temporary files are not in use (%s); \"bundlefs gc\" removes them\n",
                     report->n_unreferenced, report->n_temporaries,
                     bfs_text_size(report->unreferenced_size + report->temporaries_size, extra));
}

static int check(struct bfs_opened *opened, const char *what,
                 struct bfs_check_options *check_options, bool json)
{
    struct verification verification = {.opened = opened, .progress = bfs_progress_start()};
    struct bfs_check_report report;
    struct bfs_error error = {0};
    if (json) {
        verification.problems = bfs_json_new_array(&verification.status);
        verification.bundles = bfs_json_new_array(&verification.status);
    }
    check_options->problem = on_problem;
    check_options->verdict = on_verdict;
    check_options->progress = on_progress;
    check_options->context = &verification;
    bfs_interrupt_install();
    int r = bfs_check_store(opened->store, opened->catalog, check_options, &report, &error);
    bfs_progress_clear(&verification.progress);
    if (r == -EINTR)
        bfs_message("stopped before everything was checked");
    else if (r)
        (void)bfs_message_error(&error);
    if (r) {
        (void)json_object_put(verification.problems);
        (void)json_object_put(verification.bundles);
        return BFS_EXIT_FAILED;
    }
    int status = BFS_EXIT_OK;
    if (json)
        status = print_json(&verification, &report);
    else
        print_summary(what, &verification, &report, check_options->quick);
    return report.n_problems || verification.n_refused ? BFS_EXIT_FAILED : status;
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autoopened struct bfs_opened opened = {.policy_named = options->policy};
    struct bfs_check_options check_options = {.quick = options->quick};
    int status = bfs_jobs_resolve("verify", options->jobs, &check_options.n_jobs);
    if (status == BFS_EXIT_OK)
        status = n_args == 1 ? bfs_opened_store(args[0], &opened)
                             : bfs_opened_entry("verify", args[0], args[1], &opened);
    if (status == BFS_EXIT_OK)
        status = bfs_opened_policy(&opened);
    if (status != BFS_EXIT_OK)
        return status;
    check_options.entry = opened.entry;
    return check(&opened, args[n_args - 1], &check_options, options->json);
}

static const struct bfs_option table[] = {
    BFS_OPTION_JOBS(struct options),
    {"quick", 'q', NULL, BFS_OPTION_FLAG, offsetof(struct options, quick),
     "check structure, existence and sizes, but do not read the content"},
    BFS_OPTION_POLICY(struct options),
    BFS_OPTION_JSON(struct options),
    {0},
};

static const struct options defaults = {.jobs = BFS_JOBS_UNSET};

const struct bfs_verb bfs_verb_verify = {
    .name = "verify",
    .run = run,
    .summary = "prove every byte of a store, or of a bundle",
    .synopsis = "STORE [NAME:VERSION]",
    .text = "Reads manifests, indexes, chunk tables, every chunk and every blob, and compares all "
            "of it with the digests. It goes on after errors and prints one line for each: bundle, "
            "file, chunk, offset, what was expected and what was found. What bundles share is read "
            "once.\n\n"
            "A bundle that the policy in force refuses is a problem too; with --policy none, bytes "
            "alone are judged.\n\n"
            "Exit status: 0 all is right, 1 something is not.",
    .options = table,
    .defaults = &defaults,
    .options_size = sizeof(struct options),
    .min_args = 1,
    .max_args = 2,
};
