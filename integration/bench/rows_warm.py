# SPDX-License-Identifier: Apache-2.0
"""Rows about files that the kernel reads by itself: how fast they are, what it costs to get there,
and what the daemon takes meanwhile."""
import time

from measure import Row
from places import NAME, VERSION, mb_per_s, read
from system import memory_kib, run

PLAIN = "plain file"
WAYS = {"read(2)": ("sequential", 1 << 20), "mmap": ("touch", 0)}


def warm_up(place):
    """Seconds until the kernel reads all of the bundle by itself."""
    start = time.perf_counter()
    run([place.program, "warm", place.mount_point, f"{NAME}:{VERSION}"])
    return time.perf_counter() - start


def read_warm(place, prepare):
    def measure():
        with place.fresh() as path:
            prepare(path)
            return {
                f" {way}": (mb_per_s(read(path, *arguments)), "MB/s")
                for way, arguments in WAYS.items()
            }

    return measure


def read_twice(path):
    read(path, "sequential", 1 << 20)


def passthrough(world):
    row = Row("passthrough", "Read again: by the kernel itself, or through FUSE's page cache", "MB/s")
    disk = world.third.bundlefs(f"backing={world.path('.')},backing_fill=warm")
    memory = world.third.bundlefs("backing=memory,backing_size=16G,backing_fill=warm")
    row.interleave(
        {
            "passthrough, disk:": read_warm(disk, lambda path: warm_up(disk)),
            "passthrough, memory:": read_warm(memory, lambda path: warm_up(memory)),
            "page cache of FUSE:": read_warm(world.third.bundlefs("passthrough=off"), read_twice),
            f"{PLAIN}:": read_warm(world.third.plain(cold=False), read_twice),
        },
        world.repeats,
    )
    for way in WAYS:
        row.compare(f"passthrough, disk: {way}", f"{PLAIN}: {way}", goal=0.95)
        row.compare(f"passthrough, memory: {way}", f"{PLAIN}: {way}")
        row.compare(f"page cache of FUSE: {way}", f"{PLAIN}: {way}")
    return [row, filling(world), cost_of_filling(world)]


def filling(world):
    """warm alone: how fast, and the daemon's memory."""
    row = Row("warm", "bundlefs warm, store in the page cache", "MB/s")

    def measure_at(place):
        def measure():
            with place.fresh():
                seconds = warm_up(place)
                return {
                    "": (place.size / seconds / 1e6, "MB/s"),
                    ", peak of the daemon": (memory_kib(place.pid, "VmHWM") / 1024, "MiB"),
                }

        return measure

    places = {
        "onto a disk": world.third.bundlefs(f"backing={world.path('.')}"),
        "into memory": world.third.bundlefs("backing=memory,backing_size=16G"),
    }
    row.interleave({name: measure_at(place) for name, place in places.items()}, world.repeats)
    return row


def cost_of_filling(world):
    """What ordinary reads pay for it."""
    row = Row("cost-of-filling", "Cold sequential read(2), by when backing files are filled", "MB/s")
    folder = world.path(".")
    options = {
        "passthrough=off": "passthrough=off",
        "backing_fill=again, first pass": f"backing={folder}",
        "backing_fill=first, first pass": f"backing={folder},backing_fill=first",
    }

    def cold(place):
        def measure():
            with place.fresh() as path:
                return mb_per_s(read(path, "sequential", 1 << 20))

        return measure

    row.interleave(
        {name: cold(world.third.bundlefs(text)) for name, text in options.items()}, world.repeats
    )
    row.compare("backing_fill=again, first pass", "passthrough=off")
    row.compare("backing_fill=first, first pass", "passthrough=off")
    return row
