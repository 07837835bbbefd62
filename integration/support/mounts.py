# SPDX-License-Identifier: Apache-2.0
"""Mounts, the processes that serve them, and what statfs says."""
import os
import re
import time

from support.common import PAGE, content, require


def mount_types(path):
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            fields = line.split()
            if fields[4].encode().decode("unicode_escape") == os.path.abspath(path):
                found.append(fields[fields.index("-") + 1])
    return found


def is_mounted(path):
    require(mount_types(path), f"{path} is not mounted")


def wait_mounted(path, seconds):
    """Waits until something is mounted at path."""
    deadline = time.monotonic() + float(seconds)
    while not mount_types(path):
        require(time.monotonic() < deadline, f"{path} is not mounted after {seconds} s")
        time.sleep(0.02)


def mount_type(path):
    """Prints the type of the file system on top at path."""
    require(mount_types(path), f"{path} is not mounted")
    print(mount_types(path)[-1])


def daemons(mountpoint):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = content(f"/proc/{entry}/cmdline").split(b"\0")
        except OSError:
            continue
        if os.path.basename(words[0]) == b"bundlefs" and mountpoint.encode() in words[1:]:
            found.append(entry)
    return found


def daemon_pid(mountpoint):
    """Prints the process that serves mountpoint. One that served it before may still be ending."""
    deadline = time.monotonic() + 5
    found = daemons(mountpoint)
    while len(found) > 1 and time.monotonic() < deadline:
        time.sleep(0.02)
        found = daemons(mountpoint)
    require(len(found) == 1, f"{len(found)} processes serve {mountpoint}")
    print(found[0])


def rss(pid, limit):
    """The most memory that the process ever had is at most `limit` bytes."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) * 1024
    require(peak <= int(limit), f"peak RSS {peak >> 20} MiB is above {int(limit) >> 20} MiB")


def statfs(mountpoint, logical, stored):
    """Logical size in f_blocks, within a block per file; something is really stored."""
    state = os.statvfs(mountpoint)
    require(state.f_blocks * state.f_frsize >= int(logical), "f_blocks is below the logical size")
    require(state.f_bsize == PAGE, f"f_bsize is {state.f_bsize}")
    require(state.f_bfree * state.f_frsize <= max(0, state.f_blocks * state.f_frsize - int(stored)),
            "f_bfree does not leave room for what is stored")
    require(state.f_bavail == 0, "a read-only file system has space available")
    require(state.f_flag & os.ST_RDONLY, "not flagged read-only")
