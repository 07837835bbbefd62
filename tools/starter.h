/* SPDX-License-Identifier: Apache-2.0
 * A starter contract and list of views, from a template and from what a directory says.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_STARTER_H
#define BFS_TOOLS_STARTER_H

#include "accel/review/subject.h"
#include "verify/buffer.h"

enum { BFS_STARTER_VIEWS_MAX = 8 };

struct bfs_template {
    const char *name;
    const char *summary;
    unsigned memory_percent;
    const char *safetensors_views;
    const char *gguf_views;
    const char *contract;
};
/* i-th row, NULL past the last. */
const struct bfs_template *bfs_template_at(unsigned i);
/* NULL: no such template. */
const struct bfs_template *bfs_template_find(const char *name);

/* Ids of the template's views that can be made of the directory, separated by spaces; malloc'ed.
 * Errors: -ENOMEM, and those of scanning. */
int bfs_starter_views(const struct bfs_template *row, const char *directory,
                      const struct bfs_subject *subject, char **ret, struct bfs_error *error);
/* bundle.json with these views. Errors: those of bfs_json_publish(). */
int bfs_starter_list(const char *views, struct bfs_buffer *ret);
/* contract.json. `list_size` are the bytes of bundle.json that will stand beside it. Errors:
 * -ENOMEM. */
int bfs_starter_contract(const struct bfs_template *row, const struct bfs_subject *subject,
                         const char *views, uint64_t list_size, struct bfs_buffer *ret,
                         struct bfs_error *error);

/* Adds inputs and outputs, where they follow from config.json or a GGUF file's architecture. */
int bfs_starter_add_tensors(const struct bfs_subject *subject, struct json_object *root);
/* Adds the licence that the head of README.md names, or that LICENSE plainly is. */
int bfs_starter_add_licence(const struct bfs_subject *subject, struct json_object *root);

#endif
