/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/size.h"

#include "verify/checked.h"

#include <string.h>

/* The digits at the start; *ret_end is what follows them. */
static bool parse_digits(const char *text, const char **ret_end, uint64_t *ret)
{
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if (!bfs_mul_u64(value, 10, &value) || !bfs_add_u64(value, (uint64_t)(*at - '0'), &value))
            return false;
    *ret_end = at;
    *ret = value;
    return at != text;
}

bool bfs_number_parse(const char *text, uint64_t *ret)
{
    const char *end;
    uint64_t value;
    if (!parse_digits(text, &end, &value) || *end)
        return false;
    *ret = value;
    return true;
}

bool bfs_size_parse(const char *text, uint64_t *ret)
{
    static const char units[] = "KkMmGgTt";
    const char *end;
    uint64_t value;
    if (!parse_digits(text, &end, &value))
        return false;
    if (*end) {
        const char *unit = strchr(units, *end);
        if (!unit || end[1] ||
            !bfs_mul_u64(value, UINT64_C(1) << (10 * ((unit - units) / 2 + 1)), &value))
            return false;
    }
    if (value > INT64_MAX)
        return false;
    *ret = value;
    return true;
}
