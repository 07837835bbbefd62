/* SPDX-License-Identifier: Apache-2.0
 * bundlefs check: may this bundle be served? For people, and for continuous integration. */
#include "tools/directory.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/report.h"
#include "tools/review.h"
#include "tools/text.h"
#include "tools/verbs.h"

#include <stdio.h>
#include <string.h>

struct options {
    const char *host;
    const char *against;
    const char *directory; /* NULL: a bundle of the store */
    bool dereference;
    bool json;
};

struct checking {
    struct bfs_opened opened;
    struct bfs_host host;
    struct bfs_subject subject;
    struct bfs_subject before; /* with --against */
    struct bfs_findings findings;
    struct bfs_changes changes;
};

static void checking_done(struct checking *checking)
{
    bfs_changes_done(&checking->changes);
    bfs_findings_done(&checking->findings);
    bfs_subject_done(&checking->before);
    bfs_subject_done(&checking->subject);
    bfs_host_done(&checking->host);
    bfs_opened_done(&checking->opened);
}

/* The bundle, or the directory that is to become it. */
static int open_subject(const struct options *options, char **args, struct checking *checking)
{
    struct bfs_opened *opened = &checking->opened;
    struct bfs_reference reference;
    struct bfs_error error = {0};
    int status = options->directory
                     ? bfs_parse_reference("check", args[1], &reference)
                     : bfs_opened_bundle("check", args[0], args[1], &checking->opened);
    if (status)
        return status;
    if (!options->directory)
        return bfs_subject_of_bundle(&opened->entry->reference, opened->bundle, &checking->subject,
                                     &error)
                   ? bfs_message_error(&error)
                   : BFS_EXIT_OK;
    if (bfs_review_store(args[0], &opened->store, &opened->catalog, &error) ||
        bfs_directory_as_packed(&reference, options->directory, options->dereference,
                                &checking->subject, &error))
        return bfs_message_error(&error);
    return BFS_EXIT_OK;
}

static int review(const struct options *options, struct checking *checking)
{
    struct bfs_error error = {0};
    const struct bfs_opened *opened = &checking->opened;
    struct bfs_review_place place = {.store = opened->store, .catalog = opened->catalog};
    const struct bfs_review_options review = {.standing = opened->store ? bfs_review_state : NULL,
                                              .context = &place,
                                              .store = opened->store,
                                              .catalog = opened->catalog,
                                              .host = &checking->host,
                                              .host_is_named = options->host != NULL};
    if (bfs_host_load(options->host, &checking->host, &error) ||
        bfs_review(&checking->subject, &review, &checking->findings, &error))
        return bfs_message_error(&error);
    return BFS_EXIT_OK;
}

static int compare(const struct options *options, struct checking *checking)
{
    struct bfs_opened *opened = &checking->opened;
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    const struct bfs_catalog_entry *entry = NULL;
    struct bfs_error error = {0};
    int r, status = opened->catalog ? bfs_opened_find("check", options->against, opened, &entry)
                                    : BFS_EXIT_OK;
    if (status)
        return status;
    if (!entry) {
        bfs_message("%s: no such bundle in the store", options->against);
        return BFS_EXIT_FAILED;
    }
    if ((r = bfs_opened_open(opened, entry, &bundle, &error)) ||
        (r = bfs_subject_of_bundle(&entry->reference, bundle, &checking->before, &error)) ||
        (r = bfs_subject_read_contract(&checking->before, &error))) {
        (void)bfs_fail_context(&error, r, "%s", options->against);
        return bfs_message_error(&error);
    }
    if (bfs_review_changes(&checking->before, &checking->subject, &checking->changes,
                           &checking->findings)) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    return BFS_EXIT_OK;
}

static int print_text(const struct options *options, const struct checking *checking)
{
    const struct bfs_findings *findings = &checking->findings;
    char name[BFS_REFERENCE_MAX + 1];
    for (size_t i = 0; i < checking->changes.n; i++) {
        const struct bfs_change *change = &checking->changes.items[i];
        bfs_autofree char *text = bfs_text_printable(change->sentence, strlen(change->sentence));
        (void)printf("%s change: %s\n", bfs_change_class_name(change->value), text ? text : "");
    }
    for (size_t i = 0; i < findings->n; i++) {
        bfs_autofree char *line = bfs_review_line(&findings->items[i]);
        (void)printf("%s\n", line ? line : "");
    }
    (void)printf("%s:", bfs_reference_text(&checking->subject.reference, name));
    for (unsigned i = BFS_SEVERITY_COUNT; i-- > 0;)
        (void)printf(" %zu %s%s%s", findings->counts[i], bfs_severity_name((enum bfs_severity)i),
                     findings->counts[i] == 1 ? "" : "s", i ? "," : "");
    if (options->against)
        (void)printf("; since %s: %s", options->against,
                     bfs_change_class_name(checking->changes.largest));
    (void)putchar('\n');
    return BFS_EXIT_OK;
}

