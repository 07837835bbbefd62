/* SPDX-License-Identifier: Apache-2.0
 * Words separated by spaces, each once: the features of a CPU.
 *
 * THREAD SAFETY: as of the buffer. */
#ifndef BFS_ACCEL_HOST_WORDS_H
#define BFS_ACCEL_HOST_WORDS_H

#include "verify/buffer.h"

#include <stdbool.h>

struct bfs_words {
    struct bfs_buffer text; /* without a final NUL */
    unsigned n;
};

bool bfs_words_have(const char *text, size_t size, const char *word, size_t length);
/* Adds a word in lower case, unless it is there, or is none (verify/hardware_key.h), or there are
 * BFS_HOST_FEATURES_MAX. */
void bfs_words_add(struct bfs_words *words, const char *word, size_t length);
/* Adds each word of a text. */
void bfs_words_add_all(struct bfs_words *words, const char *text);

#endif
