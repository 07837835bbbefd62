# SPDX-License-Identifier: Apache-2.0
"""The same file under different file systems, each made cold before it is given out: nothing of its
content is decoded anywhere, and what it is stored in is in the page cache."""
import contextlib
import json
import mmap
import os
import re
import shutil
import subprocess
import sys
import time

from measure import Skipped

HERE = os.path.dirname(os.path.abspath(__file__))
READER = os.path.join(HERE, "reader.py")
NOBODY = 65534
QUIET_SECONDS = 6  # how long a measurement waits for other work to end
MARGIN = 1 << 30  # memory for everything but the file's pages: chunk caches, readers
NAME, VERSION = "bench/model", "1"
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


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


def as_user(user):
    if user is None:
        return []
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


def read(path, method, *arguments, user=None):
    """One run of reader.py: its figures."""
    command = [*as_user(user), sys.executable, READER, method, path, *arguments]
    figures = json.loads(run(command))
    if "refused" in figures:
        raise Skipped(figures["refused"])
    return figures


def mb_per_s(figures):
    return figures["bytes"] / figures["seconds"] / 1e6


def warm(folder_or_file):
    """Brings files into the page cache."""
    paths = [folder_or_file]
    if os.path.isdir(folder_or_file):
        walk = os.walk(folder_or_file)
        paths = [os.path.join(top, name) for top, _, names in walk for name in names]
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.read(4 << 20):
                pass


def forget(path):
    """Drops one file from the page cache; what else the machine caches is left alone."""
    handle = os.open(path, os.O_RDONLY)
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
        if os.path.basename(words[0]) in (b"bundlefs", b"squashfuse_ll", b"squashfuse"):
            if mount_point.encode() in words[1:]:
                return int(entry)
    return None


def wait_gone(pid):
    """A daemon that still frees its memory would disturb the next contender."""
    deadline = time.monotonic() + 20
    while pid and os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.005)


def memory_kib(pid, field):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(rf"{field}:\s+(\d+) kB", file.read())[1])


def touch_memory(size):
    """In a virtual machine, free memory may have been handed back to the host, and the first touch
    of each such page then costs far more than the copy into it. Whoever runs next would pay for
    that, so it is paid here."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0)
    mmap.mmap(-1, size, flags=flags).close()


def cpu_times():
    """(idle, all) ticks of the machine so far."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:]]
    return ticks[3] + ticks[4], sum(ticks)


def wait_quiet(seconds=QUIET_SECONDS):
    """Waits until the machine is mostly idle, or for so long; others may be at work on it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = cpu_times()
        time.sleep(0.15)
        idle, total = (after - old for after, old in zip(cpu_times(), before))
        if idle > 0.85 * total:
            return


class Place:
    """Where a file can be read; `user` is who must read it."""

    user = None
    size = 0  # of the file, the same everywhere: a user's mount does not tell root

    def __init__(self, work, file):
        self.file = file
        self.mount_point = os.path.join(work, "mnt")
        os.makedirs(self.mount_point, exist_ok=True)

    def mount(self):
        """Makes the file appear; the path of its folder."""
        raise NotImplementedError

    def unmount(self):
        raise NotImplementedError

    @contextlib.contextmanager
    def fresh(self):
        """The file's path, cold, for the time of a with block."""
        folder = self.mount()
        try:
            wait_quiet()
            touch_memory(self.size + MARGIN)
            yield os.path.join(folder, self.file)
        finally:
            self.unmount()


class Bundlefs(Place):
    def __init__(self, work, file, program, store, options="", user=None):
        super().__init__(work, file)
        self.program, self.store, self.options, self.user = program, store, options, user
        self.pid = None

    def mount(self):
        if self.user is not None:
            if os.geteuid() != 0 or not which("fusermount3"):
                raise Skipped("needs root to become another user, and fusermount3")
            os.chown(self.mount_point, self.user, self.user)
        warm(self.store)
        options = ["-o", self.options] if self.options else []
        run([*as_user(self.user), self.program, "mount", self.store, self.mount_point, *options])
        self.pid = process_of(self.mount_point)
        return os.path.join(self.mount_point, NAME, VERSION)

    def unmount(self):
        run([*as_user(self.user), self.program, "umount", self.mount_point])
        wait_gone(self.pid)
        if os.geteuid() == 0:
            os.chown(self.mount_point, 0, 0)


class Image(Place):
    """A file system in a file, by the kernel's own driver."""

    def __init__(self, work, file, image, kind):
        super().__init__(work, file)
        self.image, self.kind = image, kind

    def mount(self):
        if not self.image:
            raise Skipped(f"there is no maker of {self.kind} here")
        warm(self.image)
        run(["mount", "-t", self.kind, "-o", "loop,ro", self.image, self.mount_point])
        return self.mount_point

    def unmount(self):
        run(["umount", self.mount_point])


class Squashfuse(Place):
    def __init__(self, work, file, image):
        super().__init__(work, file)
        self.image = image
        self.pid = None

    def mount(self):
        if not self.image or not which("squashfuse_ll"):
            raise Skipped("squashfuse_ll is not installed")
        warm(self.image)
        run(["squashfuse_ll", self.image, self.mount_point])
        self.pid = process_of(self.mount_point)
        return self.mount_point

    def unmount(self):
        run(["umount", self.mount_point])
        wait_gone(self.pid)


class Plain(Place):
    """The file itself, from the disk or from the page cache."""

    def __init__(self, work, file, folder, cold):
        super().__init__(work, file)
        self.folder, self.cold = folder, cold

    def mount(self):
        path = os.path.join(self.folder, self.file)
        (forget if self.cold else warm)(path)
        return self.folder

    def unmount(self):
        pass
