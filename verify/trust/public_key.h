/* SPDX-License-Identifier: Apache-2.0
 * Ed25519 public keys, in the format of minisign's .pub files: a line that begins with "untrusted
 * comment: ", then the base64 of "Ed", the key's id and the key. The id is eight random bytes: it
 * helps people and programs to find a key and proves nothing, so keys are compared by their bytes.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_TRUST_PUBLIC_KEY_H
#define BFS_VERIFY_TRUST_PUBLIC_KEY_H

#include "verify/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BFS_KEY_ID_SIZE = 8,
    BFS_KEY_ID_TEXT_SIZE = 2 * BFS_KEY_ID_SIZE + 1, /* with the final NUL */
    BFS_PUBLIC_KEY_SIZE = 32,
    BFS_PUBLIC_KEY_LINE_SIZE = 57, /* 42 bytes as base64, and the final NUL */
    BFS_KEY_FILE_MAX = 4096,       /* bytes of a key file; minisign allows 1024 for the comment */
    BFS_KEY_COMMENT_MAX = 1024,    /* bytes of the first line */
    BFS_PUBLIC_KEY_TEXT_SIZE = 128,
};

struct bfs_public_key {
    uint8_t id[BFS_KEY_ID_SIZE];
    uint8_t bytes[BFS_PUBLIC_KEY_SIZE];
};

/* The base64 line alone, without a newline: what a policy holds. `what` names its place in
 * messages. Errors: -EBADMSG (malformed, or bytes that are no point of the curve or one of small
 * order, which would verify what nobody signed), -EPROTONOSUPPORT (another algorithm). */
int bfs_public_key_parse_line(const char *line, const char *what, struct bfs_public_key *ret,
                              struct bfs_error *error);

/* A whole .pub file; a final newline may be missing, lines may end with CR LF, nothing may follow.
 * Errors: also -E2BIG (over BFS_KEY_FILE_MAX or BFS_KEY_COMMENT_MAX). */
int bfs_public_key_parse(const void *text, size_t size, const char *what,
                         struct bfs_public_key *ret, struct bfs_error *error);

/* Reads a .pub file. Errors: also -EINVAL (not a regular file), errno of open(2) and read(2). */
int bfs_public_key_load(const char *path, struct bfs_public_key *ret, struct bfs_error *error);

char *bfs_public_key_line(const struct bfs_public_key *key,
                          char ret[static BFS_PUBLIC_KEY_LINE_SIZE]);
/* Both lines of a .pub file, as minisign writes them. */
char *bfs_public_key_text(const struct bfs_public_key *key,
                          char ret[static BFS_PUBLIC_KEY_TEXT_SIZE]);

/* 16 upper-case hexadecimal digits, the last byte first: as minisign shows it. */
char *bfs_key_id_text(const uint8_t id[static BFS_KEY_ID_SIZE],
                      char ret[static BFS_KEY_ID_TEXT_SIZE]);

/* Are the keys the same? Ids do not matter. */
bool bfs_public_key_equal(const struct bfs_public_key *a, const struct bfs_public_key *b);

#endif
