/* SPDX-License-Identifier: Apache-2.0
 * contract.json, read strictly: what a model takes, gives, needs and promises. docs/contract.md
 * names every field.
 *
 * THREAD SAFETY: a contract is immutable once read. */
#ifndef BFS_VERIFY_CONTRACT_CONTRACT_H
#define BFS_VERIFY_CONTRACT_CONTRACT_H

#include "verify/contract/datatype.h"
#include "verify/error.h"
#include "verify/json.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    BFS_CONTRACT_SIZE_MAX = 64 << 20, /* a generated one of the largest bundle stays below */
    BFS_CONTRACT_DIMS_MAX = 16,
};

struct bfs_contract_tensor {
    const char *name;
    enum bfs_datatype datatype;
    int64_t shape[BFS_CONTRACT_DIMS_MAX]; /* -1: any size */
    size_t n_dims;
    bool is_optional;
};

/* A tensor of a fixture and the file that has its values. */
struct bfs_contract_binding {
    const char *name;
    const char *file;
};

struct bfs_contract_fixture {
    const char *name;
    struct bfs_contract_binding *inputs;
    size_t n_inputs;
    struct bfs_contract_binding *outputs;
    size_t n_outputs;
    double rtol; /* its own, or else that of `determinism`, or else 0 */
    double atol;
};

struct bfs_contract_need {
    const char *name;
    const char *range; /* a valid one: verify/contract/range.h */
};

/* Everything is owned by the contract, strings by `root`. */
struct bfs_contract {
    struct json_object *root; /* the whole document, which follows the schema */
    bool is_generated;
    const char *api_version; /* NULL: not told */
    struct bfs_contract_tensor *inputs;
    size_t n_inputs;
    struct bfs_contract_tensor *outputs;
    size_t n_outputs;
    bool has_memory_bytes, has_disk_bytes;
    uint64_t memory_bytes; /* 0 means unknown, as absence does */
    uint64_t disk_bytes;
    struct json_object *accelerator; /* in `root`; NULL: none is asked for */
    const char **features;
    size_t n_features;
    const char **files;
    size_t n_files;
    struct bfs_contract_need *bundles;
    size_t n_bundles;
    bool has_tolerance;
    double rtol; /* of `determinism`; 0 when it is not told */
    double atol;
    struct bfs_contract_fixture *fixtures;
    size_t n_fixtures;
    const char **licences;
    size_t n_licences;
};

/* Reads a document of exactly `size` bytes; *ret is to be released. Members that the schema does
 * not have are refused, and values that it does not allow; the message has the JSON pointer of what
 * is wrong, after `what`. Errors: -EBADMSG, -EPROTONOSUPPORT (another major schema version),
 * -E2BIG, -ENOMEM. */
int bfs_contract_parse(const void *bytes, size_t size, const char *what, struct bfs_contract *ret,
                       struct bfs_error *error);
/* Reports every fault against the schema of a document that bfs_contract_parse() refuses with
 * -EBADMSG, at most 100; none when it is no JSON at all. Errors: -ENOMEM. */
int bfs_contract_faults(const void *bytes, size_t size, const char *what,
                        void (*report)(void *context, const struct bfs_error *error),
                        void *context);
/* Appends the document that the contract was read from, or another one, in the schema's order: what
 * is read back is the same. Errors: those of reading, -ENOMEM. */
int bfs_contract_write(struct json_object *root, struct bfs_buffer *ret, struct bfs_error *error);

void bfs_contract_done(struct bfs_contract *contract);
#define bfs_autocontract BFS_CLEANUP(bfs_contract_done)

#endif
