/* SPDX-License-Identifier: Apache-2.0
 * Everything that a hostile index could get wrong. The writer lays strings, dirents, dims and
 * tensors out in one canonical order, so each reference is compared with the one value it may have:
 * that proves it in range, and that no byte of the index is unreferenced. */
#include "codec/index/index_private.h"
#include "verify/checked.h"
#include "verify/name.h"

#include <string.h>

struct check {
    const struct bfs_index *index;
    uint32_t n_layers;
    uint64_t next_string; /* first byte of the pool that nothing has named yet */
    uint32_t next_dirent;
    uint32_t next_tensor;
    uint32_t next_dim;
    uint64_t content_size;
    uint16_t *depths; /* of each inode checked so far, below the root */
    uint32_t views;   /* the directory of views; 0: none */
    struct bfs_error *error;
};

static uint64_t place(const struct bfs_index *index, const uint8_t *section, uint32_t i,
                      size_t record_size)
{
    return (uint64_t)(section - index->bytes) + (uint64_t)i * record_size;
}

static int bad_inode(struct check *check, uint32_t number, const char *why)
{
    return bfs_fail_at(check->error, -EBADMSG,
                       place(check->index, check->index->inodes, number, BFS_INODE_RECORD_SIZE),
                       "index: inode %u %s", number, why);
}

static bool is_zero_digest(const struct bfs_digest *digest)
{
    static const struct bfs_digest zero;
    return bfs_digest_equal(digest, &zero);
}

static int check_common(struct check *check, uint32_t number, const struct bfs_inode *inode)
{
    mode_t type = inode->mode & S_IFMT;
    if ((type != S_IFREG && type != S_IFDIR && type != S_IFLNK) ||
        (inode->mode & ~(mode_t)S_IFMT) > 0777)
        return bad_inode(check, number, "has an illegal mode");
    if (inode->flags & ~(uint32_t)BFS_INODE_FLAGS)
        return bad_inode(check, number, "has unknown flags");
    if (inode->mtime_nsec >= 1000000000)
        return bad_inode(check, number, "has an illegal time");
    if (number == BFS_INODE_ROOT ? inode->parent != 0 || type != S_IFDIR : inode->parent >= number)
        return bad_inode(check, number, "has an illegal parent");
    check->depths[number] =
        number == BFS_INODE_ROOT ? 0 : (uint16_t)(check->depths[inode->parent] + 1);
    if (check->depths[number] > BFS_DEPTH_MAX)
        return bad_inode(check, number, "is nested too deep");
    if (type != S_IFREG &&
        (inode->table_layer || inode->table_off || inode->table_size || inode->first_tensor ||
         inode->n_tensors || inode->container || inode->stored_size ||
         !is_zero_digest(&inode->digest) || !is_zero_digest(&inode->table_digest)))
        return bad_inode(check, number, "has fields of a file but is none");
    if (type != S_IFDIR && inode->n_dirents)
        return bad_inode(check, number, "has entries but is no directory");
    return 0;
}

static int check_file(struct check *check, uint32_t number, const struct bfs_inode *inode)
{
    if ((inode->size == 0) != (inode->table_layer == 0))
        return bad_inode(check, number, "must have a chunk table exactly when it is not empty");
    if (inode->table_layer >= check->n_layers && inode->table_layer)
        return bad_inode(check, number, "names a layer that the manifest does not have");
    if (inode->table_layer == 0 && (inode->table_off || inode->table_size || inode->stored_size ||
                                    !is_zero_digest(&inode->table_digest)))
        return bad_inode(check, number, "is empty but names a chunk table");
    if (inode->table_layer && inode->table_size < BFS_TABLE_HEADER_SIZE + BFS_CHUNK_RECORD_SIZE)
        return bad_inode(check, number, "has too small a chunk table");
    if (inode->size > INT64_MAX ||
        !bfs_add_u64(check->content_size, inode->size, &check->content_size))
        return bad_inode(check, number, "is too large");
    if (!bfs_container_name(inode->container))
        return bad_inode(check, number, "has an unknown container");
    if (inode->first_tensor != (inode->n_tensors ? check->next_tensor : 0) ||
        inode->n_tensors > check->index->n_tensors - check->next_tensor)
        return bad_inode(check, number, "has tensors out of order");
    check->next_tensor += inode->n_tensors;
    return 0;
}

static int check_inodes(struct check *check)
{
    for (uint32_t number = 0; number < check->index->n_inodes; number++) {
        struct bfs_cursor c = bfs_cursor_over(
            check->index->inodes + (size_t)number * BFS_INODE_RECORD_SIZE, BFS_INODE_RECORD_SIZE);
        struct bfs_inode inode;
        if (bfs_index_read_inode(&c, &inode))
            return bad_inode(check, number, "has reserved bits set");
        int r = check_common(check, number, &inode);
        if (r == 0 && S_ISREG(inode.mode))
            r = check_file(check, number, &inode);
        if (r)
            return r;
        if (S_ISDIR(inode.mode)) {
            if (inode.size != 0 || inode.first_dirent != check->next_dirent ||
                inode.n_dirents > check->index->n_dirents - check->next_dirent)
                return bad_inode(check, number, "has entries out of order");
            check->next_dirent += inode.n_dirents;
        }
    }
    return 0;
}

