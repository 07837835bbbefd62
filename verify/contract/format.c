/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/contract/format.h"

#include <string.h>

static const struct bfs_format_info infos[] = {
#define INFO(id, length, pattern, what) {#id, length, pattern, what},
    BFS_FORMAT_LIST(INFO)
#undef INFO
};

const struct bfs_format_info *bfs_format_info(enum bfs_format format)
{
    return &infos[format];
}

/* Of valid UTF-8: every byte that continues no character begins one. */
static bool has_at_most(const char *text, size_t n_characters)
{
    size_t n = 0;
    for (; *text; text++)
        if (((unsigned char)*text & 0xc0) != 0x80 && ++n > n_characters)
            return false;
    return true;
}

int bfs_format_match(struct bfs_formats *formats, enum bfs_format format, const char *text)
{
    const struct bfs_format_info *info = &infos[format];
    if (*text == '\0' || !has_at_most(text, info->length_max))
        return -EINVAL;
    if (!info->pattern)
        return 0;
    regex_t *compiled = &formats->compiled[format];
    if (!formats->is_compiled[format]) {
        if (regcomp(compiled, info->pattern, REG_EXTENDED | REG_NOSUB))
            return -ENOMEM; /* the patterns are right: the tests compile them all */
        formats->is_compiled[format] = true;
    }
    switch (regexec(compiled, text, 0, NULL, 0)) {
    case 0:
        return 0;
    case REG_ESPACE:
        return -ENOMEM;
    default:
        return -EINVAL;
    }
}

void bfs_formats_done(struct bfs_formats *formats)
{
    for (unsigned i = 0; i < BFS_FORMAT_COUNT; i++)
        if (formats->is_compiled[i])
            regfree(&formats->compiled[i]);
    memset(formats, 0, sizeof(*formats));
}
