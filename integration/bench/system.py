# SPDX-License-Identifier: Apache-2.0
"""What rows need of the operating system: commands, the page cache, memory, processes."""
import mmap
import os
import re
import shutil
import subprocess
import time

from cpu import Quiet

NOBODY = 65534
DENIED = re.compile(r"permission denied|operation not permitted|not allowed|must be root", re.I)
MARGIN = 512 << 20  # memory for everything but the file's pages: chunk caches, readers
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
DAEMONS = (b"bundlefs", b"squashfuse_ll", b"squashfuse")


def run(command, **options):
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ, PATH=PATH),
        **options,
    )
    if done.returncode:
        why = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}: {why[0]}")
    return done.stdout


def which(program):
    return shutil.which(program, path=PATH)


def output_of(command):
    """What a command says, on either stream; empty when it is not installed."""
    if not which(command[0]):
        return ""
    done = subprocess.run(
        [which(command[0]), *command[1:]], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def as_user(user):
    if user is None:
        return []
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


def files_of(folder_or_file):
    if not os.path.isdir(folder_or_file):
        return [folder_or_file]
    walk = os.walk(folder_or_file)
    return [os.path.join(top, name) for top, _, names in walk for name in names]


def warm(folder_or_file):
    """Brings files into the page cache."""
    for path in files_of(folder_or_file):
        with open(path, "rb", buffering=0) as file:
            while file.read(4 << 20):
                pass


def forget(folder_or_file, written=True):
    """Drops files from the page cache; what else the machine caches is left alone. `written`: they
    are on a disk, and may not have arrived there."""
    for path in files_of(folder_or_file):
        handle = os.open(path, os.O_RDONLY)
        if written:
            os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def process_of(mount_point):
    """The daemon that serves a mount."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if os.path.basename(words[0]) in DAEMONS and mount_point.encode() in words[1:]:
            return int(entry)
    return None


def wait_gone(pid):
    """A daemon that still frees its memory would disturb the next contender."""
    deadline = time.monotonic() + 20
    while pid and os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.005)


def memory_kib(pid, field):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        found = re.search(rf"{field}:\s+(\d+) kB", file.read())
    return int(found[1]) if found else 0


def touch_memory(size):
    """In a virtual machine, free memory may have been handed back to the host, and the first touch
    of each such page then costs far more than the copy into it. Whoever runs next would pay for
    that, so it is paid here."""
    if not Quiet.enabled:
        return
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0)
    mmap.mmap(-1, size, flags=flags).close()


def settle(size):
    """Before each measurement that will need so much memory."""
    Quiet.wait()
    touch_memory(size + MARGIN)
