/* SPDX-License-Identifier: Apache-2.0
 * What a view wants from the host: the key of manifest.json's views and of a view.json.
 * docs/views.md says what each field means.
 *
 * THREAD SAFETY: plain data; pure functions. */
#ifndef BFS_VERIFY_HARDWARE_KEY_H
#define BFS_VERIFY_HARDWARE_KEY_H

#include "verify/error.h"
#include "verify/json.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    BFS_KEY_WORD_MAX = 63,
    BFS_KEY_FEATURES_MAX = 32, /* words in one key */
    BFS_COMPUTE_CAPABILITY_TEXT_SIZE = 16,
};

enum bfs_hardware_class {
    BFS_HARDWARE_CPU,
    BFS_HARDWARE_GPU,
    BFS_HARDWARE_ACCELERATOR,
};

/* "" and 0 mean "any". Words are lower case letters, digits, '.', '_', '-'. */
struct bfs_hardware_key {
    enum bfs_hardware_class hardware;
    char vendor[BFS_KEY_WORD_MAX + 1]; /* "nvidia", "amd", "intel", "google", ... */
    char arch[BFS_KEY_WORD_MAX + 1];   /* CPUs: uname's machine; others: "sm_90", "gfx942", "v5e" */
    char features[BFS_KEY_FEATURES_MAX][BFS_KEY_WORD_MAX + 1]; /* CPU flags that must be there */
    unsigned n_features;
    uint32_t compute_capability_min;    /* major * 10 + minor: 8.9 is 89 */
    uint32_t driver_min;                /* major version of the driver */
    uint64_t memory_bytes;              /* of the device, or of the host for a CPU */
    char runtime[BFS_KEY_WORD_MAX + 1]; /* "llama.cpp", "vllm": information, not a condition */
    char layout_id[BFS_KEY_WORD_MAX + 1];
    uint32_t layout_version;
};

/* Reads {hardware, vendor, arch, features[], compute_capability_min ("8.9"), driver_min,
 * memory_bytes, runtime, layout_id, layout_version}; all but `hardware` may be absent. Unknown
 * members, unknown classes, empty words, features named twice, and for a CPU a compute capability
 * or a driver are refused. `what` names the document in messages. Errors: -EBADMSG; -E2BIG: a word
 * that is too long, too many features, a version beyond 32 bits. */
int bfs_hardware_key_read(struct json_object *object, const char *what,
                          struct bfs_hardware_key *ret, struct bfs_error *error);
/* The same object, for writing; members that say "any" are left out. Owned by the caller. *status
 * becomes -ENOMEM, or -E2BIG when memory_bytes is more than JSON holds exactly. */
struct json_object *bfs_hardware_key_json(const struct bfs_hardware_key *key, int *status);

/* "cpu", "gpu", "accelerator". */
const char *bfs_hardware_class_name(enum bfs_hardware_class hardware);
/* Errors: -EBADMSG. */
int bfs_hardware_class_parse(const char *text, enum bfs_hardware_class *ret);

/* Is it a word of the kind above, not empty and not too long? */
bool bfs_hardware_word_is_valid(const char *word);

/* "8.9" is 89: one or two digits without a leading zero, '.', one digit. 0 when it is not one. */
uint32_t bfs_compute_capability_parse(const char *text);
char *bfs_compute_capability_text(uint32_t capability,
                                  char ret[static BFS_COMPUTE_CAPABILITY_TEXT_SIZE]);

#endif
