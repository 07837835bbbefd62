/* SPDX-License-Identifier: Apache-2.0
 * Durable and exact file operations: what a crash may leave is decided here.
 *
 * THREAD SAFETY: pure functions on the file system. */
#ifndef BFS_CODEC_FILES_H
#define BFS_CODEC_FILES_H

#include "verify/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads exactly `size` bytes, across interruptions and short reads. -ENODATA when the file ends
 * before; otherwise errno of pread(2). */
int bfs_pread_exact(int fd, void *ret, size_t size, uint64_t offset);

/* Writes all of it, or gives errno of write(2). */
int bfs_write_all(int fd, const void *bytes, size_t size);
/* The same at an offset; the file's own position stays. */
int bfs_pwrite_all(int fd, const void *bytes, size_t size, uint64_t offset);

/* The whole of a regular file of at most `limit` bytes, malloc'ed, with a NUL after the last byte.
 * Errors: -E2BIG, -EINVAL (not a regular file), -ENOMEM, errno of open(2) and read(2). */
int bfs_read_file(const char *path, uint64_t limit, uint8_t **ret, size_t *ret_size,
                  struct bfs_error *error);

/* fsync of the folder itself, so that a rename inside it survives a power cut. */
int bfs_sync_folder(const char *path);

/* Replaces `path` by these bytes so that a reader or a crash sees the old or the new file, never a
 * part: a temporary file in `tmp_folder` (same file system), fsync, rename, fsync of `folder`. Its
 * mode is bfs_mode_within() of the folder's, from 0644. When
 * the last step fails, the new file is in place all the same, and the message says so
 * (bfs_fail_unsynced()). */
int bfs_replace_file(const char *tmp_folder, const char *folder, const char *path,
                     const void *bytes, size_t size, struct bfs_error *error);

/* The failure of a change that is made, but that a power cut may undo, because `folder` cannot be
 * synced. `what` names what is in place. Gives `code`. */
int bfs_fail_unsynced(struct bfs_error *error, int code, const char *what, const char *folder);

/* A new, empty, uniquely named file in the folder, open for reading and writing; *ret_path is
 * malloc'ed. */
int bfs_create_temporary(const char *folder, int *ret_fd, char **ret_path, struct bfs_error *error);

/* mkdir that is content when the folder is there; a missing parent is an error. A folder that it
 * makes has exactly this mode, whatever the umask. */
int bfs_make_folder(const char *path, mode_t mode);

/* Of `mode`, what users get who have the same kind of right to a folder with the mode `folder`. The
 * owner gets all of it. So a file in a private folder is private too. */
mode_t bfs_mode_within(mode_t folder, mode_t mode);

/* "folder/name", malloc'ed; NULL: no memory. */
char *bfs_join(const char *folder, const char *name);

/* The real path of what need not exist, but whose parent must; malloc'ed. NULL: errno says why. */
char *bfs_resolve_new(const char *path);

/* The path from the root on, malloc'ed; links in it stay what they are, for what they point to may
 * be exchanged. NULL: no memory, or the present folder is gone. */
char *bfs_absolute_path(const char *path);

#endif
