/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/ui.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { CAPACITY = BFS_PASSPHRASE_MAX + 2 }; /* one byte more than allowed, and a NUL */

void bfs_passphrase_cleanup(char **passphrase)
{
    sodium_free(*passphrase);
}

/* One byte at a time: what follows the line is not ours to take. */
static int read_line(int fd, const char *what, char *ret, struct bfs_error *error)
{
    size_t size = 0;
    for (;;) {
        char c;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int code = -errno;
            return bfs_fail(error, code, "%s: cannot read the passphrase: %s", what,
                            strerror(-code));
        }
        if (n == 0 || c == '\n')
            break;
        if (c == '\0')
            return bfs_fail(error, -EINVAL, "%s: a NUL in the passphrase", what);
        if (size > BFS_PASSPHRASE_MAX)
            break;
        ret[size++] = c;
    }
    if (size > 0 && ret[size - 1] == '\r')
        size--;
    ret[size] = '\0';
    return 0;
}

static int read_file(const char *path, char *ret, struct bfs_error *error)
{
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        int code = -errno;
        return bfs_fail(error, code, "%s: cannot read the passphrase: %s", path, strerror(-code));
    }
    return read_line(fd, path, ret, error);
}

/* libcrypto turns the echo off, and on again also when a signal comes. */
static int read_terminal(const char *prompt, bool twice, char *ret, struct bfs_error *error)
{
    switch (EVP_read_pw_string_min(ret, 0, CAPACITY - 1, prompt, twice)) {
    case 0:
        return 0;
    case -2:
        return bfs_fail(error, -EINTR, "interrupted");
    default:
        return bfs_fail(error, -EINVAL, "no passphrase was read, or not the same one twice");
    }
}

int bfs_passphrase_read(const char *file, const char *prompt, bool twice, char **ret,
                        struct bfs_error *error)
{
    bfs_autopassphrase char *text = NULL;
    if (sodium_init() < 0 || !(text = sodium_malloc(CAPACITY)))
        return bfs_fail(error, -ENOMEM, "out of memory for a passphrase");
    text[0] = '\0';
    int r = file                   ? read_file(file, text, error)
            : isatty(STDIN_FILENO) ? read_terminal(prompt, twice, text, error)
                                   : read_line(STDIN_FILENO, "standard input", text, error);
    if (r)
        return r;
    if (*text == '\0')
        return bfs_fail(
            error, -EINVAL,
            "the passphrase is empty; it is typed on a terminal, or is the first line of "
            "the standard input or of --password-file");
    if (strlen(text) > BFS_PASSPHRASE_MAX)
        return bfs_fail(error, -EINVAL, "a passphrase is at most %d bytes", BFS_PASSPHRASE_MAX);
    *ret = bfs_steal(&text);
    return 0;
}

int bfs_passphrase_load_key(const char *path, const char *password_file,
                            struct bfs_secret_key **ret, struct bfs_error *error)
{
    bfs_autopassphrase char *passphrase = NULL;
    struct bfs_error first = {0};
    char prompt[128];
    int r = bfs_secret_key_load(path, NULL, ret, &first);
    if (r != -ENOKEY) {
        if (r && error)
            *error = first;
        return r;
    }
    (void)snprintf(prompt, sizeof(prompt), "Passphrase of %.96s: ", path);
    r = bfs_passphrase_read(password_file, prompt, false, &passphrase, error);
    return r ? bfs_fail_context(error, r, "%s is encrypted", path)
             : bfs_secret_key_load(path, passphrase, ret, error);
}
