/* SPDX-License-Identifier: Apache-2.0
 * From an envelope to a statement and the keys that signed it. */
#include "verify/policy/rules.h"

#include <stdio.h>
#include <string.h>

/* Does a signature claim to be by this key? */
static bool is_claimed(const struct bfs_envelope *envelope, const struct bfs_public_key *key)
{
    char id[BFS_KEY_ID_TEXT_SIZE];
    (void)bfs_key_id_text(key->id, id);
    for (size_t i = 0; i < envelope->n_signatures; i++)
        if (strcmp(envelope->signatures[i].key_id, id) == 0)
            return true;
    return false;
}

/* Tries the keys that are claimed, or all. Sets the bits of those that signed; *ret_count to how
 * many they are. Errors: those of bfs_envelope_verify(), but none when nobody signed. */
static int try_keys(const struct bfs_policy *policy, const struct bfs_envelope *envelope,
                    bool only_claimed, const char *what, uint64_t signers[], size_t *ret_count,
                    struct bfs_error *error)
{
    size_t n = 0;
    bfs_autofree struct bfs_public_key *keys = calloc(policy->n_keys + 1, sizeof(*keys));
    bfs_autofree size_t *numbers = calloc(policy->n_keys + 1, sizeof(*numbers));
    bfs_autofree bool *signed_by = calloc(policy->n_keys + 1, sizeof(*signed_by));
    if (!keys || !numbers || !signed_by)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", what);
    for (size_t i = 0; i < policy->n_keys; i++)
        if (!only_claimed || is_claimed(envelope, &policy->keys[i].key)) {
            numbers[n] = i;
            keys[n++] = policy->keys[i].key;
        }
    *ret_count = 0;
    int r = (only_claimed ? bfs_envelope_verify_named : bfs_envelope_verify)(
        envelope, BFS_STATEMENT_MEDIA, keys, n, signed_by, ret_count, what, error);
    if (r == -EKEYREJECTED)
        return 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        if (signed_by[i])
            signers[numbers[i] / 64] |= UINT64_C(1) << (numbers[i] % 64);
    return r;
}

/* A key id is only a hint, but mostly a good one: trying a thousand keys takes a thousand times as
 * long, so that is left for envelopes where the hints do not explain every signature. */
static int find_signers(const struct bfs_policy *policy, const struct bfs_envelope *envelope,
                        const char *what, size_t *tries, struct bfs_evidence *evidence,
                        struct bfs_error *error)
{
    size_t count = 0, wanted = envelope->n_signatures * policy->n_keys; /* both have a limit */
    int r = try_keys(policy, envelope, true, what, evidence->signers, &count, error);
    if (r == 0 && count < envelope->n_signatures) {
        evidence->is_unsure = *tries < wanted;
        if (!evidence->is_unsure) {
            *tries -= wanted;
            r = try_keys(policy, envelope, false, what, evidence->signers, &count, error);
        }
    }
    evidence->is_signed = count > 0;
    return r;
}

/* What a signature claims, as far as it looks like a key id of ours. */
static void note_key_id(const struct bfs_envelope *envelope, struct bfs_evidence *evidence)
{
    const char *id = envelope->n_signatures ? envelope->signatures[0].key_id : "";
    if (strlen(id) < sizeof(evidence->key_id) && strspn(id, "0123456789ABCDEFabcdef") == strlen(id))
        memcpy(evidence->key_id, id, strlen(id) + 1);
}

int bfs_evidence_read(const struct bfs_policy *policy, const void *bytes, size_t size,
                      const struct bfs_digest *subject, const char *what, struct bfs_evidence *ret,
                      struct bfs_error *error)
{
    size_t tries = SIZE_MAX;
    return bfs_evidence_read_within(policy, bytes, size, subject, what, &tries, ret, error);
}

int bfs_evidence_read_within(const struct bfs_policy *policy, const void *bytes, size_t size,
                             const struct bfs_digest *subject, const char *what, size_t *tries,
                             struct bfs_evidence *ret, struct bfs_error *error)
{
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    bfs_autofree struct bfs_evidence *evidence = calloc(1, sizeof(*evidence));
    if (!evidence)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", what);
    int r = bfs_envelope_parse(bytes, size, what, &envelope, error);
    if (r)
        return r;
    r = bfs_sha256(bytes, size, &evidence->envelope);
    if (r)
        return bfs_fail(error, r, "%s: cannot compute its digest", what);
    note_key_id(&envelope, evidence);
    r = policy ? find_signers(policy, &envelope, what, tries, evidence, error) : 0;
    if (r)
        return r;
    if (evidence->is_signed || !policy) {
        r = bfs_statement_read(&envelope, what, &evidence->statement, error);
        if (r)
            return r;
        r = bfs_statement_check_subject(&evidence->statement, subject, what, error);
        if (r) {
            bfs_statement_done(&evidence->statement);
            return r;
        }
        evidence->is_signed = true;
    }
    *ret = *evidence;
    return 0;
}

void bfs_evidence_done(struct bfs_evidence *evidence)
{
    if (evidence->is_signed)
        bfs_statement_done(&evidence->statement);
    *evidence = (struct bfs_evidence){0};
}
