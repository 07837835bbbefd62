/* SPDX-License-Identifier: Apache-2.0
 * SHA256SUMS in the form of coreutils' sha256sum. */
#include "codec/store/bundle.h"

#include <stdio.h>
#include <string.h>

/* sha256sum marks a line whose name holds a backslash or line break by a leading backslash, and
 * escapes them in the name. */
static void put_line(const struct bfs_digest *digest, const char *path, struct bfs_buffer *ret)
{
    char hex[BFS_DIGEST_HEX_SIZE];
    if (strpbrk(path, "\\\n\r"))
        bfs_buffer_put_u8(ret, '\\');
    bfs_buffer_put_text(ret, bfs_digest_hex(digest, hex));
    bfs_buffer_put_text(ret, "  ");
    for (const char *at = path; *at; at++) {
        if (*at == '\\')
            bfs_buffer_put_text(ret, "\\\\");
        else if (*at == '\n')
            bfs_buffer_put_text(ret, "\\n");
        else if (*at == '\r')
            bfs_buffer_put_text(ret, "\\r");
        else
            bfs_buffer_put_u8(ret, (uint8_t)*at);
    }
    bfs_buffer_put_u8(ret, '\n');
}

static int put_tree(const struct bfs_index *index, uint32_t number, const char *prefix,
                    uint64_t hidden_views, struct bfs_buffer *ret)
{
    struct bfs_inode directory = bfs_index_inode(index, number);
    bool is_views = strcmp(prefix, "views/") == 0;
    for (uint32_t i = 0; i < directory.n_dirents; i++) {
        if (is_views && i < 64 && (hidden_views >> i & 1))
            continue;
        struct bfs_dirent entry = bfs_index_dirent(index, &directory, i);
        struct bfs_inode inode = bfs_index_inode(index, entry.inode);
        bfs_autofree char *path = NULL;
        if (asprintf(&path, "%s%.*s%s", prefix, (int)entry.name_length, entry.name,
                     S_ISDIR(inode.mode) ? "/" : "") < 0) {
            path = NULL;
            return -ENOMEM;
        }
        if (S_ISREG(inode.mode)) {
            put_line(&inode.digest, path, ret);
        } else if (S_ISDIR(inode.mode)) {
            int r = put_tree(index, entry.inode, path, hidden_views,
                             ret); /* as deep as BFS_DEPTH_MAX */
            if (r)
                return r;
        }
    }
    return 0;
}

int bfs_bundle_sums(const struct bfs_bundle *bundle, uint64_t hidden_views, struct bfs_buffer *ret)
{
    int r = put_tree(bfs_bundle_index(bundle), BFS_INODE_ROOT, "", hidden_views, ret);
    if (r)
        return r;
    put_line(bfs_bundle_config_digest(bundle), "manifest.json", ret);
    return bfs_buffer_status(ret);
}

/* How many bytes of a name are written as two. */
static uint64_t count_escapes(const char *name, size_t length)
{
    uint64_t n = 0;
    for (size_t i = 0; i < length; i++)
        n += name[i] == '\\' || name[i] == '\n' || name[i] == '\r';
    return n;
}

/* As put_line() writes it, with `escapes` in the path. */
static uint64_t line_size(uint64_t path_size, uint64_t escapes)
{
    return (BFS_DIGEST_HEX_SIZE - 1) + 2 + path_size + escapes + (escapes > 0) + 1;
}

/* As deep as BFS_DEPTH_MAX. */
static uint64_t tree_size(const struct bfs_index *index, const struct bfs_inode *directory,
                          uint64_t prefix_size, uint64_t prefix_escapes, bool is_views,
                          uint64_t hidden_views)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < directory->n_dirents; i++) {
        if (is_views && i < 64 && (hidden_views >> i & 1))
            continue;
        struct bfs_dirent entry = bfs_index_dirent(index, directory, i);
        struct bfs_inode inode = bfs_index_inode(index, entry.inode);
        uint64_t path_size = prefix_size + entry.name_length;
        uint64_t escapes = prefix_escapes + count_escapes(entry.name, entry.name_length);
        bool in_root = prefix_size == 0;
        if (S_ISREG(inode.mode))
            size += line_size(path_size, escapes);
        else if (S_ISDIR(inode.mode))
            size +=
                tree_size(index, &inode, path_size + 1, escapes,
                          in_root && entry.name_length == 5 && memcmp(entry.name, "views", 5) == 0,
                          hidden_views);
    }
    return size;
}

uint64_t bfs_bundle_sums_size(const struct bfs_bundle *bundle, uint64_t hidden_views)
{
    const struct bfs_index *index = bfs_bundle_index(bundle);
    struct bfs_inode root = bfs_index_inode(index, BFS_INODE_ROOT);
    return tree_size(index, &root, 0, 0, false, hidden_views) +
           line_size(strlen("manifest.json"), 0);
}
