# SPDX-License-Identifier: Apache-2.0
"""Stores of many bundles: mounting, listing, looking at everything."""
import os
import subprocess
import time

import many_bundles
from measure import Row
from places import Bundlefs
from system import forget, memory_kib, process_of, run, settle, warm
from world import remove

COUNTS, QUICK_COUNTS = (10, 1000, 10000), (10, 100)
FILES = ("config.json", "tokenizer.json", "weights.bin")
MOUNT_MS, MEMORY_MIB, LISTED = 100, 64, 200_000  # goals for the largest store


def make_source(folder):
    os.makedirs(folder)
    for name in FILES:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(f"{{}} {name}\n" * 10)


def catalogue(world):
    counts = QUICK_COUNTS if world.quick else COUNTS
    row = Row("catalogue", "Many bundles", "ms", lower_is_better=True)
    source, one, store = (world.path(name) for name in ("tiny", "one", "many"))
    make_source(source)
    world.pack(one, source)
    place = Bundlefs(world.work, "", world.program, store)
    for count in counts:
        remove(store)
        many_bundles.make_store(one, store, count)
        for _ in range(world.repeats):
            mount_many(world, row, place, count)
    remove(store)
    most = f"{counts[-1]} bundles"
    row.limits[f"{most}: mount"] = MOUNT_MS
    row.limits[f"{most}: memory after all that"] = MEMORY_MIB
    for when in ("cold", "again"):
        row.floors[f"{most}: ls -R, {when}"] = LISTED
    row.notes += [
        "mount: what is stored is in the page cache; \"from disk\": nothing of it is",
        "cold: the first in that mount; again: the second. Entries: lines of ls -R that name one",
    ]
    return [row]


def timed_mount(world, place):
    start = time.monotonic()
    run([world.program, "mount", place.store, place.mount_point])
    took = 1000 * (time.monotonic() - start)
    place.pid = process_of(place.mount_point)
    return took


def output_of(world, command):
    """Seconds, and lines that name an entry. Written to a file, as into nobody's terminal."""
    path = world.path("listing")
    with open(path, "w", encoding="utf-8") as out:
        start = time.monotonic()
        subprocess.run(command, stdout=out, check=True)
        took = time.monotonic() - start
    with open(path, encoding="utf-8") as file:
        return took, sum(1 for line in file if line.strip() and not line.endswith(":\n"))


def mount_many(world, row, place, count):
    run(["sync", "-f", place.store])
    forget(place.store, written=False)
    row.add(f"{count} bundles: mount from disk", timed_mount(world, place))
    place.unmount()
    warm(place.store)
    settle(0)
    row.add(f"{count} bundles: mount", timed_mount(world, place))
    try:
        row.add(f"{count} bundles: memory", memory_kib(place.pid, "VmRSS") / 1024, "MiB")
        for when in ("cold", "again"):
            took, entries = output_of(world, ["ls", "-R", place.mount_point])
            row.add(f"{count} bundles: ls -R, {when}", entries / took, "entries/s")
        row.add(f"{count} bundles: entries listed", entries, "")
        for when in ("first", "again"):
            command = ["find", place.mount_point, "-printf", "%s\n"]
            took, entries = output_of(world, command)
            row.add(f"{count} bundles: stat of everything, {when}", entries / took, "entries/s")
        row.add(f"{count} bundles: memory after all that", memory_kib(place.pid, "VmHWM") / 1024,
                "MiB")
    finally:
        place.unmount()
