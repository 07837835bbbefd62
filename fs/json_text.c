/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/json_text.h"

#include "verify/utf8.h"

#include <string.h>

void bfs_json_add_text(struct json_object *object, const char *name, const char *text, int *status)
{
    bfs_autofree char *copy = strdup(text);
    if (!copy) {
        *status = -ENOMEM;
        return;
    }
    for (char *at = copy, *end = copy + strlen(copy); at < end;) {
        size_t length = bfs_utf8_sequence(at, (size_t)(end - at));
        if (length == 0)
            *at = '?';
        at += length ? length : 1;
    }
    bfs_json_add_string(object, name, copy, status);
}
