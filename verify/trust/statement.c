/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/trust/statement.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WORD_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static const char *const words[] = {
#define STATEMENT_WORD(name, word, type, text) [BFS_STATEMENT_##name] = word,
    BFS_STATEMENT_LIST(STATEMENT_WORD)
#undef STATEMENT_WORD
};

static const char *const types[] = {
#define STATEMENT_TYPE(name, word, type, text) [BFS_STATEMENT_##name] = type,
    BFS_STATEMENT_LIST(STATEMENT_TYPE)
#undef STATEMENT_TYPE
};

void bfs_statement_done(struct bfs_statement *statement)
{
    bfs_provenance_done(&statement->provenance);
    *statement = (struct bfs_statement){0};
}

const char *bfs_statement_word(enum bfs_statement_kind kind)
{
    return words[kind];
}

const char *bfs_statement_type(enum bfs_statement_kind kind)
{
    return types[kind];
}

int bfs_statement_kind_parse(const char *word, enum bfs_statement_kind *ret)
{
    for (unsigned i = 0; i < BFS_N_STATEMENT_KINDS; i++)
        if (strcmp(word, words[i]) == 0) {
            *ret = (enum bfs_statement_kind)i;
            return 0;
        }
    return -EINVAL;
}

static const char *const move_words[] = {
    [BFS_ALIAS_PROMOTE] = "promote",
    [BFS_ALIAS_ROLLBACK] = "rollback",
};

const char *bfs_alias_move_word(enum bfs_alias_move move)
{
    return move_words[move];
}

int bfs_alias_move_parse(const char *word, enum bfs_alias_move *ret)
{
    for (unsigned i = 0; i < sizeof(move_words) / sizeof(move_words[0]); i++)
        if (strcmp(word, move_words[i]) == 0) {
            *ret = (enum bfs_alias_move)i;
            return 0;
        }
    return -EINVAL;
}

bool bfs_deprecation_supersedes(const struct bfs_statement *a, const struct bfs_statement *b)
{
    if (a->when != b->when)
        return a->when > b->when;
    if (a->is_withdrawn != b->is_withdrawn)
        return b->is_withdrawn;
    return a->has_sunset && (!b->has_sunset || a->sunset < b->sunset);
}

bool bfs_role_is_valid(const char *role)
{
    size_t length = strlen(role);
    return length > 0 && length <= BFS_STATEMENT_ROLE_MAX &&
           strspn(role, WORD_CHARACTERS) == length;
}

bool bfs_alias_is_valid(const char *alias)
{
    struct bfs_reference reference;
    char text[BFS_VERSION_MAX + 4];
    return strlen(alias) <= BFS_VERSION_MAX && !strchr(alias, ':') &&
           snprintf(text, sizeof(text), "a:%s", alias) > 0 &&
           bfs_reference_parse(text, &reference, NULL) == 0;
}

int bfs_statement_sign(const struct bfs_statement *statement, const struct bfs_secret_key *key,
                       struct bfs_buffer *ret, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    int r;
    if ((r = bfs_statement_write(statement, &text, error)) ||
        (r = bfs_envelope_new(BFS_STATEMENT_MEDIA, text.bytes, text.size, &envelope, error)) ||
        (r = bfs_envelope_sign(&envelope, key, error)))
        return r;
    r = bfs_envelope_write(&envelope, ret);
    return r ? bfs_fail(error, r, "out of memory") : 0;
}

int bfs_statement_read(const struct bfs_envelope *envelope, const char *what,
                       struct bfs_statement *ret, struct bfs_error *error)
{
    if (strcmp(envelope->type, BFS_STATEMENT_MEDIA) != 0) {
        (void)bfs_fail(error, -EPROTONOSUPPORT, "%s: the payload is of another type", what);
        bfs_fail_values(error, BFS_STATEMENT_MEDIA, envelope->type);
        return -EPROTONOSUPPORT;
    }
    return bfs_statement_parse(envelope->payload, envelope->payload_size, what, ret, error);
}

int bfs_statement_check_subject(const struct bfs_statement *statement,
                                const struct bfs_digest *bundle, const char *what,
                                struct bfs_error *error)
{
    char expected[BFS_DIGEST_TEXT_SIZE], found[BFS_DIGEST_TEXT_SIZE];
    if (bfs_digest_equal(&statement->subject, bundle))
        return 0;
    (void)bfs_fail(error, -EKEYREJECTED, "%s: the statement is about another bundle", what);
    bfs_fail_values(error, bfs_digest_text(bundle, expected),
                    bfs_digest_text(&statement->subject, found));
    return -EKEYREJECTED;
}
