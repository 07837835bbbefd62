/* SPDX-License-Identifier: Apache-2.0
 * Recognizes tensor containers and maps their tensors, from bytes that nobody vouches for.
 *
 * The parsers are pure functions over a prefix of the file: they answer -ENODATA when the prefix is
 * shorter than the header, and the caller comes back with more. bfs_container_read() does that for
 * a descriptor.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_CODEC_CONTAINER_H
#define BFS_CODEC_CONTAINER_H

#include "codec/container/tensor.h"
#include "verify/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* safetensors (its README and tensor.rs): u64 header size <= 100 MB, a JSON object, then data.
 * Refused as its own readers do: gaps, overlaps, data that does not end with the file, duplicate
 * names, unknown dtypes, sizes that contradict shapes, and what no index can hold
 * (bfs_tensor_fault()). Errors: -ENODATA (prefix too short, but the file has more), -EBADMSG,
 * -E2BIG, -EPROTONOSUPPORT (a dtype not in the list), -ENOMEM. */
int bfs_safetensors_parse(const uint8_t *prefix, size_t prefix_size, uint64_t file_size,
                          struct bfs_tensor_map *ret, struct bfs_error *error);

/* GGUF version 3 (ggml's docs/gguf.md): key-values, tensor infos, aligned data. Refused: other
 * versions (a byte-swapped one is named as big-endian), bad alignment, offsets other than the
 * padded running sum, duplicate names, removed types (31-33, 36-38), row lengths that are not whole
 * blocks, data beyond the file. Errors: as above. */
int bfs_gguf_parse(const uint8_t *prefix, size_t prefix_size, uint64_t file_size,
                   struct bfs_tensor_map *ret, struct bfs_error *error);

/* Does the name promise a file of tensors: "*.safetensors" or "*.gguf"? */
bool bfs_container_is_named(const char *file_name);

/* Which container do these first bytes (at least 16 when the file has them) and this file name
 * promise? GGUF by its magic; safetensors by its file name ending and a plausible header. */
enum bfs_container bfs_container_guess(const uint8_t *prefix, size_t prefix_size,
                                       uint64_t file_size, const char *file_name);

/* Reads and maps a regular file. An unrecognized file gives an empty OPAQUE map and 0.
 * Errors: those of the parsers but -ENODATA (a header beyond 256 MiB is -E2BIG), -ESTALE when the
 * file is shorter than `file_size`, and those of pread(2). */
int bfs_container_read(int fd, uint64_t file_size, const char *file_name,
                       struct bfs_tensor_map *ret, struct bfs_error *error);

/* Guesses what an opaque run of bytes is made of by comparing byte statistics at strides 1, 2, 4
 * and 8: floats show one lane of low entropy. Deterministic. */
enum bfs_layout bfs_layout_probe(const uint8_t *bytes, size_t size);

#endif
