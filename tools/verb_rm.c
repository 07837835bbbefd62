/* SPDX-License-Identifier: Apache-2.0
 * bundlefs rm: takes a bundle out of the catalogue. */
#include "codec/store/aliases.h"
#include "codec/store/statement_name.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/verbs.h"

#include <stdio.h>
#include <string.h>

struct options {
    bool force;
};

/* A bundle that an alias points to is in use. */
static int check_aliases(const struct bfs_opened *opened)
{
    bfs_autoaliases struct bfs_aliases aliases = {0};
    struct bfs_error error = {0};
    char name[BFS_REFERENCE_MAX + 1];
    if (bfs_aliases_load(opened->store, opened->catalog, opened->entry->reference.name, NULL, NULL,
                         &aliases, &error))
        return bfs_message_error(&error);
    for (size_t i = 0; i < aliases.n; i++) {
        if (aliases.items[i].target != opened->entry)
            continue;
        bfs_message("the alias %s points to %s; let it point elsewhere first, or use --force",
                    aliases.items[i].name, bfs_reference_text(&opened->entry->reference, name));
        return BFS_EXIT_FAILED;
    }
    return BFS_EXIT_OK;
}

/* The statement of that name, read if that is possible. */
static int read_statement(const struct bfs_opened *opened, const char *name,
                          struct bfs_statements *ret, struct bfs_error *error)
{
    char text[BFS_REFERENCE_MAX + 1];
    int r = 0;
    for (size_t i = 0; r == 0 && i < opened->catalog->n_statements; i++) {
        const struct bfs_catalog_statement *entry = &opened->catalog->statements[i];
        if (strcmp(bfs_statement_name_text(entry->model, &entry->subject, entry->kind,
                                           &entry->manifest, text),
                   name) == 0)
            r = bfs_statements_add(ret, opened->store, entry, error);
    }
    return r;
}

/* One that is damaged is in the way of "gc", which must know what it uses. One that can be read, or
 * that may have revoked a bundle, is not taken away by a slip. */
static int remove_statement(const struct options *options, const char *path, const char *name)
{
    bfs_autoopened struct bfs_opened opened = {0};
    bfs_autostatements struct bfs_statements statements = {0};
    struct bfs_statement_name stated;
    struct bfs_error error = {0};
    int status = bfs_opened_store(path, &opened);
    if (status != BFS_EXIT_OK)
        return status;
    if (read_statement(&opened, name, &statements, &error))
        return bfs_message_error(&error);
    bool revokes = bfs_statement_name_parse(name, &stated, NULL) == 0 &&
                   stated.kind == BFS_STATEMENT_REVOCATION;
    if (!options->force && (statements.n || revokes)) {
        bfs_message("%s: %s; use --force if it is to be forgotten", name,
                    statements.n ? "a statement that can be read" : "it may revoke the bundle");
        return BFS_EXIT_FAILED;
    }
    if (bfs_catalog_remove_statement(opened.store, name, &error))
        return bfs_message_error(&error);
    (void)printf("%s removed\n", name);
    return BFS_EXIT_OK;
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autoopened struct bfs_opened opened = {0};
    struct bfs_error error = {0};
    (void)n_args;
    if (bfs_statement_name_is(args[1]))
        return remove_statement(options, args[0], args[1]);
    struct bfs_reference reference;
    /* An alias that moves in between would have another bundle removed. */
    int status = bfs_parse_reference("rm", args[1], &reference);
    if (status == BFS_EXIT_OK)
        status = bfs_opened_entry("rm", args[0], args[1], &opened);
    if (status == BFS_EXIT_OK && strcmp(opened.entry->reference.version, reference.version) != 0) {
        bfs_message("%s is an alias; name the version that is to be removed", args[1]);
        return BFS_EXIT_FAILED;
    }
    if (status == BFS_EXIT_OK && !options->force)
        status = check_aliases(&opened);
    if (status != BFS_EXIT_OK)
        return status;
    if (bfs_catalog_remove(opened.store, &opened.entry->reference, &error))
        return bfs_message_error(&error);
    (void)printf("%s removed; \"bundlefs gc\" frees what only it used\n", args[1]);
    return BFS_EXIT_OK;
}

static const struct bfs_option table[] = {
    {"force", 'f', NULL, BFS_OPTION_FLAG, offsetof(struct options, force),
     "remove it although an alias points to it, or the statement although it is sound"},
    {0},
};

const struct bfs_verb bfs_verb_rm = {
    .name = "rm",
    .run = run,
    .summary = "remove a bundle from a store",
    .synopsis = "STORE NAME:VERSION",
    .text =
        "Removes the bundle's name from the store. Its content stays until \"bundlefs gc\" "
        "finds that no other bundle uses it; files that are open in a mount stay readable.\n\n"
        "The statements about it go along, but what moved aliases and revocations stay. A "
        "bundle that an alias points to is not removed.\n\n"
        "NAME:VERSION may be the name of a statement, as refused.json and \"history\" give it for "
        "one that cannot be read.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};
