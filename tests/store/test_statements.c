/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/store/catalog_change.h"
#include "codec/store/gc.h"
#include "codec/store/statement_manifest.h"
#include "codec/store/statement_name.h"
#include "tests/store/statement_support.h"
#include "tests/support/folder.h"

#include <pthread.h>

struct fixture {
    struct test_folder folder;
    struct bfs_store *store;
    struct bfs_secret_key *key;
};

/* A bundle that is nothing but a manifest: nothing here opens it. */
static void publish_bundle(const struct fixture *fixture, const char *name)
{
    struct bfs_reference reference;
    struct bfs_descriptor manifest = {.media_type = BFS_MEDIA_OCI_MANIFEST};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_buffer_printf(&text, "{\"schemaVersion\": 2, \"annotations\": {\"x\": \"%s\"}}", name);
    manifest.size = text.size;
    assert_int_equal(
        bfs_store_put_blob(fixture->store, text.bytes, text.size, &manifest.digest, NULL), 0);
    assert_int_equal(bfs_reference_parse(name, &reference, NULL), 0);
    assert_int_equal(bfs_catalog_publish(fixture->store, &reference, &manifest, NULL), 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->folder = test_folder_make();
    assert_int_equal(
        bfs_store_create(fixture->folder.path, BFS_STORE_MODE_ANY, &fixture->store, NULL), 0);
    fixture->key = test_key();
    publish_bundle(fixture, "acme/m:1");
    publish_bundle(fixture, "acme/m:2");
    publish_bundle(fixture, "acme/other:1");
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

static int state_kind(const struct fixture *fixture, const char *name, enum bfs_statement_kind kind,
                      int64_t when)
{
    struct bfs_statement statement = test_statement(fixture->store, name, kind, when);
    (void)snprintf(statement.role, sizeof(statement.role), "%s",
                   kind == BFS_STATEMENT_APPROVAL ? "release" : "");
    return test_state(fixture->store, &statement, fixture->key, NULL, NULL);
}

static struct bfs_catalog *load(const struct fixture *fixture)
{
    struct bfs_catalog *catalog = NULL;
    assert_int_equal(bfs_catalog_load(fixture->store, &catalog, NULL), 0);
    return catalog;
}

static struct bfs_statements of_bundle(const struct fixture *fixture, const char *name)
{
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    struct bfs_statement about = test_statement(fixture->store, name, BFS_STATEMENT_SIGNATURE, 0);
    struct bfs_statements statements = {0};
    assert_int_equal(
        bfs_statements_of_bundle(fixture->store, catalog, &about.subject, &statements, NULL), 0);
    return statements;
}

static void statements_are_stored_by_bundle_and_in_order(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(state_kind(fixture, "acme/m:1", BFS_STATEMENT_APPROVAL, 30), 0);
    assert_int_equal(state_kind(fixture, "acme/m:1", BFS_STATEMENT_SIGNATURE, 20), 0);
    assert_int_equal(state_kind(fixture, "acme/m:2", BFS_STATEMENT_SIGNATURE, 10), 0);
    bfs_autostatements struct bfs_statements one = of_bundle(fixture, "acme/m:1");
    bfs_autostatements struct bfs_statements two = of_bundle(fixture, "acme/m:2");
    bfs_autostatements struct bfs_statements none = of_bundle(fixture, "acme/other:1");
    assert_int_equal(one.n, 2);
    assert_int_equal(one.items[0]->statement.kind, BFS_STATEMENT_SIGNATURE);
    assert_int_equal(one.items[1]->statement.when, 30);
    assert_string_equal(one.items[1]->statement.role, "release");
    assert_int_equal(strlen(one.items[0]->key_id), 16);
    assert_int_equal(two.n, 1);
    assert_int_equal(none.n + none.n_refusals, 0);

    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    bfs_autostatements struct bfs_statements all = {0};
    assert_int_equal(catalog->n_entries, 3);
    assert_int_equal(catalog->n_refusals, 0);
    assert_int_equal(bfs_statements_of_model(fixture->store, catalog, "acme/m", &all, NULL), 0);
    assert_int_equal(all.n, 3);
    assert_int_equal(all.items[0]->statement.when, 10);
}

static void publishing_again_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_statement statement =
        test_statement(fixture->store, "acme/m:1", BFS_STATEMENT_SIGNATURE, 5);
    assert_int_equal(test_state(fixture->store, &statement, fixture->key, NULL, NULL), 0);
    assert_int_equal(test_state(fixture->store, &statement, fixture->key, NULL, NULL), 0);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    assert_int_equal(catalog->n_statements, 1);
}

static void a_bundle_must_be_there(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_statement statement =
        test_statement(fixture->store, "acme/m:1", BFS_STATEMENT_SIGNATURE, 5);
    statement.subject.bytes[0] ^= 1;
    assert_int_equal(test_state(fixture->store, &statement, fixture->key, NULL, NULL), -ENOENT);
    statement.subject.bytes[0] ^= 1;
    strcpy(statement.subject_name.version, "3");
    assert_int_equal(test_state(fixture->store, &statement, fixture->key, NULL, NULL), -ENOENT);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    assert_int_equal(catalog->n_statements, 0);
}

static void an_alias_moves_only_on_from_where_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_digest last = {0}, first;
    assert_int_equal(test_promote(fixture->store, "acme/m:1", "prod", 2, fixture->key, &last),
                     -EBUSY);
    assert_int_equal(test_promote(fixture->store, "acme/m:1", "prod", 1, fixture->key, &last), 0);
    first = last;
    assert_int_equal(test_promote(fixture->store, "acme/m:2", "prod", 1, fixture->key, &last),
                     -EBUSY);
    assert_int_equal(test_promote(fixture->store, "acme/m:2", "prod", 2, fixture->key, &last), 0);
    assert_int_equal(test_promote(fixture->store, "acme/m:1", "prod", 2, fixture->key, &first),
                     -EBUSY);
    assert_int_equal(test_promote(fixture->store, "acme/m:1", "prod", 3, fixture->key, &first),
                     -EBUSY);
    assert_int_equal(test_promote(fixture->store, "acme/m:1", "2", 1, fixture->key, &first),
                     -EEXIST);
    assert_int_equal(test_promote(fixture->store, "acme/other:1", "prod", 1, fixture->key, &first),
                     0); /* another model's */

    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    bfs_autostatements struct bfs_statements aliases = {0};
    bfs_autochains struct bfs_alias_chains chains = {0};
    assert_int_equal(bfs_statements_of_aliases(fixture->store, catalog, "acme/m", &aliases, NULL),
                     0);
    assert_int_equal(aliases.n, 2);
    assert_int_equal(bfs_statements_chains(&aliases, &chains), 0);
    const struct bfs_alias_link *head = bfs_alias_chains_head(&chains, "prod", NULL, NULL, NULL);
    assert_non_null(head);
    assert_string_equal(head->statement->subject_name.version, "2");
    assert_true(bfs_digest_equal(head->digest, &last));
}

