/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/links.h"

#include "verify/buffer.h"
#include "verify/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct walk {
    struct bfs_buffer done; /* what is resolved, with a NUL */
    char *rest;             /* owned: what is left */
    unsigned n_links;
};

static void walk_done(struct walk *walk)
{
    bfs_buffer_done(&walk->done);
    free(walk->rest);
}

static size_t done_length(const struct walk *walk)
{
    return walk->done.size ? walk->done.size - 1 : 0;
}

static void cut(struct walk *walk, size_t length)
{
    walk->done.size = length;
    bfs_buffer_put_u8(&walk->done, 0);
}

/* Takes the last component away. */
static void go_up(struct walk *walk)
{
    const char *text = (const char *)walk->done.bytes;
    const char *slash = strrchr(text, '/');
    cut(walk, slash ? (size_t)(slash - text) : 0);
}

static void append(struct walk *walk, const char *name, size_t length)
{
    walk->done.size = done_length(walk);
    if (walk->done.size)
        bfs_buffer_put_u8(&walk->done, '/');
    bfs_buffer_put(&walk->done, name, length);
    bfs_buffer_put_u8(&walk->done, 0);
}

/* Puts the target in place of the link, before what is left. */
static int enter(struct walk *walk, const char *target, const char *left)
{
    char *rest;
    if (++walk->n_links > BFS_LINKS_MAX)
        return -ELOOP;
    if (*target == '/' || *target == '\0')
        return -ENOENT;
    if (asprintf(&rest, "%s/%s", target, left) < 0)
        return -ENOMEM;
    free(walk->rest);
    walk->rest = rest;
    go_up(walk);
    return 0;
}

static int step(struct walk *walk, const char **at, bfs_link_lookup *lookup, void *context)
{
    const char *name = *at;
    size_t length = strcspn(name, "/");
    *at = name + length + (name[length] == '/');
    if (length == 0 || (length == 1 && name[0] == '.'))
        return 0;
    if (length == 2 && name[0] == '.' && name[1] == '.') {
        if (done_length(walk) == 0)
            return -ENOENT;
        go_up(walk);
        return bfs_buffer_status(&walk->done);
    }
    append(walk, name, length);
    if (bfs_buffer_status(&walk->done))
        return -ENOMEM;
    const char *target = lookup(context, (const char *)walk->done.bytes);
    if (!target)
        return 0;
    int r = enter(walk, target, *at);
    *at = walk->rest;
    return r;
}

int bfs_links_follow(const char *path, bfs_link_lookup *lookup, void *context, char **ret)
{
    BFS_CLEANUP(walk_done) struct walk walk = {.done = BFS_BUFFER_INIT, .rest = strdup(path)};
    if (*path == '/' || *path == '\0')
        return -ENOENT;
    cut(&walk, 0);
    if (!walk.rest || bfs_buffer_status(&walk.done))
        return -ENOMEM;
    int r = 0;
    for (const char *at = walk.rest; r == 0 && *at;)
        r = step(&walk, &at, lookup, context);
    if (r == 0)
        r = bfs_buffer_status(&walk.done);
    if (r)
        return r;
    *ret = (char *)bfs_buffer_steal(&walk.done);
    return 0;
}
