/* SPDX-License-Identifier: Apache-2.0
 * What "inspect" tells, as text and as JSON, and what both are computed from.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_INSPECT_H
#define BFS_TOOLS_INSPECT_H

#include "codec/chunk/codec.h"
#include "codec/container/dtype.h"
#include "tools/opened.h"

/* Each prints on stdout and returns an exit status. The bundle is open. */
int bfs_inspect_text(const struct bfs_opened *opened, bool tensors, bool chunks);
int bfs_inspect_json(const struct bfs_opened *opened);

enum {
    BFS_INSPECT_DTYPES_MAX = 64, /* ids of the dtype list are below */
    BFS_INSPECT_CODECS_MAX = 8,  /* likewise; those of the transforms are below 4 */
    BFS_INSPECT_ENCODINGS_MAX = 4 * BFS_INSPECT_CODECS_MAX,
    BFS_INSPECT_NAME_SIZE = 48,
};

/* Tensors of one type. */
struct bfs_dtype_count {
    uint64_t n;
    uint64_t size;
};
void bfs_inspect_dtypes(const struct bfs_index *index,
                        struct bfs_dtype_count ret[static BFS_INSPECT_DTYPES_MAX]);

/* Chunks of one encoding. */
struct bfs_codec_count {
    uint64_t n;
    uint64_t raw_size;
    uint64_t stored_size;
};
/* Reads the chunk table of a file: of each codec, and of each with each transform. Errors: those of
 * bfs_file_open(). */
int bfs_inspect_codecs(struct bfs_bundle *bundle, uint32_t file,
                       struct bfs_codec_count ret[static BFS_INSPECT_ENCODINGS_MAX],
                       struct bfs_error *error);
/* What element i counts: "planes", "planes+widen-bf16". */
const char *bfs_inspect_codec_name(unsigned i, char ret[static BFS_INSPECT_NAME_SIZE]);

/* The order of a load that the bundle carries. */
struct bfs_inspect_trace {
    uint32_t n_steps;
    uint32_t n_files; /* that it goes through */
    uint64_t size;    /* bytes that it goes through */
    char *first;      /* path of the file that it begins with; malloc'ed */
};
/* Of a bundle that has one. Errors: those of bfs_bundle_trace(). */
int bfs_inspect_trace(const struct bfs_bundle *bundle, struct bfs_inspect_trace *ret,
                      struct bfs_error *error);

#endif