/* Lists a manifest under a name of the caller's, as a hostile store would. */
struct listing {
    const char *name;
    const struct bfs_descriptor *manifest;
    const char *artifact;
};

static int append(void *context, const struct bfs_catalog *catalog, struct bfs_index_edit *index,
                  struct bfs_error *error)
{
    const struct listing *listing = context;
    (void)catalog;
    return bfs_index_edit_append(index, listing->manifest, listing->artifact, listing->name, error);
}

static struct bfs_descriptor put(const struct fixture *fixture, const void *bytes, size_t size,
                                 const char *type)
{
    struct bfs_descriptor descriptor = {.size = size};
    (void)snprintf(descriptor.media_type, sizeof(descriptor.media_type), "%s", type);
    assert_int_equal(bfs_store_put_blob(fixture->store, bytes, size, &descriptor.digest, NULL), 0);
    return descriptor;
}

/* Lists a statement's envelope as one of `kind` about `listed`, with a manifest about `subject`. */
static void list_forged(const struct fixture *fixture, const struct bfs_statement *statement,
                        const struct bfs_digest *listed, const struct bfs_digest *subject,
                        const char *model, enum bfs_statement_kind kind)
{
    bfs_autobuffer struct bfs_buffer envelope = BFS_BUFFER_INIT;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    assert_int_equal(bfs_statement_sign(statement, fixture->key, &envelope, NULL), 0);
    struct bfs_statement_manifest manifest = {
        .subject = {.media_type = BFS_MEDIA_OCI_MANIFEST, .digest = *subject, .size = 100},
        .envelope = put(fixture, envelope.bytes, envelope.size, BFS_ENVELOPE_MEDIA)};
    assert_int_equal(bfs_statement_manifest_write(&manifest, statement, &text), 0);
    struct bfs_descriptor descriptor = put(fixture, text.bytes, text.size, BFS_MEDIA_OCI_MANIFEST);
    char name[BFS_REFERENCE_MAX + 1];
    struct listing listing = {
        bfs_statement_name_text(model, listed, kind, &descriptor.digest, name), &descriptor,
        BFS_MEDIA_STATEMENT};
    assert_int_equal(bfs_catalog_change(fixture->store, append, &listing, NULL), 0);
}

