/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/store/catalog.h"
#include "tests/support/folder.h"

#include <errno.h>

struct fixture {
    struct test_folder folder;
    struct bfs_store *store;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->folder = test_folder_make();
    assert_int_equal(
        bfs_store_create(fixture->folder.path, BFS_STORE_MODE_ANY, &fixture->store, NULL), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)bfs_store_free(fixture->store);
    test_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static struct bfs_reference reference(const char *text)
{
    struct bfs_reference parsed;
    assert_int_equal(bfs_reference_parse(text, &parsed, NULL), 0);
    return parsed;
}

static struct bfs_descriptor manifest(uint8_t seed)
{
    struct bfs_descriptor descriptor = {.media_type = BFS_MEDIA_OCI_MANIFEST, .size = 100};
    memset(descriptor.digest.bytes, seed, sizeof(descriptor.digest.bytes));
    return descriptor;
}

static int publish(const struct fixture *fixture, const char *name, uint8_t seed)
{
    struct bfs_reference parsed = reference(name);
    struct bfs_descriptor descriptor = manifest(seed);
    return bfs_catalog_publish(fixture->store, &parsed, &descriptor, NULL);
}

static struct bfs_catalog *load(const struct fixture *fixture)
{
    struct bfs_catalog *catalog = NULL;
    assert_int_equal(bfs_catalog_load(fixture->store, &catalog, NULL), 0);
    return catalog;
}

static void publishes_finds_and_removes(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_reference one = reference("acme/b:1"), none = reference("acme/b:3");
    assert_int_equal(publish(fixture, "acme/b:2", 2), 0);
    assert_int_equal(publish(fixture, "acme/b:1", 1), 0);
    assert_int_equal(publish(fixture, "acme/a:9", 9), 0);
    assert_int_equal(publish(fixture, "acme/b:1", 1), 0); /* again: nothing to do */
    {
        BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
        assert_int_equal(catalog->n_entries, 3);
        assert_int_equal(catalog->n_refusals, 0);
        assert_string_equal(catalog->entries[0].reference.name, "acme/a");
        assert_string_equal(catalog->entries[1].reference.version, "1");
        assert_int_equal(bfs_catalog_find(catalog, &one)->manifest.bytes[0], 1);
        assert_null(bfs_catalog_find(catalog, &none));
    }
    assert_int_equal(bfs_catalog_remove(fixture->store, &one, NULL), 0);
    assert_int_equal(bfs_catalog_remove(fixture->store, &one, NULL), -ENOENT);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    assert_int_equal(catalog->n_entries, 2);
    assert_null(bfs_catalog_find(catalog, &one));
}

static void taken_and_nested_names_are_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(publish(fixture, "acme/tiny:1.0.0", 1), 0);
    assert_int_equal(publish(fixture, "acme/tiny:1.0.0", 2), -EEXIST);
    assert_int_equal(publish(fixture, "acme/tiny/1.0.0:1", 3), -EEXIST);
    assert_int_equal(publish(fixture, "acme/tiny/1.0.0/deep:1", 3), -EEXIST);
    assert_int_equal(publish(fixture, "acme/tiny/1.0.1:1", 3), 0);
    assert_int_equal(publish(fixture, "acme/tiny:1.0.1", 4), -EEXIST); /* the other way round */
    assert_int_equal(publish(fixture, "acme/tiny:1.0", 5), 0); /* a prefix is no directory above */
}

static void latest_is_the_highest_release(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(publish(fixture, "m:1.9.0", 1), 0);
    assert_int_equal(publish(fixture, "m:1.10.0", 2), 0);
    assert_int_equal(publish(fixture, "m:2.0.0-rc1", 3), 0);
    assert_int_equal(publish(fixture, "m:nightly", 4), 0);
    assert_int_equal(publish(fixture, "n:nightly", 5), 0);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    assert_string_equal(bfs_catalog_latest(catalog, "m")->reference.version, "1.10.0");
    assert_null(bfs_catalog_latest(catalog, "n"));
    assert_null(bfs_catalog_latest(catalog, "none"));
}

