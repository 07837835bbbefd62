# SPDX-License-Identifier: Apache-2.0
"""Rows about one reader of a mount, and about eight."""
import subprocess
import sys

from measure import Row
from places import READER, mb_per_s
from system import NOBODY, memory_kib
from world import QUARTER, ROUND_TRIP

SHIPPED = "bundlefs"
SQUASHFS = "squashfs zstd, kernel"
SQUASHFUSE = "squashfuse_ll zstd"
CACHE_ALLOWANCE = 64  # MiB of the daemon's memory beside its cache_size
DEFAULT_CACHE = 256
USER_GOAL = 0.7  # of root's rate
ONCE_EACH = 1.005  # 1.00 by the decimals that it is stated in


def one_way(place, method, *arguments):
    """A measurement: the place made cold, then one run of the reader."""

    def measure():
        with place.fresh() as path:
            return mb_per_s(place.read(path, method, *arguments))

    return measure


def second_pass(dataset):
    """Proved once, then read again when the kernel has forgotten it; None without that option."""
    known = dataset.world.options
    if "verify" not in known:
        return None
    options = ["verify=once"] + (["passthrough=off"] if "passthrough" in known else [])
    place = dataset.bundlefs(",".join(options))
    place.second_pass = True
    return place


def cold_read(world):
    """The headline: one reader, read(2), nothing decoded before."""
    row = Row("cold-read", "Cold sequential read(2), 1 MiB at a time", "MB/s")
    once, others = f"{SHIPPED}, verify=once, second pass", f"{SHIPPED}, not root"
    places = {
        SHIPPED: world.bundlefs(),
        once: second_pass(world.main),
        SQUASHFS: world.kernel_squashfs(),
        others: world.bundlefs(user=NOBODY),
        SQUASHFUSE: world.squashfuse(),
        world.erofs_name: world.kernel_erofs(),
        "zstd -dc": world.main.stream(),
        "plain file, cold": world.plain(cold=True),
        "plain file, warm": world.plain(cold=False),
    }
    if not places[once]:
        del places[once]
        row.leave_out(once, "this program has no option verify=")
    row.interleave(
        {name: one_way(place, "sequential", 1 << 20) for name, place in places.items()},
        world.repeats,
    )
    row.compare(SHIPPED, SQUASHFS, goal=2.2)
    row.compare(SHIPPED, world.erofs_name, goal=1.5 if world.erofs_compressor == "zstd" else None)
    if world.erofs_compressor == "lz4":
        row.notes.append(
            "erofs: this mkfs.erofs has no zstd (integration/bench/erofs-utils builds one that has). "
            "With lz4, weights do not become smaller: what is read is all but the plain file. The goal "
            "against erofs with zstd cannot be judged here"
        )
    row.compare(once, SQUASHFS, goal=2.9)
    for other in (SQUASHFUSE, "zstd -dc", "plain file, cold"):
        row.compare(SHIPPED, other)
    row.compare(others, SHIPPED, goal=USER_GOAL)
    if others in row.values and row.ratios[-1]["median"] < USER_GOAL:
        return [row, user_bound(world, row, {SHIPPED: places[SHIPPED], others: places[others]})]
    return [row]


def user_bound(world, row, places):
    """What the requests cost that only a mount of a user gets; `row` has the rates in MB/s."""
    bound = Row("user-bound", f"Why a user's mount is not {USER_GOAL} x root's: requests", "s/GB",
                lower_is_better=True)
    requests = {}
    for name, place in places.items():
        with place.fresh() as path:
            before = place.metric("bundlefs_read_requests_total")
            size = place.read(path, "sequential", 1 << 20)["bytes"]
            requests[name] = (place.metric("bundlefs_read_requests_total") - before) / (size / 1e9)
        bound.add(f"{name}: requests for a GB", requests[name], "")
        for rate in row.values[name]:
            bound.add(f"{name}: reading", 1000 / rate)
    shipped, user = places
    more = requests[user] - requests[shipped]
    times = (bound.values[f"{name}: reading"] for name in places)
    for ours, theirs in zip(*times):
        if more > 0 and theirs > ours:
            bound.add("longer, for each request more", (theirs - ours) / more * 1e6, "us")
    for where, trip in world.round_trips().items():
        bound.add(f"round trip, {where}", trip, "us")
    bound.notes += [
        "the kernel reads ahead for a user's mount as little as it does for any; root may raise that, "
        "and so has larger requests",
        ROUND_TRIP,
    ]
    return bound


