/* SPDX-License-Identifier: Apache-2.0
 * Statements: without them a policy serves nothing, and a lost revocation serves too much. Whether
 * a signature counts needs the keys of a policy, which a check of the store has not. */
#include "codec/check/check_private.h"

#include "codec/store/statement_name.h"
#include "codec/store/statements.h"

static int check_statement(struct bfs_check *check, const struct bfs_catalog_statement *statement,
                           struct bfs_error *error)
{
    char name[BFS_REFERENCE_MAX + 1];
    struct bfs_error found = {0};
    int r = bfs_statement_check(check->store, statement, &found);
    check->report.n_statements++;
    if (r == -ENOMEM)
        return bfs_fail(error, r, "out of memory");
    if (r == 0)
        return 0;
    struct bfs_check_problem problem = {
        .kind = BFS_CHECK_STATEMENT,
        .bundle = bfs_statement_name_text(statement->model, &statement->subject, statement->kind,
                                          &statement->manifest, name),
        .error = &found,
    };
    check->report.n_problems++;
    if (check->options->entry)
        check->n_problems[0]++;
    check->options->problem(check->options->context, &problem);
    return 0;
}

int bfs_check_statements(struct bfs_check *check, const struct bfs_catalog *catalog,
                         struct bfs_error *error)
{
    const struct bfs_catalog_statement *statements = catalog->statements;
    size_t n = catalog->n_statements;
    if (check->options->entry)
        statements = bfs_catalog_statements(catalog, &check->options->entry->manifest, &n);
    for (size_t i = 0; i < n; i++) {
        int r = check_statement(check, &statements[i], error);
        if (r == 0 && (r = bfs_check_progress(check, 0)))
            (void)bfs_fail(error, r, "interrupted");
        if (r)
            return r;
    }
    return 0;
}
