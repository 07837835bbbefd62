# SPDX-License-Identifier: Apache-2.0
"""Errno, exactly: calls that must fail, and how."""
import errno
import os
import stat

from support.common import Failed, content, require


def _write_calls(directory, file, link):
    """Every way of writing: (what, call). `directory`, `file` and `link` exist on the mount."""
    new = os.path.join(directory, "new-name")

    def opened(flags):
        return lambda: os.close(os.open(file, flags))

    def fchmod():
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fchmod(handle, 0o600)
        finally:
            os.close(handle)

    # Removing a mount point itself is EBUSY whatever is mounted.
    rmdir = [] if os.path.ismount(directory) else [("rmdir", lambda: os.rmdir(directory))]
    return rmdir + [
        ("open O_WRONLY", opened(os.O_WRONLY)),
        ("open O_RDWR", opened(os.O_RDWR)),
        ("open O_TRUNC", opened(os.O_WRONLY | os.O_TRUNC)),
        ("open O_APPEND", opened(os.O_WRONLY | os.O_APPEND)),
        ("open O_CREAT", lambda: os.close(os.open(new, os.O_CREAT | os.O_WRONLY, 0o644))),
        ("mkdir", lambda: os.mkdir(new)),
        ("mknod", lambda: os.mknod(new, stat.S_IFREG | 0o644)),
        ("mkfifo", lambda: os.mkfifo(new)),
        ("symlink", lambda: os.symlink("target", new)),
        ("link", lambda: os.link(file, new)),
        ("unlink", lambda: os.unlink(file)),
        ("unlink a link", lambda: os.unlink(link)),
        ("rename", lambda: os.rename(file, new)),
        ("truncate", lambda: os.truncate(file, 0)),
        ("chmod", lambda: os.chmod(file, 0o600)),
        ("fchmod", fchmod),
        ("chown", lambda: os.chown(file, 0, 0)),
        ("lchown", lambda: os.lchown(link, 0, 0)),
        ("utimes", lambda: os.utime(file, (1, 1))),
        ("setxattr", lambda: os.setxattr(file, "user.new", b"value")),
        ("removexattr", lambda: os.removexattr(file, "user.bundlefs.digest")),
        ("setxattr of a directory", lambda: os.setxattr(directory, "user.new", b"value")),
    ]


def writes_refused(directory, file, link):
    """Each writing call gives EROFS and nothing else."""
    wrong = []
    for what, call in _write_calls(directory, file, link):
        try:
            call()
            wrong.append(f"{what}: succeeded")
        except OSError as error:
            if error.errno != errno.EROFS:
                wrong.append(f"{what}: {errno.errorcode[error.errno]}")
    require(not wrong, "not EROFS: " + "; ".join(wrong))


def expect(name, call, *args):
    """expect ERRNO CALL PATH...: one call that must fail so."""
    calls = {
        "open": lambda path: os.close(os.open(path, os.O_RDONLY)),
        "stat": os.stat,
        "listdir": os.listdir,
        "readlink": os.readlink,
        "read": content,
        "getxattr": os.getxattr,
    }
    try:
        calls[call](*args)
    except OSError as error:
        require(
            error.errno == getattr(errno, name),
            f"{call} {args[0]}: {errno.errorcode[error.errno]} instead of {name}",
        )
        return
    raise Failed(f"{call} {args[0]}: succeeded instead of {name}")
