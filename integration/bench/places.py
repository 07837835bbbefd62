# SPDX-License-Identifier: Apache-2.0
"""The same file under different file systems, made as cold as is asked for before it is given out.

DISK    nothing of the content is decoded anywhere, and what it is stored in is on the disk alone
CACHED  nothing of the content is decoded anywhere; what it is stored in is in the page cache
WARM    the content was read before, and the page cache has all of it
"""
import contextlib
import json
import os
import subprocess
import sys

import cpu
from measure import Skipped
from system import (DENIED, as_user, forget, memory_kib, process_of, run, settle, touch_memory,
                    wait_gone, warm, which)

HERE = os.path.dirname(os.path.abspath(__file__))
READER = os.path.join(HERE, "reader.py")
NAME, VERSION = "bench/model", "1"
DISK, CACHED, WARM = "disk", "cached", "warm"


def read(path, method, *arguments, prefix=()):
    """One run of reader.py: its figures."""
    figures = json.loads(run([*prefix, sys.executable, READER, method, path, *arguments]))
    if "refused" in figures:
        raise Skipped(figures["refused"])
    return figures


def mb_per_s(figures):
    return figures["bytes"] / figures["seconds"] / 1e6


class Place:
    """Where a file can be read. `user` is who must read it, `prefix` the command under which daemon
    and reader run."""

    user = None
    prefix = ()
    pid = None  # of the daemon, if there is one
    size = 0  # of the file: a user's mount does not tell root
    second_pass = False  # its daemon has read all of it before, but the kernel keeps nothing of that

    def __init__(self, work, file):
        self.file = file
        self.mount_point = os.path.join(work, "mnt")
        os.makedirs(self.mount_point, exist_ok=True)

    def stored(self):
        """The files or folders that hold the content."""
        raise NotImplementedError

    def mount(self):
        """Makes the file appear; the path of its folder."""
        raise NotImplementedError

    def run_mount(self, command):
        """What this user or this machine may not mount is left out; another failure is one."""
        try:
            run([*self.prefix, *as_user(self.user), *command])
        except RuntimeError as error:
            if not DENIED.search(str(error)):
                raise
            why = str(error).rpartition(": exit ")[2].replace(self.mount_point, "MOUNT")
            raise Skipped(f"lacks the permission to mount, exit {why}") from None

    def unmount(self):
        raise NotImplementedError

    def ready(self, path, temperature):
        """After mounting: what else has to happen before the measurement."""
        if temperature == WARM:
            self.read(path, "sequential", 1 << 20)

    def read(self, path, method, *arguments):
        """The reader's figures, and what the daemon used meanwhile."""
        before = cpu.process_seconds(self.pid)
        figures = read(path, method, *arguments, prefix=[*self.prefix, *as_user(self.user)])
        figures["daemon_cpu"] = cpu.process_seconds(self.pid) - before
        figures["daemon_peak"] = memory_kib(self.pid, "VmHWM") << 10 if self.pid else 0
        return figures

    @contextlib.contextmanager
    def fresh(self, temperature=CACHED):
        """The file's path, as cold as that, for the time of a with block."""
        stored = self.stored()
        if None in stored:
            raise Skipped("what makes its image is not installed")
        for path in stored:
            (forget if temperature == DISK else warm)(path)
        folder = self.mount()
        try:
            path = os.path.join(folder, self.file)
            if temperature == WARM or self.second_pass:
                touch_memory(self.size)
            self.ready(path, temperature)
            settle(0 if temperature == WARM else self.size)
            yield path
        finally:
            self.unmount()


