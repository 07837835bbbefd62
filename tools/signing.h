/* SPDX-License-Identifier: Apache-2.0
 * What the verbs that make statements share: a bundle, a key, and publishing what was signed.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_SIGNING_H
#define BFS_TOOLS_SIGNING_H

#include "codec/store/aliases.h"
#include "tools/opened.h"
#include "tools/verb.h"

/* The first member of such a verb's options. */
struct bfs_signing_options {
    const char *key;
    const char *password_file;
    const char *reason;
    const char *policy;
    bool json;
};

/* `policy_short`: the short name of --policy, which some verb has taken already. */
#define BFS_OPTIONS_SIGNING(policy_short)                                                          \
    {"key",                                                                                        \
     'k',                                                                                          \
     "FILE",                                                                                       \
     BFS_OPTION_STRING,                                                                            \
     offsetof(struct bfs_signing_options, key),                                                    \
     "sign with the secret key in FILE, which \"bundlefs keygen\" or minisign made"},              \
        {"password-file",                                                                          \
         '\0',                                                                                     \
         "FILE",                                                                                   \
         BFS_OPTION_STRING,                                                                        \
         offsetof(struct bfs_signing_options, password_file),                                      \
         "read the key's passphrase from the first line of FILE instead of asking for it"},        \
        {"policy",                                                                                 \
         policy_short,                                                                             \
         "FILE",                                                                                   \
         BFS_OPTION_STRING,                                                                        \
         offsetof(struct bfs_signing_options, policy),                                             \
         "publish only what counts under the policy in FILE; the default is to publish and to "    \
         "say "                                                                                    \
         "whether it counts under this host's; none: do not ask"},                                 \
        BFS_OPTION_JSON(struct bfs_signing_options)

#define BFS_OPTION_REASON                                                                          \
    {                                                                                              \
        "reason", 'r', "TEXT", BFS_OPTION_STRING, offsetof(struct bfs_signing_options, reason),    \
            "say why; shown by \"bundlefs history\""                                               \
    }

struct bfs_signing {
    const char *verb;
    const struct bfs_signing_options *options;
    struct bfs_opened opened;
    struct bfs_secret_key *key;
    bool quiet; /* what was published is not reported */
};

/* Each says what is wrong and returns an exit status. */

/* Reads the key. *ret is to be released in any case, here and below. */
int bfs_signing_key(const char *verb, const struct bfs_signing_options *options,
                    struct bfs_signing *ret);
/* Opens the store, finds the bundle and reads the key. */
int bfs_signing_open(const char *verb, const char *store, const char *reference,
                     const struct bfs_signing_options *options, struct bfs_signing *ret);
/* The version that NAME:VERSION, NAME:ALIAS or NAME:latest names in the store that is open, by the
 * rules of bfs_signing_open(). A version need not be in the store; a message says so. */
int bfs_signing_version(struct bfs_signing *signing, const char *reference,
                        struct bfs_reference *ret);
/* A statement about the bundle of `entry`, of this moment, with the reason that was given. */
int bfs_signing_new(const struct bfs_signing *signing, const struct bfs_catalog_entry *entry,
                    enum bfs_statement_kind kind, struct bfs_statement *ret);
/* Dates a deprecation after those about its bundle, so that it is the newest and counts. */
int bfs_signing_after(const struct bfs_signing *signing, struct bfs_statement *statement);
/* Signs the statement, puts it into the store and reports it. When the policy in force will not
 * count it: UNCOUNTED; or, when the policy was named, it is not published: FAILED. */
int bfs_signing_publish(struct bfs_signing *signing, const struct bfs_statement *statement);
/* Moves an alias of the entry's model to the entry; what is revoked is refused. */
int bfs_signing_move(struct bfs_signing *signing, const struct bfs_catalog_entry *entry,
                     const char *alias, enum bfs_alias_move move);

/* Does the policy in force count the statement, whose envelope is `text`? Sets ret->code to 0 when
 * it does, or there is no policy. */
int bfs_signing_weigh(struct bfs_signing *signing, const struct bfs_statement *statement,
                      const struct bfs_buffer *text, struct bfs_verdict *ret);

void bfs_signing_done(struct bfs_signing *signing);
#define bfs_autosigning BFS_CLEANUP(bfs_signing_done)

#endif
