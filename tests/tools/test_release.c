/* SPDX-License-Identifier: Apache-2.0
 * A release by the verbs of trust: sign, approve, promote, deprecate, roll back, revoke; what
 * history and doctor --explain tell about it, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/tools/team.h"

static struct team release_make(void)
{
    struct team team = team_make();
    team_keygen(&team, "release");
    team_keygen(&team, "qa");
    team_keygen(&team, "security");
    team_write_policy(&team);
    team_pack(&team, "acme/m:1.0.0");
    test_write_text(&team.folder, "model/notes.txt", "second");
    team_pack(&team, "acme/m:1.1.0");
    return team;
}

/* bundlefs VERB STORE NAME --key KEY.key FIRST SECOND THIRD FOURTH, as far as they are not NULL. */
static struct tool_run say(const struct team *team, const char *verb, const char *name,
                           const char *key, const char *first, const char *second,
                           const char *third, const char *fourth)
{
    char file[32], path[128];
    (void)snprintf(file, sizeof(file), "%s.key", key);
    return tool_run(verb, team->store, name, "--key", team_file(team, file, path), first, second,
                    third, third ? fourth : NULL, NULL);
}

static void expect(struct tool_run run, int status, const char *in_out, const char *in_err)
{
    test_autorun struct tool_run seen = run;
    tool_expect(&seen, status);
    if (in_out)
        tool_expect_text(seen.out, in_out);
    if (in_err)
        tool_expect_text(seen.err, in_err);
}

static void explained(const struct team *team, const char *name, int status, const char *text)
{
    expect(tool_run("doctor", "--explain", team->store, name, "--policy", team->policy, NULL),
           status, text, NULL);
    test_autorun struct tool_run json = tool_run("doctor", "--explain", team->store, name,
                                                 "--policy", team->policy, "--json", NULL);
    tool_expect(&json, status);
    team_expect_json(&json);
}

static void a_release_goes_through(void **state)
{
    (void)state;
    test_autoteam struct team team = release_make();
    explained(&team, "acme/m:1.0.0", BFS_EXIT_FAILED, "release");
    expect(say(&team, "sign", "acme/m:1.0.0", "release", "--reason", "first", NULL, NULL),
           BFS_EXIT_OK, "acme/m:1.0.0", NULL);
    explained(&team, "acme/m:1.0.0", BFS_EXIT_OK, NULL);
    expect(say(&team, "approve", "acme/m:1.0.0", "qa", "--role", "qa", "--json", NULL), BFS_EXIT_OK,
           "\"kind\": \"approval\"", NULL);
    expect(say(&team, "promote", "acme/m:1.0.0", "release", "--to", "production", NULL, NULL),
           BFS_EXIT_OK, "production", NULL);
    expect(say(&team, "sign", "acme/m:1.1.0", "release", "--provenance", NULL, NULL, NULL),
           BFS_EXIT_OK, "provenance", NULL);
    expect(say(&team, "promote", "acme/m:1.1.0", "release", "--to", "production", "--json", NULL),
           BFS_EXIT_OK, "\"alias\": \"production\"", NULL);

    test_autorun struct tool_run plain = tool_run("history", team.store, "acme/m", NULL);
    tool_expect(&plain, BFS_EXIT_OK);
    tool_expect_text(plain.out, "VERIFIED");
    tool_expect_text(plain.out, "production #1");
    tool_expect_text(plain.out, "production #2 (now)");
    tool_expect_text(plain.out, "first");

    test_autorun struct tool_run trusted =
        tool_run("history", team.store, "acme/m", "--policy", team.policy, NULL);
    tool_expect(&trusted, BFS_EXIT_OK);
    tool_expect_text(trusted.out, "production #1 (now)"); /* 1.1.0 lacks its approval */
    tool_expect_text(trusted.out, "release");

    test_autorun struct tool_run json =
        tool_run("history", team.store, "acme/m", "-p", team.policy, "--json", NULL);
    tool_expect(&json, BFS_EXIT_OK);
    team_expect_json(&json);
    tool_expect_text(json.out, "\"counts\": true");

    test_autorun struct tool_run one = tool_run("history", team.store, "acme/m:1.1.0", NULL);
    tool_expect(&one, BFS_EXIT_OK);
    tool_expect_no_text(one.out, "approval");
}

static void an_alias_goes_back(void **state)
{
    (void)state;
    test_autoteam struct team team = release_make();
    expect(say(&team, "rollback", "acme/m", "release", "--alias", "production", NULL, NULL),
           BFS_EXIT_FAILED, NULL, "production");
    expect(say(&team, "promote", "acme/m:1.0.0", "release", "--to", "production", NULL, NULL),
           BFS_EXIT_OK, NULL, NULL);
    expect(say(&team, "promote", "acme/m:1.1.0", "release", "--to", "production", NULL, NULL),
           BFS_EXIT_OK, NULL, NULL);
    expect(say(&team, "rollback", "acme/m", "release", "--alias", "production", NULL, NULL),
           BFS_EXIT_OK, "1.0.0", NULL);
    expect(say(&team, "rollback", "acme/m", "release", "--alias", "production", "--to",
               "acme/m:1.1.0"),
           BFS_EXIT_OK, "1.1.0", NULL);
    expect(say(&team, "rollback", "acme/m", "release", "--alias", "nope", NULL, NULL),
           BFS_EXIT_FAILED, NULL, "nope");
    expect(tool_run("history", team.store, "acme/m", NULL), BFS_EXIT_OK, "#4 rollback (now)", NULL);
}

