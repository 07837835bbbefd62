#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a file in one way and prints the figures as JSON. A process of its own, so that it can be
another user's, and so that its page faults are its own.

Each way prepares all that it needs, then calls the meter it is given, reads, and calls it again: what
is measured is the reading alone, not the start of an interpreter."""
import errno
import json
import mmap
import os
import random
import resource
import struct
import sys
import threading
import time

from cpu import machine_seconds

PAGE = 4096


class Meter:
    """Time, CPUs and faults from start() to stop()."""

    def start(self):
        self.usage = resource.getrusage(resource.RUSAGE_SELF)
        self.machine = machine_seconds()
        self.began = time.perf_counter()

    def stop(self, count, **more):
        took = time.perf_counter() - self.began
        machine = machine_seconds() - self.machine
        old, new = self.usage, resource.getrusage(resource.RUSAGE_SELF)
        return {
            "bytes": count,
            "seconds": took,
            "machine_cpu": machine,
            "reader_cpu": new.ru_utime + new.ru_stime - old.ru_utime - old.ru_stime,
            "major_faults": new.ru_majflt - old.ru_majflt,
            "faults": new.ru_majflt - old.ru_majflt + new.ru_minflt - old.ru_minflt,
            **more,
        }


def page_aligned(size):
    """A buffer that is in memory, as O_DIRECT wants it."""
    buffer = mmap.mmap(-1, size)
    buffer.write(bytes(size))
    return buffer


def sequential(meter, path, size, flags=0):
    """read(2) of `size` bytes into one buffer, to the end."""
    buffer, total = page_aligned(size), 0
    handle = os.open(path, os.O_RDONLY | flags)
    meter.start()
    while got := os.readv(handle, [buffer]):
        total += got
    return meter.stop(total)


def direct(meter, path, size):
    try:
        return sequential(meter, path, size, os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return {"refused": "O_DIRECT is refused there"}


def threads(meter, path, size, count=8):
    """`count` threads pread pieces of `size` bytes, each the next that is left."""
    handle, end, lock = os.open(path, os.O_RDONLY), os.stat(path).st_size, threading.Lock()
    places = iter(range(0, end, size))
    buffers = [bytearray(min(size, end)) for _ in range(count)]

    def work(buffer):
        while True:
            with lock:
                at = next(places, None)
            if at is None:
                return
            done = 0
            while done < min(size, end - at):
                done += os.preadv(handle, [memoryview(buffer)[done:]], at + done)

    run = [threading.Thread(target=work, args=(buffer,)) for buffer in buffers]
    meter.start()
    for thread in run:
        thread.start()
    for thread in run:
        thread.join()
    return meter.stop(end)


def direct_loop(meter, path, size, start_at, count):
    """`count` bytes in O_DIRECT reads of `size`, from `start_at` on, round the end."""
    buffer = mmap.mmap(-1, size)
    handle, end = os.open(path, os.O_RDONLY | os.O_DIRECT), os.stat(path).st_size
    at, left = start_at // size * size, count
    meter.start()
    while left > 0:
        got = os.preadv(handle, [buffer], at)
        left -= got
        at = at + size if at + size < end else 0
    return meter.stop(count - left)


def mapped_file(path):
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)


def touch(meter, path, _size):
    """One byte of each page of a mapping, in order."""
    import numpy

    meter.start()
    mapped = mapped_file(path)
    numpy.frombuffer(mapped, dtype="u1")[::PAGE].sum()
    return meter.stop(len(mapped))


def tensors(meter, path, _size):
    """One byte of each page of each tensor of a mapped safetensors file, by the order of their
    names, as loaders do that ask for one after the other."""
    import numpy

    meter.start()
    mapped = mapped_file(path)
    (size,) = struct.unpack_from("<Q", mapped)
    header = json.loads(mapped[8 : 8 + size])
    header.pop("__metadata__", None)
    content = numpy.frombuffer(mapped, dtype="u1")[8 + size :]
    for name in sorted(header):
        begin, end = header[name]["data_offsets"]
        content[begin:end:PAGE].sum()
    return meter.stop(len(mapped))


def random_pages(meter, path, count):
    """Single pages of a mapping at random places: how long each takes, in microseconds."""
    mapped = mapped_file(path)
    rng, took = random.Random(7), []
    places = [rng.randrange(len(mapped)) for _ in range(count)]
    meter.start()
    for place in places:
        start = time.perf_counter_ns()
        _ = mapped[place]
        took.append((time.perf_counter_ns() - start) / 1000)
    figures = meter.stop(count * PAGE)
    took.sort()
    return {**figures, "p50": took[count // 2], "p99": took[count * 99 // 100]}


METHODS = {
    function.__name__: function
    for function in (sequential, direct, threads, direct_loop, touch, tensors, random_pages)
}

if __name__ == "__main__":
    print(json.dumps(METHODS[sys.argv[1]](Meter(), sys.argv[2], *map(int, sys.argv[3:]))))
