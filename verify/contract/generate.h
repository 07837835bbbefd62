/* SPDX-License-Identifier: Apache-2.0
 * The generated contract.json: what a model's own files say about it, for a model that brings no
 * contract. docs/contract.md names the fields.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_CONTRACT_GENERATE_H
#define BFS_VERIFY_CONTRACT_GENERATE_H

#include "verify/buffer.h"
#include "verify/error.h"

#include <stddef.h>
#include <stdint.h>

/* One element type within a file or the model. */
struct bfs_contract_dtype {
    const char *name;
    uint64_t n_tensors;
    uint64_t n_elements;
    uint64_t size; /* bytes */
};

struct bfs_contract_file {
    const char *path;
    uint64_t size;
    const char *format; /* "safetensors", "gguf"; NULL for an opaque file */
    uint64_t n_tensors;
};

struct bfs_contract_facts {
    const char *architecture; /* "" or NULL when unknown, like the words below */
    const char *format;
    const char *precision;
    const char *quantization;
    const struct bfs_contract_file *files;
    size_t n_files;
    const struct bfs_contract_dtype *dtypes; /* of the whole model */
    size_t n_dtypes;
    uint64_t content_size; /* bytes of all files */
};

/* Appends the document; deterministic. Paths that are not UTF-8 are left out of the file list: JSON
 * cannot name them. Errors: those of bfs_json_publish(). */
int bfs_contract_generate(const struct bfs_contract_facts *facts, struct bfs_buffer *ret);

#endif