static void what_is_bad_is_named(void **state)
{
    (void)state;
    test_autoteam struct team team = release_make();
    expect(say(&team, "sign", "acme/m:1.0.0", "release", NULL, NULL, NULL, NULL), BFS_EXIT_OK, NULL,
           NULL);
    expect(say(&team, "deprecate", "acme/m:1.0.0", "release", "--sunset=2090-01-31",
               "--replaced-by=acme/m:1.1.0", "--reason", "old"),
           BFS_EXIT_OK, NULL, NULL);
    expect(tool_run("history", team.store, "acme/m", NULL), BFS_EXIT_OK, "use acme/m:1.1.0, until",
           NULL);
    test_autorun struct tool_run json = tool_run("history", team.store, "acme/m", "--json", NULL);
    tool_expect_text(json.out, "\"sunset\": \"2090-01-31T00:00:00Z\"");
    expect(tool_run("inspect", team.store, "acme/m:1.0.0", NULL), BFS_EXIT_OK, "deprecated    yes",
           NULL);
    expect(say(&team, "revoke", "acme/m:1.0.0", "security", "--reason", "leaks", NULL, NULL),
           BFS_EXIT_OK, NULL, NULL);
    explained(&team, "acme/m:1.0.0", BFS_EXIT_FAILED, "leaks");
    expect(say(&team, "promote", "acme/m:1.0.0", "release", "--to", "production", NULL, NULL),
           BFS_EXIT_FAILED, NULL, "revoked");
    expect(tool_run("ls", team.store, NULL), BFS_EXIT_OK, "revoked", NULL);
}

static void wrong_statements_are_refused(void **state)
{
    static const struct {
        const char *verb, *name, *key, *first, *second;
        int status;
        const char *message;
    } calls[] = {
        {"sign", "acme/none:1", "release", NULL, NULL, BFS_EXIT_FAILED, "acme/none:1"},
        {"sign", "no version", "release", NULL, NULL, BFS_EXIT_USAGE, "no version"},
        {"sign", "acme/m:1.0.0", "nobody", NULL, NULL, BFS_EXIT_FAILED, "nobody.key"},
        {"promote", "acme/m:1.0.0", "release", NULL, NULL, BFS_EXIT_USAGE, "--to"},
        {"promote", "acme/m:1.0.0", "release", "--to", "a b", BFS_EXIT_USAGE, "--to"},
        {"approve", "acme/m:1.0.0", "qa", NULL, NULL, BFS_EXIT_USAGE, "--role"},
        {"deprecate", "acme/m:1.0.0", "release", "--sunset", "soon", BFS_EXIT_USAGE, "soon"},
        {"deprecate", "acme/m:1.0.0", "release", "--replaced-by", "x", BFS_EXIT_USAGE, "x"},
        {"rollback", "acme/m", "release", NULL, NULL, BFS_EXIT_USAGE, "--alias"},
    };
    (void)state;
    test_autoteam struct team team = release_make();
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        expect(say(&team, calls[i].verb, calls[i].name, calls[i].key, calls[i].first,
                   calls[i].second, NULL, NULL),
               calls[i].status, NULL, calls[i].message);
    expect(tool_run("sign", team.store, "acme/m:1.0.0", NULL), BFS_EXIT_USAGE, NULL, "--key");
    expect(tool_run("history", team.store, "acme/none", NULL), BFS_EXIT_FAILED, NULL, "acme/none");
    expect(tool_run("history", team.store, "not a name", NULL), BFS_EXIT_USAGE, NULL, "not a name");
    expect(tool_run("history", team.model, "acme/m", NULL), BFS_EXIT_FAILED, NULL, team.model);
    expect(tool_run("history", team.store, "acme/m", "-p", team.model, NULL), BFS_EXIT_FAILED, NULL,
           team.model);
    /* Nothing of all this was stated. */
    test_autorun struct tool_run history = tool_run("history", team.store, "acme/m", NULL);
    tool_expect_no_text(history.out, "1.0.0");
}

static void a_key_is_made_once_and_kept_secret(void **state)
{
    char path[128], password[128], file[128];
    struct stat status;
    (void)state;
    test_autoteam struct team team = team_make();
    test_write_text(&team.folder, "password", "correct horse\nsecond line");
    test_write_text(&team.folder, "wrong", "battery staple\n");
    team_file(&team, "password", password);
    expect(tool_run("keygen", "--out", team_file(&team, "release", path), "--password-file",
                    password, "--json", NULL),
           BFS_EXIT_OK, "\"public_key\"", NULL);
    assert_int_equal(stat(team_file(&team, "release.key", file), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(stat(team_file(&team, "release.pub", file), &status), 0);
    expect(tool_run("keygen", "--out", path, "--no-password", NULL), BFS_EXIT_FAILED, NULL,
           "release");
    expect(tool_run("keygen", "--no-password", NULL), BFS_EXIT_USAGE, NULL, "--out");
    team_pack(&team, "acme/m:1");
    expect(say(&team, "sign", "acme/m:1", "release", "--password-file", password, NULL, NULL),
           BFS_EXIT_OK, NULL, NULL);
    expect(say(&team, "sign", "acme/m:1", "release", "--password-file",
               team_file(&team, "wrong", file), NULL, NULL),
           BFS_EXIT_FAILED, NULL, "release.key");
    expect(say(&team, "sign", "acme/m:1", "release", "--password-file",
               team_file(&team, "missing", file), NULL, NULL),
           BFS_EXIT_FAILED, NULL, "missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_goes_through),
        cmocka_unit_test(an_alias_goes_back),
        cmocka_unit_test(what_is_bad_is_named),
        cmocka_unit_test(wrong_statements_are_refused),
        cmocka_unit_test(a_key_is_made_once_and_kept_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
