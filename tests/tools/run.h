/* SPDX-License-Identifier: Apache-2.0
 * Runs a verb as main() does, in the test's own process, and keeps what it prints. Included after
 * cmocka.h.
 *
 * THREAD SAFETY: stdout and stderr are redirected, so one run at a time. */
#ifndef BFS_TESTS_TOOLS_RUN_H
#define BFS_TESTS_TOOLS_RUN_H

#include "tests/support/folder.h"
#include "tools/message.h"
#include "tools/verb.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum { TOOL_ARGS_MAX = 32 };

struct tool_run {
    int status;
    char *out; /* owned, with a final NUL */
    char *err;
};

static inline void tool_run_done(struct tool_run *run)
{
    free(run->out);
    free(run->err);
}
#define test_autorun BFS_CLEANUP(tool_run_done)

/* An unnamed file in place of a standard descriptor; returns the old one. */
static inline int tool_redirect(FILE *stream, int fd, FILE **ret_file)
{
    int saved;
    assert_int_equal(fflush(stream), 0);
    *ret_file = tmpfile();
    assert_non_null(*ret_file);
    saved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    assert_true(saved >= 0);
    assert_int_equal(dup2(fileno(*ret_file), fd), fd);
    return saved;
}

static inline char *tool_restore(FILE *stream, int fd, int saved, FILE *file)
{
    assert_int_equal(fflush(stream), 0);
    assert_int_equal(dup2(saved, fd), fd);
    (void)close(saved);
    long size = (fseek(file, 0, SEEK_END), ftell(file));
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    (void)fclose(file);
    return text;
}

/* bundlefs VERB ARGUMENT..., ended by NULL; run->status is 2 for a verb that does not exist. */
__attribute__((sentinel)) static inline struct tool_run tool_run(const char *verb, ...)
{
    char *args[TOOL_ARGS_MAX + 1] = {NULL};
    int n_args = 0;
    va_list list;
    struct tool_run run = {.status = BFS_EXIT_USAGE};
    FILE *out;
    FILE *err;
    va_start(list, verb);
    for (const char *arg; (arg = va_arg(list, const char *));) {
        assert_true(n_args < TOOL_ARGS_MAX);
        args[n_args] = strdup(arg);
        assert_non_null(args[n_args++]);
    }
    va_end(list);
    int old_out = tool_redirect(stdout, STDOUT_FILENO, &out);
    int old_err = tool_redirect(stderr, STDERR_FILENO, &err);
    const struct bfs_verb *found = bfs_verb_find(verb);
    if (found)
        run.status = bfs_verb_run(found, n_args, args);
    run.out = tool_restore(stdout, STDOUT_FILENO, old_out, out);
    run.err = tool_restore(stderr, STDERR_FILENO, old_err, err);
    for (int i = 0; i < n_args; i++)
        free(args[i]);
    return run;
}

/* Fails with what the verb printed, because "1 is not 0" alone helps nobody. */
static inline void tool_expect(const struct tool_run *run, int status)
{
    if (run->status != status)
        fail_msg("exit %d instead of %d\n%s%s", run->status, status, run->out, run->err);
}

static inline void tool_expect_text(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static inline void tool_expect_no_text(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" in:\n%s", part, text);
}

#endif
