/* SPDX-License-Identifier: Apache-2.0
 * bundlefs gc: frees what no bundle uses. */
#include "codec/store/gc.h"
#include "tools/message.h"
#include "tools/report.h"
#include "tools/text.h"
#include "tools/verbs.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    WAIT_DEFAULT = 10,
    WAIT_MAX = 1000000, /* seconds; 11 days, and the milliseconds fit in an unsigned */
};

struct options {
    bool dry_run;
    bool json;
    uint64_t wait;
};

static int print_json(const struct bfs_gc_report *report, bool dry_run)
{
    int status = 0;
    struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_boolean(root, "dry_run", dry_run, &status);
    bfs_json_add_integer(root, "n_blobs", report->n_blobs, &status);
    bfs_json_add_integer(root, "n_removed", report->n_removed, &status);
    bfs_json_add_integer(root, "removed_size", report->removed_size, &status);
    bfs_json_add_integer(root, "n_temporaries", report->n_temporaries, &status);
    bfs_json_add_integer(root, "temporaries_size", report->temporaries_size, &status);
    return bfs_report_print(root, status);
}

static int print_line(const struct bfs_gc_report *report, bool dry_run)
{
    char blobs[BFS_SIZE_TEXT_SIZE], temporaries[BFS_SIZE_TEXT_SIZE];
    (void)printf("%s %" PRIu64 " blobs, %s, and %" PRIu64 " temporary files, %s; %" PRIu64
                 " blobs stay\n",
                 dry_run ? "would remove" : "removed", report->n_removed,
                 bfs_text_size(report->removed_size, blobs), report->n_temporaries,
                 bfs_text_size(report->temporaries_size, temporaries), report->n_blobs);
    return BFS_EXIT_OK;
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    BFS_CLEANUP(bfs_store_cleanup) struct bfs_store *store = NULL;
    struct bfs_gc_report report;
    struct bfs_error error = {0};
    (void)n_args;
    if (options->wait > WAIT_MAX)
        return bfs_message_usage("gc", "--wait must be 0 to %d seconds", WAIT_MAX);
    if (bfs_store_open(args[0], &store, &error) ||
        bfs_store_gc(store, options->dry_run, (unsigned)options->wait * 1000, &report, &error))
        return bfs_message_error(&error);
    return options->json ? print_json(&report, options->dry_run)
                         : print_line(&report, options->dry_run);
}

static const struct bfs_option table[] = {
    {"dry-run", 'n', NULL, BFS_OPTION_FLAG, offsetof(struct options, dry_run),
     "remove nothing, only say what would be"},
    {"wait", 'w', "SECONDS", BFS_OPTION_UNSIGNED, offsetof(struct options, wait),
     "wait that long for running packs to end (default: 10)"},
    BFS_OPTION_JSON(struct options),
    {0},
};

static const struct options defaults = {.wait = WAIT_DEFAULT};

const struct bfs_verb bfs_verb_gc = {
    .name = "gc",
    .run = run,
    .summary = "free what no bundle of a store uses",
    .synopsis = "STORE",
    .text = "Removes blobs that no bundle names, and what packs that were killed left behind. It "
            "waits for packs that run on the same store, and never removes what one of them is "
            "about to use. A store that is mounted may be collected: open files stay readable.",
    .options = table,
    .defaults = &defaults,
    .options_size = sizeof(struct options),
    .min_args = 1,
    .max_args = 1,
};
