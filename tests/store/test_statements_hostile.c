/* SPDX-License-Identifier: Apache-2.0
 * Statements of a store that somebody else writes to: names that would hide an alias, more than is
 * read, one envelope many times. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/store/aliases.h"
#include "codec/store/catalog_change.h"
#include "codec/store/gc.h"
#include "codec/store/statement_manifest.h"
#include "codec/store/statement_name.h"
#include "tests/store/statement_support.h"
#include "tests/support/folder.h"

struct fixture {
    struct test_folder folder;
    struct bfs_store *store;
    struct bfs_secret_key *key;
    struct bfs_digest last; /* of the last move of an alias */
};

/* A bundle that is nothing but a manifest. */
static int publish_bundle(const struct fixture *fixture, const char *name, struct bfs_error *error)
{
    struct bfs_reference reference;
    struct bfs_descriptor manifest = {.media_type = BFS_MEDIA_OCI_MANIFEST};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_buffer_printf(&text, "{\"schemaVersion\": 2, \"annotations\": {\"x\": \"%s\"}}", name);
    manifest.size = text.size;
    assert_int_equal(
        bfs_store_put_blob(fixture->store, text.bytes, text.size, &manifest.digest, NULL), 0);
    assert_int_equal(bfs_reference_parse(name, &reference, NULL), 0);
    return bfs_catalog_publish(fixture->store, &reference, &manifest, error);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->folder = test_folder_make();
    assert_int_equal(
        bfs_store_create(fixture->folder.path, BFS_STORE_MODE_ANY, &fixture->store, NULL), 0);
    fixture->key = test_key();
    assert_int_equal(publish_bundle(fixture, "acme/m:1", NULL), 0);
    assert_int_equal(publish_bundle(fixture, "acme/m:2", NULL), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)bfs_store_free(fixture->store);
    (void)bfs_secret_key_free(fixture->key);
    test_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static int promote(struct fixture *fixture, const char *name, const char *alias, uint64_t sequence)
{
    return test_promote(fixture->store, name, alias, sequence, fixture->key, &fixture->last);
}

static int state_kind(const struct fixture *fixture, enum bfs_statement_kind kind)
{
    struct bfs_statement statement = test_statement(fixture->store, "acme/m:1", kind, 7);
    return test_state(fixture->store, &statement, fixture->key, NULL, NULL);
}

static int read_all(const struct fixture *fixture, struct bfs_statements *ret)
{
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    struct bfs_statement about =
        test_statement(fixture->store, "acme/m:1", BFS_STATEMENT_SIGNATURE, 0);
    assert_int_equal(bfs_catalog_load(fixture->store, &catalog, NULL), 0);
    return bfs_statements_of_bundle(fixture->store, catalog, &about.subject, ret, NULL);
}

static void nothing_is_added_that_would_hide_an_alias(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_error error = {0};
    assert_int_equal(promote(fixture, "acme/m:1", "prod", 1), 0);
    assert_int_equal(publish_bundle(fixture, "acme/m:prod", &error), -EEXIST);
    assert_non_null(strstr(error.what, "prod is an alias of acme/m"));
    assert_int_equal(publish_bundle(fixture, "acme/m/prod:1", &error), -EEXIST);
    assert_non_null(strstr(error.what, "acme/m has an alias prod"));
    assert_int_equal(publish_bundle(fixture, "acme/m/prod/deep/er:1", &error), -EEXIST);
    assert_int_equal(publish_bundle(fixture, "acme/m/product:1", NULL), 0);
    assert_int_equal(publish_bundle(fixture, "acme/m/pro:1", NULL), 0);
    assert_int_equal(publish_bundle(fixture, "acme/n:prod", NULL), 0);
    assert_int_equal(publish_bundle(fixture, "acme/m:1", NULL), 0); /* there already */
}

static void no_alias_is_made_that_would_be_hidden(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(publish_bundle(fixture, "acme/m/deep/er:1", NULL), 0);
    assert_int_equal(promote(fixture, "acme/m:1", "2", 1), -EEXIST);
    assert_int_equal(promote(fixture, "acme/m:1", "deep", 1), -EEXIST);
    assert_int_equal(promote(fixture, "acme/m:1", "dee", 1), 0);
    assert_int_equal(promote(fixture, "acme/m:1", "deeper", 1), 0);
}

/* Whoever asked whether it is revoked may have asked too early. */
static void what_is_revoked_is_not_promoted(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(promote(fixture, "acme/m:1", "prod", 1), 0);
    assert_int_equal(state_kind(fixture, BFS_STATEMENT_REVOCATION), 0);
    assert_int_equal(promote(fixture, "acme/m:1", "prod", 2), -EKEYREJECTED);
    assert_int_equal(promote(fixture, "acme/m:2", "prod", 2), 0);
}

/* Many manifests under the names of statements of a kind about acme/m:1, in one step. */
struct listing {
    const struct bfs_digest *subject;
    const struct bfs_descriptor *manifests;
    enum bfs_statement_kind kind;
    size_t n;
};

static int append(void *context, const struct bfs_catalog *catalog, struct bfs_index_edit *index,
                  struct bfs_error *error)
{
    const struct listing *listing = context;
    int r = 0;
    (void)catalog;
    for (size_t i = 0; r == 0 && i < listing->n; i++) {
        char name[BFS_REFERENCE_MAX + 1];
        (void)bfs_statement_name_text("acme/m", listing->subject, listing->kind,
                                      &listing->manifests[i].digest, name);
        r = bfs_index_edit_append(index, &listing->manifests[i], BFS_MEDIA_STATEMENT, name, error);
    }
    return r;
}

static void list(const struct fixture *fixture, enum bfs_statement_kind kind,
                 const struct bfs_descriptor manifests[], size_t n)
{
    struct bfs_statement about =
        test_statement(fixture->store, "acme/m:1", BFS_STATEMENT_SIGNATURE, 0);
    struct listing listing = {&about.subject, manifests, kind, n};
    assert_int_equal(bfs_catalog_change(fixture->store, append, &listing, NULL), 0);
}

/* Manifests that are not in the store. */
static void list_missing(const struct fixture *fixture, enum bfs_statement_kind kind, size_t n)
{
    bfs_autofree struct bfs_descriptor *manifests = calloc(n, sizeof(*manifests));
    for (size_t i = 0; i < n; i++) {
        manifests[i].size = 700;
        (void)snprintf(manifests[i].media_type, sizeof(manifests[i].media_type), "%s",
                       BFS_MEDIA_OCI_MANIFEST);
        assert_int_equal(bfs_sha256(&i, sizeof(i), &manifests[i].digest), 0);
    }
    list(fixture, kind, manifests, n);
}

static void a_revocation_that_cannot_be_read_is_heard(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_error error = {0};
    list_missing(fixture, BFS_STATEMENT_REVOCATION, 1);
    assert_int_equal(promote(fixture, "acme/m:1", "prod", 1), -EKEYREJECTED);
    bfs_autostatements struct bfs_statements about = {0};
    assert_int_equal(read_all(fixture, &about), 0);
    assert_int_equal(bfs_statements_check_revoked(&about, "acme/m:1", &error), -EKEYREJECTED);
    assert_non_null(strstr(error.what, "acme/m:1 may be revoked"));
}

static void the_last_that_may_be_there_is_the_last_that_is_added(void **state)
{
    struct fixture *fixture = *state;
    list_missing(fixture, BFS_STATEMENT_SIGNATURE, BFS_STATEMENTS_MAX - 1);
    assert_int_equal(state_kind(fixture, BFS_STATEMENT_SIGNATURE), 0);
    assert_int_equal(state_kind(fixture, BFS_STATEMENT_DEPRECATION), -E2BIG);
    assert_int_equal(promote(fixture, "acme/m:1", "prod", 1), -E2BIG);
    bfs_autostatements struct bfs_statements full = {0}, over = {0};
    assert_int_equal(read_all(fixture, &full), 0);
    assert_int_equal(full.n, 1);
    assert_int_equal(full.n_refusals, BFS_STATEMENTS_MAX - 1);
    assert_int_equal(state_kind(fixture, BFS_STATEMENT_REVOCATION), 0);
    assert_int_equal(read_all(fixture, &over), -E2BIG);

    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    bfs_autostatements struct bfs_statements all = {0};
    assert_int_equal(bfs_catalog_load(fixture->store, &catalog, NULL), 0);
    assert_int_equal(bfs_statements_of_model(fixture->store, catalog, "acme/m", &all, NULL), 0);
    assert_int_equal(all.n, 2);
}

static void moves_of_aliases_have_an_end_too(void **state)
{
    struct fixture *fixture = *state;
    list_missing(fixture, BFS_STATEMENT_ALIAS, BFS_STATEMENTS_MAX - 1);
    assert_int_equal(promote(fixture, "acme/m:2", "prod", 1), 0);
    assert_int_equal(promote(fixture, "acme/m:2", "prod", 2), -E2BIG);
}

/* The same envelope under `n` manifests that differ; `padding` bytes of it say nothing. */
static void list_repeated(const struct fixture *fixture, size_t padding, size_t n)
{
    struct bfs_statement statement =
        test_statement(fixture->store, "acme/m:1", BFS_STATEMENT_SIGNATURE, 5);
    bfs_autobuffer struct bfs_buffer signed_text = BFS_BUFFER_INIT, envelope = BFS_BUFFER_INIT;
    bfs_autofree struct bfs_descriptor *manifests = calloc(n, sizeof(*manifests));
    struct bfs_statement_manifest manifest = {
        .subject = {.media_type = BFS_MEDIA_OCI_MANIFEST, .digest = statement.subject, .size = 100},
        .envelope = {.media_type = BFS_ENVELOPE_MEDIA}};
    assert_int_equal(bfs_statement_sign(&statement, fixture->key, &signed_text, NULL), 0);
    bfs_buffer_put_text(&envelope, "{\"x\":\"");
    for (size_t i = 0; i < padding; i++)
        bfs_buffer_put_u8(&envelope, 'x');
    bfs_buffer_put_text(&envelope, "\",");
    bfs_buffer_put(&envelope, signed_text.bytes + 1, signed_text.size - 1); /* after its '{' */
    manifest.envelope.size = envelope.size;
    assert_int_equal(bfs_store_put_blob(fixture->store, envelope.bytes, envelope.size,
                                        &manifest.envelope.digest, NULL),
                     0);
    for (size_t i = 0; i < n; i++) {
        bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
        statement.when = (int64_t)i; /* an annotation of the manifest */
        assert_int_equal(bfs_statement_manifest_write(&manifest, &statement, &text), 0);
        manifests[i] =
            (struct bfs_descriptor){.media_type = BFS_MEDIA_OCI_MANIFEST, .size = text.size};
        assert_int_equal(
            bfs_store_put_blob(fixture->store, text.bytes, text.size, &manifests[i].digest, NULL),
            0);
    }
    list(fixture, BFS_STATEMENT_SIGNATURE, manifests, n);
}

static void one_envelope_is_one_statement_however_often_it_is_listed(void **state)
{
    struct fixture *fixture = *state;
    list_repeated(fixture, 0, 3);
    assert_int_equal(state_kind(fixture, BFS_STATEMENT_SIGNATURE), 0);
    bfs_autostatements struct bfs_statements statements = {0};
    assert_int_equal(read_all(fixture, &statements), 0);
    assert_int_equal(statements.n_refusals, 0);
    assert_int_equal(statements.n, 2);
}

/* A small store must not become a large daemon. */
static void large_envelopes_are_not_read_without_end(void **state)
{
    struct fixture *fixture = *state;
    enum { PADDING = 1000 << 10, FIT = (int)BFS_STATEMENTS_SIZE_MAX / (PADDING + 4096) };
    list_repeated(fixture, PADDING, FIT);
    bfs_autostatements struct bfs_statements fit = {0}, over = {0};
    assert_int_equal(read_all(fixture, &fit), 0);
    assert_int_equal(fit.n, 1);
    list_repeated(fixture, PADDING - 1, 2);
    assert_int_equal(read_all(fixture, &over), -E2BIG);
}

/* What stands where a blob should may be anything that a folder holds. */
static void a_blob_that_is_no_file_refuses_one_statement(void **state)
{
    struct fixture *fixture = *state;
    static const mode_t modes[] = {S_IFREG, S_IFIFO, S_IFSOCK};
    bfs_autostatements struct bfs_statements sound = {0};
    assert_int_equal(state_kind(fixture, BFS_STATEMENT_SIGNATURE), 0);
    assert_int_equal(state_kind(fixture, BFS_STATEMENT_DEPRECATION), 0);
    assert_int_equal(read_all(fixture, &sound), 0);
    bfs_autofree char *path = bfs_store_blob_path(fixture->store, &sound.items[0]->digest);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        bfs_autostatements struct bfs_statements statements = {0};
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mknod(path, modes[i] | 0644, 0), 0);
        assert_int_equal(read_all(fixture, &statements), 0);
        assert_int_equal(statements.n, 1);
        assert_int_equal(statements.n_refusals, 1);
    }
}

