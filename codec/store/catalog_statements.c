/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/catalog_statements.h"

#include "codec/store/statement_name.h"
#include "codec/store/statement_manifest.h"

#include "verify/array.h"

#include <string.h>

int bfs_catalog_statement_add(struct bfs_catalog *catalog, const char *text,
                              const struct bfs_descriptor *manifest, struct bfs_error *error)
{
    struct bfs_statement_name name;
    int r = bfs_statement_name_parse(text, &name, error);
    if (r)
        return r;
    if (strcmp(manifest->media_type, BFS_MEDIA_OCI_MANIFEST) != 0)
        return bfs_fail(error, -EINVAL, "it is not an OCI manifest");
    if (manifest->size > BFS_STATEMENT_MANIFEST_MAX)
        return bfs_fail(error, -EINVAL, "its manifest is larger than %d bytes",
                        BFS_STATEMENT_MANIFEST_MAX);
    if (!bfs_statement_name_fits(&name, &manifest->digest))
        return bfs_fail(error, -EINVAL, "its name is that of another statement");
    if (bfs_array_grow(&catalog->statements, catalog->n_statements, sizeof(*catalog->statements)))
        return bfs_fail(error, -ENOMEM, "index.json: out of memory");
    struct bfs_catalog_statement statement = {.subject = name.subject,
                                              .manifest = manifest->digest,
                                              .manifest_size = (uint32_t)manifest->size,
                                              .kind = name.kind,
                                              .model = strdup(name.model)};
    if (!statement.model)
        return bfs_fail(error, -ENOMEM, "index.json: out of memory");
    catalog->statements[catalog->n_statements++] = statement;
    return 0;
}

static int by_subject(const void *a, const void *b)
{
    const struct bfs_catalog_statement *left = a, *right = b;
    int order = bfs_digest_compare(&left->subject, &right->subject);
    if (order == 0)
        order = (int)left->kind - (int)right->kind;
    if (order == 0)
        order = bfs_digest_compare(&left->manifest, &right->manifest);
    return order ? order : strcmp(left->model, right->model);
}

static int by_model(const void *a, const void *b)
{
    const struct bfs_catalog_statement *left = *(const struct bfs_catalog_statement *const *)a;
    const struct bfs_catalog_statement *right = *(const struct bfs_catalog_statement *const *)b;
    int order = strcmp(left->model, right->model);
    return order ? order : by_subject(left, right);
}

/* Is `b`, which follows `a`, a repetition? An alias is one of a model, so its model counts. */
static bool is_repeated(const struct bfs_catalog_statement *a,
                        const struct bfs_catalog_statement *b)
{
    return bfs_digest_equal(&a->subject, &b->subject) && a->kind == b->kind &&
           bfs_digest_equal(&a->manifest, &b->manifest) &&
           (a->kind != BFS_STATEMENT_ALIAS || strcmp(a->model, b->model) == 0);
}

static void drop_repeated(struct bfs_catalog *catalog)
{
    size_t kept = 0;
    for (size_t i = 0; i < catalog->n_statements; i++) {
        struct bfs_catalog_statement *statement = &catalog->statements[i];
        if (kept > 0 && is_repeated(&catalog->statements[kept - 1], statement))
            free(statement->model);
        else
            catalog->statements[kept++] = *statement;
    }
    catalog->n_statements = kept;
}

int bfs_catalog_statements_finish(struct bfs_catalog *catalog)
{
    if (catalog->n_statements == 0)
        return 0;
    qsort(catalog->statements, catalog->n_statements, sizeof(catalog->statements[0]), by_subject);
    drop_repeated(catalog);
    catalog->aliases = calloc(catalog->n_statements, sizeof(catalog->statements));
    if (!catalog->aliases)
        return -ENOMEM;
    for (size_t i = 0; i < catalog->n_statements; i++)
        if (catalog->statements[i].kind == BFS_STATEMENT_ALIAS)
            catalog->aliases[catalog->n_aliases++] = &catalog->statements[i];
    if (catalog->n_aliases)
        qsort(catalog->aliases, catalog->n_aliases, sizeof(catalog->statements), by_model);
    return 0;
}

void bfs_catalog_statements_done(struct bfs_catalog *catalog)
{
    for (size_t i = 0; i < catalog->n_statements; i++)
        free(catalog->statements[i].model);
    free(catalog->statements);
    free(catalog->aliases);
}

const struct bfs_catalog_statement *bfs_catalog_statements(const struct bfs_catalog *catalog,
                                                           const struct bfs_digest *subject,
                                                           size_t *ret_n)
{
    size_t low = 0, high = catalog->n_statements;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bfs_digest_compare(&catalog->statements[middle].subject, subject) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < catalog->n_statements &&
           bfs_digest_equal(&catalog->statements[end].subject, subject))
        end++;
    *ret_n = end - low;
    return end > low ? &catalog->statements[low] : NULL;
}

const struct bfs_catalog_statement *const *bfs_catalog_aliases(const struct bfs_catalog *catalog,
                                                               const char *model, size_t *ret_n)
{
    size_t low = 0, high = catalog->n_aliases;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(catalog->aliases[middle]->model, model) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < catalog->n_aliases && strcmp(catalog->aliases[end]->model, model) == 0)
        end++;
    *ret_n = end - low;
    return end > low ? &catalog->aliases[low] : NULL;
}
