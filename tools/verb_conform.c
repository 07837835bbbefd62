/* SPDX-License-Identifier: Apache-2.0
 * bundlefs conform: does a runtime give the answers that the contract expects? */
#include "codec/store/files.h"
#include "tools/conform.h"
#include "tools/directory.h"
#include "tools/interrupt.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/report.h"
#include "tools/text.h"
#include "tools/verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct options {
    char *views; /* joined by commas */
    uint64_t timeout;
    bool all;
    bool unpack;
    const char *directory; /* NULL: a bundle of the store */
    bool dereference;
    const char *policy;
    bool json;
};

/* One fixture on one view. */
struct outcome {
    const char *view; /* "": the bundle */
    const char *fixture;
    struct bfs_conform_result result;
};

enum { VIEWS_MAX = BFS_VIEWS_MAX + 1 };

struct conforming {
    const struct options *options;
    struct bfs_opened opened;
    struct bfs_subject subject;
    struct bfs_conform_place place;
    char *list; /* what `views` points into */
    const char *views[VIEWS_MAX];
    size_t n_views;
    struct outcome *outcomes;
    size_t n_outcomes;
    size_t n_passed;
};

static void conforming_done(struct conforming *conforming)
{
    bfs_conform_place_done(&conforming->place);
    bfs_subject_done(&conforming->subject);
    bfs_opened_done(&conforming->opened);
    free(conforming->list);
    free(conforming->outcomes);
}

static int choose_views(const struct options *options, struct conforming *conforming)
{
    const struct bfs_subject *subject = &conforming->subject;
    if (!options->views || options->all)
        conforming->views[conforming->n_views++] = "";
    if (options->all) {
        for (size_t i = 0; i < subject->n_views; i++)
            conforming->views[conforming->n_views++] = subject->views[i].id;
        return BFS_EXIT_OK;
    }
    conforming->list = strdup(options->views ? options->views : "");
    char *rest = options->views ? conforming->list : NULL;
    for (const char *id; (id = strsep(&rest, ","));) {
        if (!bfs_subject_has_view(subject, id)) {
            bfs_message("the bundle has no view \"%s\"", id);
            return BFS_EXIT_FAILED;
        }
        if (conforming->n_views == VIEWS_MAX)
            return bfs_message_usage("conform", "more than %d times --view", VIEWS_MAX);
        conforming->views[conforming->n_views++] = id;
    }
    return BFS_EXIT_OK;
}

static int open_subject(const struct options *options, char **args, struct conforming *conforming)
{
    struct bfs_opened *opened = &conforming->opened;
    struct bfs_reference reference;
    struct bfs_error error = {0};
    int r, status = options->directory ? bfs_parse_reference("conform", args[1], &reference)
                                       : bfs_opened_bundle("conform", args[0], args[1], opened);
    if (status)
        return status;
    r = options->directory ? bfs_directory_as_is(&reference, options->directory,
                                                 options->dereference, &conforming->subject, &error)
                           : bfs_subject_of_bundle(&opened->entry->reference, opened->bundle,
                                                   &conforming->subject, &error);
    return r ? bfs_message_error(&error) : BFS_EXIT_OK;
}

static int prepare(const struct options *options, char **args, struct conforming *conforming)
{
    struct bfs_opened *opened = &conforming->opened;
    struct bfs_subject *subject = &conforming->subject;
    struct bfs_error error = {0};
    opened->policy_named = options->policy;
    int status = open_subject(options, args, conforming);
    if (status == BFS_EXIT_OK && opened->entry)
        status = bfs_opened_admit(opened, opened->entry);
    if (status)
        return status;
    if (bfs_subject_read_contract(subject, &error))
        return bfs_message_error(&error);
    if (!subject->has_contract || subject->contract.n_fixtures == 0) {
        bfs_message("%s: the contract has no fixtures, so there is nothing to compare with",
                    args[1]);
        return BFS_EXIT_FAILED;
    }
    status = choose_views(options, conforming);
    if (status)
        return status;
    conforming->outcomes =
        calloc(conforming->n_views * subject->contract.n_fixtures, sizeof(*conforming->outcomes));
    if (!conforming->outcomes) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    bfs_interrupt_install();
    if (bfs_conform_place_make(opened->store, opened->policy_path, subject, options->unpack,
                               &conforming->place, &error))
        return bfs_message_error(&error);
    return BFS_EXIT_OK;
}

