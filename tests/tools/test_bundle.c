/* SPDX-License-Identifier: Apache-2.0
 * The verbs that make, show, prove and remove bundles, as people and as scripts read them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/tools/team.h"
#include "verify/name.h"

static void expect(struct tool_run run, int status, const char *in_out, const char *in_err)
{
    test_autorun struct tool_run seen = run;
    tool_expect(&seen, status);
    if (in_out)
        tool_expect_text(seen.out, in_out);
    if (in_err)
        tool_expect_text(seen.err, in_err);
}

static void expect_json(struct tool_run run, int status, const char *part)
{
    test_autorun struct tool_run seen = run;
    tool_expect(&seen, status);
    team_expect_json(&seen);
    tool_expect_text(seen.out, part);
}

static void pack_tells_what_is_new(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    expect_json(tool_run("pack", team.store, "acme/m:1.0.0", team.model, "--json", NULL),
                BFS_EXIT_OK, "\"version\": \"1.0.0\"");
    expect(tool_run("pack", team.store, "acme/m:1.0.0", team.model, NULL), BFS_EXIT_OK, "0 B new",
           NULL);
    test_write_text(&team.folder, "model/notes.txt", "other content");
    expect(tool_run("pack", team.store, "acme/m:1.0.0", team.model, NULL), BFS_EXIT_FAILED, NULL,
           "acme/m:1.0.0");
    expect(tool_run("pack", team.store, "acme/m", team.model, NULL), BFS_EXIT_USAGE, NULL,
           "acme/m");
    expect(tool_run("pack", team.store, "acme/m:2", "/nonexistent/model", NULL), BFS_EXIT_FAILED,
           NULL, "/nonexistent/model");
    expect(tool_run("pack", team.store, "acme/m:2", team.model, "--view=nope", NULL),
           BFS_EXIT_USAGE, NULL, "nope");
    expect(tool_run("pack", team.store, "acme/m:2", team.model, "--chunk-size=3", NULL),
           BFS_EXIT_USAGE, NULL, "--chunk-size");
    expect(tool_run("ls", team.store, "acme/m:2", NULL), BFS_EXIT_FAILED, NULL, "acme/m:2");
}

static void views_are_listed_with_their_cost(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    expect(tool_run("views", NULL), BFS_EXIT_OK, "cpu-f32", NULL);
    expect_json(tool_run("views", "--json", NULL), BFS_EXIT_OK, "\"profiles\"");
    expect(tool_run("views", team.store, NULL), BFS_EXIT_USAGE, NULL, "NAME:VERSION");
    team_pack(&team, "acme/m:1.0.0");
    expect(tool_run("views", team.store, "acme/m:1.0.0", NULL), BFS_EXIT_OK, "no views", NULL);
    expect(tool_run("pack", team.store, "acme/m:1.1.0", team.model, "--view=cpu-f32",
                    "--view=gpu-fp8", NULL),
           BFS_EXIT_OK, "acme/m:1.1.0", NULL);
    test_autorun struct tool_run list = tool_run("views", team.store, "acme/m:1.1.0", NULL);
    tool_expect(&list, BFS_EXIT_OK);
    tool_expect_text(list.out, "cpu-f32");
    tool_expect_text(list.out, "lossless");
    tool_expect_text(list.out, "gpu nvidia >=8.9");
    tool_expect_text(list.out, "RELATIVE RMS"); /* of the lossy one */
    expect_json(tool_run("views", team.store, "acme/m:1.1.0", "--json", NULL), BFS_EXIT_OK,
                "\"own_size\"");
    expect(tool_run("views", team.store, "acme/m:1.1.0", "--host=/nonexistent/host", NULL),
           BFS_EXIT_FAILED, NULL, "/nonexistent/host");
}

static void a_host_is_described_and_read_again(void **state)
{
    char path[128];
    (void)state;
    test_autoteam struct team team = team_make();
    expect(tool_run("host", NULL), BFS_EXIT_OK, "cpu", NULL);
    test_autorun struct tool_run json = tool_run("host", "--json", NULL);
    tool_expect(&json, BFS_EXIT_OK);
    team_expect_json(&json);
    test_write_text(&team.folder, "host.json", json.out);
    expect(tool_run("pack", team.store, "acme/m:1", team.model, "--view=cpu-f32", NULL),
           BFS_EXIT_OK, NULL, NULL);
    expect(tool_run("views", team.store, "acme/m:1", "--host", team_file(&team, "host.json", path),
                    NULL),
           BFS_EXIT_OK, "auto", NULL);
    test_write_text(&team.folder, "host.json", "{\"schema_version\": \"1.0\"");
    expect(tool_run("views", team.store, "acme/m:1", "--host", path, NULL), BFS_EXIT_FAILED, NULL,
           "host.json");
}

