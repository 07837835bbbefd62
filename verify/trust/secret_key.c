/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/trust/secret_key.h"

#include "verify/trust/base64.h"
#include "verify/trust/key_file.h"
#include "verify/trust/key_lines.h"
#include "verify/trust/secret_key_record.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)BFS_SIGNATURE_SIZE == (int)crypto_sign_BYTES, "Ed25519");
_Static_assert((int)BFS_SECRET_KEY_SIZE == (int)crypto_sign_SECRETKEYBYTES, "Ed25519");

static void release_locked(void *pointer)
{
    sodium_free(*(void **)pointer);
}
#define autolocked BFS_CLEANUP(release_locked)

/* Memory of libsodium's: locked where limits allow it, between guard pages, wiped by sodium_free().
 */
static int locked_new(size_t size, void *ret, struct bfs_error *error)
{
    if (sodium_init() < 0)
        return bfs_fail(error, -EIO, "libsodium cannot start");
    void *memory = sodium_malloc(size);
    if (!memory)
        return bfs_fail(error, -ENOMEM, "out of memory for a secret key");
    *(void **)ret = memory;
    return 0;
}

int bfs_secret_key_generate(struct bfs_secret_key **ret, struct bfs_error *error)
{
    struct bfs_secret_key *key = NULL;
    int r = locked_new(sizeof(*key), &key, error);
    if (r)
        return r;
    randombytes_buf(key->public_key.id, BFS_KEY_ID_SIZE);
    (void)crypto_sign_keypair(key->public_key.bytes, key->bytes);
    (void)sodium_mprotect_readonly(key);
    *ret = key;
    return 0;
}

int bfs_secret_key_write(const struct bfs_secret_key *key, const char *passphrase,
                         const struct bfs_secret_key_cost *cost,
                         char ret[static BFS_SECRET_KEY_TEXT_SIZE], struct bfs_error *error)
{
    autolocked uint8_t *record = NULL;
    char id[BFS_KEY_ID_TEXT_SIZE];
    if (passphrase && strlen(passphrase) > BFS_PASSPHRASE_MAX)
        return bfs_fail(error, -EINVAL, "a passphrase is at most %d bytes", BFS_PASSPHRASE_MAX);
    int r = locked_new(BFS_SECRET_KEY_RECORD_SIZE, &record, error);
    if (r)
        return r;
    if (bfs_secret_key_encode(key, passphrase, cost, record))
        return bfs_fail(error, -ENOMEM, "not enough memory for the passphrase");
    int n = snprintf(ret, BFS_SECRET_KEY_TEXT_SIZE, "%sbundlefs %ssecret key %s\n", BFS_KEY_COMMENT,
                     passphrase ? "encrypted " : "", bfs_key_id_text(key->public_key.id, id));
    (void)sodium_bin2base64(ret + n, BFS_SECRET_KEY_TEXT_SIZE - (size_t)n, record,
                            BFS_SECRET_KEY_RECORD_SIZE, sodium_base64_VARIANT_ORIGINAL);
    size_t length = strlen(ret);
    memcpy(ret + length, "\n", 2);
    return 0;
}

int bfs_secret_key_parse(const void *text, size_t size, const char *passphrase, const char *what,
                         struct bfs_secret_key **ret, struct bfs_error *error)
{
    autolocked uint8_t *record = NULL;
    autolocked struct bfs_secret_key *key = NULL;
    const char *line = NULL;
    size_t length = 0;
    int r;
    if (passphrase && strlen(passphrase) > BFS_PASSPHRASE_MAX)
        return bfs_fail(error, -EINVAL, "a passphrase is at most %d bytes", BFS_PASSPHRASE_MAX);
    if ((r = bfs_key_lines_split(text, size, what, &line, &length, error)) ||
        (r = locked_new(BFS_SECRET_KEY_RECORD_SIZE, &record, error)) ||
        (r = locked_new(sizeof(*key), &key, error)))
        return r;
    if (bfs_base64_decode_exact(line, length, record, BFS_SECRET_KEY_RECORD_SIZE))
        return bfs_fail(error, -EBADMSG, "%s: not a secret key: it must be %d characters of base64",
                        what, BFS_BASE64_LENGTH(BFS_SECRET_KEY_RECORD_SIZE));
    if ((r = bfs_secret_key_decode(record, passphrase, what, key, error)))
        return r;
    (void)sodium_mprotect_readonly(key);
    *ret = bfs_steal(&key);
    return 0;
}

int bfs_secret_key_load(const char *path, const char *passphrase, struct bfs_secret_key **ret,
                        struct bfs_error *error)
{
    autolocked char *text = NULL;
    size_t size = 0;
    int r;
    if ((r = locked_new(BFS_KEY_FILE_MAX, &text, error)) ||
        (r = bfs_key_file_read(path, text, &size, error)))
        return r;
    return bfs_secret_key_parse(text, size, passphrase, path, ret, error);
}

const struct bfs_public_key *bfs_secret_key_public(const struct bfs_secret_key *key)
{
    return &key->public_key;
}

int bfs_secret_key_sign(const struct bfs_secret_key *key, const void *bytes, size_t size,
                        uint8_t ret[static BFS_SIGNATURE_SIZE])
{
    if (sodium_init() < 0)
        return -EIO;
    (void)crypto_sign_detached(ret, NULL, bytes, size, key->bytes);
    return 0;
}

int bfs_signature_verify(const struct bfs_public_key *key, const void *bytes, size_t size,
                         const uint8_t signature[static BFS_SIGNATURE_SIZE])
{
    return crypto_sign_verify_detached(signature, bytes, size, key->bytes) ? -EKEYREJECTED : 0;
}

struct bfs_secret_key *bfs_secret_key_free(struct bfs_secret_key *key)
{
    sodium_free(key);
    return NULL;
}