static void tell(const struct outcome *outcome)
{
    bfs_autofree char *text =
        bfs_text_printable(outcome->result.sentence, strlen(outcome->result.sentence));
    (void)printf("%s %s %s", bfs_conform_verdict_name(outcome->result.verdict),
                 *outcome->view ? outcome->view : "bundle", outcome->fixture);
    if (outcome->result.verdict == BFS_CONFORM_PASSED)
        (void)printf(": %" PRIu64 " values, largest difference %.6g\n", outcome->result.n_values,
                     outcome->result.largest);
    else
        (void)printf(": %s\n", text ? text : "");
    (void)fflush(stdout);
}

/* What the command opens: the bundle's directory or that of a view in it. */
static char *directory_of(const struct conforming *conforming, const char *view)
{
    if (!*view)
        return strdup(conforming->place.bundle);
    bfs_autofree char *views = bfs_join(conforming->place.bundle, "views");
    return views ? bfs_join(views, view) : NULL;
}

static int run_one(struct conforming *conforming, const char *view,
                   const struct bfs_contract_fixture *fixture, char **command)
{
    struct outcome *outcome = &conforming->outcomes[conforming->n_outcomes];
    bfs_autofree char *directory = directory_of(conforming, view);
    bfs_autobuffer struct bfs_buffer folder = BFS_BUFFER_INIT;
    struct bfs_error error = {0};
    bfs_buffer_printf(&folder, "%s/run-%zu", conforming->place.folder, conforming->n_outcomes);
    bfs_buffer_put_u8(&folder, 0);
    if (!directory || bfs_buffer_status(&folder)) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    const char *path = (const char *)folder.bytes;
    if (mkdir(path, 0700) != 0) {
        bfs_message("%s: %s", path, strerror(errno));
        return BFS_EXIT_FAILED;
    }
    const struct bfs_conform_job job = {.subject = &conforming->subject,
                                        .fixture = fixture,
                                        .folder = path,
                                        .directory = directory,
                                        .view = view,
                                        .args = command,
                                        .timeout_seconds = conforming->options->timeout};
    outcome->view = view;
    outcome->fixture = fixture->name;
    if (bfs_conform_run(&job, &outcome->result, &error))
        return bfs_message_error(&error);
    conforming->n_outcomes++;
    conforming->n_passed += outcome->result.verdict == BFS_CONFORM_PASSED;
    if (!conforming->options->json)
        tell(outcome);
    return BFS_EXIT_OK;
}

/* Stops early only when it was told to. */
static int run_all(struct conforming *conforming, char **command)
{
    const struct bfs_contract *contract = &conforming->subject.contract;
    for (size_t v = 0; v < conforming->n_views; v++)
        for (size_t i = 0; i < contract->n_fixtures; i++) {
            int status = run_one(conforming, conforming->views[v], &contract->fixtures[i], command);
            if (status || bfs_interrupted())
                return status;
        }
    return BFS_EXIT_OK;
}

