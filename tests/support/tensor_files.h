/* SPDX-License-Identifier: Apache-2.0
 * Small seeded tensor files, built in memory, and what must hold of any tensor map. */
#ifndef BFS_TESTS_TENSOR_FILES_H
#define BFS_TESTS_TENSOR_FILES_H

#include "codec/container/tensor.h"
#include "verify/buffer.h"

#include <stddef.h>
#include <stdint.h>

struct test_tensor {
    const char *name;
    enum bfs_dtype dtype;
    uint32_t n_dims;
    uint64_t shape[BFS_TENSOR_DIMS_MAX]; /* as in struct bfs_tensor: the last is contiguous */
};

/* Bytes of its data. */
uint64_t test_tensor_size(const struct test_tensor *tensor);

/* Whole files, tensors in the given order, data by the layout of each dtype. Check
 * bfs_buffer_status() at the end. */
void test_safetensors_build(const struct test_tensor *tensors, size_t n_tensors, uint64_t seed,
                            struct bfs_buffer *ret);
void test_gguf_build(const struct test_tensor *tensors, size_t n_tensors, uint32_t alignment,
                     const char *architecture, uint32_t file_type, uint64_t seed,
                     struct bfs_buffer *ret);

/* One file of each kind, below 1 KiB, that uses every feature of the container once: a scalar, an
 * empty tensor, metadata; for GGUF every type of value, and quantized blocks. */
void test_safetensors_small(struct bfs_buffer *ret);
void test_gguf_small(struct bfs_buffer *ret);

/* Pieces of a safetensors file: the length, the text, and `data_size` random bytes. */
void test_safetensors_raw(const char *header, size_t data_size, struct bfs_buffer *ret);

/* Pieces of a GGUF file. */
void test_gguf_header(struct bfs_buffer *ret, uint32_t version, uint64_t n_tensors,
                      uint64_t n_keys);
void test_gguf_text(struct bfs_buffer *ret, const char *text);
void test_gguf_key(struct bfs_buffer *ret, const char *key, uint32_t type);
/* `ne` in the file's order. */
void test_gguf_tensor(struct bfs_buffer *ret, const char *name, uint32_t n_dims, const uint64_t *ne,
                      uint32_t type, uint64_t offset);

/* NULL when the map is consistent: known dtypes, sizes that follow from shapes, ordered, without
 * overlap, inside the file. Otherwise what is wrong. */
const char *test_tensor_map_fault(const struct bfs_tensor_map *map, uint64_t file_size);

#endif
