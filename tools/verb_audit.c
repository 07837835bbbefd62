/* SPDX-License-Identifier: Apache-2.0
 * bundlefs audit verify: is an audit log what its writer wrote? */
#include "tools/message.h"
#include "tools/report.h"
#include "tools/verbs.h"
#include "verify/audit_log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct options {
    bool json;
};

static int print_json(const struct bfs_audit_report *report, const char *reason)
{
    char digest[BFS_DIGEST_HEX_SIZE];
    int status = 0;
    struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "schema_version", "1.0", &status);
    bfs_json_add_boolean(root, "intact", report->broken_line == 0, &status);
    bfs_json_add_integer(root, "n_lines", report->n_lines, &status);
    bfs_json_add_integer(root, "n_fragments", report->n_fragments, &status);
    if (report->broken_line) {
        bfs_json_add_integer(root, "broken_line", report->broken_line, &status);
        bfs_report_text(root, "reason", reason, strlen(reason), &status);
    } else {
        bfs_json_add_string(root, "last", bfs_digest_hex(&report->last, digest), &status);
    }
    return bfs_report_print(root, status);
}

static void print_text(const char *path, const struct bfs_audit_report *report, const char *reason)
{
    char digest[BFS_DIGEST_HEX_SIZE];
    if (report->broken_line)
        (void)printf("%s: line %" PRIu64 " is broken: %s\n", path, report->broken_line, reason);
    else
        (void)printf("%s: %" PRIu64 " lines, intact; the last one is %s\n", path, report->n_lines,
                     bfs_digest_hex(&report->last, digest));
    if (report->n_fragments)
        (void)printf("%s: %" PRIu64 " of them are fragments of a writer that was killed, as the "
                     "lines after them say\n",
                     path, report->n_fragments);
}

static int verify(const char *path, bool json)
{
    struct bfs_audit_report report;
    struct bfs_error error = {0};
    char reason[BFS_ERROR_TEXT_SIZE] = "";
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        (void)bfs_fail(&error, -errno, "%s: %s", path, strerror(errno));
        return bfs_message_error(&error);
    }
    if (bfs_audit_verify(fd, path, &report, &error))
        return bfs_message_error(&error);
    if (report.broken_line)
        (void)bfs_error_text(&error, reason);
    int status = BFS_EXIT_OK;
    if (json)
        status = print_json(&report, reason);
    else
        print_text(path, &report, reason);
    return report.broken_line ? BFS_EXIT_FAILED : status;
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    (void)n_args;
    if (strcmp(args[0], "verify") != 0)
        return bfs_message_usage("audit", "there is no \"audit %.64s\"; write \"audit verify\"",
                                 args[0]);
    return verify(args[1], options->json);
}

static const struct bfs_option table[] = {
    BFS_OPTION_JSON(struct options),
    {0},
};

const struct bfs_verb bfs_verb_audit = {
    .name = "audit",
    .run = run,
    .summary = "prove that an audit log was not changed",
    .synopsis = "verify FILE",
    .text = "Reads the audit log that a mount with -o audit=FILE has written. Each line names the "
            "digest of the one before, so a line that was changed, added or taken away is found, "
            "and the first such line is named. The digest of the last line is printed: kept "
            "elsewhere, it proves later that nothing was cut off or written anew.\n\n"
            "Exit status: 0 the log is intact, 1 it is not.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};
