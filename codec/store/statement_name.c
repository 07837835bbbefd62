/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/statement_name.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "sha256-"

enum { HEX_DIGITS = BFS_DIGEST_HEX_SIZE - 1, MARK_DIGITS = BFS_STATEMENT_MARK_SIZE - 1 };

bool bfs_statement_name_is(const char *text)
{
    const char *colon = strrchr(text, ':');
    return colon && bfs_version_is_reserved(colon + 1) &&
           colon[1 + strlen(PREFIX) + HEX_DIGITS] == '.';
}

static int parse_kind(const char *text, size_t length, enum bfs_statement_kind *ret)
{
    char word[64] = "";
    if (length < sizeof(word))
        memcpy(word, text, length);
    return bfs_statement_kind_parse(word, ret) ? -EPROTONOSUPPORT : 0;
}

int bfs_statement_name_parse(const char *text, struct bfs_statement_name *ret,
                             struct bfs_error *error)
{
    struct bfs_statement_name name = {0};
    const char *colon = strrchr(text, ':');
    if (!colon || !bfs_model_name_is_valid(text, (size_t)(colon - text)) ||
        !bfs_statement_name_is(text))
        return bfs_fail(error, -EINVAL,
                        "\"%.500s\" is no name of a statement: NAME:sha256-DIGITS.KIND.DIGITS",
                        text);
    memcpy(name.model, text, (size_t)(colon - text));
    char hex[BFS_DIGEST_HEX_SIZE] = {0};
    memcpy(hex, colon + 1 + strlen(PREFIX), HEX_DIGITS);
    const char *kind = colon + 1 + strlen(PREFIX) + HEX_DIGITS + 1;
    size_t length = strcspn(kind, ".");
    const char *mark = kind + length;
    if (*mark != '.' || strlen(mark + 1) != MARK_DIGITS ||
        strspn(mark + 1, "0123456789abcdef") != MARK_DIGITS ||
        bfs_digest_parse_hex(hex, &name.subject))
        return bfs_fail(error, -EINVAL,
                        "\"%.500s\" is no name of a statement: %d digits must be its end", text,
                        MARK_DIGITS);
    memcpy(name.mark, mark + 1, MARK_DIGITS);
    if (parse_kind(kind, length, &name.kind))
        return bfs_fail(error, -EPROTONOSUPPORT, "statements of the kind \"%.*s\" are not known",
                        (int)(length > 64 ? 64 : length), kind);
    *ret = name;
    return 0;
}

char *bfs_statement_name_text(const char *model, const struct bfs_digest *subject,
                              enum bfs_statement_kind kind, const struct bfs_digest *manifest,
                              char ret[static BFS_REFERENCE_MAX + 1])
{
    char of[BFS_DIGEST_HEX_SIZE], own[BFS_DIGEST_HEX_SIZE];
    (void)snprintf(ret, BFS_REFERENCE_MAX + 1, "%.255s:" PREFIX "%s.%s.%.*s", model,
                   bfs_digest_hex(subject, of), bfs_statement_word(kind), MARK_DIGITS,
                   bfs_digest_hex(manifest, own));
    return ret;
}

bool bfs_statement_name_fits(const struct bfs_statement_name *name,
                             const struct bfs_digest *manifest)
{
    char hex[BFS_DIGEST_HEX_SIZE];
    return strncmp(name->mark, bfs_digest_hex(manifest, hex), MARK_DIGITS) == 0;
}