static void what_contradicts_itself_is_refused_alone(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_statement one =
        test_statement(fixture->store, "acme/m:1", BFS_STATEMENT_SIGNATURE, 5);
    struct bfs_statement two =
        test_statement(fixture->store, "acme/m:2", BFS_STATEMENT_SIGNATURE, 6);
    /* a statement about one bundle, its manifest copied with another subject */
    list_forged(fixture, &one, &two.subject, &two.subject, "acme/m", BFS_STATEMENT_SIGNATURE);
    /* the same, but the manifest left as it was */
    list_forged(fixture, &one, &two.subject, &one.subject, "acme/m", BFS_STATEMENT_SIGNATURE);
    /* a signature listed as a revocation */
    list_forged(fixture, &two, &two.subject, &two.subject, "acme/m", BFS_STATEMENT_REVOCATION);
    assert_int_equal(state_kind(fixture, "acme/m:2", BFS_STATEMENT_SIGNATURE, 10), 0);

    bfs_autostatements struct bfs_statements statements = of_bundle(fixture, "acme/m:2");
    assert_int_equal(statements.n, 1);
    assert_int_equal(statements.items[0]->statement.when, 10);
    assert_int_equal(statements.n_refusals, 3);
    size_t n_manifest = 0, n_kind = 0;
    for (size_t i = 0; i < 3; i++) {
        n_manifest += strstr(statements.refusals[i].reason, "manifest is about another") != NULL;
        n_kind += strstr(statements.refusals[i].reason, "another kind") != NULL;
    }
    assert_int_equal(n_manifest, 1);
    assert_int_equal(n_kind, 1);

    struct bfs_statement alias = test_statement(fixture->store, "acme/m:1", BFS_STATEMENT_ALIAS, 7);
    alias.sequence = 1;
    strcpy(alias.alias, "prod");
    list_forged(fixture, &alias, &alias.subject, &alias.subject, "acme/other", BFS_STATEMENT_ALIAS);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    bfs_autostatements struct bfs_statements aliases = {0};
    assert_int_equal(
        bfs_statements_of_aliases(fixture->store, catalog, "acme/other", &aliases, NULL), 0);
    assert_int_equal(aliases.n, 0);
    assert_int_equal(aliases.n_refusals, 1);
    assert_non_null(strstr(aliases.refusals[0].reason, "another model"));
}

static void names_that_lie_are_refused_by_the_catalogue(void **state)
{
    struct fixture *fixture = *state;
    static const char hex[] = "4413"
                              "6fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    struct bfs_descriptor manifest = put(fixture, "{}", 2, BFS_MEDIA_OCI_MANIFEST);
    static const struct {
        const char *version;
        const char *artifact;
        size_t n_refusals;
        size_t n_statements;
    } rows[] = {
        {"%s.signature.44136fa355b3678a", BFS_MEDIA_STATEMENT, 0, 1},
        {"%s.signature.54136fa355b3678a", BFS_MEDIA_STATEMENT, 1, 1},
        {"%s.nonsense.44136fa355b3678a", BFS_MEDIA_STATEMENT, 2, 1},
        {"%s.signature.44136fa355b3678", BFS_MEDIA_STATEMENT, 3, 1},
        {"%s.signature.44136fa355b3678aa", BFS_MEDIA_STATEMENT, 4, 1},
        {"%s.signature.", BFS_MEDIA_STATEMENT, 5, 1},
        {"%s", BFS_MEDIA_STATEMENT, 6, 1},
        {"1.0", BFS_MEDIA_STATEMENT, 7, 1},
        {"%s.signature.44136fa355b3678a", BFS_MEDIA_BUNDLE, 8, 1},
        {"%s.revocation.44136fa355b3678a", BFS_MEDIA_STATEMENT, 8, 2},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[BFS_REFERENCE_MAX + 32], digits[80], version[160];
        (void)snprintf(digits, sizeof(digits), "sha256-%s", hex);
        const char *rest = strstr(rows[i].version, "%s");
        (void)snprintf(version, sizeof(version), "%s%s", rest ? digits : "",
                       rest ? rest + 2 : rows[i].version);
        (void)snprintf(name, sizeof(name), "acme/m:%s", version);
        struct listing listing = {name, &manifest, rows[i].artifact};
        assert_int_equal(bfs_catalog_change(fixture->store, append, &listing, NULL), 0);
        BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
        assert_int_equal(catalog->n_refusals, rows[i].n_refusals);
        assert_int_equal(catalog->n_statements, rows[i].n_statements);
        assert_int_equal(catalog->n_entries, 3);
    }
}

