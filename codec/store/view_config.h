/* SPDX-License-Identifier: Apache-2.0
 * What manifest.json says about one view. docs/format.md, section 4.
 *
 * THREAD SAFETY: plain data; pure functions. */
#ifndef BFS_CODEC_VIEW_CONFIG_H
#define BFS_CODEC_VIEW_CONFIG_H

#include "verify/hardware_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BFS_VIEW_ID_MAX = 63,      /* lower case letters, digits, '.', '_', '-'; not "auto" */
    BFS_VIEWS_MAX = 64,        /* in one bundle */
    BFS_VIEW_CLASSES_MAX = 16, /* tensor classes in one view */
};

/* How far one class of tensors ("linear", "embedding", ...) is from its source. Numbers are decimal
 * strings ("1.95e-03"), as printf's %.6e of the double has them; "" when nothing of it was
 * converted. */
struct bfs_view_error {
    char tensor_class[BFS_KEY_WORD_MAX + 1];
    uint64_t n_tensors;
    char max_abs[32];
    char mean_abs[32];
    char relative_rms[32]; /* sqrt(sum (x' - x)^2 / sum x^2) */
};

struct bfs_view_config {
    char id[BFS_VIEW_ID_MAX + 1];
    struct bfs_hardware_key key;
    char container[BFS_KEY_WORD_MAX + 1]; /* "gguf", "safetensors", "bin", "opaque" */
    char dtype[BFS_KEY_WORD_MAX + 1];     /* "Q4_K", "F8_E4M3"; "" for an opaque view */
    uint32_t alignment;                   /* bytes; 0: none promised */
    bool is_opaque;                       /* taken as it was, not made by the packer */
    bool is_lossless;                     /* of views that were made */
    char tool[BFS_KEY_WORD_MAX + 1];      /* "bundlefs"; "" for an opaque view */
    char tool_version[BFS_KEY_WORD_MAX + 1];
    struct bfs_view_error errors[BFS_VIEW_CLASSES_MAX]; /* lossy views */
    unsigned n_errors;
};

/* Is it usable as a view's id: 1 to BFS_VIEW_ID_MAX lower case letters, digits, '.', '_', '-', the
 * first a letter or digit, and not "auto"? */
bool bfs_view_id_is_valid(const char *id);

/* Could manifest.json hold it: legal id, words and numbers, no class twice, and only what its kind
 * has: an opaque view no tool and no errors, a lossless one no errors? Errors: -EINVAL. */
int bfs_view_config_check(const struct bfs_view_config *view, struct bfs_error *error);

/* Reads an element of manifest.json's "views", strictly; `what` names it in messages. Errors:
 * -EBADMSG, -E2BIG. */
int bfs_view_config_read(struct json_object *object, const char *what, struct bfs_view_config *ret,
                         struct bfs_error *error);
/* The same object, for writing; what is "" or 0 is left out. Owned by the caller. */
struct json_object *bfs_view_config_json(const struct bfs_view_config *view, int *status);

#endif
