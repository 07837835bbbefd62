/* SPDX-License-Identifier: Apache-2.0
 * What most verbs begin with: a store, its catalogue, and the bundle that an argument names.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_OPENED_H
#define BFS_TOOLS_OPENED_H

#include "codec/store/bundle.h"
#include "codec/store/catalog.h"
#include "codec/store/trust.h"

struct bfs_opened {
    /* Set by the caller before it opens: the value of --policy; NULL: the host's policy. */
    const char *policy_named;
    struct bfs_policy *policy; /* after bfs_opened_policy(); NULL: none is in force */
    const char *policy_path;   /* where it was read from; borrowed; NULL: nowhere */
    bool knows_policy;
    struct bfs_store *store;
    struct bfs_catalog *catalog;
    const struct bfs_catalog_entry *entry; /* in the catalogue; NULL: no bundle was named */
    struct bfs_bundle *bundle;             /* NULL as well */
};

/* Each says what is wrong and returns an exit status; *ret is to be released in any case. */

/* Store and catalogue. */
int bfs_opened_store(const char *path, struct bfs_opened *ret);
/* The entry of `reference` too, NAME:VERSION, NAME:ALIAS or NAME:latest; a message names the
 * version that one of the latter is. `verb` for the message about a reference that is none. */
int bfs_opened_entry(const char *verb, const char *path, const char *reference,
                     struct bfs_opened *ret);
/* And the bundle. */
int bfs_opened_bundle(const char *verb, const char *path, const char *reference,
                      struct bfs_opened *ret);
/* Reads the policy that is in force for this program, once. */
int bfs_opened_policy(struct bfs_opened *opened);
/* What judges by that policy, at this moment; after bfs_opened_policy(). */
struct bfs_trust bfs_opened_trust(const struct bfs_opened *opened);
/* Refuses, with a message, an entry that the policy in force does not serve. */
int bfs_opened_admit(struct bfs_opened *opened, const struct bfs_catalog_entry *entry);

/* The entry that a text names, as bfs_opened_entry() has it, in a catalogue that is open. */
int bfs_opened_find(const char *verb, const char *text, struct bfs_opened *opened,
                    const struct bfs_catalog_entry **ret);
/* Is it NAME:VERSION or NAME:latest? For checks before a store is opened. */
int bfs_parse_any_reference(const char *verb, const char *text, struct bfs_reference *ret);

/* Opens the bundle of an entry. */
int bfs_opened_open(const struct bfs_opened *opened, const struct bfs_catalog_entry *entry,
                    struct bfs_bundle **ret, struct bfs_error *error);

void bfs_opened_done(struct bfs_opened *opened);
#define bfs_autoopened BFS_CLEANUP(bfs_opened_done)

/* Of verbs that a policy binds. */
#define BFS_OPTION_POLICY(type)                                                                    \
    {                                                                                              \
        "policy", 'p', "FILE", BFS_OPTION_STRING, offsetof(type, policy),                          \
            "go by the policy in FILE instead of this host's; none: by no policy"                  \
    }

/* Checks a reference before anything is opened. */
int bfs_parse_reference(const char *verb, const char *text, struct bfs_reference *ret);

#endif