static struct json_object *change_list(const struct bfs_changes *changes, int *status)
{
    struct json_object *list = bfs_json_new_array(status);
    for (size_t i = 0; i < changes->n; i++) {
        struct json_object *object = bfs_json_new_object(status);
        bfs_json_add_string(object, "class", bfs_change_class_name(changes->items[i].value),
                            status);
        bfs_report_text(object, "sentence", changes->items[i].sentence,
                        strlen(changes->items[i].sentence), status);
        bfs_json_append(list, object, status);
    }
    return list;
}

static int print_json(const struct options *options, const struct checking *checking)
{
    const struct bfs_findings *findings = &checking->findings;
    int status = 0;
    struct json_object *root = bfs_json_new_object(&status);
    struct json_object *list = bfs_json_new_array(&status);
    if (options->directory) {
        bfs_json_add_string(root, "name", checking->subject.reference.name, &status);
        bfs_json_add_string(root, "version", checking->subject.reference.version, &status);
        bfs_report_text(root, "directory", options->directory, strlen(options->directory), &status);
    } else {
        bfs_report_entry(root, checking->opened.entry, &status);
    }
    bfs_json_add_boolean(root, "passed", findings->counts[BFS_SEVERITY_ERROR] == 0, &status);
    bfs_json_add_integer(root, "n_errors", findings->counts[BFS_SEVERITY_ERROR], &status);
    bfs_json_add_integer(root, "n_warnings", findings->counts[BFS_SEVERITY_WARNING], &status);
    bfs_json_add_integer(root, "n_notes", findings->counts[BFS_SEVERITY_NOTE], &status);
    for (size_t i = 0; i < findings->n; i++)
        bfs_json_append(list, bfs_review_json(&findings->items[i], &status), &status);
    bfs_json_add(root, "findings", list, &status);
    if (options->against) {
        bfs_json_add_string(root, "against", options->against, &status);
        bfs_json_add_string(root, "change", bfs_change_class_name(checking->changes.largest),
                            &status);
        bfs_json_add(root, "changes", change_list(&checking->changes, &status), &status);
    }
    return bfs_report_print(root, status);
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    struct checking checking __attribute__((cleanup(checking_done))) = {0};
    int status;
    (void)n_args;
    if ((status = open_subject(options, args, &checking)) ||
        (status = review(options, &checking)) ||
        (options->against && (status = compare(options, &checking))) ||
        (status = options->json ? print_json(options, &checking) : print_text(options, &checking)))
        return status;
    return checking.findings.counts[BFS_SEVERITY_ERROR] ? BFS_EXIT_FAILED : BFS_EXIT_OK;
}

static const struct bfs_option table[] = {
    {"host", 'H', "FILE", BFS_OPTION_STRING, offsetof(struct options, host),
     "judge for the host that FILE describes (see \"bundlefs host --json\"), with errors for what "
     "it lacks; otherwise this host is judged, with warnings"},
    {"against", 'a', "NAME:VERSION", BFS_OPTION_STRING, offsetof(struct options, against),
     "tell what changed since that version, and whether the version number says so"},
    {"directory", 'd', "DIR", BFS_OPTION_STRING, offsetof(struct options, directory),
     "check the directory DIR as \"pack\" would make NAME:VERSION of it; nothing is written"},
    {"dereference", 'L', NULL, BFS_OPTION_FLAG, offsetof(struct options, dereference),
     "with --directory: take what symbolic links point to instead of the links"},
    BFS_OPTION_JSON(struct options),
    {0},
};

const struct bfs_verb bfs_verb_check = {
    .name = "check",
    .run = run,
    .summary = "check a bundle's contract, dependencies, resources and host",
    .synopsis = "STORE NAME:VERSION",
    .text =
        "Checks what contract.json promises: that it follows its schema, that files, tensors "
        "and fixtures are what it says, that required bundles are in the store and agree with "
        "each other, that the declared resources are enough, that the licences are known, and "
        "that the host can serve it. The weights are not read; \"bundlefs verify\" does that.\n\n"
        "Each finding has an identifier, a severity and a sentence. The exit status is 1 when "
        "there is an error; warnings and notes pass.\n\n"
        "With --directory a directory is checked before it is packed, and STORE need not exist.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};
