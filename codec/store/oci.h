/* SPDX-License-Identifier: Apache-2.0
 * The parts of the OCI image specification 1.1 that a store is made of: descriptors and manifests.
 * Unknown fields are allowed, as that specification demands; what is used is checked.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_CODEC_OCI_H
#define BFS_CODEC_OCI_H

#include "verify/buffer.h"
#include "verify/digest.h"
#include "verify/error.h"
#include "verify/json.h"

#include <stdbool.h>
#include <stdint.h>

#define BFS_MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define BFS_MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define BFS_MEDIA_BUNDLE "application/vnd.bundlefs.bundle.v1+json"
/* In index.json alone, in place of the former: a bundle that is there to be tried. Programs that do
 * not know it leave the entry alone, as somebody else's. */
#define BFS_MEDIA_HIDDEN "application/vnd.bundlefs.hidden.v1+json"
#define BFS_MEDIA_STATEMENT "application/vnd.bundlefs.statement.v1+json"
#define BFS_MEDIA_OCI_EMPTY "application/vnd.oci.empty.v1+json"
#define BFS_MEDIA_CONFIG "application/vnd.bundlefs.config.v1+json"
#define BFS_MEDIA_INDEX "application/vnd.bundlefs.index.v1"
#define BFS_MEDIA_DATA "application/vnd.bundlefs.data.v1"
#define BFS_MEDIA_TRACE "application/vnd.bundlefs.trace.v1"
#define BFS_OCI_REF_NAME "org.opencontainers.image.ref.name"
#define BFS_OCI_CREATED "org.opencontainers.image.created"

enum {
    BFS_OCI_MANIFEST_MAX = 4 << 20, /* what registries accept at least, and most at all */
    BFS_OCI_LAYERS_MAX = 16384,     /* as many descriptors as fit into such a manifest */
    BFS_MEDIA_TYPE_MAX = 255,
};

struct bfs_descriptor {
    char media_type[BFS_MEDIA_TYPE_MAX + 1];
    struct bfs_digest digest;
    uint64_t size;
};

/* Errors of the readers: -EBADMSG, and -EPROTONOSUPPORT for a digest that is not SHA-256. */
int bfs_descriptor_take(struct bfs_json_value object, const char *what, struct bfs_descriptor *ret,
                        struct bfs_error *error);
/* Of index.json, where more of a descriptor counts; either is absent when it is not there. */
struct bfs_entry_members {
    struct bfs_json_value artifact_type;
    struct bfs_json_value annotations;
};
int bfs_descriptor_take_entry(struct bfs_json_value object, const char *what,
                              struct bfs_descriptor *ret, struct bfs_entry_members *ret_members,
                              struct bfs_error *error);
bool bfs_descriptor_equal(const struct bfs_descriptor *a, const struct bfs_descriptor *b);
/* A new object, owned by the caller; failures in *status. */
struct json_object *bfs_descriptor_write(const struct bfs_descriptor *descriptor, int *status);

struct bfs_oci_manifest {
    struct bfs_descriptor config;
    struct bfs_descriptor *layers; /* owned */
    uint32_t n_layers;
};

/* Reads a bundle's manifest: artifactType must be BFS_MEDIA_BUNDLE, config BFS_MEDIA_CONFIG, layers
 * [0] BFS_MEDIA_INDEX and all others BFS_MEDIA_DATA, but for the last one, which may be
 * BFS_MEDIA_TRACE. -EINVAL: a valid OCI manifest of something that is not a bundle; else as above,
 * -E2BIG, -ENOMEM. */
int bfs_oci_manifest_parse(const void *bytes, size_t size, struct bfs_oci_manifest *ret,
                           struct bfs_error *error);
/* Deterministic. `created` is an RFC 3339 time. Errors: those of bfs_json_publish(). */
int bfs_oci_manifest_write(const struct bfs_oci_manifest *manifest, const char *created,
                           struct bfs_buffer *ret);
/* Does a reader take the text for this manifest? A writer asks before it names the text. */
bool bfs_oci_manifest_is(const void *text, size_t size, const struct bfs_oci_manifest *manifest);
void bfs_oci_manifest_done(struct bfs_oci_manifest *manifest);
#define bfs_automanifest BFS_CLEANUP(bfs_oci_manifest_done)

#endif
