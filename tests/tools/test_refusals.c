/* SPDX-License-Identifier: Apache-2.0
 * What pack refuses, and that a refused pack leaves nothing behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/tools/team.h"

static void expect_refused(const struct team *team, const char *store, const char *name,
                           const char *model, int status, const char *why)
{
    char path[160], directory[160];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/%s", team->folder.path, store);
    (void)snprintf(directory, sizeof(directory), "%s/%s", team->folder.path, model);
    test_autorun struct tool_run run = tool_run("pack", path, name, directory, NULL);
    tool_expect(&run, status);
    tool_expect_text(run.err, why);
    assert_int_equal(lstat(path, &st), -1);
}

static void a_refused_pack_makes_no_store(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    test_make_folder(&team.folder, "wrong");
    test_write_text(&team.folder, "wrong/contract.json", "{}");
    expect_refused(&team, "model/store", "acme/m:1", "model", BFS_EXIT_FAILED, "lie apart");
    expect_refused(&team, "s", "acme/m", "model", BFS_EXIT_USAGE, "no version");
    expect_refused(&team, "s", "../m:1", "model", BFS_EXIT_USAGE, "not a model name");
    expect_refused(&team, "s", "acme/m:latest", "model", BFS_EXIT_USAGE, "latest");
    expect_refused(&team, "s", "acme/latest:1", "model", BFS_EXIT_FAILED, "would hide the link");
    expect_refused(&team, "s", "acme/m:1", "none", BFS_EXIT_FAILED, "none");
    expect_refused(&team, "s", "acme/m:1", "model/config.json", BFS_EXIT_FAILED, "config.json");
    expect_refused(&team, "s", "acme/m:1", "wrong", BFS_EXIT_FAILED, "contract.json");
    expect_refused(&team, "none/s", "acme/m:1", "model", BFS_EXIT_FAILED, "none/s");
}

static void a_model_inside_a_store_is_refused(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    team_pack(&team, "acme/m:1");
    team_write_model(&team, "store/model", 2);
    expect_refused(&team, "store/model/s", "acme/m:2", "store/model", BFS_EXIT_FAILED, "lie apart");
    char inside[160];
    (void)snprintf(inside, sizeof(inside), "%s/model", team.store);
    test_autorun struct tool_run run = tool_run("pack", team.store, "acme/m:2", inside, NULL);
    tool_expect(&run, BFS_EXIT_FAILED);
    tool_expect_text(run.err, "lie apart");
}

static void expect_pack(const struct team *team, const char *name, int status, const char *why)
{
    test_autorun struct tool_run run = tool_run("pack", team->store, name, team->model, NULL);
    tool_expect(&run, status);
    tool_expect_text(run.err, why);
}

static void no_model_hides_a_link(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    team_pack(&team, "llama3:1.0.0");
    expect_pack(&team, "llama3/latest:x", BFS_EXIT_FAILED, "\"latest\" would hide");
    expect_pack(&team, "llama3/latest/deep:x", BFS_EXIT_FAILED, "\"latest\" would hide");
    expect_pack(&team, "other/team/latest:x", BFS_EXIT_FAILED, "\"latest\" would hide");
    expect_pack(&team, "llama3/latest-2:x", BFS_EXIT_OK, "");
    expect_pack(&team, "llama3/my.latest:x", BFS_EXIT_OK, "");
    expect_pack(&team, "latest:x", BFS_EXIT_OK, ""); /* nothing is above it that has a link */
}

/* An earlier build, or a tool that copies by name, has stored such a name. */
static void a_name_that_is_stored_already_stays_readable(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    team_pack(&team, "llama3/latesx:1");
    bfs_autofree char *index = test_path(&team.folder, "store/index.json");
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    assert_int_equal(bfs_read_file(index, 1 << 20, &text, &size, NULL), 0);
    char *name = strstr((char *)text, "latesx");
    assert_non_null(name);
    name[5] = 't';
    test_write_file(&team.folder, "store/index.json", text, size);
    test_autorun struct tool_run list = tool_run("ls", team.store, NULL);
    tool_expect(&list, BFS_EXIT_OK);
    tool_expect_text(list.out, "llama3/latest");
    test_autorun struct tool_run proved = tool_run("verify", team.store, "llama3/latest:1", NULL);
    tool_expect(&proved, BFS_EXIT_OK);
    test_autorun struct tool_run removed = tool_run("rm", team.store, "llama3/latest:1", NULL);
    tool_expect(&removed, BFS_EXIT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_pack_makes_no_store),
        cmocka_unit_test(a_model_inside_a_store_is_refused),
        cmocka_unit_test(no_model_hides_a_link),
        cmocka_unit_test(a_name_that_is_stored_already_stays_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
