/* SPDX-License-Identifier: Apache-2.0
 * Key files of both kinds. Keys with a passphrase are read without one, because to try one costs
 * what the file asks for. */
#include "tests/fuzz/fuzz_target.h"
#include "verify/trust/secret_key.h"

#include <errno.h>
#include <string.h>

static void judge_public(const char *text, size_t size)
{
    struct bfs_error error = {0};
    struct bfs_public_key key, again;
    char written[BFS_PUBLIC_KEY_TEXT_SIZE];
    int r = bfs_public_key_parse(text, size, "k", &key, &error);
    fuzz_require(r == 0 || r == -EBADMSG || r == -E2BIG || r == -EPROTONOSUPPORT,
                 "a documented error of a public key");
    fuzz_require(error.code == r, "the error says what was returned");
    if (r)
        return;
    (void)bfs_public_key_text(&key, written);
    fuzz_require(bfs_public_key_parse(written, strlen(written), "k", &again, NULL) == 0 &&
                     memcmp(&key, &again, sizeof(key)) == 0,
                 "a public key that was read is written as the same");
}

static void judge_secret(const char *text, size_t size)
{
    struct bfs_error error = {0};
    struct bfs_secret_key *key = NULL, *again = NULL;
    char written[BFS_SECRET_KEY_TEXT_SIZE];
    uint8_t signature[BFS_SIGNATURE_SIZE];
    int r = bfs_secret_key_parse(text, size, NULL, "k", &key, &error);
    fuzz_require(r == 0 || r == -EBADMSG || r == -E2BIG || r == -EPROTONOSUPPORT || r == -ENOKEY,
                 "a documented error of a secret key");
    fuzz_require(error.code == r && (r == 0) == (key != NULL), "all or nothing");
    if (r)
        return;
    fuzz_require(bfs_secret_key_sign(key, text, size, signature) == 0 &&
                     bfs_signature_verify(bfs_secret_key_public(key), text, size, signature) == 0,
                 "a secret key that was read fits its public key");
    fuzz_require(bfs_secret_key_write(key, NULL, NULL, written, NULL) == 0 &&
                     bfs_secret_key_parse(written, strlen(written), NULL, "k", &again, NULL) == 0,
                 "a secret key that was read can be written");
    fuzz_require(memcmp(bfs_secret_key_public(key), bfs_secret_key_public(again),
                        sizeof(struct bfs_public_key)) == 0,
                 "and is the same");
    (void)bfs_secret_key_free(key);
    (void)bfs_secret_key_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    judge_public(copy, size);
    judge_secret(copy, size);
    free(copy);
    return 0;
}
