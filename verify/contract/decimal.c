/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/contract/decimal.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "0123456789";

/* The end of such a number at `text`; NULL: there is none. */
static const char *skip(const char *text)
{
    if (*text == '-')
        text++;
    size_t n = strspn(text, digits);
    if (n < 1 || n > 18 || (n > 1 && *text == '0'))
        return NULL;
    text += n;
    if (*text == '.') {
        n = strspn(++text, digits);
        if (n < 1 || n > 18)
            return NULL;
        text += n;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '+' || *text == '-';
        n = strspn(text, digits);
        if (n < 1 || n > 2)
            return NULL;
        text += n;
    }
    return text;
}

int bfs_decimal_parse(const char *text, double *ret)
{
    const char *end = skip(text);
    if (!end || *end)
        return -EINVAL;
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (!plain)
        return -EINVAL;
    *ret = strtod_l(text, NULL, plain);
    freelocale(plain);
    return 0;
}
