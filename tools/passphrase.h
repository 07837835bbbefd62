/* SPDX-License-Identifier: Apache-2.0
 * Where passphrases and secret keys come from: a terminal, without echo, or a file.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_PASSPHRASE_H
#define BFS_TOOLS_PASSPHRASE_H

#include "verify/trust/secret_key.h"

/* Wipes and releases a passphrase. */
void bfs_passphrase_cleanup(char **passphrase);
#define bfs_autopassphrase BFS_CLEANUP(bfs_passphrase_cleanup)

/* The first line of `file`, without its end. Without a file it is the first line of the standard
 * input, or, when that is a terminal, what is typed there after `prompt`, asked for twice when
 * `twice` is set. *ret is in memory that is locked and wiped. Errors: -EINVAL (empty, too long,
 * with a NUL, or typed differently the second time), -EINTR, -ENOMEM, errno of open(2) and read(2).
 */
int bfs_passphrase_read(const char *file, const char *prompt, bool twice, char **ret,
                        struct bfs_error *error);

/* Loads a secret key; when it is encrypted, reads its passphrase as above.
 * Errors: also those of bfs_secret_key_load(). */
int bfs_passphrase_load_key(const char *path, const char *password_file,
                            struct bfs_secret_key **ret, struct bfs_error *error);

#endif
