/* SPDX-License-Identifier: Apache-2.0
 * The statements of a store: read, proved and checked against each other, so that name, manifest
 * and envelope say the same. A statement where they do not is refused by itself, and the rest goes
 * on. Signatures are not looked at here: that takes keys, which a policy has.
 *
 * THREAD SAFETY: a set belongs to one thread while it grows; afterwards it is immutable. */
#ifndef BFS_CODEC_STATEMENTS_H
#define BFS_CODEC_STATEMENTS_H

#include "codec/store/catalog.h"
#include "verify/trust/alias_chain.h"

enum {
    /* Of one bundle, or aliases of one model. Beyond, nothing is believed: leaving some out might
     * leave out the one that revokes. */
    BFS_STATEMENTS_MAX = 16384,
    /* Bytes of their envelopes: as many as that of the size that ours have. A small store can list
     * one large envelope many times. */
    BFS_STATEMENTS_SIZE_MAX = 32 << 20,
    BFS_STATEMENTS_OF_MODEL_SIZE_MAX = 512 << 20, /* for people, who ask for all there is */
};

/* A statement that contradicts itself, and why. */
struct bfs_statement_refusal {
    char name[BFS_REFERENCE_MAX + 1]; /* its name in index.json */
    char reason[BFS_ERROR_TEXT_SIZE];
};

struct bfs_stored_statement {
    struct bfs_statement statement;
    struct bfs_digest digest; /* of the envelope */
    uint8_t *envelope;        /* owned; the envelope's JSON text */
    size_t size;
    char key_id[BFS_KEY_ID_TEXT_SIZE]; /* what the first signature claims; "" when it is no such */
};

struct bfs_statements {
    struct bfs_stored_statement **items; /* owned; after a finish by time, then kind */
    size_t n;
    struct bfs_statement_refusal *refusals; /* owned */
    size_t n_refusals;
    uint64_t size; /* bytes of all envelopes */
};

void bfs_statements_done(struct bfs_statements *statements);
#define bfs_autostatements BFS_CLEANUP(bfs_statements_done)

/* Adds one, or its refusal. Errors: -E2BIG (more than BFS_STATEMENTS_MAX, or more bytes than
 * BFS_STATEMENTS_SIZE_MAX), -ENOMEM, errno of the file system: a store that cannot be read refuses
 * nothing. */
int bfs_statements_add(struct bfs_statements *statements, const struct bfs_store *store,
                       const struct bfs_catalog_statement *entry, struct bfs_error *error);
/* Reads one and proves it, with every blob that a copy of it takes, and keeps nothing. Signatures
 * are not verified. Errors: the reason of a refusal, -ENOMEM, errno of the file system. */
int bfs_statement_check(const struct bfs_store *store, const struct bfs_catalog_statement *entry,
                        struct bfs_error *error);
/* Sorts them by time, kind, number of the alias' move, digest, and keeps one of each digest; then
 * nothing is added any more. */
void bfs_statements_finish(struct bfs_statements *statements);

/* Each begins with an empty set and gives a finished one; errors as bfs_statements_add(). */

/* All about one bundle, whatever name it has. */
int bfs_statements_of_bundle(const struct bfs_store *store, const struct bfs_catalog *catalog,
                             const struct bfs_digest *bundle, struct bfs_statements *ret,
                             struct bfs_error *error);
/* Those that move aliases of a model. */
int bfs_statements_of_aliases(const struct bfs_store *store, const struct bfs_catalog *catalog,
                              const char *model, struct bfs_statements *ret,
                              struct bfs_error *error);
/* All that have the model's name, also those about bundles that are gone, and all about its
 * bundles, however many they are. Errors: -E2BIG beyond BFS_STATEMENTS_OF_MODEL_SIZE_MAX. */
int bfs_statements_of_model(const struct bfs_store *store, const struct bfs_catalog *catalog,
                            const char *model, struct bfs_statements *ret, struct bfs_error *error);

/* The chains of those that move aliases; `statements` must outlive them. Errors: -ENOMEM. */
int bfs_statements_chains(const struct bfs_statements *statements, struct bfs_alias_chains *ret);

/* Adds a signed statement to the store in one step. `envelope` is the DSSE envelope's JSON text.
 * Statements about a bundle need it in the store, under statement->subject_name. One that moves an
 * alias must continue the chain as it is at that moment: two that were made at once do not both
 * succeed. Publishing what is there already does. Errors:
 *   -ENOENT        the bundle is not in the store any more
 *   -EBUSY         the alias has been moved meanwhile, or the store is locked
 *   -EEXIST        a version of the model, or a deeper model, has the alias' name
 *   -EKEYREJECTED  the alias would point to a bundle that is revoked, or may be
 *   -E2BIG         there are BFS_STATEMENTS_MAX already, and with one more none would be believed;
 *                  only a revocation is added all the same
 *   -EBADMSG ...   the envelope does not hold the statement
 *   -ENOMEM, errno of the file system */
int bfs_statement_publish(const struct bfs_store *store, const void *envelope, size_t size,
                          struct bfs_error *error);

#endif