static void a_removed_bundle_takes_its_statements_along(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_reference one;
    struct bfs_digest last = {0};
    assert_int_equal(bfs_reference_parse("acme/m:1", &one, NULL), 0);
    assert_int_equal(state_kind(fixture, "acme/m:1", BFS_STATEMENT_SIGNATURE, 10), 0);
    assert_int_equal(test_promote(fixture->store, "acme/m:1", "prod", 1, fixture->key, &last), 0);
    assert_int_equal(state_kind(fixture, "acme/m:1", BFS_STATEMENT_REVOCATION, 11), 0);
    assert_int_equal(state_kind(fixture, "acme/m:2", BFS_STATEMENT_SIGNATURE, 12), 0);
    assert_int_equal(bfs_catalog_remove(fixture->store, &one, NULL), 0);
    struct bfs_gc_report report;
    assert_int_equal(bfs_store_gc(fixture->store, false, 0, &report, NULL), 0);
    assert_true(report.n_removed >= 3); /* a manifest, a statement's manifest, an envelope */

    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    bfs_autostatements struct bfs_statements all = {0};
    assert_int_equal(bfs_statements_of_model(fixture->store, catalog, "acme/m", &all, NULL), 0);
    assert_int_equal(all.n_refusals, 0);
    assert_int_equal(all.n, 3);
    assert_int_equal(all.items[0]->statement.kind, BFS_STATEMENT_REVOCATION);
    assert_int_equal(all.items[1]->statement.when, 12);
    assert_int_equal(all.items[2]->statement.kind, BFS_STATEMENT_ALIAS);
}

static void a_bundle_with_another_name_keeps_its_statements(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_reference one, again;
    struct bfs_statement about =
        test_statement(fixture->store, "acme/m:1", BFS_STATEMENT_SIGNATURE, 5);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    assert_int_equal(bfs_reference_parse("acme/m:1", &one, NULL), 0);
    assert_int_equal(bfs_reference_parse("mirror/m:1", &again, NULL), 0);
    struct bfs_descriptor manifest = {.media_type = BFS_MEDIA_OCI_MANIFEST,
                                      .digest = about.subject,
                                      .size = bfs_catalog_find(catalog, &one)->manifest_size};
    assert_int_equal(bfs_catalog_publish(fixture->store, &again, &manifest, NULL), 0);
    assert_int_equal(test_state(fixture->store, &about, fixture->key, NULL, NULL), 0);
    assert_int_equal(bfs_catalog_remove(fixture->store, &one, NULL), 0);
    bfs_autostatements struct bfs_statements statements = of_bundle(fixture, "mirror/m:1");
    assert_int_equal(statements.n, 1);
}

/* Every bit of a statement's manifest, and every length: never anything but the same or an error.
 */
static void mutated_manifests_are_refused_or_harmless(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_statement statement =
        test_statement(fixture->store, "acme/m:1", BFS_STATEMENT_SIGNATURE, 5);
    struct bfs_statement_manifest manifest = {
        .subject = {.media_type = BFS_MEDIA_OCI_MANIFEST, .digest = statement.subject, .size = 100},
        .envelope = {.media_type = BFS_ENVELOPE_MEDIA, .digest = statement.subject, .size = 300}};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_statement_manifest back;
    assert_int_equal(bfs_statement_manifest_write(&manifest, &statement, &text), 0);
    assert_int_equal(bfs_statement_manifest_parse(text.bytes, text.size, &back, NULL), 0);
    assert_memory_equal(&back.subject.digest, &manifest.subject.digest, BFS_DIGEST_SIZE);
    assert_int_equal(back.envelope.size, 300);
    for (size_t size = 0; size + 1 < text.size; size++) {
        bfs_autofree uint8_t *copy = malloc(size + 1);
        memcpy(copy, text.bytes, size);
        assert_int_equal(bfs_statement_manifest_parse(copy, size, &back, NULL), -EBADMSG);
    }
    size_t n_refused = 0;
    for (size_t bit = 0; bit < text.size * 8; bit++) {
        bfs_autofree uint8_t *copy = malloc(text.size);
        memcpy(copy, text.bytes, text.size);
        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
        struct bfs_statement_manifest mutant = {0};
        int r = bfs_statement_manifest_parse(copy, text.size, &mutant, NULL);
        assert_true(r == 0 || r == -EBADMSG || r == -EINVAL || r == -EPROTONOSUPPORT ||
                    r == -E2BIG);
        n_refused += r != 0;
        if (r == 0)
            assert_string_equal(mutant.envelope.media_type, BFS_ENVELOPE_MEDIA);
    }
    assert_true(n_refused > text.size);
}

