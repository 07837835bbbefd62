/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/policy/rules.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

bool bfs_policy_key_ends_soon(const struct bfs_policy *policy, size_t i, int64_t now,
                              int64_t *ret_end)
{
    int64_t end = policy->keys[i].not_after;
    /* Unsigned, because INT64_MAX minus a time before 1970 overflows. */
    if (end <= now || (uint64_t)end - (uint64_t)now >
                          (uint64_t)BFS_POLICY_KEY_NOTICE_DAYS * (uint64_t)DAY_SECONDS)
        return false;
    *ret_end = end;
    return true;
}
