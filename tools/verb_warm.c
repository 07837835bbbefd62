/* SPDX-License-Identifier: Apache-2.0
 * bundlefs warm: asks the daemon of a mount for a bundle that the kernel reads by itself, and
 * waits. The daemon is asked through an extended attribute, so whoever may read the files may ask.
 */
#include "codec/store/files.h"
#include "fs/mounts.h"
#include "tools/interrupt.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/text.h"
#include "tools/verbs.h"

#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define ATTRIBUTE "user.bundlefs.warm"

struct options {
    const char *view;
    const char *policy;
    bool json;
};

/* What the daemon says. */
struct answer {
    char state[16];
    uint64_t done, total, n_files;
    char reason[BFS_ERROR_TEXT_SIZE];
};

/* What was read here, because the kernel does not read it by itself. */
struct reading {
    uint64_t size, n_files;
    struct bfs_progress *progress;
    uint64_t total;
};

/* The mount that shows what `path` is, or has. */
static int find_mount(const char *path, char **ret)
{
    struct bfs_mount_entry entry;
    struct bfs_error error = {0};
    bfs_autofree char *absolute = NULL;
    if (bfs_mount_path(path, &absolute, &error))
        return bfs_message_error(&error);
    if (bfs_mount_find(absolute, &entry) && strcmp(entry.type, BFS_FUSE_TYPE) == 0) {
        *ret = bfs_steal(&absolute);
        return BFS_EXIT_OK;
    }
    int r = bfs_mount_of_store(absolute, ret);
    if (r == 0)
        return BFS_EXIT_OK;
    bfs_message("%s: %s", absolute,
                r == -ENOENT ? "neither a mount nor a store that is mounted" : strerror(-r));
    return BFS_EXIT_FAILED;
}

/* Asks the policy that was named. The mount has one of its own, which its daemon asks. */
static int ask_policy(const char *mount_point, const char *bundle, const char *policy)
{
    bfs_autoopened struct bfs_opened opened = {.policy_named = policy};
    bfs_autofree char *store = NULL;
    if (!policy)
        return BFS_EXIT_OK;
    int r = bfs_mount_store(mount_point, &store);
    if (r) {
        bfs_message("%s: its store is not known: %s", mount_point, strerror(-r));
        return BFS_EXIT_FAILED;
    }
    int status = bfs_opened_entry("warm", store, bundle, &opened);
    return status ? status : bfs_opened_admit(&opened, opened.entry);
}

static int find_directory(const char *place, const char *bundle, const struct options *options,
                          char **ret)
{
    const char *view = options->view;
    bfs_autofree char *mount_point = NULL;
    struct bfs_reference reference;
    bfs_autobuffer struct bfs_buffer path = BFS_BUFFER_INIT;
    /* An alias and "latest" are links of the mount. */
    int status = bfs_parse_any_reference("warm", bundle, &reference);
    if (status == BFS_EXIT_OK)
        status = find_mount(place, &mount_point);
    if (status == BFS_EXIT_OK)
        status = ask_policy(mount_point, bundle, options->policy);
    if (status != BFS_EXIT_OK)
        return status;
    bfs_buffer_printf(&path, "%s/%s/%s", mount_point, reference.name, reference.version);
    if (view)
        bfs_buffer_printf(&path, "/views/%s", view);
    bfs_buffer_put_u8(&path, '\0');
    if (bfs_buffer_status(&path)) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    *ret = (char *)bfs_buffer_steal(&path);
    return BFS_EXIT_OK;
}

static int ask(const char *directory, struct answer *ret)
{
    char text[BFS_ERROR_TEXT_SIZE + 128];
    ssize_t size = getxattr(directory, ATTRIBUTE, text, sizeof(text) - 1);
    if (size < 0) {
        bfs_message("%s: %s", directory, strerror(errno));
        return BFS_EXIT_FAILED;
    }
    text[size] = '\0';
    int reason = 0;
    *ret = (struct answer){0};
    if (sscanf(text, "%15s %" SCNu64 " %" SCNu64 " %" SCNu64 "%n", ret->state, &ret->done,
               &ret->total, &ret->n_files, &reason) != 4) {
        bfs_message("%s: the daemon is of another version", directory);
        return BFS_EXIT_FAILED;
    }
    (void)snprintf(ret->reason, sizeof(ret->reason), "%s", text[reason] ? text + reason + 1 : "");
    return BFS_EXIT_OK;
}

/* Asks until it is settled. */
static int wait_for(const char *directory, struct bfs_progress *progress, struct answer *ret)
{
    static const struct timespec pause = {.tv_nsec = 50000000};
    for (;;) {
        int status = ask(directory, ret);
        if (status != BFS_EXIT_OK || strcmp(ret->state, "filling") != 0)
            return status;
        bfs_progress_show(progress, ret->done, ret->total, 0);
        if (bfs_interrupted()) {
            bfs_progress_clear(progress);
            bfs_message("stopped; the daemon goes on with what has begun");
            return BFS_EXIT_FAILED;
        }
        (void)nanosleep(&pause, NULL);
    }
}