static int print_json(const struct conforming *conforming)
{
    int status = 0;
    struct json_object *root = bfs_json_new_object(&status);
    struct json_object *list = bfs_json_new_array(&status);
    if (conforming->options->directory) {
        bfs_json_add_string(root, "name", conforming->subject.reference.name, &status);
        bfs_json_add_string(root, "version", conforming->subject.reference.version, &status);
        bfs_report_text(root, "directory", conforming->options->directory,
                        strlen(conforming->options->directory), &status);
    } else {
        bfs_report_entry(root, conforming->opened.entry, &status);
    }
    bfs_json_add_boolean(root, "mounted", conforming->place.is_mounted, &status);
    bfs_json_add_boolean(root, "passed", conforming->n_passed == conforming->n_outcomes, &status);
    for (size_t i = 0; i < conforming->n_outcomes; i++) {
        const struct outcome *outcome = &conforming->outcomes[i];
        struct json_object *object = bfs_json_new_object(&status);
        char largest[32];
        if (*outcome->view)
            bfs_json_add_string(object, "view", outcome->view, &status);
        bfs_json_add_string(object, "fixture", outcome->fixture, &status);
        bfs_json_add_string(object, "verdict", bfs_conform_verdict_name(outcome->result.verdict),
                            &status);
        bfs_json_add_integer(object, "n_values", outcome->result.n_values, &status);
        (void)snprintf(largest, sizeof(largest), "%.6e", outcome->result.largest);
        bfs_json_add_string(object, "largest_difference", largest, &status);
        if (*outcome->result.sentence)
            bfs_report_text(object, "sentence", outcome->result.sentence,
                            strlen(outcome->result.sentence), &status);
        bfs_json_append(list, object, &status);
    }
    bfs_json_add(root, "results", list, &status);
    return bfs_report_print(root, status);
}

static int run(const void *given, int n_args, char **args)
{
    struct conforming conforming __attribute__((cleanup(conforming_done))) = {.options = given};
    (void)n_args;
    int status = prepare(given, args, &conforming);
    if (status == BFS_EXIT_OK)
        status = run_all(&conforming, args + 2);
    if (status)
        return status;
    if (conforming.options->json && (status = print_json(&conforming)))
        return status;
    size_t n_wanted = conforming.n_views * conforming.subject.contract.n_fixtures;
    return conforming.n_passed == n_wanted ? BFS_EXIT_OK : BFS_EXIT_FAILED;
}

static const struct bfs_option table[] = {
    {"view", 'v', "ID", BFS_OPTION_LIST, offsetof(struct options, views),
     "run on the view ID instead of the bundle itself; may be given again"},
    {"all", 'a', NULL, BFS_OPTION_FLAG, offsetof(struct options, all),
     "run on the bundle itself and on every view"},
    {"timeout", 't', "SECONDS", BFS_OPTION_UNSIGNED, offsetof(struct options, timeout),
     "end a run after SECONDS (default: 600; 0: never)"},
    {"unpack", 'u', NULL, BFS_OPTION_FLAG, offsetof(struct options, unpack),
     "unpack the bundle instead of mounting the store"},
    {"directory", 'd', "DIR", BFS_OPTION_STRING, offsetof(struct options, directory),
     "run on the directory DIR before it is packed as NAME:VERSION, and on its views/"},
    {"dereference", 'L', NULL, BFS_OPTION_FLAG, offsetof(struct options, dereference),
     "with --directory: take what symbolic links point to instead of the links"},
    BFS_OPTION_POLICY(struct options),
    BFS_OPTION_JSON(struct options),
    {0},
};

static const struct options defaults = {.timeout = 600};

const struct bfs_verb bfs_verb_conform = {
    .name = "conform",
    .run = run,
    .summary = "run a command on a contract's fixtures and compare its answers",
    .synopsis = "STORE NAME:VERSION -- COMMAND...",
    .text =
        "Runs COMMAND once for each fixture of the contract, and compares what it writes with the "
        "outputs that the fixture expects, within its tolerance. Options stand before \"--\".\n\n"
        "COMMAND finds in its environment BUNDLEFS_BUNDLE, the directory of the bundle or view; "
        "BUNDLEFS_VIEW, the view's id or nothing; BUNDLEFS_FIXTURE, the fixture's name; "
        "BUNDLEFS_INPUTS, a directory with a file for each input, named after it; and "
        "BUNDLEFS_OUTPUTS, where it is to write a file for each output, as NAME.npy or NAME.json, "
        "or with the end of the expected file. What it prints goes to stderr.\n\n"
        "The exit status is 0 when every fixture passes on every view asked for.",
    .options = table,
    .defaults = &defaults,
    .options_size = sizeof(struct options),
    .min_args = 3,
    .max_args = INT_MAX,
};
