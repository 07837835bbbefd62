/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/trust/key_lines.h"

#include "verify/trust/public_key.h"

#include <errno.h>
#include <string.h>

/* The length of the line at `text`; *ret_next is where the next one begins. */
static size_t line_length(const char *text, size_t size, size_t *ret_next)
{
    const char *end = memchr(text, '\n', size);
    size_t length = end ? (size_t)(end - text) : size;
    *ret_next = end ? length + 1 : size;
    return length > 0 && text[length - 1] == '\r' ? length - 1 : length;
}

int bfs_key_lines_split(const char *text, size_t size, const char *what, const char **ret_line,
                        size_t *ret_length, struct bfs_error *error)
{
    static const size_t n_prefix = sizeof(BFS_KEY_COMMENT) - 1;
    size_t second, end, length;
    if (size > BFS_KEY_FILE_MAX)
        return bfs_fail(error, -E2BIG, "%s: a key file of %zu bytes is larger than %d", what, size,
                        BFS_KEY_FILE_MAX);
    length = line_length(text, size, &second);
    if (length < n_prefix || memcmp(text, BFS_KEY_COMMENT, n_prefix) != 0)
        return bfs_fail_at(error, -EBADMSG, 0, "%s: no key file: it must begin with \"%s\"", what,
                           BFS_KEY_COMMENT);
    if (length > BFS_KEY_COMMENT_MAX)
        return bfs_fail(error, -E2BIG, "%s: a comment of %zu bytes is longer than %d", what, length,
                        BFS_KEY_COMMENT_MAX);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return bfs_fail_at(error, -EBADMSG, i, "%s: a control character in the comment", what);
    if (second == size)
        return bfs_fail_at(error, -EBADMSG, size, "%s: the line with the key is missing", what);
    length = line_length(text + second, size - second, &end);
    if (second + end != size)
        return bfs_fail_at(error, -EBADMSG, second + end,
                           "%s: something follows the line with the key", what);
    *ret_line = text + second;
    *ret_length = length;
    return 0;
}
