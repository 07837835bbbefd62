/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/needs.h"

#include "verify/array.h"

#include <string.h>

int bfs_needs_add(struct bfs_needs *needs, const char *name)
{
    size_t low = 0, high = needs->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(needs->names[middle], name);
        if (order == 0)
            return 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bfs_autofree char *copy = strdup(name);
    if (!copy || bfs_array_grow(&needs->names, needs->n, sizeof(*needs->names)))
        return -ENOMEM;
    memmove(&needs->names[low + 1], &needs->names[low], (needs->n - low) * sizeof(*needs->names));
    needs->names[low] = bfs_steal(&copy);
    needs->n++;
    return 0;
}

void bfs_needs_done(struct bfs_needs *needs)
{
    for (size_t i = 0; i < needs->n; i++)
        free(needs->names[i]);
    free(needs->names);
    *needs = (struct bfs_needs){0};
}
