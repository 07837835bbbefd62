/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/utf8.h"

#include <stdint.h>

size_t bfs_utf8_sequence(const void *text, size_t size)
{
    const uint8_t *at = text;
    if (size == 0)
        return 0;
    if (at[0] < 0x80)
        return 1;
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || size < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    /* Table 3-7 of the Unicode standard: what the second byte may not be. */
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

bool bfs_utf8_is_valid(const void *text, size_t size)
{
    const uint8_t *at = text;
    for (size_t i = 0; i < size;) {
        size_t length = bfs_utf8_sequence(at + i, size - i);
        if (length == 0 || at[i] == 0)
            return false;
        i += length;
    }
    return true;
}
