/* SPDX-License-Identifier: Apache-2.0
 * A file that is made from others, as a list of parts in file order: literal bytes, padding, tensors
 * converted from a source file. Parts are made in bands, several at once on all processors, and
 * read in order; memory stays bounded whatever the size of the model.
 *
 * THREAD SAFETY: a part list is filled by one thread; make() runs in many at once. */
#ifndef BFS_ACCEL_PART_H
#define BFS_ACCEL_PART_H

#include "accel/cast/cast.h"
#include "codec/container/tensor.h"
#include "codec/pack/made.h"

#include <stdint.h>

enum {
    /* Output bytes of one band, about: large enough that a strided read of a transposed tensor
     * takes whole pages, small enough that a band for each thread fits in the memory bound. */
    BFS_BAND_SIZE = 8 << 20,
};

/* Scratch memory of one thread; grows on demand, bounded by a few bands. */
struct bfs_part_scratch {
    uint8_t *bytes[3];
    size_t sizes[3];
};
/* Memory number `which` of at least `size` bytes; NULL: no memory. */
void *bfs_part_scratch_get(struct bfs_part_scratch *scratch, unsigned which, size_t size);

/* Where a tensor's source bytes are. The descriptor is opened when the made file is, checked
 * against the scan (unchanged), and closed with it. */
struct bfs_part_source {
    uint32_t entry;  /* of the scan */
    uint64_t offset; /* in that file */
    uint64_t size;
};

struct bfs_part;

/* What converts one tensor. A converter is one row of a table and one kernel file. */
struct bfs_part_ops {
    const char *name;
    /* Once, before the first band, when something about the whole tensor must be known (a scale).
     * May run on any thread. NULL: nothing. */
    int (*prepare)(struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                   struct bfs_error *error);
    /* Makes `size` bytes of the part's output from `offset` on; offset is a multiple of
     * part->band_size, and size is band_size but for the last band. `measure` is zero at entry. */
    int (*make)(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                uint64_t offset, size_t size, uint8_t *to, struct bfs_measure *measure,
                struct bfs_error *error);
};

struct bfs_part {
    const struct bfs_part_ops *ops; /* NULL: literal bytes */
    uint64_t size;                  /* bytes of output */
    uint64_t band_size;             /* of each band but the last */
    /* literal: `size` bytes, owned; NULL: zeros */
    uint8_t *bytes;
    /* converted */
    struct bfs_part_source source;
    const struct bfs_dtype_info *from;
    const struct bfs_dtype_info *to;
    uint64_t rows; /* the tensor as a matrix: all dimensions but the last, and the last */
    uint64_t cols;
    unsigned tensor_class; /* for the measured error */
    struct bfs_part *scale_of; /* borrowed: this part is the scales that the other's prepare() found */
    float *scales;             /* owned; set by prepare() */
    uint64_t n_scales;
};

#endif
