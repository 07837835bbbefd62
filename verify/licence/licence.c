/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/licence/licence.h"

#include "verify/licence/spdx_list.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct row {
    const char *id;
    int is_deprecated;
};
static const struct row licences[] = {
#define ROW(id, deprecated) {id, deprecated},
    BFS_SPDX_LICENCE_LIST(ROW)
#undef ROW
};
static const struct row exceptions[] = {
#define ROW(id, deprecated) {id, deprecated},
    BFS_SPDX_EXCEPTION_LIST(ROW)
#undef ROW
};

struct judge {
    const char *at;
    enum bfs_licence_verdict verdict;
    char *word;
};

static void worsen(struct judge *judge, enum bfs_licence_verdict verdict, const char *word,
                   size_t length)
{
    if (verdict <= judge->verdict)
        return;
    judge->verdict = verdict;
    if (length > BFS_LICENCE_WORD_MAX)
        length = BFS_LICENCE_WORD_MAX;
    (void)snprintf(judge->word, BFS_LICENCE_WORD_MAX + 1, "%.*s", (int)length, word);
}

static void skip_blank(struct judge *judge)
{
    judge->at += strspn(judge->at, " ");
}

/* Length of the identifier, or operator, that comes next; 0: there is none. */
static size_t word_length(const struct judge *judge)
{
    return strspn(judge->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:");
}

static bool is_word(const struct judge *judge, const char *word)
{
    size_t length = word_length(judge);
    return length == strlen(word) && memcmp(judge->at, word, length) == 0;
}

static bool take_word(struct judge *judge, const char *word)
{
    skip_blank(judge);
    if (!is_word(judge, word))
        return false;
    judge->at += strlen(word);
    return true;
}

static const struct row *find(const struct row *rows, size_t n, const char *word, size_t length)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(rows[i].id) == length && strncasecmp(rows[i].id, word, length) == 0)
            return &rows[i];
    return NULL;
}

static bool is_private(const char *word, size_t length)
{
    static const char document[] = "DocumentRef-", licence[] = "LicenseRef-";
    const char *end = word + length;
    if (length > strlen(document) && strncmp(word, document, strlen(document)) == 0) {
        const char *colon = memchr(word, ':', length);
        if (!colon || colon == word + strlen(document))
            return false;
        word = colon + 1;
    }
    length = (size_t)(end - word);
    return length > strlen(licence) && strncmp(word, licence, strlen(licence)) == 0 &&
           !memchr(word, ':', length);
}

static bool take_identifier(struct judge *judge, const struct row *rows, size_t n)
{
    skip_blank(judge);
    size_t length = word_length(judge);
    if (length == 0 || is_word(judge, "AND") || is_word(judge, "OR") || is_word(judge, "WITH"))
        return false;
    const struct row *row = find(rows, n, judge->at, length);
    if (row && row->is_deprecated)
        worsen(judge, BFS_LICENCE_DEPRECATED, judge->at, length);
    else if (!row && (rows == exceptions || !is_private(judge->at, length)))
        worsen(judge, BFS_LICENCE_UNKNOWN, judge->at, length);
    judge->at += length;
    return true;
}

static bool take_simple(struct judge *judge)
{
    if (!take_identifier(judge, licences, sizeof(licences) / sizeof(licences[0])))
        return false;
    judge->at += *judge->at == '+';
    return !take_word(judge, "WITH") ||
           take_identifier(judge, exceptions, sizeof(exceptions) / sizeof(exceptions[0]));
}

/* AND binds closer than OR, which no verdict depends on. */
static bool take_expression(struct judge *judge, unsigned depth)
{
    do {
        skip_blank(judge);
        if (*judge->at == '(') {
            judge->at++;
            if (depth == BFS_LICENCE_DEPTH_MAX || !take_expression(judge, depth + 1))
                return false;
            skip_blank(judge);
            if (*judge->at != ')')
                return false;
            judge->at++;
        } else if (!take_simple(judge)) {
            return false;
        }
    } while (take_word(judge, "AND") || take_word(judge, "OR"));
    return true;
}

enum bfs_licence_verdict bfs_licence_judge(const char *expression,
                                           char ret_word[static BFS_LICENCE_WORD_MAX + 1])
{
    struct judge judge = {.at = expression, .word = ret_word};
    ret_word[0] = '\0';
    bool is_whole = take_expression(&judge, 0);
    skip_blank(&judge);
    if (!is_whole || *judge.at)
        worsen(&judge, BFS_LICENCE_MALFORMED, *judge.at ? judge.at : "its end",
               strlen(judge.at) + 7);
    return judge.verdict;
}
