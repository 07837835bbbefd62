/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/store.h"

#include "codec/store/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define LAYOUT_TEXT "{\"imageLayoutVersion\": \"1.0.0\"}\n"
#define EMPTY_INDEX                                                                                \
    "{\n  \"schemaVersion\": 2,\n  \"mediaType\": \"" BFS_MEDIA_OCI_INDEX                          \
    "\",\n  \"manifests\": []\n}\n"

enum { LAYOUT_FILE_MAX = 4096 };
enum { FOLDER_MODE = 0755 };
enum { PART_MODE = 02777, LOCK_MODE = 0666 }; /* as far as the mode of the folder permits */

struct bfs_store {
    char *path;
    char *own; /* .bundlefs */
    char *tmp; /* .bundlefs/tmp */
    char *blobs;
    char *index;
    mode_t mode;
};

struct bfs_store *bfs_store_free(struct bfs_store *store)
{
    if (store) {
        free(store->path);
        free(store->own);
        free(store->tmp);
        free(store->blobs);
        free(store->index);
        free(store);
    }
    return NULL;
}

static int store_new(const char *path, struct bfs_store **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_store_cleanup) struct bfs_store *store = calloc(1, sizeof(*store));
    if (!store)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", path);
    store->path = realpath(path, NULL);
    if (!store->path)
        return bfs_fail(error, -errno, "%s: %s", path,
                        errno == ENOENT ? "no such store; \"bundlefs pack\" makes one"
                                        : strerror(errno));
    struct stat st;
    if (stat(store->path, &st) != 0)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    store->mode = st.st_mode & 07777;
    store->own = bfs_join(store->path, ".bundlefs");
    store->tmp = bfs_join(store->path, ".bundlefs/tmp");
    store->blobs = bfs_join(store->path, "blobs/sha256");
    store->index = bfs_join(store->path, "index.json");
    if (!store->own || !store->tmp || !store->blobs || !store->index)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", path);
    *ret = bfs_steal(&store);
    return 0;
}

static int check_layout(const struct bfs_store *store, struct bfs_error *error)
{
    static const struct bfs_json_field fields[] = {
        {"imageLayoutVersion", BFS_JSON_STRING, true},
        {0},
    };
    struct stat st;
    if (stat(store->path, &st) != 0 || !S_ISDIR(st.st_mode))
        return bfs_fail(error, -ENOTDIR, "%s: not a directory, so no store", store->path);
    bfs_autofree char *path = bfs_join(store->path, "oci-layout");
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    if (!path)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", store->path);
    int r = bfs_read_file(path, LAYOUT_FILE_MAX, &text, &size, error);
    if (r == -ENOENT)
        return bfs_fail(error, -EINVAL,
                        "%s: not a bundle store (it has no oci-layout file); name a store, or an "
                        "empty or new directory to pack into",
                        store->path);
    struct bfs_json_value root, version;
    char found[BFS_ERROR_VALUE_SIZE];
    if (r || (r = bfs_json_value_open(text, size, path, &root, error)) ||
        (r = bfs_json_value_fields(root, fields, true, path, &version, error)))
        return r;
    if (!bfs_json_value_is(version, "1.0.0")) {
        (void)bfs_json_value_text(version, found, sizeof(found));
        (void)bfs_fail(error, -EPROTONOSUPPORT, "%s: the layout version is not known", path);
        bfs_fail_values(error, "1.0.0", found);
        return -EPROTONOSUPPORT;
    }
    return 0;
}

int bfs_store_open(const char *path, struct bfs_store **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_store_cleanup) struct bfs_store *store = NULL;
    int r = store_new(path, &store, error);
    if (r == 0)
        r = check_layout(store, error);
    if (r)
        return r;
    *ret = bfs_steal(&store);
    return 0;
}

/* A pack that was killed while making the store leaves only what this one makes anyway. */
static bool is_fresh_entry(const char *name)
{
    static const char *const ours[] = {".", "..", ".bundlefs", "blobs", "lost+found"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (strcmp(name, ours[i]) == 0)
            return true;
    return false;
}

static int is_fresh_folder(const char *path, bool *ret)
{
    DIR *folder = opendir(path);
    if (!folder)
        return -errno;
    bool fresh = true;
    const struct dirent *entry;
    while (fresh && (entry = readdir(folder)))
        fresh = is_fresh_entry(entry->d_name) || strcmp(entry->d_name, "index.json") == 0;
    (void)closedir(folder);
    *ret = fresh;
    return 0;
}

static int make_folders(const struct bfs_store *store, struct bfs_error *error)
{
    bfs_autofree char *blobs = bfs_join(store->path, "blobs");
    if (!blobs)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", store->path);
    const char *const folders[] = {blobs, store->blobs, store->own, store->tmp};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        int r = bfs_make_folder(folders[i], bfs_mode_within(store->mode, PART_MODE));
        if (r)
            return bfs_fail(error, r, "%s: cannot make the folder: %s", folders[i], strerror(-r));
    }
    return 0;
}

/* The names of the store and of blobs/sha256 must outlive a power cut before index.json does, which
 * syncs the store's own folder. A folder that we may use but not read cannot be opened: there, the
 * whole file system is synced. */
static int sync_folders(const struct bfs_store *store, struct bfs_error *error)
{
    bfs_autofree char *parent = bfs_join(store->path, "..");
    bfs_autofree char *blobs = bfs_join(store->path, "blobs");
    if (!parent || !blobs)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", store->path);
    const char *const folders[] = {store->blobs, blobs, store->own, parent};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        int r = bfs_sync_folder(folders[i]);
        if (r == -EACCES) {
            bfs_autoclose int fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            r = fd >= 0 && syncfs(fd) == 0 ? 0 : -errno;
        }
        if (r)
            return bfs_fail(error, r, "%s: cannot sync: %s", folders[i], strerror(-r));
    }
    return 0;
}

