#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a file in one way and prints the figures as JSON. A process of its own, so that it can be
another user's, and so that its page faults are its own."""
import errno
import json
import mmap
import os
import random
import resource
import sys
import threading
import time

PAGE = 4096


def sequential(path, size, flags=0):
    """read(2) of `size` bytes into one buffer, to the end."""
    buffer = mmap.mmap(-1, size)  # page-aligned, as O_DIRECT wants it
    buffer.write(bytes(size))
    handle = os.open(path, os.O_RDONLY | flags)
    start, total = time.perf_counter(), 0
    while got := os.readv(handle, [buffer]):
        total += got
    return {"bytes": total, "seconds": time.perf_counter() - start}


def direct(path, size):
    try:
        return sequential(path, size, os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return {"refused": "O_DIRECT is refused there"}


def threads(path, size, count=8):
    """`count` threads pread pieces of `size` bytes, each the next that is left."""
    handle, end, lock = os.open(path, os.O_RDONLY), os.stat(path).st_size, threading.Lock()
    places = iter(range(0, end, size))
    buffers = [bytearray(size) for _ in range(count)]

    def work(buffer):
        while True:
            with lock:
                at = next(places, None)
            if at is None:
                return
            done = 0
            while done < min(size, end - at):
                done += os.preadv(handle, [memoryview(buffer)[done:]], at + done)

    start = time.perf_counter()
    run = [threading.Thread(target=work, args=(buffer,)) for buffer in buffers]
    for thread in run:
        thread.start()
    for thread in run:
        thread.join()
    return {"bytes": end, "seconds": time.perf_counter() - start}


def direct_loop(path, size, start_at, count):
    """`count` bytes in O_DIRECT reads of `size`, from `start_at` on, round the end."""
    buffer = mmap.mmap(-1, size)
    handle, end = os.open(path, os.O_RDONLY | os.O_DIRECT), os.stat(path).st_size
    at, left, start = start_at // size * size, count, time.perf_counter()
    while left > 0:
        got = os.preadv(handle, [buffer], at)
        left -= got
        at = at + size if at + size < end else 0
    return {"bytes": count - left, "seconds": time.perf_counter() - start}


def touch(path, _size):
    """One byte of each page of a mapping, in order."""
    import numpy

    faults = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    with open(path, "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    numpy.frombuffer(mapped, dtype="u1")[::PAGE].sum()
    took = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "bytes": len(mapped),
        "seconds": took,
        "faults": after.ru_majflt - faults.ru_majflt + after.ru_minflt - faults.ru_minflt,
    }


def random_faults(path, count):
    """Single pages of a mapping at random places: how long each takes, in microseconds."""
    with open(path, "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    rng, took = random.Random(7), []
    places = [rng.randrange(len(mapped)) for _ in range(count)]
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
    for place in places:
        start = time.perf_counter_ns()
        _ = mapped[place]
        took.append((time.perf_counter_ns() - start) / 1000)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_majflt - faults
    took.sort()
    return {"p50": took[count // 2], "p99": took[count * 99 // 100], "faults": faults}


METHODS = {
    function.__name__: function
    for function in (sequential, direct, threads, direct_loop, touch, random_faults)
}

if __name__ == "__main__":
    print(json.dumps(METHODS[sys.argv[1]](sys.argv[2], *map(int, sys.argv[3:]))))
