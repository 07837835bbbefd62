/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/error.h"

#include "verify/error_list.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void record(struct bfs_error *error, int code,
                                                         const char *format, va_list args)
{
    memset(error, 0, sizeof(*error));
    error->code = code;
    (void)vsnprintf(error->what, sizeof(error->what), format, args);
}

int bfs_fail(struct bfs_error *error, int code, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        record(error, code, format, args);
        va_end(args);
    }
    return code;
}

int bfs_fail_at(struct bfs_error *error, int code, uint64_t offset, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        record(error, code, format, args);
        va_end(args);
        error->has_offset = true;
        error->offset = offset;
    }
    return code;
}

void bfs_fail_values(struct bfs_error *error, const char *expected, const char *found)
{
    if (!error)
        return;
    (void)snprintf(error->expected, sizeof(error->expected), "%s", expected ? expected : "");
    (void)snprintf(error->found, sizeof(error->found), "%s", found ? found : "");
}

int bfs_fail_context(struct bfs_error *error, int code, const char *format, ...)
{
    if (!error)
        return code;
    char context[BFS_ERROR_WHAT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(context, sizeof(context), format, args);
    va_end(args);

    char inner[BFS_ERROR_WHAT_SIZE];
    if (error->code)
        memcpy(inner, error->what, sizeof(inner));
    else
        (void)snprintf(inner, sizeof(inner), "%s", strerror(-code));
    error->code = code;
    size_t used = strlen(context);
    if (used > sizeof(error->what) / 2)
        used = sizeof(error->what) / 2;
    (void)snprintf(error->what, sizeof(error->what), "%.*s: %.*s", (int)used, context,
                   (int)(sizeof(error->what) - used - 3), inner);
    return code;
}

char *bfs_error_text(const struct bfs_error *error, char text[static BFS_ERROR_TEXT_SIZE])
{
    char place[48] = "", values[2 * BFS_ERROR_VALUE_SIZE + 32] = "";
    if (error->has_offset)
        (void)snprintf(place, sizeof(place), " at offset %llu", (unsigned long long)error->offset);
    if (error->expected[0] && error->found[0])
        (void)snprintf(values, sizeof(values), ": expected %s, found %s", error->expected,
                       error->found);
    else if (error->expected[0])
        (void)snprintf(values, sizeof(values), ": expected %s", error->expected);
    else if (error->found[0])
        (void)snprintf(values, sizeof(values), ": found %s", error->found);
    (void)snprintf(text, BFS_ERROR_TEXT_SIZE, "%s%s%s", error->what, place, values);
    return text;
}

const char *bfs_error_word(int code)
{
    static const struct {
        int code;
        const char *word;
    } words[] = {
#define WORD(name, word, meaning) {name, word},
        BFS_ERROR_LIST(WORD)
#undef WORD
    };
    if (code < 0)
        code = -code;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].code == code)
            return words[i].word;
    return "failed";
}