static void what_is_hidden_shows_when_it_is_published(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_reference m2 = reference("m:2.0.0"), m3 = reference("m:3.0.0");
    const struct bfs_descriptor manifest = {.media_type = BFS_MEDIA_OCI_MANIFEST, .size = 100};
    assert_int_equal(publish(fixture, "m:1.0.0", 1), 0);
    assert_int_equal(bfs_catalog_publish_hidden(fixture->store, &m2, &manifest, NULL), 0);
    assert_int_equal(bfs_catalog_publish_hidden(fixture->store, &m3, &manifest, NULL), 0);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    assert_int_equal(catalog->n_entries, 3);
    assert_int_equal(catalog->n_refused, 0);
    assert_true(bfs_catalog_find(catalog, &m2)->is_hidden);
    assert_string_equal(bfs_catalog_latest(catalog, "m")->reference.version, "1.0.0");
    assert_int_equal(publish(fixture, "m:2.0.0", 1), -EEXIST);
    bfs_catalog_drop_hidden(catalog);
    assert_int_equal(catalog->n_entries, 1);
    assert_null(bfs_catalog_find(catalog, &m2));

    assert_int_equal(bfs_catalog_publish(fixture->store, &m2, &manifest, NULL), 0);
    assert_int_equal(bfs_catalog_publish_hidden(fixture->store, &m2, &manifest, NULL), 0);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *shown = load(fixture);
    assert_int_equal(shown->n_entries, 3);
    assert_int_equal(shown->n_refused, 0);
    assert_false(bfs_catalog_find(shown, &m2)->is_hidden);
    assert_true(bfs_catalog_find(shown, &m3)->is_hidden);
    assert_string_equal(bfs_catalog_latest(shown, "m")->reference.version, "2.0.0");
}

#define DIGEST(digit)                                                                              \
    "\"sha256:" digit digit digit digit digit digit digit digit digit digit digit digit digit      \
        digit digit digit "\""
#define HEX_A "aaaa"
#define HEX_B "bbbb"
#define ENTRY_OF(name, hex, type)                                                                  \
    "{\"mediaType\": \"" BFS_MEDIA_OCI_MANIFEST "\", \"size\": 100, \"digest\": " DIGEST(          \
        hex) ", \"artifactType\": \"" type                                                         \
             "\", \"annotations\": {\"org.opencontainers.image.ref.name\": \"" name "\"}}"

#define ENTRY(name, hex) ENTRY_OF(name, hex, BFS_MEDIA_BUNDLE)
#define HIDDEN(name, hex) ENTRY_OF(name, hex, BFS_MEDIA_HIDDEN)

static void write_index(const struct fixture *fixture, const char *text)
{
    test_write_text(&fixture->folder, "index.json", text);
}

static void contradictions_become_refusals(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_reference good = reference("good:1");
    write_index(
        fixture,
        "{\"schemaVersion\": 2, \"manifests\": [" ENTRY("twice:1", HEX_A) ", " ENTRY(
            "twice:1",
            HEX_B) ", " ENTRY("good:1",
                              HEX_A) ", " ENTRY("good/1:1",
                                                HEX_B) ", " ENTRY("../evil:1",
                                                                  HEX_A) ", " ENTRY("noversion",
                                                                                    HEX_A) ", "
                                                                                           "{\"medi"
                                                                                           "aType\""
                                                                                           ": "
                                                                                           "\"" BFS_MEDIA_OCI_MANIFEST
                                                                                           "\"}, "
                                                                                           "7]}");
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    assert_non_null(bfs_catalog_find(catalog, &good));
    for (size_t i = 0; i < catalog->n_entries; i++) {
        assert_string_not_equal(catalog->entries[i].reference.name, "twice");
        assert_string_not_equal(catalog->entries[i].reference.name, "good/1");
    }
    assert_int_equal(catalog->n_entries, 1);
    assert_true(catalog->n_refusals >= 5);
    for (size_t i = 0; i < catalog->n_refusals; i++)
        assert_true(catalog->refusals[i].reason[0] != '\0');
}

