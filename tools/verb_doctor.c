/* SPDX-License-Identifier: Apache-2.0
 * bundlefs doctor: what a mount has, what it lacks, what that costs and how to get it. */
#include "tools/doctor.h"
#include "tools/explain.h"
#include "tools/message.h"
#include "tools/report.h"
#include "tools/text.h"
#include "tools/verbs.h"

#include <stdio.h>
#include <string.h>

struct options {
    bool explain;
    const char *policy;
    bool json;
};

static const char *const words[] = {[BFS_FINDING_OK] = "ok",
                                    [BFS_FINDING_NOTE] = "note",
                                    [BFS_FINDING_MISSING] = "missing",
                                    [BFS_FINDING_FAULT] = "fault"};

static bool has_fault(const struct bfs_diagnosis *diagnosis)
{
    for (size_t i = 0; i < diagnosis->n; i++)
        if (diagnosis->findings[i].state == BFS_FINDING_FAULT)
            return true;
    return false;
}

static int print_text(const struct bfs_diagnosis *diagnosis)
{
    for (size_t i = 0; i < diagnosis->n; i++) {
        const struct bfs_finding *finding = &diagnosis->findings[i];
        bfs_autofree char *found = bfs_text_printable(finding->found, strlen(finding->found));
        if (!found) {
            bfs_message("out of memory");
            return BFS_EXIT_FAILED;
        }
        (void)printf("%-8s %s: %s\n", words[finding->state], finding->name, found);
        if (finding->cost)
            (void)printf("%-8s costs: %s\n%-8s to get it: %s\n", "", finding->cost, "",
                         finding->how);
    }
    return BFS_EXIT_OK;
}

static int print_json(struct bfs_diagnosis *diagnosis)
{
    int status = 0;
    struct json_object *root = bfs_json_new_object(&status);
    struct json_object *list = bfs_json_new_array(&status);
    bfs_json_add_string(root, "schema_version", "1.0", &status);
    for (size_t i = 0; i < diagnosis->n; i++) {
        const struct bfs_finding *finding = &diagnosis->findings[i];
        struct json_object *object = bfs_json_new_object(&status);
        bfs_json_add_string(object, "name", finding->name, &status);
        bfs_json_add_string(object, "state", words[finding->state], &status);
        bfs_report_text(object, "found", finding->found, strlen(finding->found), &status);
        if (finding->cost) {
            bfs_json_add_string(object, "cost", finding->cost, &status);
            bfs_json_add_string(object, "how", finding->how, &status);
        }
        bfs_json_append(list, object, &status);
    }
    bfs_json_add(root, "findings", list, &status);
    bfs_json_add(root, "session", json_object_get(diagnosis->session), &status);
    return bfs_report_print(root, status);
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autodiagnosis struct bfs_diagnosis diagnosis = {0};
    struct bfs_error error = {0};
    if (options->explain != (n_args == 2))
        return bfs_message_usage("doctor", options->explain
                                               ? "--explain wants STORE NAME:VERSION"
                                               : "without --explain, name one MOUNTPOINT");
    if (options->explain)
        return bfs_explain(args[0], args[1], options->policy, options->json);
    if (options->policy)
        return bfs_message_usage("doctor", "--policy goes with --explain");
    if (bfs_diagnosis_make(args[0], &diagnosis, &error))
        return bfs_message_error(&error);
    int status = options->json ? print_json(&diagnosis) : print_text(&diagnosis);
    return status == BFS_EXIT_OK && has_fault(&diagnosis) ? BFS_EXIT_FAILED : status;
}

static const struct bfs_option table[] = {
    {"explain", 'e', NULL, BFS_OPTION_FLAG, offsetof(struct options, explain),
     "tell what a policy makes of a bundle, and why"},
    {"policy", 'p', "FILE", BFS_OPTION_STRING, offsetof(struct options, policy),
     "the policy for --explain instead of this host's"},
    BFS_OPTION_JSON(struct options),
    {0},
};

const struct bfs_verb bfs_verb_doctor = {
    .name = "doctor",
    .run = run,
    .summary = "tell what a mount has, and what it lacks",
    .synopsis = "MOUNTPOINT | --explain STORE NAME:VERSION",
    .text = "Asks the daemon of a mount what it agreed on with the kernel, and looks at limits, "
            "the store's file system, idle CPUs, what was read so far and what went wrong "
            "meanwhile. What is missing is listed with what "
            "it costs and how to get it. Exit status 1 when reads fail or will (a fault: corrupt "
            "chunks, a store that does not answer) or the daemon cannot be asked; else 0.\n\n"
            "With --explain, nothing needs to be mounted: a policy judges a bundle of a store by "
            "its statements, as a mount would, and each step is printed: which rule matches, "
            "which keys count, why others do not. Exit status 0 when the bundle would be served, 1 "
            "when it would be refused.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 1,
    .max_args = 2,
};
