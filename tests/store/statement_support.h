/* SPDX-License-Identifier: Apache-2.0
 * Signed statements for tests. Included after cmocka.h. */
#ifndef BFS_TESTS_STATEMENT_SUPPORT_H
#define BFS_TESTS_STATEMENT_SUPPORT_H

#include "codec/store/statements.h"

#include <stdio.h>
#include <string.h>

static inline struct bfs_secret_key *test_key(void)
{
    struct bfs_secret_key *key = NULL;
    assert_int_equal(bfs_secret_key_generate(&key, NULL), 0);
    return key;
}

/* About the bundle of that name as the store has it, at second `when`. */
static inline struct bfs_statement test_statement(const struct bfs_store *store, const char *name,
                                                  enum bfs_statement_kind kind, int64_t when)
{
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    struct bfs_statement statement = {.kind = kind, .when = when};
    assert_int_equal(bfs_reference_parse(name, &statement.subject_name, NULL), 0);
    assert_int_equal(bfs_catalog_load(store, &catalog, NULL), 0);
    const struct bfs_catalog_entry *entry = bfs_catalog_find(catalog, &statement.subject_name);
    assert_non_null(entry);
    statement.subject = entry->manifest;
    return statement;
}

/* Signs, publishes, and gives the digest of the envelope. */
static inline int test_state(const struct bfs_store *store, const struct bfs_statement *statement,
                             const struct bfs_secret_key *key, struct bfs_digest *ret,
                             struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    assert_int_equal(bfs_statement_sign(statement, key, &text, error), 0);
    if (ret)
        assert_int_equal(bfs_sha256(text.bytes, text.size, ret), 0);
    return bfs_statement_publish(store, text.bytes, text.size, error);
}

/* Moves an alias; `previous` is that of the last move, and becomes that of this one. */
static inline int test_promote(const struct bfs_store *store, const char *name, const char *alias,
                               uint64_t sequence, const struct bfs_secret_key *key,
                               struct bfs_digest *previous)
{
    struct bfs_statement statement =
        test_statement(store, name, BFS_STATEMENT_ALIAS, (int64_t)(1000 + sequence));
    struct bfs_digest digest;
    (void)snprintf(statement.alias, sizeof(statement.alias), "%s", alias);
    statement.sequence = sequence;
    statement.has_previous = sequence > 1;
    if (statement.has_previous)
        statement.previous = *previous;
    int r = test_state(store, &statement, key, &digest, NULL);
    if (r == 0)
        *previous = digest;
    return r;
}

#endif
