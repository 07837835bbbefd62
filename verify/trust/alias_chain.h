/* SPDX-License-Identifier: Apache-2.0
 * Where aliases point. Each statement that moves an alias has a number, from 1, and the digest of
 * the one before, so together they are chains, and what is asked is which end counts:
 *   - a statement counts only if all before it are there, down to number 1;
 *   - of those that count, the one with the highest number wins, so a replayed older one never
 * does;
 *   - two with the same number that point to different bundles are a fork: the alias points where
 *     the lower digest says, and the fork is told. Two that point to the same bundle are none:
 *     anybody can write an envelope in other letters, which changes its digest and nothing else.
 * A policy may refuse ends. What a believed end links to needs no belief of its own: whoever signed
 * the end has signed for the digests before it, and keys may have expired since.
 *
 * THREAD SAFETY: immutable once made; share it freely. */
#ifndef BFS_VERIFY_TRUST_ALIAS_CHAIN_H
#define BFS_VERIFY_TRUST_ALIAS_CHAIN_H

#include "verify/trust/statement.h"

struct bfs_alias_link {
    const struct bfs_statement *statement; /* borrowed; of the kind ALIAS */
    const struct bfs_digest *digest;       /* borrowed; SHA-256 of its envelope */
    const struct bfs_alias_link *before;   /* that it names as the previous one; NULL: not there */
    bool is_complete;                      /* all before it are there */
    bool is_forked; /* so are those before one with the same number that points elsewhere */
};

struct bfs_alias_chains {
    struct bfs_alias_link *links; /* owned; by alias, then number, then digest */
    size_t n;
};

/* Adds a statement about the model that the chains are of, which must live as long as they do; one
 * of another kind is left out. Errors: -ENOMEM. */
int bfs_alias_chains_add(struct bfs_alias_chains *chains, const struct bfs_statement *statement,
                         const struct bfs_digest *digest);
/* Connects them; then nothing is added any more. What is there twice counts once. */
void bfs_alias_chains_finish(struct bfs_alias_chains *chains);
void bfs_alias_chains_done(struct bfs_alias_chains *chains);
#define bfs_autochains BFS_CLEANUP(bfs_alias_chains_done)

/* May this statement be the end that counts? */
typedef bool (*bfs_alias_believes)(void *context, const struct bfs_alias_link *link);

/* The link of that statement, once they are connected; NULL: it was not added. */
const struct bfs_alias_link *bfs_alias_chains_find(const struct bfs_alias_chains *chains,
                                                   const struct bfs_statement *statement,
                                                   const struct bfs_digest *digest);

/* The link that says where `alias` points; NULL: nowhere. `believes` NULL: everything is believed.
 * *ret_forked (may be NULL) tells whether another one with the same number, which is believed too,
 * points elsewhere. */
const struct bfs_alias_link *bfs_alias_chains_head(const struct bfs_alias_chains *chains,
                                                   const char *alias, bfs_alias_believes believes,
                                                   void *context, bool *ret_forked);

/* The aliases one by one, in byte order: starts with *at 0; NULL after the last. */
const char *bfs_alias_chains_next(const struct bfs_alias_chains *chains, size_t *at);

#endif
