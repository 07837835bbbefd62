# SPDX-License-Identifier: Apache-2.0
"""A disk that gives no more than so many bytes a second, to the processes of one control group: by
cgroup v2 (io.max), or by the blkio controller of cgroup v1."""
import contextlib
import os

from measure import Skipped


CGROUPS = "/sys/fs/cgroup"


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def disk_of(path):
    """"MAJOR:MINOR" of the whole disk that a file lies on."""
    number = os.stat(path).st_dev
    device = f"{os.major(number)}:{os.minor(number)}"
    folder = f"/sys/dev/block/{device}"
    if not os.path.isdir(folder):
        raise Skipped(f"{path} is on no block device")
    if os.path.exists(os.path.join(folder, "partition")):
        with open(os.path.join(os.path.realpath(folder), "..", "dev"), encoding="ascii") as file:
            device = file.read().strip()
    return device


class Throttle:
    """`command` runs a command under the limit that was set last."""

    def __init__(self, path, name):
        if os.geteuid() != 0:
            raise Skipped("needs root to limit a disk")
        self.disk = disk_of(path)
        if "io" in self.controllers():
            self.how = "cgroup v2, io.max"
            self.folder, self.file = os.path.join(CGROUPS, name), "io.max"
        elif os.path.exists(os.path.join(CGROUPS, "blkio", "blkio.throttle.read_bps_device")):
            self.how = "cgroup v1, blkio.throttle.read_bps_device"
            self.folder = os.path.join(CGROUPS, "blkio", name)
            self.file = "blkio.throttle.read_bps_device"
        else:
            raise Skipped("this kernel has neither io.max nor the blkio controller mounted")

    @staticmethod
    def controllers():
        try:
            with open(os.path.join(CGROUPS, "cgroup.controllers"), encoding="ascii") as file:
                return file.read().split()
        except OSError:
            return []

    @contextlib.contextmanager
    def open(self):
        try:
            if self.file == "io.max":
                write(os.path.join(CGROUPS, "cgroup.subtree_control"), "+io")
            os.mkdir(self.folder)
        except OSError as error:
            raise Skipped(f"no control group can be made: {error.strerror}") from None
        try:
            yield self
        finally:
            with contextlib.suppress(OSError):
                os.rmdir(self.folder)

    @property
    def command(self):
        procs = os.path.join(self.folder, "cgroup.procs")
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', procs]

    def set(self, bytes_per_second):
        limit = f"rbps={bytes_per_second}" if self.file == "io.max" else str(bytes_per_second)
        try:
            write(os.path.join(self.folder, self.file), f"{self.disk} {limit}")
        except OSError as error:
            raise Skipped(f"the disk takes no limit: {error.strerror}") from None
