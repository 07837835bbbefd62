/* SPDX-License-Identifier: Apache-2.0
 * DSSE envelopes, version 1 (secure-systems-lab/dsse: protocol.md, envelope.md): bytes of a named
 * type with signatures over both. Signed is the pre-authentication encoding
 *     "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload
 * so no canonical form is needed, and a payload of one type never passes for one of another.
 *
 * An envelope that was parsed proves nothing. The order is: parse the envelope, verify it with keys
 * from elsewhere and the type that is expected, then parse the payload.
 *
 * THREAD SAFETY: an envelope belongs to one thread while it changes; reading may be shared. */
#ifndef BFS_VERIFY_TRUST_ENVELOPE_H
#define BFS_VERIFY_TRUST_ENVELOPE_H

#include "verify/buffer.h"
#include "verify/trust/secret_key.h"

#define BFS_ENVELOPE_MEDIA "application/vnd.dsse.envelope.v1+json"

enum {
    BFS_ENVELOPE_SIZE_MAX = 1 << 20, /* bytes of the JSON text */
    BFS_ENVELOPE_TYPE_MAX = 255, /* bytes of a payload type; what RFC 6838 allows a media type */
    BFS_ENVELOPE_SIGNATURES_MAX = 16,  /* each may have to be tried with each key */
    BFS_ENVELOPE_KEY_ID_MAX = 255,     /* bytes; a digest as hexadecimal digits has 64 */
    BFS_ENVELOPE_SIGNATURE_MAX = 8192, /* bytes of one signature, of whatever algorithm */
};

struct bfs_envelope_signature {
    char *key_id;   /* owned; "" when absent. A hint that anybody can change. */
    uint8_t *bytes; /* owned */
    size_t size;    /* other algorithms have other sizes than BFS_SIGNATURE_SIZE */
};

struct bfs_envelope {
    char *type;       /* owned; payloadType */
    uint8_t *payload; /* owned; never NULL after a parse, may be empty */
    size_t payload_size;
    struct bfs_envelope_signature *signatures; /* owned */
    size_t n_signatures;
};

/* Reads the JSON form: each of payload and sig in standard or URL-safe base64; as the specification
 * says, unknown members are ignored and an absent keyid is an empty one. Refused although a reader
 * might let it pass: a member that occurs twice, or that is the name of a known one in other
 * letters (readers differ in which they take), no signature at all, an empty payload type. Errors:
 * -EBADMSG, -E2BIG, -ENOMEM. */
int bfs_envelope_parse(const void *text, size_t size, const char *what, struct bfs_envelope *ret,
                       struct bfs_error *error);
void bfs_envelope_done(struct bfs_envelope *envelope);
#define bfs_autoenvelope BFS_CLEANUP(bfs_envelope_done)

/* An envelope without signatures; copies both. Errors: -EINVAL (the type is empty or not UTF-8),
 * -E2BIG, -ENOMEM. */
int bfs_envelope_new(const char *type, const void *payload, size_t size, struct bfs_envelope *ret,
                     struct bfs_error *error);
/* Adds a signature, with the key's id as keyid. Errors: -E2BIG, -ENOMEM, -EIO. */
int bfs_envelope_sign(struct bfs_envelope *envelope, const struct bfs_secret_key *key,
                      struct bfs_error *error);
/* Appends the JSON form: one line, standard base64. Errors: those of bfs_json_publish(). */
int bfs_envelope_write(const struct bfs_envelope *envelope, struct bfs_buffer *ret);

/* Which of the caller's keys signed: sets signed_by[i] for each of `keys`, and *ret_count to how
 * many did. Every signature is tried with every key, because a keyid is only a hint. A key that is
 * twice in `keys`, or that signed twice, counts once (the first place in `keys` is set), so
 * *ret_count is good for a threshold. Who the keys belong to and whether they are valid is the
 * caller's to know. Errors: -EPROTONOSUPPORT (the payload is not of `type`; no signature was looked
 * at), -EKEYREJECTED (none of the keys signed), -ENOMEM, -EIO. Then signed_by is left alone. */
int bfs_envelope_verify(const struct bfs_envelope *envelope, const char *type,
                        const struct bfs_public_key keys[], size_t n_keys, bool signed_by[],
                        size_t *ret_count, const char *what, struct bfs_error *error);

/* The same, but each signature is tried with the keys whose id it names alone: at most as many
 * tries as there are signatures, where ids differ. Who is not found so may have signed all the
 * same. */
int bfs_envelope_verify_named(const struct bfs_envelope *envelope, const char *type,
                              const struct bfs_public_key keys[], size_t n_keys, bool signed_by[],
                              size_t *ret_count, const char *what, struct bfs_error *error);

/* Appends the bytes that are signed. */
void bfs_envelope_pae(const char *type, const void *payload, size_t size, struct bfs_buffer *ret);

#endif
