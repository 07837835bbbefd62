/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/trust/public_key.h"

#include "verify/cursor.h"
#include "verify/trust/base64.h"
#include "verify/trust/key_file.h"
#include "verify/trust/key_lines.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { RECORD_SIZE = 2 + BFS_KEY_ID_SIZE + BFS_PUBLIC_KEY_SIZE };

static const uint8_t algorithm[2] = {'E', 'd'};

static int parse_line(const char *line, size_t length, const char *what, struct bfs_public_key *ret,
                      struct bfs_error *error)
{
    uint8_t record[RECORD_SIZE], name[2];
    struct bfs_public_key key;
    struct bfs_cursor cursor = bfs_cursor_over(record, sizeof(record));
    if (bfs_base64_decode_exact(line, length, record, sizeof(record)))
        return bfs_fail(error, -EBADMSG, "%s: not a public key: it must be %d characters of base64",
                        what, BFS_PUBLIC_KEY_LINE_SIZE - 1);
    if (bfs_cursor_copy(&cursor, name, sizeof(name)) ||
        bfs_cursor_copy(&cursor, key.id, sizeof(key.id)) ||
        bfs_cursor_copy(&cursor, key.bytes, sizeof(key.bytes)) || bfs_cursor_end(&cursor))
        return bfs_fail(error, -EBADMSG, "%s: not a public key", what);
    if (memcmp(name, algorithm, sizeof(name)) != 0)
        return bfs_fail(error, -EPROTONOSUPPORT, "%s: not an Ed25519 key", what);
    if (!crypto_core_ed25519_is_valid_point(key.bytes))
        return bfs_fail(error, -EBADMSG, "%s: the key is no point that Ed25519 uses", what);
    *ret = key;
    return 0;
}

int bfs_public_key_parse_line(const char *line, const char *what, struct bfs_public_key *ret,
                              struct bfs_error *error)
{
    return parse_line(line, strlen(line), what, ret, error);
}

int bfs_public_key_parse(const void *text, size_t size, const char *what,
                         struct bfs_public_key *ret, struct bfs_error *error)
{
    const char *line;
    size_t length;
    int r = bfs_key_lines_split(text, size, what, &line, &length, error);
    return r ? r : parse_line(line, length, what, ret, error);
}

int bfs_public_key_load(const char *path, struct bfs_public_key *ret, struct bfs_error *error)
{
    char text[BFS_KEY_FILE_MAX];
    size_t size;
    int r = bfs_key_file_read(path, text, &size, error);
    return r ? r : bfs_public_key_parse(text, size, path, ret, error);
}

char *bfs_public_key_line(const struct bfs_public_key *key,
                          char ret[static BFS_PUBLIC_KEY_LINE_SIZE])
{
    uint8_t record[RECORD_SIZE];
    memcpy(record, algorithm, sizeof(algorithm));
    memcpy(record + 2, key->id, BFS_KEY_ID_SIZE);
    memcpy(record + 2 + BFS_KEY_ID_SIZE, key->bytes, BFS_PUBLIC_KEY_SIZE);
    return sodium_bin2base64(ret, BFS_PUBLIC_KEY_LINE_SIZE, record, sizeof(record),
                             sodium_base64_VARIANT_ORIGINAL);
}

char *bfs_public_key_text(const struct bfs_public_key *key,
                          char ret[static BFS_PUBLIC_KEY_TEXT_SIZE])
{
    char id[BFS_KEY_ID_TEXT_SIZE], line[BFS_PUBLIC_KEY_LINE_SIZE];
    (void)snprintf(ret, BFS_PUBLIC_KEY_TEXT_SIZE, "%sminisign public key %s\n%s\n", BFS_KEY_COMMENT,
                   bfs_key_id_text(key->id, id), bfs_public_key_line(key, line));
    return ret;
}

char *bfs_key_id_text(const uint8_t id[static BFS_KEY_ID_SIZE],
                      char ret[static BFS_KEY_ID_TEXT_SIZE])
{
    uint64_t number = 0;
    struct bfs_cursor cursor = bfs_cursor_over(id, BFS_KEY_ID_SIZE);
    (void)bfs_cursor_u64(&cursor, &number);
    (void)snprintf(ret, BFS_KEY_ID_TEXT_SIZE, "%016" PRIX64, number);
    return ret;
}

bool bfs_public_key_equal(const struct bfs_public_key *a, const struct bfs_public_key *b)
{
    return memcmp(a->bytes, b->bytes, BFS_PUBLIC_KEY_SIZE) == 0;
}