static int check_dirent(struct check *check, uint32_t directory, uint32_t i, bool first)
{
    const struct bfs_index *index = check->index;
    uint64_t at = place(index, index->dirents, i, BFS_DIRENT_RECORD_SIZE);
    struct bfs_cursor c = bfs_cursor_over(index->dirents + (size_t)i * BFS_DIRENT_RECORD_SIZE,
                                          BFS_DIRENT_RECORD_SIZE);
    struct bfs_dirent_record entry;
    if (bfs_index_read_dirent(&c, &entry))
        return bfs_fail_at(check->error, -EBADMSG, at, "index: entry %u has reserved bits set", i);
    if (entry.name_off != check->next_string ||
        !bfs_range_fits(entry.name_off, entry.name_length, index->strings_size) ||
        !bfs_component_is_valid(index->strings + entry.name_off, entry.name_length))
        return bfs_fail_at(check->error, -EBADMSG, at, "index: entry %u has an illegal name", i);
    check->next_string += entry.name_length;
    if (entry.inode == BFS_INODE_ROOT || entry.inode >= index->n_inodes ||
        bfs_index_inode(index, entry.inode).parent != directory)
        return bfs_fail_at(check->error, -EBADMSG, at,
                           "index: entry %u names an inode of another "
                           "directory",
                           i);
    if (!first) {
        struct bfs_dirent_record before = bfs_index_dirent_record(index, i - 1);
        size_t shorter =
            before.name_length < entry.name_length ? before.name_length : entry.name_length;
        int order =
            memcmp(index->strings + before.name_off, index->strings + entry.name_off, shorter);
        if (order > 0 || (order == 0 && before.name_length >= entry.name_length))
            return bfs_fail_at(check->error, -EBADMSG, at,
                               "index: entry %u is out of order or occurs twice", i);
    }
    return 0;
}

/* What is in views/ are directories: one for each view. "auto" is a name of the mount. */
static int check_views(struct check *check, uint32_t number)
{
    struct bfs_inode views = bfs_index_inode(check->index, number);
    if (!S_ISDIR(views.mode))
        return bad_inode(check, number, "is called \"views\" but is no directory");
    for (uint32_t i = 0; i < views.n_dirents; i++) {
        struct bfs_dirent entry = bfs_index_dirent(check->index, &views, i);
        if (!S_ISDIR(bfs_index_inode(check->index, entry.inode).mode))
            return bad_inode(check, entry.inode, "is no view: no directory");
        if (entry.name_length == 4 && memcmp(entry.name, "auto", 4) == 0)
            return bad_inode(check, entry.inode, "is called \"auto\", a reserved name");
    }
    check->views = number;
    return 0;
}

static int check_reserved(struct check *check, const struct bfs_inode *root)
{
    for (uint32_t i = 0; i < root->n_dirents; i++) {
        struct bfs_dirent entry = bfs_index_dirent(check->index, root, i);
        char name[BFS_COMPONENT_MAX + 1];
        memcpy(name, entry.name, entry.name_length);
        name[entry.name_length] = '\0';
        if (strcmp(name, "views") == 0) {
            int r = check_views(check, entry.inode);
            if (r)
                return r;
        } else if (bfs_name_is_reserved(name))
            return bfs_fail(check->error, -EBADMSG, "index: \"%s\" is a reserved name", name);
    }
    return 0;
}

/* Every inode but the root has one parent and there are as many entries as such inodes; entries of
 * one directory differ in name, so an inode named twice leaves another unnamed. */
static int check_dirents(struct check *check)
{
    const struct bfs_index *index = check->index;
    if (index->n_inodes == 0 || index->n_dirents != index->n_inodes - 1 ||
        check->next_dirent != index->n_dirents)
        return bfs_fail(check->error, -EBADMSG, "index: %u entries cannot name %u inodes",
                        index->n_dirents, index->n_inodes);
    bfs_autofree uint8_t *named = calloc(index->n_inodes, 1);
    if (!named)
        return bfs_fail(check->error, -ENOMEM, "index: out of memory");
    for (uint32_t number = 0; number < index->n_inodes; number++) {
        struct bfs_inode inode = bfs_index_inode(index, number);
        if (!S_ISDIR(inode.mode))
            continue;
        for (uint32_t i = 0; i < inode.n_dirents; i++) {
            int r = check_dirent(check, number, inode.first_dirent + i, i == 0);
            if (r)
                return r;
            uint32_t child = bfs_index_dirent(index, &inode, i).inode;
            if (named[child]++)
                return bad_inode(check, child, "has two names");
        }
    }
    struct bfs_inode root = bfs_index_inode(index, BFS_INODE_ROOT);
    return check_reserved(check, &root);
}

