# SPDX-License-Identifier: Apache-2.0
"""Reading from a disk that is slower than this one."""
import os

from measure import Row
from places import DISK
from rows_read import SHIPPED, SQUASHFS, SQUASHFUSE
from throttle import Throttle
from world import tree_size

LIMITS = (1.0, 0.5, 0.25)  # GB/s
JUDGED = 0.5
ONE, MANY = ("sequential", 1 << 20), ("threads", 16 << 20)


def limited(place, throttle, limit, way):
    def measure():
        throttle.set(int(limit * 1e9))
        place.prefix = throttle.command
        with place.fresh(DISK) as path:
            got = place.read(path, *way)
        return got["bytes"] / got["seconds"] / 1e9

    return measure


def slow_disk(world):
    row = Row("slow-disk", "Cold read(2), 1 MiB at a time, from a disk with a limit", "GB/s")
    plain, best = "plain file", "plain file, 8 threads pread 16M"
    data = world.third
    with Throttle(world.work, f"bundlefs-bench-{os.getpid()}").open() as throttle:
        places = {
            SHIPPED: (data.bundlefs(), ONE),
            SQUASHFS: (data.kernel_squashfs(), ONE),
            plain: (data.plain(), ONE),
            best: (data.plain(), MANY),
        }
        others = {  # only where it is judged
            world.erofs_name: (data.kernel_erofs(), ONE),
            SQUASHFUSE: (data.squashfuse(), ONE),
        }
        columns = [f"{limit:g} GB/s" for limit in LIMITS]
        row.grid = {"lines": [*places, *others], "columns": columns}
        row.interleave(
            {
                f"{name}: {column}": limited(place, throttle, limit, way)
                for limit, column in zip(LIMITS, columns)
                for name, (place, way) in (places | (others if limit == JUDGED else {})).items()
            },
            world.repeats,
        )
    for limit, column in zip(LIMITS, columns):
        goal = 1.4 if limit == JUDGED else None
        row.compare(f"{SHIPPED}: {column}", f"{plain}: {column}", goal=goal)
        row.compare(f"{SHIPPED}: {column}", f"{best}: {column}")
        for other in (SQUASHFS, *others):
            row.compare(f"{SHIPPED}: {column}", f"{other}: {column}")
    gain = data.size / tree_size(data.store)
    row.notes += [
        f"limited by {throttle.how}, for daemon, reader and what the kernel reads for them; the "
        "store, the image and the plain file lie on that disk",
        f"the most that fewer bytes can give is 1 / the share that is left: {gain:.2f} x",
    ]
    return [row]
