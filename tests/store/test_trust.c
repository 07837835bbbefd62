/* SPDX-License-Identifier: Apache-2.0
 * What a policy makes of the statements of a store, when somebody lists many, or the store cannot
 * be read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/store/aliases.h"
#include "codec/store/catalog_change.h"
#include "codec/store/statement_name.h"
#include "codec/store/trust.h"
#include "tests/store/statement_support.h"
#include "tests/support/folder.h"

#include <sys/resource.h>

struct fixture {
    struct test_folder folder;
    struct bfs_store *store;
    struct bfs_secret_key *known, *stranger;
    struct bfs_digest last;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->folder = test_folder_make();
    assert_int_equal(
        bfs_store_create(fixture->folder.path, BFS_STORE_MODE_ANY, &fixture->store, NULL), 0);
    fixture->known = test_key();
    fixture->stranger = test_key();
    for (int i = 1; i <= 2; i++) {
        struct bfs_reference reference = {.name = "acme/m"};
        struct bfs_descriptor manifest = {.media_type = BFS_MEDIA_OCI_MANIFEST, .size = 4};
        (void)snprintf(reference.version, sizeof(reference.version), "%d", i);
        assert_int_equal(bfs_store_put_blob(fixture->store, &i, 4, &manifest.digest, NULL), 0);
        assert_int_equal(bfs_catalog_publish(fixture->store, &reference, &manifest, NULL), 0);
    }
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)bfs_store_free(fixture->store);
    (void)bfs_secret_key_free(fixture->known);
    (void)bfs_secret_key_free(fixture->stranger);
    test_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

/* The known key may move "prod", which needs an approval, and "free", which needs none. */
static struct bfs_policy *make_policy(const struct fixture *fixture, const char *more)
{
    struct bfs_policy *policy = NULL;
    char line[BFS_PUBLIC_KEY_LINE_SIZE], text[1024];
    (void)snprintf(
        text, sizeof(text),
        "{\"schema_version\":\"1.0\",\"keys\":[{\"name\":\"k\",\"public_key\":\"%s\",\"roles\":"
        "[\"r\"]}],\"rules\":[{\"match\":\"**\",%s\"aliases\":{\"free\":{\"move\":[\"r\"]},"
        "\"prod\":"
        "{\"move\":[\"r\"],\"require\":[{\"statement\":\"approval\",\"role\":\"r\"}]}}}]}",
        bfs_public_key_line(bfs_secret_key_public(fixture->known), line), more);
    assert_int_equal(bfs_policy_parse(text, strlen(text), "policy", &policy, NULL), 0);
    return policy;
}

struct asked {
    struct bfs_catalog *catalog;
    struct bfs_policy *policy;
    struct bfs_trust trust;
    struct bfs_aliases aliases;
    int r;
};

static void asked_done(struct asked *asked)
{
    bfs_aliases_done(&asked->aliases);
    (void)bfs_catalog_free(asked->catalog);
    (void)bfs_policy_unref(asked->policy);
}

static struct asked ask(const struct fixture *fixture, const char *more)
{
    struct asked asked = {.policy = make_policy(fixture, more)};
    assert_int_equal(bfs_catalog_load(fixture->store, &asked.catalog, NULL), 0);
    asked.trust = (struct bfs_trust){
        .store = fixture->store, .catalog = asked.catalog, .policy = asked.policy, .now = 5000};
    asked.r = bfs_aliases_load(fixture->store, asked.catalog, "acme/m", bfs_trust_believes,
                               &asked.trust, &asked.aliases, NULL);
    return asked;
}
#define autoasked BFS_CLEANUP(asked_done)

static const char *target_of(const struct asked *asked, const char *alias)
{
    const struct bfs_alias *found = bfs_aliases_find(&asked->aliases, alias);
    return found ? found->target->reference.version : "none";
}

static int promote(struct fixture *fixture, const char *name, const char *alias, uint64_t sequence,
                   const struct bfs_secret_key *key)
{
    return test_promote(fixture->store, name, alias, sequence, key, &fixture->last);
}

static void approve(const struct fixture *fixture, const char *name)
{
    struct bfs_statement statement =
        test_statement(fixture->store, name, BFS_STATEMENT_APPROVAL, 50);
    strcpy(statement.role, "r");
    assert_int_equal(test_state(fixture->store, &statement, fixture->known, NULL, NULL), 0);
}

/* Statements that cannot be read, more than may be. */
static int append_many(void *context, const struct bfs_catalog *catalog,
                       struct bfs_index_edit *index, struct bfs_error *error)
{
    const struct bfs_digest *subject = context;
    int r = 0;
    (void)catalog;
    for (size_t i = 0; r == 0 && i <= BFS_STATEMENTS_MAX; i++) {
        struct bfs_descriptor manifest = {.media_type = BFS_MEDIA_OCI_MANIFEST, .size = 700};
        char name[BFS_REFERENCE_MAX + 1];
        assert_int_equal(bfs_sha256(&i, sizeof(i), &manifest.digest), 0);
        (void)bfs_statement_name_text("acme/m", subject, BFS_STATEMENT_SIGNATURE, &manifest.digest,
                                      name);
        r = bfs_index_edit_append(index, &manifest, BFS_MEDIA_STATEMENT, name, error);
    }
    return r;
}

static void list_too_many(const struct fixture *fixture, const char *name)
{
    struct bfs_statement about = test_statement(fixture->store, name, BFS_STATEMENT_SIGNATURE, 0);
    assert_int_equal(bfs_catalog_change(fixture->store, append_many, &about.subject, NULL), 0);
}

