/* SPDX-License-Identifier: Apache-2.0
 * What integration/cases/check-findings.py cannot have: statements about required bundles, failures
 * of the check itself, and what reading a damaged bundle gives. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/review/policy_check.h"
#include "accel/review/review.h"
#include "tests/pack/packed.h"

#include <errno.h>

#define CONTRACT(needs)                                                                            \
    "{\"schema_version\":\"1.0\",\"licenses\":[\"MIT\"],\"fixtures\":[{\"name\":\"f\",\"inputs\":" \
    "[],"                                                                                          \
    "\"outputs\":[]}],\"requires\":{\"bundles\":[" needs "]}}"
#define NEED(name) "{\"name\":\"" name "\",\"version\":\"^1\"}"

struct told {
    enum bfs_requirement_state standing;
    const char *reason;
    int code;
    size_t n;
    char names[256];
};

static int tell(void *context, const struct bfs_catalog_entry *entry,
                enum bfs_requirement_state *ret, char **ret_reason, struct bfs_error *error)
{
    struct told *told = context;
    told->n++;
    (void)strcat(told->names, entry->reference.name);
    (void)strcat(told->names, " ");
    if (told->code)
        return bfs_fail(error, told->code, "statements cannot be read");
    *ret = told->standing;
    *ret_reason = told->reason ? strdup(told->reason) : NULL;
    return 0;
}

static void pack_with(const struct packed *packed, const char *name, const char *contract)
{
    struct bfs_pack_report report;
    test_write_text(&packed->folder, "model/contract.json", contract);
    assert_int_equal(
        packed_pack(packed, name, (struct bfs_pack_options){.source_date_epoch = -1}, &report), 0);
}

static int review(const struct packed *packed, const char *name, struct told *told,
                  struct bfs_findings *findings, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = packed_open(packed, name);
    bfs_autosubject struct bfs_subject subject = {0};
    struct bfs_reference reference;
    assert_int_equal(bfs_catalog_load(packed->store, &catalog, NULL), 0);
    assert_int_equal(bfs_reference_parse(name, &reference, NULL), 0);
    assert_int_equal(bfs_subject_of_bundle(&reference, bundle, &subject, NULL), 0);
    const struct bfs_review_options options = {
        .store = packed->store, .catalog = catalog, .standing = tell, .context = told};
    return bfs_review(&subject, &options, findings, error);
}

static void test_statements_about_requirements(void **state)
{
    test_autopacked struct packed packed = packed_make();
    static const struct {
        struct told told;
        size_t n;
        enum bfs_finding_id id;
        const char *sentence;
    } cases[] = {
        {{.standing = BFS_REQUIREMENT_GOOD, .reason = "unused"}, 0, 0, ""},
        {{.standing = BFS_REQUIREMENT_DEPRECATED, .reason = "use b/next"},
         2,
         BFS_FINDING_BUNDLE_DEPRECATED,
         "b/mid:1.1.0, which a/top:1.0.0 requires: use b/next"},
        {{.standing = BFS_REQUIREMENT_REVOKED},
         2,
         BFS_FINDING_BUNDLE_REVOKED,
         "b/mid:1.1.0, which a/top:1.0.0 requires: no reason is given"},
    };
    (void)state;
    pack_with(&packed, "c/low:1.0.0", CONTRACT(""));
    pack_with(&packed, "b/mid:1.0.0", CONTRACT(""));
    pack_with(&packed, "b/mid:1.1.0", CONTRACT(NEED("c/low")));
    pack_with(&packed, "a/top:1.0.0", CONTRACT(NEED("b/mid") "," NEED("c/low")));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bfs_autofindings struct bfs_findings findings = {0};
        struct told told = cases[i].told;
        assert_int_equal(review(&packed, "a/top:1.0.0", &told, &findings, NULL), 0);
        assert_string_equal(told.names, "b/mid c/low "); /* each once, depth first */
        assert_int_equal(findings.n, cases[i].n);
        if (cases[i].n) {
            assert_int_equal(findings.items[0].id, cases[i].id);
            assert_string_equal(findings.items[0].sentence, cases[i].sentence);
        }
    }
}

static void test_a_check_that_cannot_be_made_fails(void **state)
{
    test_autopacked struct packed packed = packed_make();
    bfs_autofindings struct bfs_findings findings = {0};
    struct told told = {.code = -EIO};
    struct bfs_error error = {0};
    (void)state;
    pack_with(&packed, "b/mid:1.0.0", CONTRACT(""));
    pack_with(&packed, "a/top:1.0.0", CONTRACT(NEED("b/mid")));
    assert_int_equal(review(&packed, "a/top:1.0.0", &told, &findings, &error), -EIO);
    assert_string_equal(error.what, "statements cannot be read");
}

static void test_lenient_errors_are_warnings(void **state)
{
    bfs_autofindings struct bfs_findings findings = {.is_lenient = true};
    (void)state;
    bfs_finding_add(&findings, BFS_FINDING_HOST_MEMORY, "one");
    bfs_finding_add(&findings, BFS_FINDING_FIXTURE_NONE, "two");
    findings.is_lenient = false;
    bfs_finding_add(&findings, BFS_FINDING_HOST_MEMORY, "three");
    assert_int_equal(findings.counts[BFS_SEVERITY_ERROR], 1);
    assert_int_equal(findings.counts[BFS_SEVERITY_WARNING], 1);
    assert_int_equal(findings.counts[BFS_SEVERITY_NOTE], 1);
    assert_string_equal(bfs_finding_info(findings.items[2].id)->id, "host-memory");
}