static void inspect_shows_every_part(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    expect(tool_run("pack", team.store, "acme/m:1.0.0", team.model, "--view=gpu-fp8", NULL),
           BFS_EXIT_OK, NULL, NULL);
    test_autorun struct tool_run text =
        tool_run("inspect", team.store, "acme/m:1.0.0", "--chunks", "--tensors", NULL);
    tool_expect(&text, BFS_EXIT_OK);
    tool_expect_text(text.out, "model.layers.0.mlp.weight");
    tool_expect_text(text.out, "planes");
    tool_expect_text(text.out, "gpu-fp8");
    test_autorun struct tool_run json =
        tool_run("inspect", team.store, "acme/m:1.0.0", "--json", NULL);
    tool_expect(&json, BFS_EXIT_OK);
    team_expect_json(&json);
    tool_expect_text(json.out, "\"dtype\": \"BF16\"");
    tool_expect_text(json.out, "\"chunks\"");
    tool_expect_text(json.out, "\"views\"");
    expect(tool_run("inspect", team.store, "acme/m:2", NULL), BFS_EXIT_FAILED, NULL, "acme/m:2");
    expect(tool_run("inspect", team.model, "acme/m:1.0.0", NULL), BFS_EXIT_FAILED, NULL,
           team.model);
}

static void ls_lists_bundles_and_files(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    team_pack(&team, "acme/m:1.0.0");
    team_pack(&team, "acme/m:1.1.0");
    expect(tool_run("ls", team.store, NULL), BFS_EXIT_OK, "acme/m  1.1.0 ", NULL);
    expect_json(tool_run("ls", team.store, "--json", NULL), BFS_EXIT_OK, "\"1.1.0\"");
    expect(tool_run("ls", team.store, "acme/m:1.0.0", NULL), BFS_EXIT_OK, "config.json", NULL);
    expect_json(tool_run("ls", team.store, "acme/m:1.0.0", "--json", NULL), BFS_EXIT_OK,
                "model.safetensors");
}

static void repository_of(const struct team *team, const char *reference, char ret[64])
{
    static const char member[] = "\"repository\": \"";
    test_autorun struct tool_run run = tool_run("inspect", team->store, reference, "--json", NULL);
    tool_expect(&run, BFS_EXIT_OK);
    team_expect_json(&run);
    const char *at = strstr(run.out, member);
    assert_non_null(at);
    (void)snprintf(ret, 64, "%.*s", (int)strcspn(at + strlen(member), "\""), at + strlen(member));
}

static void names_with_capitals_have_repositories_of_their_own(void **state)
{
    char capitals[64], small[64];
    (void)state;
    test_autoteam struct team team = team_make();
    team_pack(&team, "acme/llama-3:1.0");
    test_write_text(&team.folder, "model/notes.txt", "another model");
    team_pack(&team, "Acme/Llama-3:1.0");
    test_autorun struct tool_run list = tool_run("ls", team.store, "--json", NULL);
    tool_expect(&list, BFS_EXIT_OK);
    team_expect_json(&list);
    tool_expect_text(list.out, "\"name\": \"Acme/Llama-3\"");
    tool_expect_text(list.out, "\"repository\": \"acme--1/llama-3--1\"");
    tool_expect_text(list.out, "\"name\": \"acme/llama-3\"");
    tool_expect_text(list.out, "\"repository\": \"acme/llama-3\"");
    repository_of(&team, "Acme/Llama-3:1.0", capitals);
    repository_of(&team, "acme/llama-3:1.0", small);
    assert_string_equal(capitals, "acme--1/llama-3--1");
    assert_string_equal(small, "acme/llama-3");
    expect_json(tool_run("ls", team.store, "Acme/Llama-3:1.0", "--json", NULL), BFS_EXIT_OK,
                "\"repository\": \"acme--1/llama-3--1\"");
    expect(tool_run("inspect", team.store, "Acme/Llama-3:1.0", NULL), BFS_EXIT_OK,
           "repository    acme--1/llama-3--1\n", NULL);
    test_autorun struct tool_run same = tool_run("inspect", team.store, "acme/llama-3:1.0", NULL);
    tool_expect(&same, BFS_EXIT_OK);
    tool_expect_no_text(same.out, "repository");
    expect(tool_run("ls", team.store, "ACME/Llama-3:1.0", NULL), BFS_EXIT_FAILED, NULL,
           "ACME/Llama-3:1.0");
}

