/* SPDX-License-Identifier: Apache-2.0
 * What a JSON string says, byte by byte in UTF-8, without memory for it.
 *
 * THREAD SAFETY: a string belongs to one thread. */
#ifndef BFS_VERIFY_JSON_STRING_H
#define BFS_VERIFY_JSON_STRING_H

#include <stddef.h>

struct bfs_json_string {
    const char *at;
    const char *end;
    unsigned char rest[4]; /* of a character that was escaped, last byte first */
    unsigned n_rest;
};

/* Over the text between the quotes of a string that bfs_json_scan() accepted. */
struct bfs_json_string bfs_json_string_over(const char *text, size_t size);
/* The next byte, 0 to 255; -1 after the last. */
int bfs_json_string_next(struct bfs_json_string *string);

#endif