/* As index.json may be after a program that does not know hidden bundles has changed it. */
static void a_hidden_bundle_gives_way(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_reference m = reference("m:1"), inner = reference("n/1/x:1"),
                         same = reference("s:1");
    write_index(
        fixture,
        "{\"schemaVersion\": 2, \"manifests\": [" HIDDEN("m:1", HEX_B) ", " ENTRY(
            "m:1",
            HEX_A) ", " HIDDEN("n:1",
                               HEX_A) ", " ENTRY("n/1/x:1",
                                                 HEX_A) ", " HIDDEN("s:1",
                                                                    HEX_A) ", " ENTRY("s:1",
                                                                                      HEX_A) "]}");
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = load(fixture);
    assert_false(bfs_catalog_find(catalog, &m)->is_hidden);
    assert_int_equal(bfs_catalog_find(catalog, &m)->manifest.bytes[0], 0xaa);
    assert_non_null(bfs_catalog_find(catalog, &inner));
    assert_false(bfs_catalog_find(catalog, &same)->is_hidden);
    assert_int_equal(catalog->n_refusals, 1);
    assert_string_equal(catalog->refusals[0].name, "m:1");
    assert_string_equal(catalog->refusals[0].reason, "a hidden bundle has the name of another one");
}

static void damage_of_the_whole_is_an_error(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "{\"schemaVersion\": 2}",
                                        "{\"schemaVersion\": 2, \"manifests\": {}}",
                                        "{\"schemaVersion\": 2, \"manifests\": []} x"};
    struct fixture *fixture = *state;
    struct bfs_catalog *catalog = NULL;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bfs_error error = {0};
        write_index(fixture, texts[i]);
        assert_int_equal(bfs_catalog_load(fixture->store, &catalog, &error), -EBADMSG);
        assert_int_equal(error.code, -EBADMSG);
    }
    bfs_autofree char *path = test_path(&fixture->folder, "index.json");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(bfs_catalog_load(fixture->store, &catalog, NULL), -ENOENT);
}

static bool index_contains(const struct fixture *fixture, const char *word)
{
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    assert_int_equal(bfs_read_file(bfs_store_index_path(fixture->store), BFS_CATALOG_SIZE_MAX,
                                   &text, &size, NULL),
                     0);
    return strstr((const char *)text, word) != NULL;
}

static void changes_keep_what_others_wrote(void **state)
{
    struct fixture *fixture = *state;
    struct bfs_reference mine = reference("mine:1");
    write_index(fixture,
                "{\"schemaVersion\": 2, \"annotations\": {\"org.example.keep\": \"this\"}, "
                "\"manifests\": [{\"mediaType\": \"" BFS_MEDIA_OCI_MANIFEST
                "\", \"size\": 5, \"digest\": " DIGEST(
                    HEX_B) ", \"platform\": {\"architecture\": \"amd64\", \"os\": \"linux\"}}]}");
    assert_int_equal(publish(fixture, "mine:1", 1), 0);
    assert_true(index_contains(fixture, "mine:1"));
    assert_true(index_contains(fixture, "org.example.keep"));
    assert_true(index_contains(fixture, "amd64"));
    assert_int_equal(bfs_catalog_remove(fixture->store, &mine, NULL), 0);
    assert_false(index_contains(fixture, "mine:1"));
    assert_true(index_contains(fixture, "org.example.keep"));
    assert_true(index_contains(fixture, "amd64"));
}

/* The shortest entry has three bytes, its refusal some hundred. */
static void refusals_are_bounded(void **state)
{
    enum { MANY = 100000 };
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    (void)state;
    bfs_buffer_put_text(&text, "{\"schemaVersion\":2,\"manifests\":[{}");
    for (size_t i = 1; i < MANY; i++)
        bfs_buffer_put_text(&text, ",{}");
    bfs_buffer_put_text(&text, "]}");
    assert_int_equal(bfs_buffer_status(&text), 0);
    assert_int_equal(bfs_catalog_parse(text.bytes, text.size, &catalog, NULL), 0);
    assert_int_equal(catalog->n_refused, MANY);
    assert_int_equal(catalog->n_refusals, BFS_CATALOG_REFUSALS_MAX);
    assert_string_equal(catalog->refusals[0].name, "index.json: manifest 0");
    const struct bfs_catalog_refusal *last = &catalog->refusals[BFS_CATALOG_REFUSALS_MAX - 1];
    assert_string_equal(last->name, "index.json");
    assert_string_equal(last->reason, "95905 more entries are refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(publishes_finds_and_removes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(taken_and_nested_names_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(latest_is_the_highest_release, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_hidden_shows_when_it_is_published, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_hidden_bundle_gives_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(contradictions_become_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_of_the_whole_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_keep_what_others_wrote, set_up, tear_down),
        cmocka_unit_test(refusals_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
