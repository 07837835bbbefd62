/* SPDX-License-Identifier: Apache-2.0
 * A bundle store on disk: an OCI image layout directory, with our lock and temporary files under
 * .bundlefs inside it.
 *
 * Everything is opened by path at each use, so a store that went away and came back (a network
 * mount, a directory swapped for another) serves again by itself.
 *
 * THREAD SAFETY: a store object is immutable; its functions may be called from any thread. */
#ifndef BFS_CODEC_STORE_H
#define BFS_CODEC_STORE_H

#include "codec/store/oci.h"

#include <sys/types.h>

struct bfs_store;

/* Opens an existing store. `path` is resolved at once, so a later chdir does not matter.
 * Errors: -ENOENT, -ENOTDIR, -EINVAL (a directory that is not an OCI image layout),
 * -EPROTONOSUPPORT (another layout version), errno of the file system. */
int bfs_store_open(const char *path, struct bfs_store **ret, struct bfs_error *error);
/* Opens it, making an empty store first when `path` is missing or an empty directory. `mode` is
 * that of the store's folder, such as 0750, and everything in it follows from it;
 * BFS_STORE_MODE_ANY: what there is, and for a new folder 0755 without the bits of the umask.
 * Errors: those of bfs_store_open(), -EEXIST (there is a store, and its folder has another mode).
 */
enum { BFS_STORE_MODE_ANY = 0 };
int bfs_store_create(const char *path, mode_t mode, struct bfs_store **ret,
                     struct bfs_error *error);
struct bfs_store *bfs_store_free(struct bfs_store *store);
BFS_DEFINE_CLEANUP(bfs_store, bfs_store_free)

/* Absolute paths, borrowed. */
const char *bfs_store_path(const struct bfs_store *store);
const char *bfs_store_tmp_path(const struct bfs_store *store);
const char *bfs_store_blobs_path(const struct bfs_store *store);
const char *bfs_store_index_path(const struct bfs_store *store);

/* The mode of its folder when it was opened, without the type: who may read what is put into it. */
mode_t bfs_store_mode(const struct bfs_store *store);
/* May every user of the system search all folders that lead to the blobs? Then nothing that a mount
 * refuses to a user is kept from them. Errors: errno of stat(2). */
int bfs_store_is_exposed(const struct bfs_store *store, bool *ret);

/* Two locks, advisory (flock), released by closing *ret_fd or by the process's end:
 * CONTENT is held shared by whoever adds blobs or relies on unreferenced ones, exclusively by gc;
 * CATALOG is held exclusively for the moment of reading, changing and replacing index.json. */
enum bfs_store_lock { BFS_STORE_LOCK_CONTENT, BFS_STORE_LOCK_CATALOG };
/* Waits at most `timeout_ms`. Errors: -EBUSY after that, errno of the file system. */
int bfs_store_lock(const struct bfs_store *store, enum bfs_store_lock which, bool exclusive,
                   unsigned timeout_ms, int *ret_fd, struct bfs_error *error);

/* "blobs/sha256/<hex>" as an absolute path, malloc'ed; NULL: no memory. */
char *bfs_store_blob_path(const struct bfs_store *store, const struct bfs_digest *digest);

/* Opens a blob and checks that it is a regular file of exactly `size` bytes; the content is not
 * proved. Errors: -ENOENT, -EBADMSG (another size), errno of the file system. */
int bfs_store_open_blob(const struct bfs_store *store, const struct bfs_digest *digest,
                        uint64_t size, int *ret_fd, struct bfs_error *error);

/* Hashes all `size` bytes of an open blob and compares with its name. `progress` is told the bytes
 * of each step, and stops by a result that is not 0, which is returned; NULL is fine. Errors:
 * -EBADMSG (another digest, or it ends early), -ENOMEM, errno of the file system. */
int bfs_blob_prove(int fd, const struct bfs_digest *digest, uint64_t size,
                   int (*progress)(void *context, uint64_t bytes), void *context,
                   struct bfs_error *error);

/* Reads a whole blob of at most `limit` bytes and proves it; malloc'ed, NUL after the last byte.
 * Errors: those above, -EBADMSG (digest), -E2BIG, -ENOMEM. */
int bfs_store_read_blob(const struct bfs_store *store, const struct bfs_digest *digest,
                        uint64_t size, uint64_t limit, uint8_t **ret, struct bfs_error *error);

/* Adds a small blob from memory, or replaces one of that name. The caller holds the CONTENT lock. */
int bfs_store_put_blob(const struct bfs_store *store, const void *bytes, size_t size,
                       struct bfs_digest *ret, struct bfs_error *error);

#endif
