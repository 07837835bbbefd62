/* SPDX-License-Identifier: Apache-2.0
 * Reads policies from standard input, each on a line of its own, and tells which are accepted. */
#include "verify/policy.h"

#include <stdio.h>
#include <string.h>

int main(void)
{
    bfs_autofree char *line = NULL;
    size_t capacity = 0;
    for (ssize_t n; (n = getline(&line, &capacity, stdin)) > 0;) {
        BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = NULL;
        struct bfs_error error = {0};
        int r = bfs_policy_parse(line, (size_t)n, "policy", &policy, &error);
        (void)printf("%s %s\n", r ? "refused" : "accepted", error.what);
    }
    return 0;
}
