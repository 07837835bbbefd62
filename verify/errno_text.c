/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/errno_text.h"

#include <errno.h>
#include <string.h>

const char *bfs_write_errno_text(int code)
{
    if (code == EFBIG)
        return "a file would be larger than the limit of this process (ulimit -f) or of the file "
               "system";
    return strerror(code);
}

const char *bfs_read_errno_text(int code)
{
    switch (code) {
    case EACCES:
    case EPERM:
        return "permission denied (run as the owner of the store, or let this user read its files)";
    case EIO:
        return "input/output error (the disk or the network failed, see dmesg; then try again)";
    case ELOOP:
        return "a symbolic link, which is not followed";
    default:
        return strerror(code);
    }
}

bool bfs_is_unreadable(int code)
{
    switch (-code) {
    case EACCES:
    case EPERM:
    case EIO:
    case EINTR:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENODEV:
    case ENXIO:
    case ENOTCONN:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ESTALE:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}