static void a_name_too_long_for_registries_has_no_repository(void **state)
{
    char longest[BFS_REFERENCE_MAX + 1];
    (void)state;
    test_autoteam struct team team = team_make();
    memset(longest, 'A', BFS_NAME_MAX);
    memcpy(longest + BFS_NAME_MAX, ":1", sizeof(":1"));
    team_pack(&team, longest);
    expect(tool_run("inspect", team.store, longest, NULL), BFS_EXIT_OK, "use a shorter name", NULL);
    test_autorun struct tool_run none = tool_run("inspect", team.store, longest, "--json", NULL);
    tool_expect(&none, BFS_EXIT_OK);
    tool_expect_no_text(none.out, "\"repository\"");
}

static void a_refused_name_comes_with_what_is_allowed(void **state)
{
    static const char *const names[] = {"acme//m", "acme/m_", "../m", "acme/m 3", "acme/\xc3\xa9"};
    char reference[32];
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(reference, sizeof(reference), "%s:1", names[i]);
        expect(tool_run("pack", "/nonexistent/store", reference, "/nonexistent/model", NULL),
               BFS_EXIT_USAGE, NULL, "letters (also capitals)");
        expect(tool_run("history", "/nonexistent/store", names[i], NULL), BFS_EXIT_USAGE, NULL,
               "letters (also capitals)");
        expect(tool_run("rollback", "/nonexistent/store", names[i], "--alias=production",
                        "--key=/nonexistent/key", NULL),
               BFS_EXIT_USAGE, NULL, "letters (also capitals)");
    }
}

static void check_finds_what_does_not_hold(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    team_pack(&team, "acme/m:1.0.0");
    expect(tool_run("check", team.store, "acme/m:1.0.0", NULL), BFS_EXIT_OK, NULL, NULL);
    expect_json(tool_run("check", team.store, "acme/m:1.0.0", "--json", NULL), BFS_EXIT_OK,
                "\"findings\"");
    test_write_text(&team.folder, "model/contract.json",
                    "{\"schema_version\": \"1.0\", \"licenses\": [\"MIT\"], \"fixtures\": [{\"name\": "
                    "\"one\", \"inputs\": [{\"name\": \"x\", \"file\": \"gone.npy\"}], \"outputs\": "
                    "[{\"name\": \"y\", \"file\": \"gone.npy\"}]}]}");
    expect(tool_run("pack", team.store, "acme/m:2.0.0", team.model, NULL), BFS_EXIT_FAILED, NULL,
           "gone.npy");
    expect(tool_run("pack", "--no-check", team.store, "acme/m:2.0.0", team.model, NULL),
           BFS_EXIT_OK, NULL, NULL);
    expect(tool_run("check", team.store, "acme/m:2.0.0", NULL), BFS_EXIT_FAILED, "gone.npy", NULL);
    expect_json(tool_run("check", team.store, "acme/m:2.0.0", "--json", "--against",
                         "acme/m:1.0.0", NULL),
                BFS_EXIT_FAILED, "\"changes\"");
    expect(tool_run("check", team.store, "acme/m:2.0.0", "--against", "acme/m:9", NULL),
           BFS_EXIT_FAILED, NULL, "acme/m:9");
}

static void what_is_packed_comes_back(void **state)
{
    char out[128], file[160];
    struct stat status;
    (void)state;
    test_autoteam struct team team = team_make();
    team_pack(&team, "acme/m:1.0.0");
    team_file(&team, "out", out);
    expect(tool_run("unpack", team.store, "acme/m:1.0.0", out, NULL), BFS_EXIT_OK, "in ", NULL);
    (void)snprintf(file, sizeof(file), "%s/model.safetensors", out);
    assert_int_equal(stat(file, &status), 0);
    expect(tool_run("unpack", team.store, "acme/m:1.0.0", out, NULL), BFS_EXIT_FAILED, NULL, out);
    expect(tool_run("unpack", team.store, "acme/m:1.0.0", team_file(&team, "other", file),
                    "--view=nope", NULL),
           BFS_EXIT_FAILED, NULL, "nope");
    assert_int_equal(stat(file, &status), -1);
    expect_json(tool_run("verify", team.store, "--json", NULL), BFS_EXIT_OK, "\"acme/m");
    expect(tool_run("verify", team.store, "acme/m:9", NULL), BFS_EXIT_FAILED, NULL, "acme/m:9");
}

