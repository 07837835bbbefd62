/* SPDX-License-Identifier: Apache-2.0
 * The repository of a model in an OCI registry. Registries accept fewer names than stores: no
 * capitals, and only some runs of separators (OCI distribution-spec 1.1, "Pulling manifests").
 *
 * A component that registries accept stays as it is, unless it looks escaped. Any other one becomes
 *
 *     BODY--CASE or BODY--CASE-RUNS
 *
 * BODY: the component in lower case. Runs of separators that registries refuse become hyphens.
 * CASE: a hexadecimal number without leading zeros. Bit i is set when letter i is a capital.
 * RUNS: only when BODY has rewritten runs. One letter for each hyphen of BODY: 'd' for a dot, 'h'
 * for a hyphen, 'u' for an underscore.
 *
 * A component looks escaped when it ends like that: "llama--1" becomes "llama--1--0". So different
 * names have different repositories: "Acme/Llama-3" becomes "acme--1/llama-3--1".
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_REPOSITORY_H
#define BFS_VERIFY_REPOSITORY_H

#include "verify/error.h"
#include "verify/name.h"

enum { BFS_REPOSITORY_MAX = 255 }; /* bytes of a repository name, without the host's */

/* Errors: -EINVAL: not a model name. -E2BIG: the repository name would be too long. */
int bfs_repository_from_name(const char *name, char ret[static BFS_REPOSITORY_MAX + 1],
                             struct bfs_error *error);

/* The inverse. Errors: -EINVAL: no model name has this repository. */
int bfs_repository_to_name(const char *repository, char ret[static BFS_NAME_MAX + 1],
                           struct bfs_error *error);

#endif