/* Every bit of the blobs of a statement in the store: it is refused, and nothing else is. */
static void damaged_blobs_refuse_one_statement(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(state_kind(fixture, "acme/m:1", BFS_STATEMENT_SIGNATURE, 10), 0);
    assert_int_equal(state_kind(fixture, "acme/m:1", BFS_STATEMENT_DEPRECATION, 11), 0);
    bfs_autostatements struct bfs_statements sound = of_bundle(fixture, "acme/m:1");
    assert_int_equal(sound.n, 2);
    bfs_autofree char *path = bfs_store_blob_path(fixture->store, &sound.items[0]->digest);
    assert_int_equal(chmod(path, 0644), 0);
    bfs_autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    for (off_t at = 0; at < (off_t)sound.items[0]->size; at += 7) {
        uint8_t byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 4;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        bfs_autostatements struct bfs_statements damaged = of_bundle(fixture, "acme/m:1");
        assert_int_equal(damaged.n, 1);
        assert_int_equal(damaged.items[0]->statement.kind, BFS_STATEMENT_DEPRECATION);
        assert_int_equal(damaged.n_refusals, 1);
        assert_non_null(strstr(damaged.refusals[0].reason, "does not match its digest"));
        byte ^= 4;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    assert_int_equal(ftruncate(fd, 10), 0);
    bfs_autostatements struct bfs_statements shorter = of_bundle(fixture, "acme/m:1");
    assert_int_equal(shorter.n_refusals, 1);
    assert_int_equal(unlink(path), 0);
    bfs_autostatements struct bfs_statements missing = of_bundle(fixture, "acme/m:1");
    assert_int_equal(missing.n, 1);
    assert_int_equal(missing.n_refusals, 1);
}

enum { N_SIGNERS = 4, N_EACH = 5 };

static void *sign_some(void *argument)
{
    struct fixture *fixture = argument;
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = test_key();
    int failed = 0;
    for (int i = 0; i < N_EACH; i++) {
        struct bfs_statement statement =
            test_statement(fixture->store, "acme/m:1", BFS_STATEMENT_SIGNATURE, i);
        failed |= test_state(fixture->store, &statement, key, NULL, NULL);
    }
    return failed ? fixture : NULL;
}

static void *promote_once(void *argument)
{
    struct fixture *fixture = argument;
    struct bfs_digest last;
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = test_key();
    int r = test_promote(fixture->store, "acme/m:1", "prod", 1, key, &last);
    assert_true(r == 0 || r == -EBUSY);
    return r ? fixture : NULL;
}

static size_t run_all(struct fixture *fixture, void *(*run)(void *))
{
    pthread_t threads[N_SIGNERS];
    size_t n_failed = 0;
    for (int i = 0; i < N_SIGNERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, fixture), 0);
    for (int i = 0; i < N_SIGNERS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        n_failed += failed != NULL;
    }
    return n_failed;
}

static void all_signers_succeed_and_one_promotion(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(run_all(fixture, sign_some), 0);
    assert_int_equal(run_all(fixture, promote_once), N_SIGNERS - 1);
    bfs_autostatements struct bfs_statements statements = of_bundle(fixture, "acme/m:1");
    assert_int_equal(statements.n, N_SIGNERS * N_EACH + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(statements_are_stored_by_bundle_and_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(publishing_again_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bundle_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_alias_moves_only_on_from_where_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_contradicts_itself_is_refused_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(names_that_lie_are_refused_by_the_catalogue, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_removed_bundle_takes_its_statements_along, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_bundle_with_another_name_keeps_its_statements, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(mutated_manifests_are_refused_or_harmless, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(damaged_blobs_refuse_one_statement, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_signers_succeed_and_one_promotion, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