static void what_is_removed_leaves_room(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    team_pack(&team, "acme/m:1.0.0");
    expect(tool_run("rm", team.store, "acme/m:9", NULL), BFS_EXIT_FAILED, NULL, "acme/m:9");
    expect(tool_run("rm", team.store, "acme/m:1.0.0", NULL), BFS_EXIT_OK, NULL, NULL);
    expect(tool_run("gc", team.store, "--dry-run", NULL), BFS_EXIT_OK, NULL, NULL);
    expect_json(tool_run("gc", team.store, "--wait=0", "--json", NULL), BFS_EXIT_OK, "{");
    expect(tool_run("ls", team.store, NULL), BFS_EXIT_OK, NULL, NULL);
    expect(tool_run("verify", team.store, NULL), BFS_EXIT_OK, "0 bundles", NULL);
}

static void a_start_is_written_once(void **state)
{
    char path[128];
    (void)state;
    test_autoteam struct team team = team_make();
    test_write_text(&team.folder, "model/LICENSE",
                    "MIT License\n\nPermission is hereby granted, free of charge, to any person\n");
    expect(tool_run("init", team.model, "--template=huge", NULL), BFS_EXIT_USAGE, NULL, "huge");
    expect(tool_run("init", team.model, "--template=edge", NULL), BFS_EXIT_OK, "contract.json",
           NULL);
    expect(tool_run("init", team.model, NULL), BFS_EXIT_FAILED, NULL, "contract.json");
    expect(tool_run("init", team_file(&team, "none", path), NULL), BFS_EXIT_FAILED, NULL, "none");
    team_pack(&team, "acme/m:1.0.0");
    expect(tool_run("check", team.store, "acme/m:1.0.0", NULL), BFS_EXIT_OK, NULL, NULL);
}

static void an_audit_log_is_verified(void **state)
{
    char path[128];
    (void)state;
    test_autoteam struct team team = team_make();
    test_write_text(&team.folder, "audit.log", "no line of an audit log\n");
    expect(tool_run("audit", "verify", team_file(&team, "audit.log", path), NULL), BFS_EXIT_FAILED,
           NULL, NULL);
    expect(tool_run("audit", "verify", "/nonexistent/log", NULL), BFS_EXIT_FAILED, NULL,
           "/nonexistent/log");
    expect(tool_run("audit", "read", path, NULL), BFS_EXIT_USAGE, NULL, "read");
}

static void verbs_that_need_a_daemon_say_so(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    team_pack(&team, "acme/m:1.0.0");
    expect(tool_run("warm", team.store, "acme/m:1.0.0", NULL), BFS_EXIT_FAILED, NULL, team.store);
    expect(tool_run("umount", team.model, NULL), BFS_EXIT_FAILED, NULL, team.model);
    expect(tool_run("completion", "bash", NULL), BFS_EXIT_OK, "complete", NULL);
    expect(tool_run("completion", "fish", NULL), BFS_EXIT_USAGE, NULL, "fish");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pack_tells_what_is_new),
        cmocka_unit_test(views_are_listed_with_their_cost),
        cmocka_unit_test(a_host_is_described_and_read_again),
        cmocka_unit_test(inspect_shows_every_part),
        cmocka_unit_test(ls_lists_bundles_and_files),
        cmocka_unit_test(names_with_capitals_have_repositories_of_their_own),
        cmocka_unit_test(a_name_too_long_for_registries_has_no_repository),
        cmocka_unit_test(a_refused_name_comes_with_what_is_allowed),
        cmocka_unit_test(check_finds_what_does_not_hold),
        cmocka_unit_test(what_is_packed_comes_back),
        cmocka_unit_test(what_is_removed_leaves_room),
        cmocka_unit_test(a_start_is_written_once),
        cmocka_unit_test(an_audit_log_is_verified),
        cmocka_unit_test(verbs_that_need_a_daemon_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