static void a_damaged_statement_can_be_taken_away(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_gc_report report;
    list_missing(fixture, BFS_STATEMENT_APPROVAL, 1);
    assert_int_equal(bfs_store_gc(fixture->store, false, 0, &report, NULL), -ENOENT);
    bfs_autostatements struct bfs_statements statements = {0};
    assert_int_equal(read_all(fixture, &statements), 0);
    assert_int_equal(statements.n_refusals, 1);
    const char *name = statements.refusals[0].name;
    assert_int_equal(bfs_catalog_remove_statement(fixture->store, "acme/m:1", NULL), -EINVAL);
    assert_int_equal(bfs_catalog_remove_statement(fixture->store, name, NULL), 0);
    assert_int_equal(bfs_catalog_remove_statement(fixture->store, name, NULL), -ENOENT);
    assert_int_equal(bfs_store_gc(fixture->store, false, 0, &report, NULL), 0);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    assert_int_equal(bfs_catalog_load(fixture->store, &catalog, NULL), 0);
    assert_int_equal(catalog->n_entries, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_added_that_would_hide_an_alias),
        TEST(no_alias_is_made_that_would_be_hidden),
        TEST(what_is_revoked_is_not_promoted),
        TEST(a_revocation_that_cannot_be_read_is_heard),
        TEST(the_last_that_may_be_there_is_the_last_that_is_added),
        TEST(moves_of_aliases_have_an_end_too),
        TEST(one_envelope_is_one_statement_however_often_it_is_listed),
        TEST(large_envelopes_are_not_read_without_end),
        TEST(a_blob_that_is_no_file_refuses_one_statement),
        TEST(a_damaged_statement_can_be_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
