/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/signing.h"

#include "tools/message.h"
#include "tools/passphrase.h"
#include "tools/report.h"
#include "verify/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void bfs_signing_done(struct bfs_signing *signing)
{
    (void)bfs_secret_key_free(signing->key);
    bfs_opened_done(&signing->opened);
}

int bfs_signing_key(const char *verb, const struct bfs_signing_options *options,
                    struct bfs_signing *ret)
{
    struct bfs_error error = {0};
    ret->verb = verb;
    ret->options = options;
    if (!options->key)
        return bfs_message_usage(verb, "--key FILE is missing");
    return bfs_passphrase_load_key(options->key, options->password_file, &ret->key, &error)
               ? bfs_message_error(&error)
               : BFS_EXIT_OK;
}

/* Without a policy, whoever can write to the store chooses what an alias names, and with it what
 * would be signed. */
static int check_name(const struct bfs_opened *opened, const struct bfs_catalog_entry *entry,
                      const char *reference)
{
    char name[BFS_REFERENCE_MAX + 1];
    if (opened->policy || strcmp(bfs_reference_text(&entry->reference, name), reference) == 0)
        return BFS_EXIT_OK;
    bfs_message("%s names no version, and no policy says who may move it; name the version that is "
                "meant, or a policy with --policy",
                reference);
    return BFS_EXIT_FAILED;
}

int bfs_signing_open(const char *verb, const char *store, const char *reference,
                     const struct bfs_signing_options *options, struct bfs_signing *ret)
{
    if (!options->key)
        return bfs_message_usage(verb, "--key FILE is missing");
    ret->opened.policy_named = options->policy;
    int status = bfs_opened_entry(verb, store, reference, &ret->opened);
    if (status == BFS_EXIT_OK)
        status = bfs_opened_policy(&ret->opened);
    if (status == BFS_EXIT_OK)
        status = check_name(&ret->opened, ret->opened.entry, reference);
    return status ? status : bfs_signing_key(verb, options, ret);
}

/* Whoever moved it: does the model have an alias of that name? */
static int has_alias(const struct bfs_opened *opened, const struct bfs_reference *reference,
                     bool *ret)
{
    bfs_autoaliases struct bfs_aliases aliases = {0};
    struct bfs_error error = {0};
    if (bfs_aliases_load(opened->store, opened->catalog, reference->name, NULL, NULL, &aliases,
                         &error))
        return bfs_message_error(&error);
    *ret = bfs_aliases_find(&aliases, reference->version) != NULL;
    return BFS_EXIT_OK;
}

int bfs_signing_version(struct bfs_signing *signing, const char *reference,
                        struct bfs_reference *ret)
{
    struct bfs_opened *opened = &signing->opened;
    const struct bfs_catalog_entry *entry;
    bool is_alias = false;
    int status = bfs_parse_any_reference(signing->verb, reference, ret);
    if (status || bfs_catalog_find(opened->catalog, ret))
        return status;
    if (strcmp(ret->version, "latest") != 0)
        status = has_alias(opened, ret, &is_alias);
    else
        is_alias = true;
    if (status)
        return status;
    if (!is_alias) {
        bfs_message("%s is not in the store", reference);
        return BFS_EXIT_OK;
    }
    status = bfs_opened_find(signing->verb, reference, opened, &entry);
    if (status == BFS_EXIT_OK)
        status = check_name(opened, entry, reference);
    if (status == BFS_EXIT_OK)
        *ret = entry->reference;
    return status;
}

int bfs_signing_new(const struct bfs_signing *signing, const struct bfs_catalog_entry *entry,
                    enum bfs_statement_kind kind, struct bfs_statement *ret)
{
    struct bfs_statement statement = {.kind = kind,
                                      .subject_name = entry->reference,
                                      .subject = entry->manifest,
                                      .when = (int64_t)time(NULL)};
    const char *reason = signing->options->reason;
    if (reason && strlen(reason) > BFS_STATEMENT_REASON_MAX)
        return bfs_message_usage(signing->verb, "--reason is longer than %d bytes",
                                 BFS_STATEMENT_REASON_MAX);
    if (reason && !bfs_utf8_is_valid(reason, strlen(reason)))
        return bfs_message_usage(signing->verb, "--reason is not UTF-8");
    if (reason)
        memcpy(statement.reason, reason, strlen(reason) + 1);
    *ret = statement;
    return BFS_EXIT_OK;
}

static int report_json(const struct bfs_signing *signing, const struct bfs_statement *statement,
                       const struct bfs_digest *digest)
{
    int status = 0;
    char key_id[BFS_KEY_ID_TEXT_SIZE];
    struct json_object *root = bfs_json_new_object(&status);
    bfs_report_digest(root, "statement", digest, &status);
    bfs_json_add_string(root, "kind", bfs_statement_word(statement->kind), &status);
    bfs_json_add_string(root, "name", statement->subject_name.name, &status);
    bfs_json_add_string(root, "version", statement->subject_name.version, &status);
    bfs_report_digest(root, "id", &statement->subject, &status);
    bfs_json_add_string(root, "key_id",
                        bfs_key_id_text(bfs_secret_key_public(signing->key)->id, key_id), &status);
    bfs_report_time(root, "when", statement->when, &status);
    if (statement->kind == BFS_STATEMENT_ALIAS) {
        bfs_json_add_string(root, "alias", statement->alias, &status);
        bfs_json_add_integer(root, "sequence", statement->sequence, &status);
    }
    return bfs_report_print(root, status);
}