/* oci-layout comes last: while it is missing, the folder is not yet a store. Two that create at
 * once write the same bytes; the catalogue lock keeps the second from emptying a filled index. */
static int make_layout(const struct bfs_store *store, struct bfs_error *error)
{
    bfs_autoclose int lock = -1;
    int r = bfs_store_lock(store, BFS_STORE_LOCK_CATALOG, true, 10000, &lock, error);
    if (r)
        return r;
    bfs_autofree char *layout = bfs_join(store->path, "oci-layout");
    if (!layout)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", store->path);
    if (access(store->index, F_OK) != 0)
        r = bfs_replace_file(store->tmp, store->path, store->index, EMPTY_INDEX,
                             strlen(EMPTY_INDEX), error);
    if (r == 0 && access(layout, F_OK) != 0)
        r = bfs_replace_file(store->tmp, store->path, layout, LAYOUT_TEXT, strlen(LAYOUT_TEXT),
                             error);
    return r;
}

/* What is empty gets the mode; who may read a store that is there is for its owner to change. */
static int set_mode(struct bfs_store *store, mode_t mode, bool fresh, struct bfs_error *error)
{
    char expected[12], found[12];
    if (mode == BFS_STORE_MODE_ANY || mode == store->mode)
        return 0;
    if (fresh) {
        if (chmod(store->path, mode) != 0)
            return bfs_fail(error, -errno, "%s: cannot set the mode: %s", store->path,
                            strerror(errno));
        store->mode = mode;
        return 0;
    }
    (void)snprintf(expected, sizeof(expected), "%04o", (unsigned)mode);
    (void)snprintf(found, sizeof(found), "%04o", (unsigned)store->mode);
    (void)bfs_fail(
        error, -EEXIST,
        "%s: the store is there, and its folder has another mode; change it with \"chmod "
        "%s %s\"",
        store->path, expected, store->path);
    bfs_fail_values(error, expected, found);
    return -EEXIST;
}

int bfs_store_create(const char *path, mode_t mode, struct bfs_store **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_store_cleanup) struct bfs_store *store = NULL;
    bool fresh = false;
    if (mkdir(path, mode ? mode : FOLDER_MODE) != 0 && errno != EEXIST)
        return bfs_fail(error, -errno, "%s: cannot make the store: %s", path, strerror(errno));
    int r = store_new(path, &store, error);
    if (r)
        return r;
    r = is_fresh_folder(store->path, &fresh);
    if (r)
        return bfs_fail(error, r, "%s: %s", path, strerror(-r));
    if ((!fresh && (r = check_layout(store, error))) || (r = set_mode(store, mode, fresh, error)) ||
        (r = make_folders(store, error)))
        return r;
    if (fresh && ((r = sync_folders(store, error)) || (r = make_layout(store, error))))
        return r;
    *ret = bfs_steal(&store);
    return 0;
}

mode_t bfs_store_mode(const struct bfs_store *store)
{
    return store->mode;
}

int bfs_store_is_exposed(const struct bfs_store *store, bool *ret)
{
    bfs_autofree char *path = strdup(store->blobs);
    if (!path)
        return -ENOMEM;
    bool exposed = true;
    for (char *end = path + strlen(path); exposed && end; end = strrchr(path, '/')) {
        struct stat st;
        *end = '\0';
        if (stat(*path ? path : "/", &st) != 0)
            return -errno;
        exposed = st.st_mode & S_IXOTH;
    }
    *ret = exposed;
    return 0;
}

const char *bfs_store_path(const struct bfs_store *store)
{
    return store->path;
}

const char *bfs_store_tmp_path(const struct bfs_store *store)
{
    return store->tmp;
}

const char *bfs_store_blobs_path(const struct bfs_store *store)
{
    return store->blobs;
}

const char *bfs_store_index_path(const struct bfs_store *store)
{
    return store->index;
}

/* The umask of whoever locks first must not keep out those who may write in the store too. */
static int allow_lock(const struct bfs_store *store, int fd)
{
    struct stat st;
    mode_t mode = bfs_mode_within(store->mode, LOCK_MODE) & 0777;
    if (fstat(fd, &st) != 0)
        return -1;
    return st.st_uid != geteuid() || (st.st_mode & 0777) == mode ? 0 : fchmod(fd, mode);
}

int bfs_store_lock(const struct bfs_store *store, enum bfs_store_lock which, bool exclusive,
                   unsigned timeout_ms, int *ret_fd, struct bfs_error *error)
{
    enum { STEP_MS = 20 };
    bfs_autofree char *path =
        bfs_join(store->own, which == BFS_STORE_LOCK_CONTENT ? "content.lock" : "catalog.lock");
    if (!path)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", store->path);
    bfs_autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);
    if (fd < 0 || allow_lock(store, fd) != 0)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    /* flock(2) has no deadline of its own; a signal-driven one would not be ours to set. */
    for (unsigned waited = 0; flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0;
         waited += STEP_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
        if (waited >= timeout_ms)
            return bfs_fail(error, -EBUSY, "%s: another bundlefs is using the store", store->path);
        (void)nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000L}, NULL);
    }
    *ret_fd = bfs_steal_fd(&fd);
    return 0;
}

char *bfs_store_blob_path(const struct bfs_store *store, const struct bfs_digest *digest)
{
    char hex[BFS_DIGEST_HEX_SIZE];
    return bfs_join(store->blobs, bfs_digest_hex(digest, hex));
}
