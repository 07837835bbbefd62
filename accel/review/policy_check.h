/* SPDX-License-Identifier: Apache-2.0
 * The check of a bundle as a policy asks for it: how bad is the worst that it finds?
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_ACCEL_POLICY_CHECK_H
#define BFS_ACCEL_POLICY_CHECK_H

#include "codec/store/trust.h"

/* A daemon makes it, of bundles that nobody vouches for: what it reads of them is bounded, and so
 * are the memory and the time that it takes. JSON counts BFS_REVIEW_JSON_WEIGHT times. */
enum { BFS_POLICY_CHECK_READ_MAX = 64 << 20 };

/* A bfs_trust_check: contract, dependencies, resources and licence, with the bundles of the store
 * and what statements say about them; no host is judged. Errors: those of bfs_bundle_open() and
 * bfs_review(). */
int bfs_policy_check_bundle(const struct bfs_trust *trust, const struct bfs_reference *reference,
                            const struct bfs_digest *bundle, enum bfs_policy_check *ret,
                            struct bfs_error *error);

#endif
