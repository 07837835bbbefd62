/* SPDX-License-Identifier: Apache-2.0
 * A file that is made from others, as a list of parts in file order: literal bytes, zeros, tensors
 * converted from a source file, scales that a conversion found. Parts are made in bands, several at
 * once on all processors, and read in order (accel/view/stream.h).
 *
 * How a part is cut into bands follows from the part alone, never from the number of threads: sums
 * of errors are rounded in the order of the bands, and what is measured must not depend on --jobs.
 *
 * THREAD SAFETY: a part list is filled by one thread; prepare() and make() run in many at once. */
#ifndef BFS_ACCEL_PART_H
#define BFS_ACCEL_PART_H

#include "accel/cast/cast.h"
#include "accel/view/source.h"
#include "codec/container/dtype.h"
#include "verify/error.h"

#include <stdint.h>

enum {
    /* Output bytes of one band, about: many bands fit in the memory of a stream, and the work on
     * one is long against what starting it costs. */
    BFS_BAND_SIZE = 1 << 20,
    /* No band is larger, whatever a converter would like. */
    BFS_BAND_SIZE_MAX = 16 << 20,
    /* Elements that a converter takes at a time: source, f32 and result stay in a core's cache, and
     * scratch memory stays small with many threads. */
    BFS_PART_STEP = 16 << 10,
    BFS_SCRATCHES = 5,
};

/* Scratch memory of one thread; grows on demand. Converters keep all of it below about 512 KiB. */
struct bfs_part_scratch {
    uint8_t *bytes[BFS_SCRATCHES];
    size_t sizes[BFS_SCRATCHES];
};
/* Memory number `which` of at least `size` bytes, aligned for anything; NULL: no memory. */
void *bfs_part_scratch_get(struct bfs_part_scratch *scratch, unsigned which, size_t size);
void bfs_part_scratch_done(struct bfs_part_scratch *scratch);

/* Where a tensor's bytes are. */
struct bfs_part_source {
    const struct bfs_source_file *file; /* borrowed; outlives the part */
    uint64_t offset;
    uint64_t size;
};

struct bfs_part;

/* What converts one tensor. `fd` is the source file, opened for reading at any offset. */
struct bfs_part_ops {
    const char *name;
    /* Looks at piece `piece` of part->n_pieces, when something about the whole tensor must be known
     * before its first band, and writes what it finds into part->scales, where no other piece does.
     * NULL: nothing. */
    int (*prepare)(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                   uint64_t piece, struct bfs_error *error);
    /* Once, after all pieces: turns part->scales into its final form. NULL: it is final. */
    void (*settle)(struct bfs_part *part);
    /* Makes `size` bytes of the part's output from `offset` on; offset is a multiple of
     * part->band_size, and size is band_size but for the last band. Adds to *measure, which is zero
     * at entry. */
    int (*make)(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                uint64_t offset, size_t size, uint8_t *to, struct bfs_measure *measure,
                struct bfs_error *error);
};

#define BFS_PART_NONE SIZE_MAX

struct bfs_part {
    const struct bfs_part_ops *ops; /* NULL: literal bytes, zeros or scales */
    uint64_t size;                  /* bytes of output */
    uint64_t band_size;             /* of each band but the last; at most BFS_BAND_SIZE_MAX */

    /* ops == NULL */
    uint8_t *bytes;     /* owned, `size` of them; NULL: zeros */
    size_t scales_from; /* the scales of that part of the list instead; BFS_PART_NONE: no */

    /* ops != NULL */
    struct bfs_part_source source;
    const struct bfs_dtype_info *from;
    const struct bfs_dtype_info *to;
    uint64_t n_matrices; /* the tensor as matrices: what the converter makes of its shape */
    uint64_t rows;
    uint64_t cols;
    unsigned tensor_class; /* for the measured error: a number of bfs_view_plan_class() */
    float *scales;         /* owned; as many as the larger of the next two, zero at first */
    uint64_t n_scales;     /* in their final form */
    uint64_t n_pieces;     /* of prepare() */
    bool is_prepared;
};

struct bfs_part_list {
    struct bfs_part *parts; /* owned */
    size_t n_parts;
    uint64_t size; /* of all parts */
};

/* Append to the list. Each takes ownership of what the part owns, also on failure. Errors: -ENOMEM,
 * -E2BIG (the size does not fit in 63 bits). */
int bfs_part_list_add(struct bfs_part_list *list, const struct bfs_part *part);
/* `bytes` was malloc'ed. */
int bfs_part_list_add_bytes(struct bfs_part_list *list, uint8_t *bytes, uint64_t size);
int bfs_part_list_add_zeros(struct bfs_part_list *list, uint64_t size);
/* `size` bytes of a source as they are. */
int bfs_part_list_add_copy(struct bfs_part_list *list, struct bfs_part_source source);
/* The scales of part number `of`, as little-endian f32. */
int bfs_part_list_add_scales(struct bfs_part_list *list, size_t of, uint64_t n_scales);
/* Zeros up to a multiple of `alignment`, a power of two. */
int bfs_part_list_align(struct bfs_part_list *list, uint64_t alignment);

void bfs_part_list_done(struct bfs_part_list *list);
#define bfs_autoparts BFS_CLEANUP(bfs_part_list_done)

/* Reads exactly `size` bytes of the part's source, from `offset` of the tensor on; for converters.
 * Errors: -ESTALE (the file became shorter), errno of pread(2). */
int bfs_part_read(const struct bfs_part *part, int fd, uint64_t offset, void *to, size_t size,
                  struct bfs_error *error);

#endif
