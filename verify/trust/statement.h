/* SPDX-License-Identifier: Apache-2.0
 * Statements about one bundle: in-toto Statement v1 (in-toto/attestation: spec/v1) with exactly one
 * subject, whose digest is the bundle's id (the SHA-256 of its OCI manifest). The subject's name is
 * for people; the digest decides.
 *
 * Who says it, and in which role, is not in a statement: keys and their roles come from a policy.
 * An approval names the role that its signer acts in, because one key may have several, and it
 * counts only if the policy gives the key that role.
 *
 * THREAD SAFETY: a statement belongs to one thread while it changes; reading may be shared. */
#ifndef BFS_VERIFY_TRUST_STATEMENT_H
#define BFS_VERIFY_TRUST_STATEMENT_H

#include "verify/digest.h"
#include "verify/name.h"
#include "verify/trust/envelope.h"
#include "verify/trust/provenance.h"
#include "verify/trust/statement_list.h"

#define BFS_STATEMENT_MEDIA "application/vnd.in-toto+json"      /* the envelope's payload type */
#define BFS_STATEMENT_IN_TOTO "https://in-toto.io/Statement/v1" /* _type */

enum {
    BFS_STATEMENT_SIZE_MAX = 512 << 10, /* bytes of the JSON text */
    BFS_STATEMENT_REASON_MAX = 1024,    /* bytes */
    BFS_STATEMENT_ROLE_MAX = 64,        /* bytes */
};

enum bfs_statement_kind {
#define BFS_STATEMENT_KIND(name, word, type, text) BFS_STATEMENT_##name,
    BFS_STATEMENT_LIST(BFS_STATEMENT_KIND)
#undef BFS_STATEMENT_KIND
        BFS_N_STATEMENT_KINDS,
};

/* What moved an alias. */
enum bfs_alias_move {
    BFS_ALIAS_PROMOTE,
    BFS_ALIAS_ROLLBACK,
};

struct bfs_statement {
    enum bfs_statement_kind kind;
    struct bfs_reference subject_name; /* NAME:VERSION when it was made */
    struct bfs_digest subject;         /* the bundle's id */
    int64_t when;                      /* seconds since 1970: what the signer's clock said */
    /* Of every kind but PROVENANCE; "" when absent. UTF-8 without control characters. */
    char reason[BFS_STATEMENT_REASON_MAX + 1];
    /* APPROVAL: required. */
    char role[BFS_STATEMENT_ROLE_MAX + 1];
    /* ALIAS: `alias` of the model subject_name.name points to subject_name.version. */
    char alias[BFS_VERSION_MAX + 1];
    uint64_t sequence;          /* from 1, one more each time the alias of this model moves */
    bool has_previous;          /* exactly when sequence > 1 */
    struct bfs_digest previous; /* SHA-256 of the envelope of the statement before */
    enum bfs_alias_move move;
    /* DEPRECATION */
    bool has_replaced_by;
    struct bfs_reference replaced_by;
    bool has_sunset;
    int64_t sunset;    /* seconds since 1970: from then on it should be refused */
    bool is_withdrawn; /* takes earlier deprecations back; then it has neither of the above */
    /* PROVENANCE; else empty. Its finished_on is `when`. */
    struct bfs_provenance provenance;
};

/* Releases the provenance; leaves an empty statement. */
void bfs_statement_done(struct bfs_statement *statement);
#define bfs_autostatement BFS_CLEANUP(bfs_statement_done)

/* "signature"; "https://bundlefs/signature/v1". */
const char *bfs_statement_word(enum bfs_statement_kind kind);
const char *bfs_statement_type(enum bfs_statement_kind kind);
/* The kind whose word it is. Errors: -EINVAL. */
int bfs_statement_kind_parse(const char *word, enum bfs_statement_kind *ret);

/* "promote", "rollback". Errors of the parser: -EINVAL. */
const char *bfs_alias_move_word(enum bfs_alias_move move);
int bfs_alias_move_parse(const char *word, enum bfs_alias_move *ret);

/* Of two deprecations of one bundle, is `a` the one that counts? The later one by `when`. Two of
 * the same second: the one that asks for more, so that the order of reading decides nothing. */
bool bfs_deprecation_supersedes(const struct bfs_statement *a, const struct bfs_statement *b);

/* A role or key name of a policy: letters, digits, '.', '_' and '-', up to BFS_STATEMENT_ROLE_MAX.
 */
bool bfs_role_is_valid(const char *role);
/* An alias: a version (verify/name.h) other than "latest". */
bool bfs_alias_is_valid(const char *alias);

/* Reads the JSON text, which the caller has verified. Unknown members are refused, except what is
 * under "annotations" of the predicate; in a provenance they are ignored, as its standard says.
 * Errors: -EBADMSG, -E2BIG, -EPROTONOSUPPORT (a type of statement or predicate that is not in the
 * list), -ENOMEM. */
int bfs_statement_parse(const void *text, size_t size, const char *what, struct bfs_statement *ret,
                        struct bfs_error *error);

/* Appends the JSON text: deterministic, one line. A statement that a reader would refuse is not
 * written. Errors: -EINVAL, -E2BIG, -ENOMEM. */
int bfs_statement_write(const struct bfs_statement *statement, struct bfs_buffer *ret,
                        struct bfs_error *error);

/* Writes the statement, signs it and appends the envelope's text. Errors: also bfs_envelope_sign's.
 */
int bfs_statement_sign(const struct bfs_statement *statement, const struct bfs_secret_key *key,
                       struct bfs_buffer *ret, struct bfs_error *error);

/* The statement in an envelope: the payload's type is checked, then the payload is parsed. Says
 * nothing about who signed; for that, bfs_envelope_verify() with BFS_STATEMENT_MEDIA comes first.
 * Errors: bfs_statement_parse's; -EPROTONOSUPPORT when the payload is of another type. */
int bfs_statement_read(const struct bfs_envelope *envelope, const char *what,
                       struct bfs_statement *ret, struct bfs_error *error);

/* 0, or -EKEYREJECTED: it is about another bundle. Names are not compared. */
int bfs_statement_check_subject(const struct bfs_statement *statement,
                                const struct bfs_digest *bundle, const char *what,
                                struct bfs_error *error);

#endif
