# SPDX-License-Identifier: Apache-2.0
"""Ways of reading a mounted file; each must give the source's bytes."""
import errno
import ctypes
import mmap
import os
import random

from support.common import PAGE, content, in_threads, require


def sequential(source, mounted, size="131072"):
    """read(2) of `size` bytes; never short before the end."""
    want, at = content(source), 0
    with open(mounted, "rb", buffering=0) as file:
        while True:
            got = file.read(int(size))
            require(got == want[at : at + int(size)], f"wrong or short bytes at {at}")
            at += len(got)
            if not got:
                break
    require(at == len(want), f"{at} bytes instead of {len(want)}")


def random_reads(source, mounted, count, seed="1", threads="4"):
    """`count` preads at random places and lengths, past the end too, by several threads on one
    descriptor."""
    want = content(source)
    handle = os.open(mounted, os.O_RDONLY)

    def work(index):
        rng = random.Random(f"{seed}-{index}")
        for _ in range(int(count) // int(threads)):
            length = rng.choice((1, 511, PAGE, 65536, 1 << 20, rng.randrange(1, 300000)))
            at = rng.randrange(0, len(want) + PAGE)
            if rng.random() < 0.3:
                at = at // PAGE * PAGE
            got = os.pread(handle, length, at)
            require(got == want[at : at + length], f"pread({length}, {at}) differs")

    in_threads(int(threads), work)
    os.close(handle)


def preadv(source, mounted):
    """Vectored reads with odd lengths."""
    want = content(source)
    handle = os.open(mounted, os.O_RDONLY)
    for at in (0, 1, 4095, 262143, max(0, len(want) - 10000)):
        parts = [bytearray(size) for size in (1, 4095, 65537, 3, 1 << 20)]
        got = os.preadv(handle, parts, at)
        whole = b"".join(parts)
        require(got == min(len(whole), max(0, len(want) - at)), f"preadv at {at}: short, {got}")
        require(whole[:got] == want[at : at + got], f"preadv at {at} differs")
    os.close(handle)


def direct(source, mounted):
    """O_DIRECT with buffers, offsets and lengths aligned to 4096, tail included."""
    want = content(source)
    require(os.stat(mounted).st_blksize == PAGE, "st_blksize is not 4096")
    handle = os.open(mounted, os.O_RDONLY | os.O_DIRECT)
    size = 1 << 20
    buffer = mmap.mmap(-1, size)  # page-aligned
    for at in list(range(0, len(want), size)) + [len(want) // PAGE * PAGE, PAGE, 3 * PAGE]:
        got = os.preadv(handle, [buffer], at)
        require(got == max(0, min(size, len(want) - at)), f"O_DIRECT at {at}: short, {got}")
        require(buffer[:got] == want[at : at + got], f"O_DIRECT at {at} differs")
    os.close(handle)


def sendfile(source, mounted, target):
    """sendfile(2) into a regular file."""
    size = os.stat(source).st_size
    handle = os.open(mounted, os.O_RDONLY)
    out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    sent = 0
    while sent < size:
        step = os.sendfile(out, handle, sent, size - sent)
        require(step > 0, f"sendfile stops at {sent}")
        sent += step
    require(os.sendfile(out, handle, size, 1) == 0, "sendfile goes past the end")
    os.close(out)
    os.close(handle)
    require(content(target) == content(source), "sendfile gives other bytes")


def mmap_random(source, mounted, threads, count):
    """Random page faults of one shared mapping by many threads."""
    want = content(source)
    with open(mounted, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
        require(len(view) == len(want), "the mapping has another size")

        def work(index):
            rng = random.Random(index)
            for _ in range(int(count) // int(threads)):
                at = rng.randrange(len(want))
                length = rng.randrange(1, 3 * PAGE)
                require(view[at : at + length] == want[at : at + length], f"page at {at} differs")

        in_threads(int(threads), work)
        require(view[:] == want, "the whole mapping differs")


def parallel_readers(mounted, source, readers, size="131072"):
    """Several readers, each with a descriptor of its own, read the whole file at once."""
    length = os.stat(source).st_size
    kept = mmap.mmap(os.open(source, os.O_RDONLY), length, prot=mmap.PROT_READ)
    step = int(size)

    def work(_):
        handle = os.open(mounted, os.O_RDONLY)
        for at in range(0, length, step):
            got = os.pread(handle, step, at)
            require(got == kept[at : at + step], f"bytes at {at} differ")
        os.close(handle)

    in_threads(int(readers), work)


def never_wrong(source, mounted, size="65536"):
    """Reads all of a damaged file; prints how many reads failed with EIO. Any other outcome than
    EIO or the right bytes is a failure."""
    want, refused = content(source), 0
    try:
        handle = os.open(mounted, os.O_RDONLY)
    except OSError as error:
        require(error.errno == errno.EIO, f"open: {errno.errorcode[error.errno]}")
        print(-(-len(want) // int(size)))
        return
    for at in range(0, len(want), int(size)):
        try:
            got = os.pread(handle, int(size), at)
        except OSError as error:
            require(error.errno == errno.EIO, f"read: {errno.errorcode[error.errno]}")
            refused += 1
            continue
        # read(2) may end early where the damage begins; asking there again must say EIO.
        expected = want[at : at + int(size)]
        require(got == expected[: len(got)], f"WRONG BYTES at {at}")
        if len(got) < len(expected):
            try:
                os.pread(handle, 1, at + len(got))
            except OSError as error:
                require(error.errno == errno.EIO, f"read: {errno.errorcode[error.errno]}")
                refused += 1
                continue
            raise Failed(f"a short read at {at} without an error")
    os.close(handle)
    print(refused)


def all_pages_cached():
    """The kernel has all pages of the file that is standard input."""
    libc, size = ctypes.CDLL(None, use_errno=True), os.fstat(0).st_size
    libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    start = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, 0, 0)
    require(start != ctypes.c_void_p(-1).value, os.strerror(ctypes.get_errno()))
    pages = ctypes.create_string_buffer(-(-size // PAGE))
    require(libc.mincore(start, size, pages) == 0, os.strerror(ctypes.get_errno()))
    require(all(page & 1 for page in pages.raw), "some pages are not in the page cache")
