/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/rfc3339.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#define YEAR_10000 INT64_C(253402300800)

/* '0' stands for a digit, everything else for itself. */
static bool has_form(const char *text, const char *form)
{
    for (; *form; text++, form++)
        if (*form == '0' ? *text < '0' || *text > '9' : *text != *form)
            return false;
    return *text == '\0';
}

static int number(const char *digits, size_t n)
{
    int value = 0;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (digits[i] - '0');
    return value;
}

int bfs_rfc3339_parse(const char *text, int64_t *ret)
{
    if (!has_form(text, "0000-00-00T00:00:00Z"))
        return -EINVAL;
    struct tm given = {
        .tm_year = number(text, 4) - 1900,
        .tm_mon = number(text + 5, 2) - 1,
        .tm_mday = number(text + 8, 2),
        .tm_hour = number(text + 11, 2),
        .tm_min = number(text + 14, 2),
        .tm_sec = number(text + 17, 2),
    };
    /* timegm() turns what does not exist, such as 30 February, into what does. */
    int64_t seconds = timegm(&given);
    char again[BFS_RFC3339_SIZE];
    if (bfs_rfc3339_format(seconds, again) || strcmp(text, again) != 0)
        return -EINVAL;
    *ret = seconds;
    return 0;
}

int bfs_rfc3339_format(int64_t seconds, char ret[static BFS_RFC3339_SIZE])
{
    time_t when = (time_t)seconds;
    struct tm utc;
    if (seconds < 0 || seconds >= YEAR_10000 || !gmtime_r(&when, &utc))
        return -EINVAL;
    (void)strftime(ret, BFS_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return 0;
}
