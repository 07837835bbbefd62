/* SPDX-License-Identifier: Apache-2.0
 * From a directory to a bundle in a store.
 *
 * THREAD SAFETY: bfs_pack() starts threads of its own; several packs, also in several processes,
 * may run on one store at once. */
#ifndef BFS_CODEC_PACK_H
#define BFS_CODEC_PACK_H

#include "codec/pack/scan.h"
#include "codec/store/bundle_config.h"
#include "codec/store/store.h"
#include "codec/trace/trace_text.h"
#include "verify/name.h"

enum {
    /* Chunks of the same model's versions that deduplication looks at: 16 TiB of content at the
     * default chunk size, and 7 GB of temporary files. */
    BFS_PACK_KNOWN_SAME_MAX = 64 << 20,
    /* Other models are added until all that is known is this much: 1 TiB. */
    BFS_PACK_KNOWN_OTHERS_MAX = 4 << 20,
};

struct bfs_pack_progress {
    uint64_t done;       /* bytes read or made */
    uint64_t total;      /* of all files */
    uint64_t stored;     /* bytes written to new blobs so far */
    const char *section; /* id of the view that is being packed; NULL: the model itself */
};

/* What adds views to a bundle: codec does not know hardware. */
struct bfs_pack_extension {
    /* Adds entries to the scan of the directory (codec/pack/scan_add.h), or refuses: then nothing
     * is packed. Called once for every scan: bfs_pack_check() makes one, bfs_pack() another.
     * Entries that are there already stay as they are. */
    int (*extend)(void *context, struct bfs_scan *scan, struct bfs_error *error);
    /* After the content of every file of the last scan went by, in bfs_pack() alone: adds what
     * manifest.json says of each directory in views/ (bfs_bundle_config_add_view()), in any order.
     * Not called when there is none. */
    int (*describe)(void *context, struct bfs_bundle_config *config, struct bfs_error *error);
    void *context;
};

struct bfs_pack_options {
    struct bfs_reference reference;
    const char *directory;
    uint32_t chunk_size; /* a power of two, BFS_CHUNK_SIZE_MIN .. BFS_CHUNK_SIZE_MAX */
    unsigned n_jobs;     /* encoding threads, at least 1 */
    bool dereference;    /* store what symlinks point to */
    bool is_hidden;      /* mounts leave the bundle out until an alias is moved to it */
    bool no_dedup;       /* do not look at what the store holds: the digest depends on the input
                            alone */
    /* Seconds since the epoch that cap every time stored and become the creation time; negative:
     * times are kept, and the newest file is the creation time. */
    int64_t source_date_epoch;
    /* The order of a load that the bundle will carry: what of it fits. NULL: none. Borrowed, of one
     * bundle, whatever its id. */
    const struct bfs_trace_steps *trace;
    /* NULL: a directory with views is refused. */
    const struct bfs_pack_extension *extension;
    /* Called by bfs_pack_check() alone, with all that would be packed; a failure refuses it. NULL
     * is fine. */
    int (*review)(void *context, const struct bfs_scan *scan, struct bfs_error *error);
    /* Called from the packing thread about four times a second; a non-zero result stops with
     * -EINTR. NULL is fine, as for warn(), which gets one line. */
    int (*progress)(void *context, const struct bfs_pack_progress *progress);
    void (*warn)(void *context, const char *text);
    void *context;
};

struct bfs_pack_report {
    struct bfs_digest bundle; /* its id */
    uint64_t n_files;
    uint64_t n_tensors;
    uint64_t content_size; /* bytes of all files, views included */
    uint64_t new_size;     /* bytes added to the store */
    uint64_t known_size;   /* bytes of content that was there already, or came twice */
    uint64_t stored_size;  /* bytes that all of the bundle occupies, shared blobs included */
};

/* Would the directory be packed into the store of that path? For refusing it before a store is made
 * for it. NULL: whatever the store. Errors: those of bfs_place_check_path(), of
 * bfs_scan_directory(), of bfs_scan_finish(), of the extension and of the review; -EINVAL when
 * nothing of the trace fits. */
int bfs_pack_check(const char *store_path, const struct bfs_pack_options *options,
                   struct bfs_error *error);

/* Packs and publishes. On failure nothing is published; blobs that were already complete stay until
 * the next gc. Errors: those of bfs_pack_check(), -EEXIST (the version is taken by other
 * content), -ESTALE (a file changed meanwhile), -EINTR, -ENOSPC, -EBUSY, -ENOMEM, errno of the file
 * system. */
int bfs_pack(const struct bfs_store *store, const struct bfs_pack_options *options,
             struct bfs_pack_report *ret, struct bfs_error *error);

#endif
