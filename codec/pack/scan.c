/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/scan.h"

#include "codec/index/format.h"
#include "codec/store/files.h"
#include "codec/store/view_config.h"
#include "verify/array.h"
#include "verify/name.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct walk {
    const char *root; /* for messages */
    bool dereference;
    struct bfs_scan scan;
    struct bfs_error *error;
};

void bfs_scan_done(struct bfs_scan *scan)
{
    for (uint32_t i = 0; i < scan->n_entries; i++) {
        struct bfs_scan_entry *entry = &scan->entries[i];
        free(entry->path);
        free(entry->target);
        bfs_buffer_done(&entry->bytes);
        if (entry->made)
            bfs_made_done(entry->made);
        free(entry->made);
    }
    free(scan->entries);
    memset(scan, 0, sizeof(*scan));
}

static int add_entry(struct walk *walk, uint32_t parent, char *path, const struct stat *st,
                     char *target)
{
    struct bfs_scan *scan = &walk->scan;
    if (scan->n_entries == BFS_INODES_MAX)
        return bfs_fail(walk->error, -E2BIG, "%s: more than %d files", walk->root, BFS_INODES_MAX);
    if (bfs_array_grow(&scan->entries, scan->n_entries, sizeof(*scan->entries)))
        return bfs_fail(walk->error, -ENOMEM, "%s: out of memory", walk->root);
    const char *slash = strrchr(path, '/');
    scan->entries[scan->n_entries++] = (struct bfs_scan_entry){
        .path = path,
        .name = slash ? slash + 1 : path,
        .parent = parent,
        .mode = (st->st_mode & S_IFMT) | (st->st_mode & 0777),
        .size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0,
        .mtime = st->st_mtim,
        .ctime = st->st_ctim,
        .target = target,
    };
    if (S_ISREG(st->st_mode))
        scan->total_size += (uint64_t)st->st_size;
    scan->work_size = scan->total_size;
    if (st->st_mtim.tv_sec > scan->newest)
        scan->newest = st->st_mtim.tv_sec;
    return 0;
}

static int refuse(struct walk *walk, const char *path, const char *why)
{
    return bfs_fail(walk->error, -EINVAL, "%s/%.200s: %s", walk->root, path, why);
}

static int read_target(struct walk *walk, int folder, const char *name, const char *path,
                       unsigned depth, char **ret)
{
    char target[BFS_TARGET_MAX + 2];
    ssize_t length = readlinkat(folder, name, target, sizeof(target) - 1);
    if (length < 0)
        return bfs_fail(walk->error, -errno, "%s/%.200s: %s", walk->root, path, strerror(errno));
    target[length] = '\0';
    if (!bfs_target_stays_inside(depth, target))
        return refuse(walk, path,
                      "the link points outside of the directory; pack with --dereference to store "
                      "what it points to");
    *ret = strdup(target);
    return *ret ? 0 : bfs_fail(walk->error, -ENOMEM, "out of memory");
}

static int walk_folder(struct walk *walk, int folder_fd, uint32_t number, unsigned depth);

/* Opening each file now makes an unreadable one known before hours of packing, not after. */
static int check_readable(struct walk *walk, int folder, const char *name, const char *path)
{
    bfs_autoclose int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return bfs_fail(walk->error, -errno, "%s/%.200s: cannot read: %s", walk->root, path,
                        strerror(errno));
    return 0;
}

/* "views" at the root, and what is in it. */
static int check_view(struct walk *walk, const char *path, const char *name, mode_t mode)
{
    if (strcmp(path, "views") == 0)
        return S_ISDIR(mode) ? 0
                             : refuse(walk, path,
                                      "the mount uses this name for the folder of views; move the "
                                      "file away");
    if (strncmp(path, "views/", 6) != 0 || strchr(path + 6, '/'))
        return 0;
    if (!bfs_view_id_is_valid(name))
        return refuse(walk, path,
                      "is no id of a view: lower case letters, digits, '.', '_', '-', beginning "
                      "with a letter or digit, at most 63, and not \"auto\"");
    return S_ISDIR(mode) ? 0 : refuse(walk, path, "a view is a directory; move the file away");
}

