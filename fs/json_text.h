/* SPDX-License-Identifier: Apache-2.0
 * Text from outside in JSON documents of the daemon.
 *
 * THREAD SAFETY: see verify/json.h. */
#ifndef BFS_FS_JSON_TEXT_H
#define BFS_FS_JSON_TEXT_H

#include "verify/json.h"

/* Paths are any bytes, and what comes from outside is cut at some byte; JSON is UTF-8: what is not
 * becomes '?'. */
void bfs_json_add_text(struct json_object *object, const char *name, const char *text, int *status);

#endif