/* The moment is wrong, and not the bundle. */
static int content_fails;
int __real_bfs_content_whole(struct bfs_bundle *bundle, uint32_t inode, uint64_t limit,
                             uint8_t **ret, size_t *ret_size, struct bfs_error *error);
int __wrap_bfs_content_whole(struct bfs_bundle *bundle, uint32_t inode, uint64_t limit,
                             uint8_t **ret, size_t *ret_size, struct bfs_error *error);
static unsigned n_read;
int __wrap_bfs_content_whole(struct bfs_bundle *bundle, uint32_t inode, uint64_t limit,
                             uint8_t **ret, size_t *ret_size, struct bfs_error *error)
{
    /* The second is the contract of what is required. */
    if (n_read++ == 1 && content_fails)
        return bfs_fail(error, content_fails, "on purpose");
    return __real_bfs_content_whole(bundle, inode, limit, ret, ret_size, error);
}

static void test_only_what_is_damaged_is_a_finding(void **state)
{
    test_autopacked struct packed packed = packed_make();
    struct told told = {0};
    (void)state;
    pack_with(&packed, "b/mid:1.0.0", CONTRACT(""));
    pack_with(&packed, "a/top:1.0.0", CONTRACT(NEED("b/mid")));
    static const int codes[] = {-EIO, -EMFILE, -ENOMEM, -EBADMSG, -ENOENT};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        bfs_autofindings struct bfs_findings findings = {0};
        struct bfs_error error = {0};
        bool is_damage = i >= 3;
        n_read = 0;
        content_fails = codes[i];
        assert_int_equal(review(&packed, "a/top:1.0.0", &told, &findings, &error),
                         is_damage ? 0 : codes[i]);
        assert_int_equal(findings.n, is_damage);
        if (is_damage)
            assert_int_equal(findings.items[0].id, BFS_FINDING_BUNDLE_DAMAGED);
        else
            assert_string_equal(error.what, "b/mid:1.0.0: on purpose");
    }
    content_fails = 0;
}

static enum bfs_policy_check policy_check(const struct packed *packed, const char *name,
                                          struct bfs_needs *needs)
{
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    enum bfs_policy_check found = BFS_POLICY_CHECK_UNKNOWN;
    struct bfs_reference reference;
    assert_int_equal(bfs_catalog_load(packed->store, &catalog, NULL), 0);
    assert_int_equal(bfs_reference_parse(name, &reference, NULL), 0);
    const struct bfs_trust trust = {.store = packed->store, .catalog = catalog, .needs = needs};
    const struct bfs_catalog_entry *entry = bfs_catalog_find(catalog, &reference);
    assert_non_null(entry);
    assert_int_equal(bfs_policy_check_bundle(&trust, &reference, &entry->manifest, &found, NULL),
                     0);
    return found;
}

/* For a daemon, what is read is bounded, also of what is required. */
static void test_a_policy_reads_only_so_much(void **state)
{
    test_autopacked struct packed packed = packed_make();
    bfs_autoneeds struct bfs_needs needs = {0};
    bfs_autobuffer struct bfs_buffer large = BFS_BUFFER_INIT;
    (void)state;
    bfs_buffer_put_text(&large, "{\"schema_version\":\"1.0\",\"licenses\":[\"MIT\"],"
                                "\"annotations\":{\"x\":\"");
    size_t rest = BFS_POLICY_CHECK_READ_MAX / BFS_REVIEW_JSON_WEIGHT - large.size - 4;
    bfs_autofree char *filler = malloc(rest + 1);
    assert_non_null(filler);
    memset(filler, 'x', rest);
    filler[rest] = '\0';
    bfs_buffer_put_text(&large, filler);
    bfs_buffer_put_text(&large, "\"}}\n");
    bfs_buffer_put_u8(&large, '\0');
    assert_int_equal(bfs_buffer_status(&large), 0);
    pack_with(&packed, "b/least:1.0.0", CONTRACT(""));
    pack_with(&packed, "b/most:1.0.0", (const char *)large.bytes);
    memcpy(large.bytes + large.size - 2, " \n", 2); /* a byte more: the NUL becomes a newline */
    bfs_buffer_put_u8(&large, '\0');
    pack_with(&packed, "b/more:1.0.0", (const char *)large.bytes);
    pack_with(&packed, "a/top:1.0.0", CONTRACT(NEED("b/most")));
    assert_int_equal(policy_check(&packed, "b/least:1.0.0", &needs), BFS_POLICY_CHECK_CLEAN);
    assert_int_equal(needs.n, 0);
    assert_int_equal(policy_check(&packed, "b/most:1.0.0", &needs), BFS_POLICY_CHECK_CLEAN);
    assert_int_equal(policy_check(&packed, "b/more:1.0.0", &needs), BFS_POLICY_CHECK_TOO_LARGE);
    assert_int_equal(policy_check(&packed, "a/top:1.0.0", &needs), BFS_POLICY_CHECK_TOO_LARGE);
    assert_int_equal(needs.n, 1);
    assert_string_equal(needs.names[0], "b/most");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements_about_requirements),
        cmocka_unit_test(test_a_check_that_cannot_be_made_fails),
        cmocka_unit_test(test_lenient_errors_are_warnings),
        cmocka_unit_test(test_only_what_is_damaged_is_a_finding),
        cmocka_unit_test(test_a_policy_reads_only_so_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
