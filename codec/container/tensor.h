/* SPDX-License-Identifier: Apache-2.0
 * The tensor map of one file: which bytes are which tensor. What every container parser gives.
 *
 * THREAD SAFETY: a map is immutable once parsed. */
#ifndef BFS_CODEC_TENSOR_H
#define BFS_CODEC_TENSOR_H

#include "codec/container/dtype.h"
#include "verify/cleanup.h"
#include "verify/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    BFS_TENSOR_DIMS_MAX = 8,    /* torch models use up to 6; ggml 4 */
    BFS_TENSOR_NAME_MAX = 1024, /* bytes; deepest real module paths are below 200 */
    BFS_TENSORS_MAX = 1 << 20,  /* in one file; the largest MoE checkpoints hold about 100,000 */
};

enum bfs_container {
    BFS_CONTAINER_OPAQUE = 0,
    BFS_CONTAINER_SAFETENSORS = 1,
    BFS_CONTAINER_GGUF = 2,
};

struct bfs_tensor {
    char *name; /* owned by the map; UTF-8 as the container has it, never empty */
    enum bfs_dtype dtype;
    uint32_t n_dims;
    uint64_t shape[BFS_TENSOR_DIMS_MAX]; /* row-major: the last dimension is contiguous (GGUF's ne[]
                                            reversed) */
    uint64_t offset;                     /* bytes from the start of the file */
    uint64_t size;                       /* bytes; may be 0 */
};

struct bfs_tensor_map {
    enum bfs_container container;
    /* By offset, empty ones first among equals, then in the container's order; no two overlap. */
    struct bfs_tensor *tensors;
    size_t n_tensors;
    uint64_t n_elements;   /* of all tensors */
    char architecture[64]; /* GGUF general.architecture; "" when unknown or unprintable */
    char quantization[32]; /* GGUF general.file_type as a word ("Q4_K_M"), or "" */
};

/* Names what the tool prints: "opaque", "safetensors", "gguf"; NULL for any other number. */
const char *bfs_container_name(unsigned container);

/* Elements and bytes of a tensor of this type and shape; no dimension at all is a scalar. Errors:
 * -EBADMSG when either does not fit in 64 bits, or the elements are not whole blocks. */
int bfs_tensor_measure(const struct bfs_dtype_info *dtype, const uint64_t *shape, uint32_t n_dims,
                       uint64_t *ret_elements, uint64_t *ret_size);

/* What the index of a bundle holds of one tensor. */
struct bfs_tensor_facts {
    size_t name_length; /* bytes, without the NUL */
    uint32_t n_dims;
    uint64_t offset; /* bytes from the start of the file */
    uint64_t size;   /* bytes */
};

/* The one rule of what an index can hold, for parsers of containers and for the reader of an index:
 * what a parser accepts, the reader must accept. `*end` is where the tensor before it in the file
 * ends, 0 at first; it moves to the end of this one. Returns NULL, or what is wrong as the end of a
 * sentence about the tensor ("has no name"), and then leaves `*end`. */
const char *bfs_tensor_fault(const struct bfs_tensor_facts *facts, uint64_t file_size,
                             uint64_t *end);
/* The same for each tensor of a map. Errors: -EBADMSG, which names the tensor and its offset. */
int bfs_tensor_map_check(const struct bfs_tensor_map *map, uint64_t file_size,
                         struct bfs_error *error);

/* Releases the contents and leaves an empty map. */
void bfs_tensor_map_done(struct bfs_tensor_map *map);
#define bfs_autotensors BFS_CLEANUP(bfs_tensor_map_done)

#endif