/* How far up a link in this directory may point: to the root, or to the view that it lies in, which
 * must be usable alone. */
static size_t room_above(const struct check *check, uint32_t directory)
{
    uint32_t top = directory;
    if (check->views == 0 || check->depths[directory] < 2)
        return check->depths[directory];
    while (check->depths[top] > 1)
        top = bfs_index_inode(check->index, top).parent;
    return check->depths[directory] - (top == check->views ? 2U : 0U);
}

static int check_targets(struct check *check)
{
    const struct bfs_index *index = check->index;
    for (uint32_t number = 0; number < index->n_inodes; number++) {
        struct bfs_inode inode = bfs_index_inode(index, number);
        if (!S_ISLNK(inode.mode))
            continue;
        char target[BFS_TARGET_MAX + 1];
        if (inode.size > BFS_TARGET_MAX || inode.target_off != check->next_string ||
            !bfs_range_fits(inode.target_off, inode.size, index->strings_size))
            return bad_inode(check, number, "has an illegal link target");
        memcpy(target, index->strings + inode.target_off, (size_t)inode.size);
        target[inode.size] = '\0';
        if (strlen(target) != inode.size ||
            !bfs_target_stays_inside(room_above(check, inode.parent), target))
            return bad_inode(check, number, "links to outside of the bundle or of its view");
        check->next_string += inode.size;
    }
    return 0;
}

static int check_tensor(struct check *check, const struct bfs_inode *file, uint32_t i,
                        uint64_t *end)
{
    const struct bfs_index *index = check->index;
    uint64_t at = place(index, index->tensors, i, BFS_TENSOR_RECORD_SIZE);
    struct bfs_cursor c = bfs_cursor_over(index->tensors + (size_t)i * BFS_TENSOR_RECORD_SIZE,
                                          BFS_TENSOR_RECORD_SIZE);
    struct bfs_tensor_record tensor;
    if (bfs_index_read_tensor(&c, &tensor) || tensor.name_off != check->next_string ||
        !bfs_range_fits(tensor.name_off, tensor.name_length, index->strings_size))
        return bfs_fail_at(check->error, -EBADMSG, at, "index: tensor %u has an illegal name", i);
    check->next_string += tensor.name_length;
    if (!bfs_dtype_info(tensor.dtype))
        return bfs_fail_at(check->error, -EPROTONOSUPPORT, at, "index: tensor %u has dtype %u", i,
                           tensor.dtype);
    if (tensor.first_dim != check->next_dim || tensor.n_dims > index->n_dims - check->next_dim)
        return bfs_fail_at(check->error, -EBADMSG, at, "index: tensor %u has an illegal shape", i);
    check->next_dim += tensor.n_dims;
    const struct bfs_tensor_facts facts = {.name_length = tensor.name_length,
                                           .n_dims = tensor.n_dims,
                                           .offset = tensor.offset,
                                           .size = tensor.size};
    const char *fault = bfs_tensor_fault(&facts, file->size, end);
    return fault ? bfs_fail_at(check->error, -EBADMSG, at, "index: tensor %u %s", i, fault) : 0;
}

static int check_tensors(struct check *check)
{
    const struct bfs_index *index = check->index;
    for (uint32_t number = 0; number < index->n_inodes; number++) {
        struct bfs_inode inode = bfs_index_inode(index, number);
        uint64_t end = 0;
        for (uint32_t i = 0; i < inode.n_tensors; i++) {
            int r = check_tensor(check, &inode, inode.first_tensor + i, &end);
            if (r)
                return r;
        }
    }
    if (check->next_tensor != index->n_tensors || check->next_dim != index->n_dims ||
        check->next_string != index->strings_size)
        return bfs_fail(check->error, -EBADMSG, "index: holds tensors or names of no file");
    if (check->content_size != index->content_size)
        return bfs_fail_at(check->error, -EBADMSG, 48,
                           "index: its content size contradicts its files");
    return 0;
}

int bfs_index_check(const struct bfs_index *index, uint32_t n_layers, struct bfs_error *error)
{
    bfs_autofree uint16_t *depths = calloc(index->n_inodes + (size_t)1, sizeof(*depths));
    if (!depths)
        return bfs_fail(error, -ENOMEM, "index: out of memory");
    struct check check = {.index = index, .n_layers = n_layers, .depths = depths, .error = error};
    int r;
    if ((r = check_inodes(&check)) || (r = check_dirents(&check)) || (r = check_targets(&check)) ||
        (r = check_tensors(&check)))
        return r;
    return 0;
}
