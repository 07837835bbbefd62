/* SPDX-License-Identifier: Apache-2.0
 * Statements of each kind with every member. Included after cmocka.h. */
#ifndef BFS_TESTS_TRUST_STATEMENTS_H
#define BFS_TESTS_TRUST_STATEMENTS_H

#include "verify/trust/statement.h"

#include <string.h>

#define TEST_WHEN INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

static inline void test_provenance_full(struct bfs_provenance *ret)
{
    struct bfs_digest base;
    memset(base.bytes, 0xcc, sizeof(base.bytes));
    assert_int_equal(bfs_provenance_new("https://bundlefs/pack/v1",
                                        "{\"chunk_size\":\"1M\",\"views\":[\"cpu-f32\"]}",
                                        "https://bundlefs/builder/v1", "0.1.0", TEST_WHEN, ret,
                                        NULL),
                     0);
    ret->has_started_on = true;
    ret->started_on = TEST_WHEN - 60;
    free(ret->invocation_id);
    ret->invocation_id = strdup("run-1");
    assert_int_equal(bfs_provenance_add(ret, "https://example.com/base", "base", &base, NULL), 0);
    assert_int_equal(bfs_provenance_add(ret, "pkg:generic/converter@2", NULL, NULL, NULL), 0);
}

static inline void test_statement_full(enum bfs_statement_kind kind, struct bfs_statement *ret)
{
    *ret = (struct bfs_statement){.kind = kind, .when = TEST_WHEN};
    assert_int_equal(bfs_reference_parse("acme/tiny:1.0.0", &ret->subject_name, NULL), 0);
    memset(ret->subject.bytes, 0xaa, sizeof(ret->subject.bytes));
    if (kind == BFS_STATEMENT_PROVENANCE) {
        test_provenance_full(&ret->provenance);
        return;
    }
    memcpy(ret->reason, "because it is good", sizeof("because it is good"));
    if (kind == BFS_STATEMENT_APPROVAL)
        memcpy(ret->role, "legal", sizeof("legal"));
    if (kind == BFS_STATEMENT_ALIAS) {
        memcpy(ret->alias, "production", sizeof("production"));
        ret->sequence = 7;
        ret->has_previous = true;
        memset(ret->previous.bytes, 0xbb, sizeof(ret->previous.bytes));
        ret->move = BFS_ALIAS_ROLLBACK;
    }
    if (kind == BFS_STATEMENT_DEPRECATION) {
        ret->has_replaced_by = ret->has_sunset = true;
        assert_int_equal(bfs_reference_parse("acme/tiny:2.0.0", &ret->replaced_by, NULL), 0);
        ret->sunset = TEST_WHEN + 86400;
    }
}

#endif