static int read_file(const char *path, struct reading *reading)
{
    static char bytes[1 << 20];
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && !bfs_interrupted()) {
        n = read(fd, bytes, sizeof(bytes));
        reading->size += n > 0 ? (uint64_t)n : 0;
        bfs_progress_show(reading->progress, reading->size, reading->total, 0);
    }
    if (n < 0) {
        int error = errno;
        bfs_progress_clear(reading->progress);
        bfs_message("%s: %s", path, strerror(error));
        return BFS_EXIT_FAILED;
    }
    reading->n_files++;
    return bfs_interrupted() ? BFS_EXIT_FAILED : BFS_EXIT_OK;
}

/* Reads every file below, but the views of a model: into the kernel's page cache, proved. */
static int read_all(char *directory, bool is_view, struct reading *reading)
{
    char *roots[] = {directory, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL);
    int status = walk ? BFS_EXIT_OK : BFS_EXIT_FAILED;
    while (status == BFS_EXIT_OK) {
        FTSENT *entry = fts_read(walk);
        if (!entry && errno) {
            bfs_message("%s: %s", directory, strerror(errno));
            status = BFS_EXIT_FAILED;
        }
        if (!entry)
            break;
        if (entry->fts_info == FTS_D && entry->fts_level == 1 && !is_view &&
            strcmp(entry->fts_name, "views") == 0)
            (void)fts_set(walk, entry, FTS_SKIP);
        else if (entry->fts_info == FTS_F)
            status = read_file(entry->fts_path, reading);
        else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
                 entry->fts_info == FTS_NS) {
            bfs_message("%s: %s", entry->fts_path, strerror(entry->fts_errno));
            status = BFS_EXIT_FAILED;
        }
    }
    if (walk)
        (void)fts_close(walk);
    else
        bfs_message("%s: %s", directory, strerror(errno));
    return status;
}

static int print_json(const char *bundle, const char *view, const struct answer *answer,
                      const struct reading *reading)
{
    int status = 0;
    bool ready = strcmp(answer->state, "ready") == 0;
    struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "schema_version", "1.0", &status);
    bfs_json_add_string(root, "bundle", bundle, &status);
    if (view)
        bfs_json_add_string(root, "view", view, &status);
    bfs_json_add_string(root, "state", ready ? "ready" : "read", &status);
    bfs_json_add_integer(root, "files", reading->n_files, &status);
    bfs_json_add_integer(root, "bytes", reading->size, &status);
    bfs_json_add_integer(root, "passthrough_files", ready ? answer->n_files : 0, &status);
    bfs_json_add_integer(root, "passthrough_bytes", ready ? answer->total : 0, &status);
    if (!ready)
        bfs_report_text(root, "reason", answer->reason, strlen(answer->reason), &status);
    return bfs_report_print(root, status);
}

static int print_text(const char *bundle, const struct answer *answer,
                      const struct reading *reading)
{
    char size[BFS_SIZE_TEXT_SIZE], kept[BFS_SIZE_TEXT_SIZE];
    if (strcmp(answer->state, "ready") == 0)
        (void)printf("%s  %" PRIu64 " files, %s; the kernel reads %" PRIu64
                     " of them, %s, by itself\n",
                     bundle, reading->n_files, bfs_text_size(reading->size, size), answer->n_files,
                     bfs_text_size(answer->total, kept));
    else
        (void)printf("%s  %" PRIu64 " files, %s, read once; no passthrough: %s\n", bundle,
                     reading->n_files, bfs_text_size(reading->size, size), answer->reason);
    return BFS_EXIT_OK;
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autofree char *directory = NULL;
    struct bfs_progress progress = bfs_progress_start();
    struct reading reading = {.progress = &progress};
    struct answer answer;
    (void)n_args;
    int status = find_directory(args[0], args[1], options, &directory);
    if (status != BFS_EXIT_OK)
        return status;
    bfs_interrupt_install();
    status = wait_for(directory, &progress, &answer);
    bfs_progress_clear(&progress);
    if (status != BFS_EXIT_OK)
        return status;
    if (strcmp(answer.state, "failed") == 0) {
        bfs_message("%s: cannot be made warm: %s", args[1], answer.reason);
        return BFS_EXIT_FAILED;
    }
    reading.total = answer.total;
    status = read_all(directory, options->view != NULL, &reading);
    bfs_progress_clear(&progress);
    if (status != BFS_EXIT_OK)
        return status;
    return options->json ? print_json(args[1], options->view, &answer, &reading)
                         : print_text(args[1], &answer, &reading);
}

static const struct bfs_option table[] = {
    BFS_OPTION_JSON(struct options),
    {"view", '\0', "ID", BFS_OPTION_STRING, offsetof(struct options, view),
     "the files of this view, or of auto, instead of the model's"},
    {"policy", 'p', "FILE", BFS_OPTION_STRING, offsetof(struct options, policy),
     "refuse what the policy in FILE refuses, besides what that of the mount does"},
    {0},
};

const struct bfs_verb bfs_verb_warm = {
    .name = "warm",
    .run = run,
    .summary = "make a mounted bundle fast: proved whole, read by the kernel itself",
    .synopsis = "STORE|MOUNTPOINT NAME:VERSION",
    .text =
        "Asks the daemon that shows the store to prove and decode every file of the bundle into "
        "a backing file, and returns when all are there: the kernel then reads them by itself, "
        "as fast as any file. Then reads them once, so that they are in memory. Where there is "
        "no passthrough, files are only read.\n\n"
        "Exit status 0 when all of it is there, also where files were only read; 1 when a chunk is "
        "corrupt, backing_size or the disk is too small, or the daemon cannot be asked.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};