def other_data(world):
    """Types of weights beside bf16."""
    row = Row("data", "Cold sequential read(2) of other data, 1 MiB at a time", "MB/s")
    sets = {"f32": world.safetensors("f32", QUARTER, "f32"), "Q4_0, GGUF": world.q4}
    places = {}
    for kind, data in sets.items():
        places[f"{SHIPPED}: {kind}"] = data.bundlefs()
        places[f"{SQUASHFS}: {kind}"] = data.kernel_squashfs()
        places[f"{world.erofs_name}: {kind}"] = data.kernel_erofs()
        places[f"plain file, cold: {kind}"] = data.plain()
    row.interleave(
        {name: one_way(place, "sequential", 1 << 20) for name, place in places.items()},
        world.repeats,
    )
    for kind in sets:
        row.compare(f"{SHIPPED}: {kind}", f"{SQUASHFS}: {kind}")
    return [row]


def memory(world):
    """Eight readers with O_DIRECT, so that every byte passes through the daemon."""
    row = Row("memory", "Peak memory of the daemon, 8 readers, O_DIRECT", "MiB")
    readers, data = 8, world.third
    total = data.size * 2
    for cache in (32, DEFAULT_CACHE):
        place = data.bundlefs(options=f"cache_size={cache}M")
        with place.fresh() as path:
            idle = memory_kib(place.pid, "VmRSS") / 1024
            run_readers([
                ["direct_loop", path, 1 << 20, data.size * i // readers, total // readers]
                for i in range(readers)
            ])
            peak = memory_kib(place.pid, "VmHWM") / 1024
        row.add(f"cache_size={cache}M, before", idle)
        row.add(f"cache_size={cache}M, peak", peak)
        row.limits[f"cache_size={cache}M, peak"] = cache + CACHE_ALLOWANCE
    return [row]


def run_readers(jobs):
    """All at once; their figures do not matter."""
    running = [
        subprocess.Popen(
            [sys.executable, READER, *map(str, job)], stdout=subprocess.DEVNULL
        )
        for job in jobs
    ]
    if any([process.wait() for process in running]):
        raise RuntimeError("a reader failed")


def eight_readers(world):
    """Ranks that open the same file: each chunk is decoded for all of them."""
    row = Row("readers", "8 readers of one file, cold: bytes decoded / bytes in the file", "",
              lower_is_better=True)
    data = world.third
    ways = {
        "read 1M": ("sequential", 1 << 20),
        "mmap touch": ("touch", 0),
        "O_DIRECT 1M": ("direct", 1 << 20),
    }
    places = {SHIPPED: data.bundlefs()}
    if "passthrough" in world.options:
        places[f"{SHIPPED}, passthrough=off"] = data.bundlefs("passthrough=off")
    row.grid = {"lines": list(places), "columns": list(ways)}

    def decoded(place, method, size):
        with place.fresh() as path:
            before = place.metric("bundlefs_decoded_bytes_total")
            run_readers([[method, path, size]] * 8)
            return (place.metric("bundlefs_decoded_bytes_total") - before) / data.size

    row.interleave(
        {
            f"{name}: {way}": lambda p=place, a=arguments: decoded(p, *a)
            for way, arguments in ways.items()
            for name, place in places.items()
        },
        world.repeats,
    )
    for name in row.values:
        if "O_DIRECT" not in name:
            row.limits[name] = ONCE_EACH
    row.notes.append(
        "O_DIRECT asks for every byte eight times and may not be answered from the page cache; a "
        "chunk is decoded again when the readers are further apart than the chunk cache is large, "
        "and how far they get apart is a matter of when they start and of the scheduler: no goal"
    )
    return [row]


def busy_read(place, path):
    """Sequential, and how many CPUs the daemon used meanwhile."""
    got = place.read(path, "sequential", 1 << 20)
    busy = got["daemon_cpu"] / got["seconds"]
    return {" read(2)": (mb_per_s(got), "MB/s"), " read(2), CPUs of the daemon": (busy, "")}


def mapped_read(place, path):
    return {" mmap in order": (mb_per_s(place.read(path, "touch", 0)), "MB/s")}


def random_read(place, path):
    got = place.read(path, "random_pages", 1000)
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
