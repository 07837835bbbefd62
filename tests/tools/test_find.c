/* SPDX-License-Identifier: Apache-2.0
 * Which bundle an argument names: a version, an alias or the latest; and that nobody signs what
 * only the store says is meant. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/tools/team.h"

/* acme/m:1.0.0, which production points to, and acme/m:1.1.0. */
static struct team world_make(void)
{
    struct team team = team_make();
    char key[128];
    team_keygen(&team, "release");
    team_keygen(&team, "qa");
    team_keygen(&team, "security");
    team_write_policy(&team);
    team_pack(&team, "acme/m:1.0.0");
    test_write_text(&team.folder, "model/notes.txt", "second");
    team_pack(&team, "acme/m:1.1.0");
    test_autorun struct tool_run run =
        tool_run("promote", team.store, "acme/m:1.0.0", "--to=production", "--key",
                 team_file(&team, "release.key", key), NULL);
    tool_expect(&run, BFS_EXIT_OK);
    return team;
}

static struct tool_run say(const struct team *team, const char *verb, const char *name,
                           const char *key, const char *first, const char *second)
{
    char path[128];
    return tool_run(verb, team->store, name, "--key", team_file(team, key, path), first,
                    first ? second : NULL, NULL);
}

static void expect(struct tool_run run, int status, const char *in_out, const char *in_err)
{
    test_autorun struct tool_run seen = run;
    tool_expect(&seen, status);
    if (in_out)
        tool_expect_text(seen.out, in_out);
    if (in_err)
        tool_expect_text(seen.err, in_err);
    else
        assert_string_equal(seen.err, "");
}

static struct tool_run inspect(const struct team *team, const char *name)
{
    return tool_run("inspect", team->store, name, NULL);
}

static void each_name_finds_its_bundle(void **state)
{
    (void)state;
    test_autoteam struct team team = world_make();
    expect(inspect(&team, "acme/m:1.0.0"), BFS_EXIT_OK, "acme/m:1.0.0", NULL);
    expect(inspect(&team, "acme/m:production"), BFS_EXIT_OK, "acme/m:1.0.0",
           "bundlefs: acme/m:production is acme/m:1.0.0\n");
    expect(inspect(&team, "acme/m:latest"), BFS_EXIT_OK, "acme/m:1.1.0",
           "bundlefs: acme/m:latest is acme/m:1.1.0\n");
}

static void what_names_nothing_is_refused(void **state)
{
    (void)state;
    test_autoteam struct team team = world_make();
    expect(inspect(&team, "acme/m:2.0.0"), BFS_EXIT_FAILED, NULL,
           "acme/m:2.0.0: no such bundle or alias");
    expect(inspect(&team, "acme/m:canary"), BFS_EXIT_FAILED, NULL,
           "acme/m:canary: no such bundle or alias");
    expect(inspect(&team, "acme/other:production"), BFS_EXIT_FAILED, NULL,
           "acme/other:production: no such bundle or alias");
    expect(inspect(&team, "acme/other:latest"), BFS_EXIT_FAILED, NULL,
           "acme/other:latest: the model has no release");
    expect(inspect(&team, "acme/m"), BFS_EXIT_USAGE, NULL, "acme/m");
    expect(inspect(&team, ":latest"), BFS_EXIT_USAGE, NULL, "\"\" is not a model name");
    expect(inspect(&team, "acme//m:latest"), BFS_EXIT_USAGE, NULL,
           "\"acme//m\" is not a model name");
    expect(inspect(&team, "acme/m:1.0.0:latest"), BFS_EXIT_USAGE, NULL, "is not a");
}

static void latest_leaves_out_what_is_called_bad(void **state)
{
    (void)state;
    test_autoteam struct team team = world_make();
    expect(say(&team, "deprecate", "acme/m:1.1.0", "release.key", NULL, NULL), BFS_EXIT_OK, NULL,
           NULL);
    expect(inspect(&team, "acme/m:latest"), BFS_EXIT_OK, "acme/m:1.0.0",
           "acme/m:latest is acme/m:1.0.0");
    expect(say(&team, "revoke", "acme/m:1.0.0", "security.key", NULL, NULL), BFS_EXIT_OK, NULL,
           NULL);
    expect(inspect(&team, "acme/m:latest"), BFS_EXIT_FAILED, NULL,
           "acme/m:latest: the model has no release that is neither deprecated nor revoked; name a "
           "version\n");
    expect(inspect(&team, "acme/m:1.1.0"), BFS_EXIT_OK, "acme/m:1.1.0", NULL);
}

