/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/access.h"

#include <string.h>

/* The format's own words. */
enum {
    ACL_VERSION = 2,
    TAG_USER_OBJ = 0x01,
    TAG_USER = 0x02,
    TAG_GROUP_OBJ = 0x04,
    TAG_GROUP = 0x08,
    TAG_MASK = 0x10,
    TAG_OTHER = 0x20,
};
#define ACL_NO_ID UINT32_MAX

static uid_t owner_of(const struct bfs_access *access)
{
    return access->n_users ? access->users[0] : geteuid();
}

static gid_t group_of(const struct bfs_access *access)
{
    return access->n_groups ? access->groups[0] : getegid();
}

static bool needs_acl(const struct bfs_access *access)
{
    return access->n_users > 1 || access->n_groups > 1;
}

/* What of the rule's bits a thing may have: x is for directories and programs. */
static mode_t permissions(const struct bfs_access *access, mode_t mode)
{
    bool enters = S_ISDIR(mode) || (mode & 0111);
    return access->mode & (enters ? 0555 : 0444);
}

void bfs_access_apply(const struct bfs_access *access, struct stat *stat)
{
    stat->st_uid = owner_of(access);
    stat->st_gid = group_of(access);
    if (S_ISLNK(stat->st_mode))
        return;
    mode_t bits = permissions(access, stat->st_mode);
    /* With an ACL, the bits of the group are its mask: all that a named user or a group may. */
    if (needs_acl(access))
        bits |= (bits & 0700) >> 3;
    stat->st_mode = (stat->st_mode & S_IFMT) | bits;
}

static void put_entry(struct bfs_buffer *ret, unsigned tag, unsigned bits, uint32_t id)
{
    bfs_buffer_put_u16(ret, (uint16_t)tag);
    bfs_buffer_put_u16(ret, (uint16_t)bits);
    bfs_buffer_put_u32(ret, id);
}

static int by_id(const void *a, const void *b)
{
    const uint32_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* The named ones, in the order of their numbers, each once; the first is not named. */
static void put_named(struct bfs_buffer *ret, unsigned tag, unsigned bits, const uint32_t ids[],
                      size_t n)
{
    uint32_t sorted[BFS_POLICY_READERS_MAX];
    if (n == 0)
        return;
    memcpy(sorted, ids, n * sizeof(*ids));
    qsort(sorted, n, sizeof(*sorted), by_id);
    for (size_t i = 0; i < n; i++)
        if (sorted[i] != ids[0] && (i == 0 || sorted[i] != sorted[i - 1]))
            put_entry(ret, tag, bits, sorted[i]);
}

int bfs_access_acl(const struct bfs_access *access, const struct stat *stat, struct bfs_buffer *ret)
{
    if (!needs_acl(access) || S_ISLNK(stat->st_mode))
        return -ENODATA;
    mode_t bits = access->mode & (stat->st_mode & 0111 ? 0555 : 0444);
    unsigned user = bits >> 6 & 7, group = bits >> 3 & 7, other = bits & 7;
    bfs_buffer_put_u32(ret, ACL_VERSION);
    put_entry(ret, TAG_USER_OBJ, user, ACL_NO_ID);
    put_named(ret, TAG_USER, user, access->users, access->n_users);
    put_entry(ret, TAG_GROUP_OBJ, group, ACL_NO_ID);
    put_named(ret, TAG_GROUP, group, access->groups, access->n_groups);
    put_entry(ret, TAG_MASK, user | group, ACL_NO_ID);
    put_entry(ret, TAG_OTHER, other, ACL_NO_ID);
    return bfs_buffer_status(ret);
}

int bfs_access_print(const struct bfs_access *access, struct bfs_xxh128 *ret)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    if (access) {
        bfs_buffer_put_u32(&text, access->mode);
        bfs_buffer_put_u32(&text, (uint32_t)access->n_users);
        bfs_buffer_put(&text, access->users, access->n_users * sizeof(*access->users));
        bfs_buffer_put(&text, access->groups, access->n_groups * sizeof(*access->groups));
    }
    int r = bfs_buffer_status(&text);
    if (r == 0)
        *ret = bfs_xxh128(text.size ? (const void *)text.bytes : "", text.size);
    return r;
}
