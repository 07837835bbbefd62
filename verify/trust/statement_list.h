/* SPDX-License-Identifier: Apache-2.0
 * The kinds of statements about a bundle, once: docs/trust.md is checked against this list. */
#ifndef BFS_VERIFY_TRUST_STATEMENT_LIST_H
#define BFS_VERIFY_TRUST_STATEMENT_LIST_H

/* X(NAME, word, predicateType, what it says) */
#define BFS_STATEMENT_LIST(X)                                                                      \
    X(SIGNATURE, "signature", "https://bundlefs/signature/v1",                                     \
      "the signer vouches for the bundle")                                                         \
    X(APPROVAL, "approval", "https://bundlefs/approval/v1",                                        \
      "the signer, in a role, agrees that the bundle is used")                                     \
    X(ALIAS, "alias", "https://bundlefs/alias/v1",                                                 \
      "a name such as production points to the bundle")                                            \
    X(DEPRECATION, "deprecation", "https://bundlefs/deprecation/v1",                               \
      "the bundle should no longer be used")                                                       \
    X(REVOCATION, "revocation", "https://bundlefs/revocation/v1",                                  \
      "the bundle must no longer be used")                                                         \
    X(PROVENANCE, "provenance", "https://slsa.dev/provenance/v1", "how the bundle was made")

#endif
