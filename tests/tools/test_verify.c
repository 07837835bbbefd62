/* SPDX-License-Identifier: Apache-2.0
 * verify finds a damaged statement, whichever blob of it is damaged in whichever way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/tools/team.h"

#include <dirent.h>

enum { NAMES_MAX = 64, NAME_SIZE = 65 };

struct names {
    char items[NAMES_MAX][NAME_SIZE];
    size_t n;
};

static void blob_names(const struct team *team, struct names *ret)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/blobs/sha256", team->store);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    assert_non_null(folder);
    ret->n = 0;
    while ((entry = readdir(folder)))
        if (strlen(entry->d_name) == NAME_SIZE - 1 && ret->n < NAMES_MAX)
            (void)memcpy(ret->items[ret->n++], entry->d_name, NAME_SIZE);
    (void)closedir(folder);
}

static bool has(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

enum damage { EMPTIED, CUT, FLIPPED, FIFO, MISSING, N_DAMAGES };

static void make_damage(const char *path, enum damage damage)
{
    struct stat status;
    char byte;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(chmod(path, 0644), 0);
    if (damage == EMPTIED || damage == CUT) {
        assert_int_equal(truncate(path, damage == CUT ? status.st_size - 1 : 0), 0);
    } else if (damage == FLIPPED) {
        bfs_autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
        assert_int_equal(pread(fd, &byte, 1, status.st_size / 2), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, status.st_size / 2), 1);
    } else {
        assert_int_equal(unlink(path), 0);
        if (damage == FIFO)
            assert_int_equal(mkfifo(path, 0644), 0);
    }
}

/* For people all that the store has, for scripts the bundle alone, and quickly. */
static void expect_verified(const struct team *team, int status, const char *part)
{
    test_autorun struct tool_run text = tool_run("verify", team->store, NULL);
    tool_expect(&text, status);
    tool_expect_text(text.out, part);
    test_autorun struct tool_run json =
        tool_run("verify", "--json", "--quick", team->store, "acme/m:1", NULL);
    tool_expect(&json, status);
    team_expect_json(&json);
    tool_expect_text(json.out, status ? "\"kind\": \"statement\"" : "\"n_problems\": 0");
}

static void damaged_statements_are_found(void **state)
{
    static const char *const verbs[] = {"sign", "promote"};
    (void)state;
    for (size_t v = 0; v < sizeof(verbs) / sizeof(*verbs); v++) {
        test_autoteam struct team team = team_make();
        struct names before, after;
        char key[128], path[256], copy[256], part[64];
        team_keygen(&team, "release");
        team_pack(&team, "acme/m:1");
        blob_names(&team, &before);
        test_autorun struct tool_run run =
            tool_run(verbs[v], team.store, "acme/m:1", "--key",
                     team_file(&team, "release.key", key), v ? "--to=production" : NULL, NULL);
        tool_expect(&run, BFS_EXIT_OK);
        blob_names(&team, &after);
        assert_int_equal(after.n, before.n + 3); /* manifest, envelope, empty config */
        (void)snprintf(part, sizeof(part), ".%s.", v ? "alias" : "signature");
        expect_verified(&team, BFS_EXIT_OK, "all proved");
        for (size_t i = 0; i < after.n; i++) {
            if (has(&before, after.items[i]))
                continue;
            (void)snprintf(path, sizeof(path), "%s/blobs/sha256/%s", team.store, after.items[i]);
            (void)snprintf(copy, sizeof(copy), "%s/saved", team.folder.path);
            for (enum damage damage = 0; damage < N_DAMAGES; damage++) {
                bfs_autofree uint8_t *bytes = NULL;
                size_t size;
                assert_int_equal(bfs_read_file(path, 1 << 20, &bytes, &size, NULL), 0);
                make_damage(path, damage);
                expect_verified(&team, BFS_EXIT_FAILED, part);
                (void)unlink(path);
                test_write_file(&team.folder, "saved", bytes, size);
                assert_int_equal(rename(copy, path), 0);
            }
        }
        expect_verified(&team, BFS_EXIT_OK, "all proved");
    }
}

static struct tool_run verify_with(const struct team *team, const char *policy, bool json)
{
    return tool_run("verify", "--quick", team->store, "--policy", policy, json ? "--json" : NULL,
                    NULL);
}

/* Bytes that are all right and that nobody may serve: exit 1, and the sentence of the policy. */
static void what_the_policy_refuses_is_told(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    char key[128];
    team_keygen(&team, "release");
    team_keygen(&team, "qa");
    team_keygen(&team, "security");
    team_write_policy(&team);
    team_pack(&team, "acme/m:1");
    team_pack(&team, "acme/m:2");
    test_autorun struct tool_run sign = tool_run("sign", team.store, "acme/m:1", "--key",
                                                 team_file(&team, "release.key", key), NULL);
    tool_expect(&sign, BFS_EXIT_OK);

    test_autorun struct tool_run text = verify_with(&team, team.policy, false);
    tool_expect(&text, BFS_EXIT_FAILED);
    tool_expect_text(text.out, "acme/m:2: refused by the policy: ");
    tool_expect_text(text.out, "1 signature");
    tool_expect_no_text(text.out, "acme/m:1: refused");
    tool_expect_text(text.out, "acme/m:1  ok\n");
    tool_expect_text(text.out, "acme/m:2  1 problems\n");
    tool_expect_text(text.out, "1 bundle is refused by the policy ");
    tool_expect_text(text.out, "structure and sizes are right");

    test_autorun struct tool_run json = verify_with(&team, team.policy, true);
    tool_expect(&json, BFS_EXIT_FAILED);
    team_expect_json(&json);
    tool_expect_text(json.out, "\"kind\": \"policy\"");
    tool_expect_text(json.out, "\"code\": \"unsigned\"");
    tool_expect_text(json.out, "\"n_refused\": 1");
    tool_expect_text(json.out, "\"n_problems\": 0"); /* of the bytes */
    tool_expect_text(json.out, "\"bundle\": \"acme/m:2\"");

    test_autorun struct tool_run free = verify_with(&team, "none", false);
    tool_expect(&free, BFS_EXIT_OK);
    tool_expect_no_text(free.out, "refused");
}

/* A policy that cannot be read lets nothing pass. */
static void without_its_policy_nothing_is_verified(void **state)
{
    (void)state;
    test_autoteam struct team team = team_make();
    team_pack(&team, "acme/m:1");
    test_autorun struct tool_run missing = verify_with(&team, team.policy, false);
    tool_expect(&missing, BFS_EXIT_FAILED);
    tool_expect_text(missing.err, "policy.json");
    assert_string_equal(missing.out, "");
    test_write_text(&team.folder, "policy.json", "{}");
    test_autorun struct tool_run wrong = verify_with(&team, team.policy, true);
    tool_expect(&wrong, BFS_EXIT_FAILED);
    tool_expect_text(wrong.err, "policy.json");
    assert_string_equal(wrong.out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_statements_are_found),
        cmocka_unit_test(what_the_policy_refuses_is_told),
        cmocka_unit_test(without_its_policy_nothing_is_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
