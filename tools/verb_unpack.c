/* SPDX-License-Identifier: Apache-2.0
 * bundlefs unpack: a bundle becomes the directory that was packed. */
#include "codec/unpack/unpack.h"
#include "tools/interrupt.h"
#include "tools/jobs.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/progress.h"
#include "tools/text.h"
#include "tools/verbs.h"

#include <inttypes.h>
#include <stdio.h>

struct options {
    uint64_t jobs;
    const char *view;
    const char *policy;
    bool metadata;
    bool no_sync;
};

static int on_progress(void *context, uint64_t done, uint64_t total)
{
    bfs_progress_show(context, done, total, 0);
    return bfs_interrupted();
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autoopened struct bfs_opened opened = {.policy_named = options->policy};
    struct bfs_progress progress = bfs_progress_start();
    struct bfs_unpack_options unpack = {
        .directory = args[2],
        .metadata = options->metadata,
        .view = options->view,
        .no_sync = options->no_sync,
        .progress = on_progress,
        .context = &progress,
    };
    struct bfs_unpack_report report;
    struct bfs_error error = {0};
    char size[BFS_SIZE_TEXT_SIZE];
    (void)n_args;
    if (options->view && options->metadata)
        return bfs_message_usage("unpack", "--view and --metadata exclude each other");
    int status = bfs_jobs_resolve("unpack", options->jobs, &unpack.n_jobs);
    if (status == BFS_EXIT_OK)
        status = bfs_opened_bundle("unpack", args[0], args[1], &opened);
    if (status == BFS_EXIT_OK)
        status = bfs_opened_admit(&opened, opened.entry);
    if (status != BFS_EXIT_OK)
        return status;
    bfs_interrupt_install();
    int r = bfs_unpack(opened.bundle, &unpack, &report, &error);
    bfs_progress_clear(&progress);
    if (r == -EINTR) {
        bfs_message("stopped; %s was not made", args[2]);
        return BFS_EXIT_FAILED;
    }
    if (r)
        return bfs_message_error(&error);
    (void)printf("%s  %" PRIu64 " files, %s, in %s\n", args[1], report.n_files,
                 bfs_text_size(report.content_size, size), args[2]);
    return BFS_EXIT_OK;
}

static const struct bfs_option table[] = {
    BFS_OPTION_JOBS(struct options),
    {"metadata", 'm', NULL, BFS_OPTION_FLAG, offsetof(struct options, metadata),
     "also write manifest.json, SHA256SUMS, a generated contract.json and the views"},
    {"view", '\0', "ID", BFS_OPTION_STRING, offsetof(struct options, view),
     "write the directory of this view, complete, instead"},
    {"no-sync", '\0', NULL, BFS_OPTION_FLAG, offsetof(struct options, no_sync),
     "do not wait until the files are on the disk"},
    BFS_OPTION_POLICY(struct options),
    {0},
};

static const struct options defaults = {.jobs = BFS_JOBS_UNSET};

const struct bfs_verb bfs_verb_unpack = {
    .name = "unpack",
    .run = run,
    .summary = "write a bundle's files into a directory",
    .synopsis = "STORE NAME:VERSION DIR",
    .text = "Writes what was packed, bit for bit, with permissions, times and links, into the "
            "directory DIR, which must not exist or be empty; views that pack made are left out. "
            "Every byte is proved first. DIR gets "
            "its name at the end: a failure leaves nothing, and a kill at most a directory called "
            "DIR.partial-XXXXXX. A bundle that the policy in force refuses is not written.",
    .options = table,
    .defaults = &defaults,
    .options_size = sizeof(struct options),
    .min_args = 3,
    .max_args = 3,
};
