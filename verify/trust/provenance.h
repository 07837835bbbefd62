/* SPDX-License-Identifier: Apache-2.0
 * How a bundle was made: the predicate of SLSA provenance v1 (slsa.dev/spec/v1.0/provenance).
 *
 * THREAD SAFETY: belongs to one thread while it changes; reading may be shared. */
#ifndef BFS_VERIFY_TRUST_PROVENANCE_H
#define BFS_VERIFY_TRUST_PROVENANCE_H

#include "verify/digest.h"
#include "verify/json.h"

enum {
    BFS_PROVENANCE_TEXT_MAX = 1024,           /* bytes of a URI, id or version */
    BFS_PROVENANCE_PARAMETERS_MAX = 64 << 10, /* bytes of the external parameters as JSON */
    BFS_PROVENANCE_DEPENDENCIES_MAX = 1024,
};

/* What it was made from: a base model, a converter. */
struct bfs_dependency {
    char *uri;  /* owned; "" when absent */
    char *name; /* owned; "" when absent */
    bool has_digest;
    struct bfs_digest digest; /* SHA-256 */
};

struct bfs_provenance {
    char *build_type;      /* owned; a URI that says what the parameters mean */
    char *parameters;      /* owned; externalParameters: a JSON object on one line */
    char *builder_id;      /* owned; a URI */
    char *builder_version; /* owned; of the component that the list calls "bundlefs"; "" when absent
                            */
    char *invocation_id;   /* owned; "" when absent */
    bool has_started_on;
    int64_t started_on;  /* seconds since 1970 */
    int64_t finished_on; /* seconds since 1970; required here, though the standard leaves it free */
    struct bfs_dependency *dependencies; /* owned */
    size_t n_dependencies;
};

void bfs_provenance_done(struct bfs_provenance *provenance);

/* Builders copy their texts. Errors: -EINVAL (parameters that are no JSON object), -E2BIG, -ENOMEM.
 */
int bfs_provenance_new(const char *build_type, const char *parameters, const char *builder_id,
                       const char *builder_version, int64_t finished_on, struct bfs_provenance *ret,
                       struct bfs_error *error);
/* `name` and `digest` may be NULL. */
int bfs_provenance_add(struct bfs_provenance *provenance, const char *uri, const char *name,
                       const struct bfs_digest *digest, struct bfs_error *error);

/* The predicate's JSON. Unknown members are ignored. Errors: -EBADMSG, -E2BIG, -ENOMEM. */
int bfs_provenance_read(struct json_object *predicate, const char *what, struct bfs_provenance *ret,
                        struct bfs_error *error);
/* A new object, or what there is of it when *status was set (-ENOMEM, -EINVAL, -EBADMSG). */
struct json_object *bfs_provenance_json(const struct bfs_provenance *provenance, int *status);

#endif
