/* SPDX-License-Identifier: Apache-2.0
 * A store that the system cannot read is not called damaged. Linked with --wrap=open, because
 * permissions do not stop root and no disk fails on demand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/tools/team.h"

#include <errno.h>

static const char *failing; /* opens below this folder fail; NULL: none */
static int failing_with;

static void fail_opens_below(const char *folder, int code)
{
    failing = folder;
    failing_with = code;
}

static bool fails(const char *path)
{
    if (!failing || strncmp(path, failing, strlen(failing)) != 0)
        return false;
    errno = failing_with;
    return true;
}

/* The C library has two names for it. */
#define WRAP(name)                                                                                 \
    int __real_##name(const char *path, int flags, ...);                                           \
    int __wrap_##name(const char *path, int flags, ...);                                           \
    int __wrap_##name(const char *path, int flags, ...)                                            \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;                                  \
        va_end(args);                                                                              \
        return fails(path) ? -1 : __real_##name(path, flags, mode);                                \
    }
WRAP(open)
WRAP(open64)

static void expect(struct tool_run run, int status, const char *in_out, const char *in_err)
{
    test_autorun struct tool_run seen = run;
    tool_expect(&seen, status);
    if (in_out)
        tool_expect_text(seen.out, in_out);
    if (in_err)
        tool_expect_text(seen.err, in_err);
    if (failing)
        tool_expect_no_text(seen.out, "damaged");
}

static void a_store_that_cannot_be_read_is_not_called_damaged(void **state)
{
    static const char *const cures[] = {"run as the owner of the store", "see dmesg"};
    static const int codes[] = {EACCES, EIO};
    (void)state;
    test_autoteam struct team team = team_make();
    team_pack(&team, "acme/m:1.0.0");
    bfs_autofree char *blobs = test_path(&team.folder, "store/blobs/sha256");
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        const char *cure = cures[i];
        fail_opens_below(blobs, codes[i]);
        expect(tool_run("ls", team.store, NULL), BFS_EXIT_FAILED, "unreadable", cure);
        expect(tool_run("ls", team.store, "--json", NULL), BFS_EXIT_FAILED,
               "\"unreadable\": ", cure);
        expect(tool_run("inspect", team.store, "acme/m:1.0.0", NULL), BFS_EXIT_FAILED, NULL, cure);
        expect(tool_run("ls", team.store, "acme/m:1.0.0", NULL), BFS_EXIT_FAILED, NULL, cure);
        expect(tool_run("verify", team.store, NULL), BFS_EXIT_FAILED, cure, NULL);
        fail_opens_below(team.store, codes[i]);
        expect(tool_run("ls", team.store, NULL), BFS_EXIT_FAILED, NULL, cure);
    }
    fail_opens_below(NULL, 0);
    expect(tool_run("ls", team.store, NULL), BFS_EXIT_OK, "acme/m", NULL);
}

static void what_is_missing_is_damaged(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    team_pack(&team, "acme/m:1.0.0");
    bfs_autofree char *blobs = test_path(&team.folder, "store/blobs/sha256");
    bfs_autofree char *other = test_path(&team.folder, "elsewhere");
    assert_int_equal(rename(blobs, other), 0);
    expect(tool_run("ls", team.store, NULL), BFS_EXIT_FAILED, "damaged", "missing from the store");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_cannot_be_read_is_not_called_damaged),
        cmocka_unit_test(what_is_missing_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