static void the_end_that_is_believed_is_where_an_alias_points(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(promote(fixture, "acme/m:1", "prod", 1, fixture->known), 0);
    approve(fixture, "acme/m:1");
    assert_int_equal(promote(fixture, "acme/m:2", "prod", 2, fixture->known), 0);
    autoasked struct asked before = ask(fixture, "");
    assert_int_equal(before.r, 0);
    assert_string_equal(target_of(&before, "prod"), "1");
    approve(fixture, "acme/m:2");
    autoasked struct asked after = ask(fixture, "");
    assert_string_equal(target_of(&after, "prod"), "2");
    assert_int_equal(promote(fixture, "acme/m:1", "prod", 3, fixture->stranger), 0);
    autoasked struct asked strange = ask(fixture, "");
    assert_string_equal(target_of(&strange, "prod"), "2");
    assert_int_equal(strange.trust.status, 0);
}

/* Whether a move is believed that needs no approval does not depend on what is said about its
 * target, so that is not read; nor is it for one that nobody known has signed. */
static void what_is_not_asked_for_is_not_read(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(promote(fixture, "acme/m:1", "free", 1, fixture->known), 0);
    assert_int_equal(promote(fixture, "acme/m:2", "prod", 1, fixture->known), 0);
    list_too_many(fixture, "acme/m:1");
    list_too_many(fixture, "acme/m:2");
    autoasked struct asked asked = ask(fixture, "");
    assert_int_equal(asked.r, 0);
    assert_string_equal(target_of(&asked, "free"), "1");
    assert_string_equal(target_of(&asked, "prod"), "none");
    assert_int_equal(asked.trust.status, 0);
}

static struct rlimit open_nothing(void)
{
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    return before;
}

/* An alias must not go back because a disk had a bad moment. */
static void a_store_that_cannot_be_read_is_no_answer(void **state)
{
    struct fixture *fixture = *state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = make_policy(fixture, "");
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    bfs_autoaliases struct bfs_aliases aliases = {0};
    assert_int_equal(promote(fixture, "acme/m:1", "prod", 1, fixture->known), 0);
    approve(fixture, "acme/m:1");
    assert_int_equal(bfs_catalog_load(fixture->store, &catalog, NULL), 0);
    assert_int_equal(
        bfs_aliases_load(fixture->store, catalog, "acme/m", NULL, NULL, &aliases, NULL), 0);
    struct bfs_trust trust = {
        .store = fixture->store, .catalog = catalog, .policy = policy, .now = 5000};
    struct rlimit limit = open_nothing();
    bool believed = bfs_trust_believes(&trust, aliases.items[0].link);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_false(believed);
    assert_int_equal(trust.status, -EMFILE);
    trust.status = 0;
    assert_true(bfs_trust_believes(&trust, aliases.items[0].link));
    assert_int_equal(trust.status, 0);
}

/* Of a bundle that no move names, aliases say nothing, so they are not read. */
static void aliases_of_others_are_not_read(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_verdict verdict;
    assert_int_equal(promote(fixture, "acme/m:1", "free", 1, fixture->known), 0);
    autoasked struct asked asked = ask(fixture, "\"unpromoted\":\"refuse\",");
    struct bfs_statement one =
        test_statement(fixture->store, "acme/m:1", BFS_STATEMENT_SIGNATURE, 0);
    struct bfs_statement two =
        test_statement(fixture->store, "acme/m:2", BFS_STATEMENT_SIGNATURE, 0);
    assert_int_equal(
        bfs_trust_judge(&asked.trust, &one.subject_name, &one.subject, NULL, &verdict, NULL), 0);
    assert_int_equal(verdict.code, 0);
    struct rlimit limit = open_nothing();
    int r = bfs_trust_judge(&asked.trust, &two.subject_name, &two.subject, NULL, &verdict, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(r, 0);
    assert_int_equal(verdict.code, -EKEYREJECTED);
    assert_non_null(strstr(verdict.reason, "no alias points to it"));
}

/* The fingerprint covers what is said about a target once, however many moves name it. */
static void fingerprints_see_what_is_said_about_targets(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_xxh128 prints[3];
    for (size_t i = 0; i < 3; i++) {
        if (i == 0) {
            assert_int_equal(promote(fixture, "acme/m:2", "free", 1, fixture->known), 0);
            assert_int_equal(promote(fixture, "acme/m:2", "free", 2, fixture->known), 0);
        } else if (i == 1) {
            approve(fixture, "acme/m:2");
        }
        autoasked struct asked asked = ask(fixture, "\"unpromoted\":\"refuse\",");
        struct bfs_statement about =
            test_statement(fixture->store, "acme/m:1", BFS_STATEMENT_SIGNATURE, 0);
        assert_int_equal(
            bfs_trust_fingerprint(&asked.trust, &about.subject_name, &about.subject, &prints[i]),
            0);
    }
    assert_false(bfs_xxh128_equal(&prints[0], &prints[1]));
    assert_true(bfs_xxh128_equal(&prints[1], &prints[2]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_end_that_is_believed_is_where_an_alias_points),
        TEST(what_is_not_asked_for_is_not_read),
        TEST(a_store_that_cannot_be_read_is_no_answer),
        TEST(aliases_of_others_are_not_read),
        TEST(fingerprints_see_what_is_said_about_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
