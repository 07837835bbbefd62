/* SPDX-License-Identifier: Apache-2.0
 * Reports as JSON: verify/json.h's builders, for text that need not be UTF-8.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_REPORT_H
#define BFS_TOOLS_REPORT_H

#include "codec/store/catalog.h"
#include "verify/json.h"

/* As bfs_json_add_string(); what is not UTF-8 becomes U+FFFD. */
void bfs_report_text(struct json_object *object, const char *name, const char *text, size_t size,
                     int *status);
void bfs_report_digest(struct json_object *object, const char *name,
                       const struct bfs_digest *digest, int *status);
/* name, version and id of a bundle. */
void bfs_report_entry(struct json_object *object, const struct bfs_catalog_entry *entry,
                      int *status);
/* "repository": the model's name in a registry; nothing when the name is too long for one. */
void bfs_report_repository(struct json_object *object, const struct bfs_catalog_entry *entry,
                           int *status);
/* A time as RFC 3339 text, or nothing when it is outside the years 1970 to 9999. */
void bfs_report_time(struct json_object *object, const char *name, int64_t seconds, int *status);

/* Prints the document on stdout and releases it. `status` is what the builders left. Returns an
 * exit status. */
int bfs_report_print(struct json_object *object, int status);

#endif
