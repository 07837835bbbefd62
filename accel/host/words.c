/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/host/words.h"

#include "accel/host.h"

#include <ctype.h>
#include <string.h>

bool bfs_words_have(const char *text, size_t size, const char *word, size_t length)
{
    for (size_t at = 0; at < size;) {
        const char *space = memchr(text + at, ' ', size - at);
        size_t n = space ? (size_t)(space - (text + at)) : size - at;
        if (n == length && memcmp(text + at, word, n) == 0)
            return true;
        at += n + 1;
    }
    return false;
}

void bfs_words_add(struct bfs_words *words, const char *word, size_t length)
{
    char copy[BFS_KEY_WORD_MAX + 1];
    if (length > BFS_KEY_WORD_MAX || words->n == BFS_HOST_FEATURES_MAX)
        return;
    for (size_t i = 0; i < length; i++)
        copy[i] = (char)tolower((unsigned char)word[i]);
    copy[length] = '\0';
    if (!bfs_hardware_word_is_valid(copy) ||
        bfs_words_have((const char *)words->text.bytes, words->text.size, copy, length))
        return;
    if (words->n++ > 0)
        bfs_buffer_put_u8(&words->text, ' ');
    bfs_buffer_put(&words->text, copy, length);
}

void bfs_words_add_all(struct bfs_words *words, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, " \t\n");
        if (n > 0)
            bfs_words_add(words, text, n);
        text += n + (text[n] != '\0');
    }
}
