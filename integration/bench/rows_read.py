# SPDX-License-Identifier: Apache-2.0
"""Rows about reading through a mount."""
import subprocess
import sys

from measure import Row
from places import NOBODY, READER, mb_per_s, memory_kib, read

SHIPPED = "bundlefs"
SQUASHFS = "squashfs zstd, kernel"


def one_way(place, method, *arguments):
    """A measurement: the place made cold, then one run of the reader."""

    def measure():
        with place.fresh() as path:
            return mb_per_s(read(path, method, *arguments, user=place.user))

    return measure


def cold_read(world):
    """The headline: one reader, read(2), nothing decoded before."""
    row = Row("cold-read", "Cold sequential read(2), 1 MiB at a time", "MB/s")
    erofs = f"erofs {world.erofs_compressor}, kernel"
    places = {
        SHIPPED: world.bundlefs(),
        SQUASHFS: world.kernel_squashfs(),
        f"{SHIPPED}, not root": world.bundlefs(user=NOBODY),
        "squashfuse_ll zstd": world.squashfuse(),
        erofs: world.kernel_erofs(),
        "plain file, cold": world.plain(cold=True),
        "plain file, warm": world.plain(cold=False),
    }
    row.interleave(
        {name: one_way(place, "sequential", 1 << 20) for name, place in places.items()},
        world.repeats,
    )
    row.compare(SHIPPED, SQUASHFS, goal=1.8)
    for other in ("squashfuse_ll zstd", erofs, "plain file, cold"):
        row.compare(SHIPPED, other)
    row.compare(f"{SHIPPED}, not root", SHIPPED)
    return [row]


def ways(world):
    """How loaders read: bundlefs beside the kernel's squashfs."""
    methods = {
        "read(2) 128K": ("sequential", 128 << 10),
        "O_DIRECT 1M": ("direct", 1 << 20),
        "mmap, each page in order": ("touch", 0),
        "8 threads, pread 16M": ("threads", 16 << 20),
    }
    row = Row("ways", "Cold, in the ways that loaders read", "MB/s")
    places = {SHIPPED: world.bundlefs(), "squashfs": world.kernel_squashfs()}
    row.interleave(
        {
            f"{name}: {way}": one_way(place, *arguments)
            for way, arguments in methods.items()
            for name, place in places.items()
        },
        world.repeats,
    )
    for way in methods:
        row.compare(f"{SHIPPED}: {way}", f"squashfs: {way}")
    return [row, warm_read(world)]


def warm_read(world):
    """The second read of a file, which the page cache answers."""
    row = Row("warm-read", "Read again, from the page cache", "MB/s")

    def again(place):
        def measure():
            with place.fresh() as path:
                read(path, "sequential", 1 << 20, user=place.user)
                return mb_per_s(read(path, "sequential", 1 << 20, user=place.user))

        return measure

    row.interleave(
        {
            SHIPPED: again(world.bundlefs()),
            SQUASHFS: again(world.kernel_squashfs()),
            "plain file": again(world.plain(cold=False)),
        },
        world.repeats,
    )
    row.compare(SHIPPED, "plain file")
    return row


def random_pages(place, count=2000):
    def measure():
        with place.fresh() as path:
            got = read(path, "random_faults", count, user=place.user)
            return {
                " p50": (got["p50"], "us"),
                " p99": (got["p99"], "us"),
                " major faults": (got["faults"], ""),
            }

    return measure


def faults(world):
    row = Row("random-faults", "mmap, 2000 random pages, cold", "us")
    row.interleave(
        {
            SHIPPED: random_pages(world.bundlefs()),
            "squashfs": random_pages(world.kernel_squashfs()),
            "plain file, cold": random_pages(world.plain(cold=True)),
        },
        world.repeats,
    )
    row.compare(f"{SHIPPED} p99", "squashfs p99", at_most=True)
    return [row]


def memory(world):
    """Eight readers with O_DIRECT, so that every byte passes through the daemon."""
    row = Row("memory", "Peak memory of the daemon, 8 readers, 2 GB", "MiB")
    readers, total, allowance = 8, 2_000_000_000, 64
    for cache in (32, 256):
        place = world.bundlefs(options=f"cache_size={cache}M")
        with place.fresh() as path:
            idle = memory_kib(place.pid, "VmRSS") / 1024
            run_readers(path, readers, total, world.size)
            peak = memory_kib(place.pid, "VmHWM") / 1024
        row.add(f"cache_size={cache}M, before", idle)
        row.add(f"cache_size={cache}M, peak", peak)
        row.limits[f"cache_size={cache}M, peak"] = cache + allowance
    return [row]


def run_readers(path, count, total, size):
    command = [sys.executable, READER, "direct_loop", path, str(1 << 20)]
    running = [
        subprocess.Popen(
            [*command, str(size * i // count), str(total // count)], stdout=subprocess.DEVNULL
        )
        for i in range(count)
    ]
    if any([process.wait() for process in running]):
        raise RuntimeError("a reader failed")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def busy_read(place, path):
    """Sequential, and how many CPUs the daemon used meanwhile."""
    before = cpu_seconds(place.pid)
    got = read(path, "sequential", 1 << 20)
    busy = (cpu_seconds(place.pid) - before) / got["seconds"]
    return {" read(2)": (mb_per_s(got), "MB/s"), " read(2), CPUs of the daemon": (busy, "")}


def mapped_read(_place, path):
    return {" mmap in order": (mb_per_s(read(path, "touch", 0)), "MB/s")}


def random_read(_place, path):
    got = read(path, "random_faults", 1000)
    return {" random p50": (got["p50"], "us"), " random p99": (got["p99"], "us")}


EVERY_WAY = (busy_read, mapped_read, random_read)


def tuned(place, ways_to_read):
    def measure():
        found = {}
        for way in ways_to_read:
            with place.fresh() as path:
                found.update(way(place, path))
        return found

    return measure


def tune_option(world, option, values, ways_to_read=(busy_read,)):
    row = Row(f"tune-{option}", f"Cold, by -o {option}", "MB/s")
    contenders = {
        f"{value:>5}": tuned(world.bundlefs(f"{option}={value}"), ways_to_read) for value in values
    }
    row.interleave(contenders, world.repeats)
    return row


def tune_read_ahead(world):
    return [tune_option(world, "read_ahead_kb", (128, 512, 1024, 2048, 4096, 8192), EVERY_WAY)]


def tune_cache_size(world):
    return [tune_option(world, "cache_size", ("16M", "32M", "64M", "256M"))]


def tune_workers(world):
    return [tune_option(world, "workers", (1, 2, 3, 4))]


def tune_chunk_size(world):
    row = Row("tune-chunk-size", "Cold, by pack --chunk-size", "MB/s")
    contenders = {}
    for size in ("64K", "128K", "256K", "512K", "1M"):
        store = world.path(f"store-{size}")
        report = world.pack(store, world.model, "1", "--chunk-size", size)
        row.add(f"{size:>5} size left", 100 * report["stored_size"] / report["content_size"], "%")
        contenders[f"{size:>5}"] = tuned(world.bundlefs(store=store), (busy_read, random_read))
    row.interleave(contenders, world.repeats)
    return [row]
