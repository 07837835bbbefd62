/* SPDX-License-Identifier: Apache-2.0
 * The OCI manifest around a statement: an artifact whose subject is the bundle's manifest and whose
 * only layer is the envelope.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_CODEC_STATEMENT_MANIFEST_H
#define BFS_CODEC_STATEMENT_MANIFEST_H

#include "codec/store/oci.h"
#include "verify/trust/statement.h"

enum { BFS_STATEMENT_MANIFEST_MAX = 64 << 10 }; /* bytes; ours take a thousandth of a MiB */

#define BFS_STATEMENT_ANNOTATION_KIND "vnd.bundlefs.statement.kind"
#define BFS_STATEMENT_ANNOTATION_ALIAS "vnd.bundlefs.statement.alias"

/* The blob that a manifest without a config names: "{}". */
extern const struct bfs_descriptor bfs_oci_empty;
#define BFS_OCI_EMPTY_TEXT "{}"

struct bfs_statement_manifest {
    struct bfs_descriptor subject;  /* the bundle's manifest */
    struct bfs_descriptor envelope; /* at most BFS_ENVELOPE_SIZE_MAX bytes */
};

/* Annotations are not looked at. Errors: -EBADMSG, -EINVAL (an OCI manifest of something else),
 * -EPROTONOSUPPORT, -E2BIG, -ENOMEM. */
int bfs_statement_manifest_parse(const void *bytes, size_t size, struct bfs_statement_manifest *ret,
                                 struct bfs_error *error);
/* Does a manifest that was parsed name the blob "{}" as its config, as ours do? */
bool bfs_statement_manifest_has_empty_config(const void *bytes, size_t size);
/* Deterministic; kind, alias and time are written as annotations, for people. Errors: -EINVAL (a
 * time that cannot be), -ENOMEM. */
int bfs_statement_manifest_write(const struct bfs_statement_manifest *manifest,
                                 const struct bfs_statement *statement, struct bfs_buffer *ret);

#endif