static int walk_entry(struct walk *walk, int folder, uint32_t parent, const char *name,
                      unsigned depth)
{
    struct stat st;
    const char *prefix = walk->scan.entries[parent].path;
    bfs_autofree char *path = NULL;
    bfs_autofree char *target = NULL;
    if (asprintf(&path, "%s%s%s", prefix, *prefix ? "/" : "", name) < 0) {
        path = NULL;
        return bfs_fail(walk->error, -ENOMEM, "out of memory");
    }
    if (parent == 0 && bfs_name_is_reserved(name) && strcmp(name, "views") != 0)
        return refuse(walk, path, "the mount uses this name for its own; move the file away");
    if (fstatat(folder, name, &st, walk->dereference ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
        return bfs_fail(walk->error, -errno, "%s/%.200s: %s", walk->root, path, strerror(errno));
    int r = check_view(walk, path, name, st.st_mode);
    if (r)
        return r;
    if (S_ISLNK(st.st_mode))
        r = read_target(walk, folder, name, path, depth, &target);
    else if (S_ISREG(st.st_mode))
        r = check_readable(walk, folder, name, path);
    else if (!S_ISDIR(st.st_mode))
        r = refuse(walk, path,
                   "only files, directories and links can be packed, not devices, "
                   "sockets or pipes; remove it");
    if (r)
        return r;
    uint32_t number = walk->scan.n_entries;
    r = add_entry(walk, parent, path, &st, target);
    if (r)
        return r;
    (void)bfs_steal(&path); /* transferred */
    (void)bfs_steal(&target);
    if (!S_ISDIR(st.st_mode))
        return 0;
    if (depth + 1 >= BFS_DEPTH_MAX)
        return refuse(walk, walk->scan.entries[number].path, "nested too deep");
    bfs_autoclose int child = openat(
        folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (walk->dereference ? 0 : O_NOFOLLOW));
    if (child < 0)
        return bfs_fail(walk->error, -errno, "%s/%.200s: cannot read: %s", walk->root,
                        walk->scan.entries[number].path, strerror(errno));
    return walk_folder(walk, child, number, depth + 1);
}

struct names {
    char **names;
    size_t n;
};

static void names_done(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->names[i]);
    free(names->names);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted in byte order, whatever order and locale the file system has: the bundle must not depend
 * on it. */
static int list_folder(int folder_fd, struct names *ret)
{
    int fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder)
        return -errno;
    int r = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) {
            r = -errno;
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        r = bfs_array_grow(&ret->names, ret->n, sizeof(*ret->names));
        if (r == 0 && !(ret->names[ret->n] = strdup(entry->d_name)))
            r = -ENOMEM;
        if (r)
            break;
        ret->n++;
    }
    (void)closedir(folder);
    if (r == 0 && ret->n > 1)
        qsort(ret->names, ret->n, sizeof(*ret->names), by_bytes);
    return r;
}

static int walk_folder(struct walk *walk, int folder_fd, uint32_t number, unsigned depth)
{
    BFS_CLEANUP(names_done) struct names names = {0};
    int r = list_folder(folder_fd, &names);
    if (r)
        return bfs_fail(walk->error, r, "%s/%.200s: cannot list: %s", walk->root,
                        walk->scan.entries[number].path, strerror(-r));
    for (size_t i = 0; r == 0 && i < names.n; i++)
        r = walk_entry(walk, folder_fd, number, names.names[i], depth);
    return r;
}

/* Every view that is packed as it is says for what hardware it is. */
static int check_view_files(struct walk *walk)
{
    const struct bfs_scan *scan = &walk->scan;
    uint32_t views, file, n_views = 0;
    if (!bfs_scan_find(scan, "views", &views))
        return 0;
    for (uint32_t i = views + 1; i < scan->n_entries; i++) {
        bfs_autofree char *path = NULL;
        if (scan->entries[i].parent != views)
            continue;
        if (n_views++ == BFS_VIEWS_MAX)
            return bfs_fail(walk->error, -E2BIG, "%s/views: more than %d views", walk->root,
                            BFS_VIEWS_MAX);
        path = bfs_join(scan->entries[i].path, "view.json");
        if (!path)
            return bfs_fail(walk->error, -ENOMEM, "out of memory");
        if (bfs_scan_find(scan, path, &file) && S_ISLNK(scan->entries[file].mode))
            file = scan->entries[file].leads_to;
        else if (!bfs_scan_find(scan, path, &file))
            file = 0;
        if (!S_ISREG(scan->entries[file].mode))
            return refuse(walk, scan->entries[i].path,
                          "has no file view.json, which says for what hardware the view is");
    }
    return 0;
}

int bfs_scan_directory(const char *path, bool dereference, struct bfs_scan *ret,
                       struct bfs_error *error)
{
    struct walk walk = {.root = path, .dereference = dereference, .error = error};
    bfs_autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return bfs_fail(error, -errno, "%s: %s", path,
                        errno == ENOTDIR ? "not a directory; name the folder that holds the model"
                                         : strerror(errno));
    bfs_autofree char *empty = strdup("");
    int r =
        empty ? add_entry(&walk, 0, empty, &st, NULL) : bfs_fail(error, -ENOMEM, "out of memory");
    if (r == 0)
        (void)bfs_steal(&empty); /* transferred */
    if (r == 0)
        r = walk_folder(&walk, fd, 0, 0);
    if (r == 0 && (r = bfs_scan_follow_links(&walk.scan)))
        r = bfs_fail(error, r, "out of memory");
    if (r == 0)
        r = check_view_files(&walk);
    if (r == 0 && walk.scan.n_entries == 1)
        r = bfs_fail(error, -EINVAL, "%s: the directory is empty; there is nothing to pack", path);
    if (r) {
        bfs_scan_done(&walk.scan);
        return r;
    }
    *ret = walk.scan;
    return 0;
}
