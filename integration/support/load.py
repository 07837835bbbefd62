# SPDX-License-Identifier: Apache-2.0
"""Everything at once that may make a daemon take memory."""
import mmap
import os

from support.common import in_threads, require

STEP = 1 << 20


def direct_readers(mounted, source, readers):
    """Several readers with O_DIRECT, each from another place, read the whole file at once."""
    length = os.stat(source).st_size
    kept = mmap.mmap(os.open(source, os.O_RDONLY), length, prot=mmap.PROT_READ)

    def work(index):
        handle = os.open(mounted, os.O_RDONLY | os.O_DIRECT)
        buffer = mmap.mmap(-1, STEP)  # page-aligned
        start = length * index // int(readers) // STEP * STEP
        for at in [*range(start, length, STEP), *range(0, start, STEP)]:
            got = os.preadv(handle, [buffer], at)
            require(buffer[:got] == kept[at : at + got], f"O_DIRECT at {at} differs")
            require(got == min(STEP, length - at), f"O_DIRECT at {at}: short, {got}")
        os.close(handle)

    in_threads(int(readers), work)


def look_at_all(mounted):
    """Lists, stats, and asks the attributes of everything."""
    for folder, _, names in os.walk(mounted):
        for name in names:
            path = os.path.join(folder, name)
            os.lstat(path)
            for attribute in os.listxattr(path, follow_symlinks=False):
                os.getxattr(path, attribute, follow_symlinks=False)


def many_handles(mounted, count):
    """Opens that many files, the daemon's own among them, and reads each while all are open."""
    handles = []
    for folder, _, names in os.walk(mounted):
        for name in names:
            if len(handles) < int(count):
                handles.append(os.open(os.path.join(folder, name), os.O_RDONLY))
    require(len(handles) == int(count), f"only {len(handles)} files to open")
    for handle in handles:
        os.pread(handle, STEP, 0)
    for handle in handles:
        os.close(handle)
