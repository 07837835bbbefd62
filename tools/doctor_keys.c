/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/doctor_private.h"

#include <stdio.h>
#include <string.h>

void bfs_doctor_look_at_keys(struct bfs_diagnosis *diagnosis)
{
    struct json_object *keys = bfs_json_member(diagnosis->health, "keys_expiring");
    size_t n = keys ? json_object_array_length(keys) : 0;
    const char *name = "", *first = NULL;
    char others[64] = "";
    for (size_t i = 0; i < n; i++) {
        struct json_object *key = json_object_array_get_idx(keys, i);
        const char *end = bfs_json_string(key, "not_after");
        /* RFC 3339 in UTC sorts as text. */
        if (!first || strcmp(end, first) < 0) {
            name = bfs_json_string(key, "name");
            first = end;
        }
    }
    if (n > 1)
        (void)snprintf(others, sizeof(others), ", then %zu more: see .bundlefs/health.json", n - 1);
    if (first)
        bfs_doctor_add(diagnosis, "keys ending soon", BFS_FINDING_MISSING,
                       "bundles and aliases that only this key signed are refused from then on",
                       "a new key beside it in time: docs/trust.md, \"Rotate a key\"",
                       "%s ends at %s%s", name, first, others);
}
