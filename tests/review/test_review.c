/* SPDX-License-Identifier: Apache-2.0
 * What integration/cases/check-findings.py cannot have: statements about required bundles, failures
 * of the check itself, and what reading a damaged bundle gives. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements_about_requirements),
        cmocka_unit_test(test_a_check_that_cannot_be_made_fails),
        cmocka_unit_test(test_lenient_errors_are_warnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
