/* SPDX-License-Identifier: Apache-2.0
 * Which keys signed an envelope. */
#include "verify/trust/envelope.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

struct question {
    const struct bfs_public_key *keys;
    size_t n_keys;
    const struct bfs_buffer *message;
    bool only_named; /* a signature is tried with the keys that it names alone */
    bool *accepted;  /* for each key */
};

static bool signed_by(const struct question *question, size_t i,
                      const struct bfs_envelope_signature *signature)
{
    return bfs_signature_verify(&question->keys[i], question->message->bytes,
                                question->message->size, signature->bytes) == 0;
}

/* Marks the first place of the key that made this signature. The keys whose id is named come first:
 * in an honest envelope that is the only one tried. */
static void find_signer(const struct question *question,
                        const struct bfs_envelope_signature *signature)
{
    char id[BFS_KEY_ID_TEXT_SIZE];
    if (signature->size != BFS_SIGNATURE_SIZE)
        return;
    for (int named = 1; named >= (question->only_named ? 1 : 0); named--)
        for (size_t i = 0; i < question->n_keys; i++) {
            bool is_named =
                strcmp(bfs_key_id_text(question->keys[i].id, id), signature->key_id) == 0;
            if (is_named != (named == 1) || !signed_by(question, i, signature))
                continue;
            for (size_t first = 0; first < i; first++)
                if (bfs_public_key_equal(&question->keys[first], &question->keys[i]))
                    i = first;
            question->accepted[i] = true;
            return;
        }
}

static int verify(const struct bfs_envelope *envelope, const char *type,
                  const struct bfs_public_key keys[], size_t n_keys, bool only_named,
                  bool signed_by_key[], size_t *ret_count, const char *what,
                  struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer message = BFS_BUFFER_INIT;
    bfs_autofree bool *accepted = calloc(n_keys ? n_keys : 1, sizeof(*accepted));
    size_t count = 0;
    if (strcmp(envelope->type, type) != 0) {
        (void)bfs_fail(error, -EPROTONOSUPPORT, "%s: the payload is of another type", what);
        bfs_fail_values(error, type, envelope->type);
        return -EPROTONOSUPPORT;
    }
    if (sodium_init() < 0)
        return bfs_fail(error, -EIO, "libsodium cannot start");
    bfs_envelope_pae(type, envelope->payload, envelope->payload_size, &message);
    if (!accepted || bfs_buffer_status(&message))
        return bfs_fail(error, -ENOMEM, "out of memory");
    const struct question question = {keys, n_keys, &message, only_named, accepted};
    for (size_t i = 0; i < envelope->n_signatures; i++)
        find_signer(&question, &envelope->signatures[i]);
    for (size_t i = 0; i < n_keys; i++)
        count += accepted[i];
    if (count == 0)
        return bfs_fail(error, -EKEYREJECTED, "%s: none of the %zu known keys signed this", what,
                        n_keys);
    memcpy(signed_by_key, accepted, n_keys * sizeof(*accepted));
    *ret_count = count;
    return 0;
}

int bfs_envelope_verify(const struct bfs_envelope *envelope, const char *type,
                        const struct bfs_public_key keys[], size_t n_keys, bool signed_by_key[],
                        size_t *ret_count, const char *what, struct bfs_error *error)
{
    return verify(envelope, type, keys, n_keys, false, signed_by_key, ret_count, what, error);
}

int bfs_envelope_verify_named(const struct bfs_envelope *envelope, const char *type,
                              const struct bfs_public_key keys[], size_t n_keys,
                              bool signed_by_key[], size_t *ret_count, const char *what,
                              struct bfs_error *error)
{
    return verify(envelope, type, keys, n_keys, true, signed_by_key, ret_count, what, error);
}