class Bundlefs(Place):
    """`fill`: a verb that makes it resident in the way that is best, if the program has one."""

    fill = None

    def __init__(self, work, file, program, store, options="", user=None):
        super().__init__(work, file)
        self.program, self.store, self.options, self.user = program, store, options, user

    def stored(self):
        return [self.store]

    def mount(self):
        if self.user is not None:
            if os.geteuid() != 0 or not which("fusermount3"):
                raise Skipped("needs root to become another user, and fusermount3")
            os.chown(self.mount_point, self.user, self.user)
        options = ["-o", self.options] if self.options else []
        command = [self.program, "mount", self.store, self.mount_point, *options]
        try:
            self.run_mount(command)
        except Skipped:
            self.give_back()
            raise
        self.pid = process_of(self.mount_point)
        return os.path.join(self.mount_point, NAME, VERSION)

    def give_back(self):
        """The mount point, to whom the next contender is."""
        if os.geteuid() == 0:
            os.chown(self.mount_point, 0, 0)

    def ready(self, path, temperature):
        if self.second_pass:
            self.read(path, "sequential", 1 << 20)
            forget(path, written=False)
            if temperature == DISK:
                forget(self.store)
        elif temperature == WARM and self.fill:
            run([self.program, self.fill, self.mount_point, f"{NAME}:{VERSION}"])
            self.read(path, "sequential", 1 << 20)
        else:
            super().ready(path, temperature)

    def metric(self, name):
        path = os.path.join(self.mount_point, ".bundlefs", "metrics")
        for line in run([*as_user(self.user), "cat", path]).splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return None

    def unmount(self):
        run([*as_user(self.user), self.program, "umount", self.mount_point])
        wait_gone(self.pid)
        self.pid = None
        self.give_back()


class Image(Place):
    """A file system in a file, by the kernel's own driver."""

    def __init__(self, work, file, image, kind):
        super().__init__(work, file)
        self.image, self.kind = image, kind

    def stored(self):
        return [self.image]

    def mount(self):
        if os.geteuid() != 0:
            raise Skipped("needs root to mount")
        command = ["mount", "-t", self.kind, "-o", "loop,ro", self.image, self.mount_point]
        try:
            run([*self.prefix, *command])
        except RuntimeError as error:
            raise Skipped(f"the kernel cannot mount it: {error}") from None
        return self.mount_point

    def unmount(self):
        run(["umount", self.mount_point])


class Squashfuse(Place):
    def __init__(self, work, file, image):
        super().__init__(work, file)
        self.image = image

    def stored(self):
        return [self.image]

    def mount(self):
        if not which("squashfuse_ll"):
            raise Skipped("squashfuse_ll is not installed")
        self.run_mount(["squashfuse_ll", self.image, self.mount_point])
        self.pid = process_of(self.mount_point)
        return self.mount_point

    def unmount(self):
        run(["umount" if os.geteuid() == 0 else "fusermount3", *self.words(), self.mount_point])
        wait_gone(self.pid)
        self.pid = None

    @staticmethod
    def words():
        return [] if os.geteuid() == 0 else ["-u"]


class Plain(Place):
    """The file itself. `cold`: from the disk unless said otherwise, else from the page cache."""

    def __init__(self, work, file, folder, cold):
        super().__init__(work, file)
        self.folder, self.cold = folder, cold

    def stored(self):
        return [os.path.join(self.folder, self.file)]

    @contextlib.contextmanager
    def fresh(self, temperature=None):
        with super().fresh(temperature or (DISK if self.cold else WARM)) as path:
            yield path

    def mount(self):
        return self.folder

    def unmount(self):
        pass


class Stream(Place):
    """What `zstd -dc` writes into a pipe: one reader, from the beginning, once."""

    def __init__(self, work, frame):
        super().__init__(work, "stream")
        self.folder, self.frame, self.process = work, frame, None

    def stored(self):
        return [self.frame]

    def mount(self):
        pipe = os.path.join(self.folder, self.file)
        if not os.path.exists(pipe):
            os.mkfifo(pipe)
        return self.folder

    def ready(self, path, temperature):
        if temperature == WARM:
            raise Skipped("a stream is decoded anew each time")

    def read(self, path, method, *arguments):
        if method != "sequential":
            raise Skipped("a stream can only be read in order, as it comes")
        command = [*self.prefix, "sh", "-c", 'exec zstd -dc "$0" > "$1"', self.frame, path]
        self.process = subprocess.Popen(command)
        self.pid = self.process.pid
        return super().read(path, method, *arguments)

    def unmount(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = self.pid = None
