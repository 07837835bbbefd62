/* SPDX-License-Identifier: Apache-2.0
 * The names of an object's members while it is scanned: does one occur twice?
 *
 * THREAD SAFETY: a set belongs to one thread. */
#ifndef BFS_VERIFY_JSON_KEYS_H
#define BFS_VERIFY_JSON_KEYS_H

#include <stdbool.h>
#include <stddef.h>

/* A valid JSON string as written, without its quotes. Borrowed. */
struct bfs_json_key {
    const char *text;
    size_t size;
};

/* What the strings are, not how they are written: "\u0061" is "a". In the order of their bytes. */
int bfs_json_key_compare(const struct bfs_json_key *a, const struct bfs_json_key *b);

enum { BFS_JSON_KEYS_NEAR = 32 }; /* as many need no memory from elsewhere */

/* A stack: keys of the outermost open object first. All zeros is an empty one. */
struct bfs_json_keys {
    struct bfs_json_key near[BFS_JSON_KEYS_NEAR];
    struct bfs_json_key *far; /* owned; all keys, once they were more */
    size_t capacity;          /* of far */
    size_t n;
};

/* Errors: -ENOMEM. */
int bfs_json_keys_add(struct bfs_json_keys *keys, struct bfs_json_key key);
/* Takes those from `first` on away; false when two of them are equal. */
bool bfs_json_keys_close(struct bfs_json_keys *keys, size_t first);
void bfs_json_keys_done(struct bfs_json_keys *keys);

#endif