static void an_alias_of_what_is_gone(void **state)
{
    (void)state;
    test_autoteam struct team team = world_make();
    expect(tool_run("rm", team.store, "acme/m:1.0.0", NULL), BFS_EXIT_FAILED, NULL,
           "the alias production points to acme/m:1.0.0");
    expect(tool_run("rm", "--force", team.store, "acme/m:1.0.0", NULL), BFS_EXIT_OK, NULL, NULL);
    expect(inspect(&team, "acme/m:production"), BFS_EXIT_FAILED, NULL,
           "acme/m:production: the alias points to version 1.0.0, which is not in the store\n");
}

/* A policy decides which moves count and which releases are served. */
static void a_policy_has_its_say(void **state)
{
    (void)state;
    test_autoteam struct team team = world_make();
    test_autorun struct tool_run none = tool_run("unpack", team.store, "acme/m:latest",
                                                 "/nonexistent/x", "--policy", team.policy, NULL);
    tool_expect(&none, BFS_EXIT_FAILED); /* nothing is signed */
    tool_expect_text(none.err, "deprecated nor revoked and that the policy serves; name a version");
    test_autorun struct tool_run early =
        say(&team, "approve", "acme/m:production", "qa.key", "--role=qa", "--policy=none");
    tool_expect(&early, BFS_EXIT_FAILED);
    char policy[160];
    (void)snprintf(policy, sizeof(policy), "--policy=%s", team.policy);
    /* The promotion lacks its approval, so for the policy there is no such alias. */
    expect(say(&team, "approve", "acme/m:production", "qa.key", "--role=qa", policy),
           BFS_EXIT_FAILED, NULL, "acme/m:production: no such bundle or alias");
    expect(say(&team, "approve", "acme/m:1.0.0", "qa.key", "--role=qa", policy), BFS_EXIT_OK,
           "acme/m:1.0.0", NULL);
    expect(say(&team, "sign", "acme/m:production", "release.key", policy, NULL), BFS_EXIT_OK,
           "acme/m:1.0.0", "acme/m:production is acme/m:1.0.0");
    expect(say(&team, "sign", "acme/m:latest", "release.key", policy, NULL), BFS_EXIT_OK,
           "acme/m:1.0.0", "acme/m:latest is acme/m:1.0.0"); /* the one that is served */
}

/* Whoever writes to the store chooses what an alias names: no signature without a policy. */
static void nobody_signs_what_only_the_store_names(void **state)
{
    static const char *const names[] = {"acme/m:production", "acme/m:latest"};
    (void)state;
    test_autoteam struct team team = world_make();
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char option[64];
        expect(say(&team, "sign", names[i], "release.key", NULL, NULL), BFS_EXIT_FAILED, NULL,
               "names no version, and no policy says who may move it");
        expect(say(&team, "promote", names[i], "release.key", "--to=canary", NULL), BFS_EXIT_FAILED,
               NULL, "names no version");
        (void)snprintf(option, sizeof(option), "--replaced-by=%s", names[i]);
        expect(say(&team, "deprecate", "acme/m:1.0.0", "release.key", option, NULL),
               BFS_EXIT_FAILED, NULL, "names no version");
    }
    test_autorun struct tool_run history =
        tool_run("history", team.store, "acme/m", "--json", NULL);
    tool_expect(&history, BFS_EXIT_OK);
    tool_expect_no_text(history.out, "\"kind\": \"signature\"");
    tool_expect_no_text(history.out, "\"kind\": \"deprecation\"");
    tool_expect_no_text(history.out, "canary");
}

/* A replacement may come later; then it is named as it stands. */
static void a_replacement_that_is_not_there_yet(void **state)
{
    (void)state;
    test_autoteam struct team team = world_make();
    expect(
        say(&team, "deprecate", "acme/m:1.0.0", "release.key", "--replaced-by=acme/m:9.0.0", NULL),
        BFS_EXIT_OK, NULL, "acme/m:9.0.0 is not in the store");
    expect(tool_run("history", team.store, "acme/m", NULL), BFS_EXIT_OK, "acme/m:9.0.0", NULL);
    expect(say(&team, "deprecate", "acme/m:1.0.0", "release.key", "--replaced-by=acme/m", NULL),
           BFS_EXIT_USAGE, NULL, "acme/m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_finds_its_bundle),
        cmocka_unit_test(what_names_nothing_is_refused),
        cmocka_unit_test(latest_leaves_out_what_is_called_bad),
        cmocka_unit_test(an_alias_of_what_is_gone),
        cmocka_unit_test(a_policy_has_its_say),
        cmocka_unit_test(nobody_signs_what_only_the_store_names),
        cmocka_unit_test(a_replacement_that_is_not_there_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