static int report_line(const struct bfs_signing *signing, const struct bfs_statement *statement)
{
    char name[BFS_REFERENCE_MAX + 1], key_id[BFS_KEY_ID_TEXT_SIZE];
    (void)bfs_reference_text(&statement->subject_name, name);
    if (statement->kind == BFS_STATEMENT_ALIAS)
        (void)printf("%s -> %s  number %" PRIu64, statement->alias, name, statement->sequence);
    else
        (void)printf("%s  %s", name, bfs_statement_word(statement->kind));
    (void)printf("  by key %s\n", bfs_key_id_text(bfs_secret_key_public(signing->key)->id, key_id));
    return BFS_EXIT_OK;
}

/* Says that the statement will not count; when the policy was named, that ends it. */
static int tell_uncounted(const struct bfs_signing *signing, const struct bfs_statement *statement,
                          const struct bfs_verdict *verdict)
{
    char name[BFS_REFERENCE_MAX + 1];
    bool is_strict = signing->options->policy != NULL;
    bfs_message("%s: the policy %s does not count this %s%s: %s; %s",
                bfs_reference_text(&statement->subject_name, name), signing->opened.policy_path,
                bfs_statement_word(statement->kind), is_strict ? "" : " yet", verdict->reason,
                is_strict ? "nothing was published" : "it was published");
    return is_strict ? BFS_EXIT_FAILED : BFS_EXIT_UNCOUNTED;
}

int bfs_signing_publish(struct bfs_signing *signing, const struct bfs_statement *statement)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_error error = {0};
    struct bfs_digest digest;
    struct bfs_verdict verdict = {0};
    int r = bfs_statement_sign(statement, signing->key, &text, &error);
    if (r == -EINVAL)
        return bfs_message_usage(signing->verb, "%s", error.what);
    if (r)
        return bfs_message_error(&error);
    int status = bfs_signing_weigh(signing, statement, &text, &verdict);
    if (status)
        return status;
    if (verdict.code && signing->options->policy)
        return tell_uncounted(signing, statement, &verdict);
    if ((r = bfs_sha256(text.bytes, text.size, &digest)) ||
        (r = bfs_statement_publish(signing->opened.store, text.bytes, text.size, &error)))
        return bfs_message_error(&error);
    if (!signing->quiet)
        status = signing->options->json ? report_json(signing, statement, &digest)
                                        : report_line(signing, statement);
    return status || !verdict.code ? status : tell_uncounted(signing, statement, &verdict);
}

/* A revoked bundle is never promoted; a deprecated one is, with a word. */
static int check_target(const struct bfs_signing *signing, const struct bfs_catalog_entry *entry)
{
    bfs_autostatements struct bfs_statements about = {0};
    struct bfs_error error = {0};
    char name[BFS_REFERENCE_MAX + 1];
    if (bfs_statements_of_bundle(signing->opened.store, signing->opened.catalog, &entry->manifest,
                                 &about, &error))
        return bfs_message_error(&error);
    (void)bfs_reference_text(&entry->reference, name);
    if (bfs_statements_check_revoked(&about, name, &error))
        return bfs_message_error(&error);
    if (bfs_statements_deprecation(&about))
        bfs_message("%s is deprecated", name);
    return BFS_EXIT_OK;
}

int bfs_signing_move(struct bfs_signing *signing, const struct bfs_catalog_entry *entry,
                     const char *alias, enum bfs_alias_move move)
{
    bfs_autoaliases struct bfs_aliases aliases = {0};
    struct bfs_statement statement;
    struct bfs_error error = {0};
    const struct bfs_opened *opened = &signing->opened;
    int status = bfs_signing_new(signing, entry, BFS_STATEMENT_ALIAS, &statement);
    if (status || (status = check_target(signing, entry)))
        return status;
    if (bfs_aliases_load(opened->store, opened->catalog, entry->reference.name, NULL, NULL,
                         &aliases, &error))
        return bfs_message_error(&error);
    const struct bfs_alias *now = bfs_aliases_find(&aliases, alias);
    if (!bfs_alias_is_valid(alias))
        return bfs_message_usage(signing->verb,
                                 "\"%.200s\" is no alias: as a version, and not \"latest\"", alias);
    (void)snprintf(statement.alias, sizeof(statement.alias), "%s", alias);
    statement.move = move;
    statement.sequence = now ? now->link->statement->sequence + 1 : 1;
    statement.has_previous = now != NULL;
    if (now)
        statement.previous = *now->link->digest;
    return bfs_signing_publish(signing, &statement);
}
