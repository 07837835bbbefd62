# SPDX-License-Identifier: Apache-2.0
"""Stores of many bundles: mounting, listing, looking at everything."""
import contextlib
import os
import statistics
import subprocess
import time

import many_bundles
from measure import Row, turns
from places import Bundlefs, Image, Squashfuse
from rows_read import SHIPPED, SQUASHFS, SQUASHFUSE
from system import forget, memory_kib, process_of, run, settle, warm, which
from world import ONE_CPU, ROUND_TRIP, TWO_CPUS, remove

COUNTS, QUICK_COUNTS = (10, 1000, 10000), (10, 100)
FILES = ("config.json", "tokenizer.json", "weights.bin")
MOUNT_MS, MEMORY_MIB, LISTED = 100, 64, 200_000  # goals for the largest store
ALLOWED, MEASURED = f"all that {LISTED} entries/s allow", "the first ls -R, as measured"
ALONE, TRIPS = "ls alone, the second time: no request", "all requests, each a round trip"


def make_source(folder):
    os.makedirs(folder)
    for name in FILES:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(f"{{}} {name}\n" * 10)


def make_tree(place, folder):
    """The names of a mounted store, as folders and empty files and links."""
    with contextlib.ExitStack() as mounted:
        place.mount()
        mounted.callback(place.unmount)
        top = place.mount_point
        for path, folders, files in os.walk(top):
            if path == top:  # ls -R does not show them
                folders[:] = [name for name in folders if not name.startswith(".")]
            copy = os.path.join(folder, os.path.relpath(path, top))
            os.makedirs(copy, exist_ok=True)
            for name in [*folders, *files]:
                if os.path.islink(os.path.join(path, name)):
                    os.symlink(os.readlink(os.path.join(path, name)), os.path.join(copy, name))
            for name in files:
                if not os.path.lexists(os.path.join(copy, name)):
                    os.mknod(os.path.join(copy, name))


def peers(world, place):
    """The same tree in other file systems: name -> where it is mounted."""
    tree = world.path("many-tree")
    make_tree(place, tree)
    squashfs, erofs = None, None
    if which("mksquashfs"):
        squashfs = world.path("many.squashfs")
        world.make_squashfs(squashfs, tree)
    if world.erofs_compressor:
        erofs = world.path("many.erofs")
        world.make_erofs(erofs, tree)
    remove(tree)
    found = {
        SQUASHFS: Image(world.work, "", squashfs, "squashfs"),
        world.erofs_name: Image(world.work, "", erofs, "erofs"),
        SQUASHFUSE: Squashfuse(world.work, "", squashfs),
    }
    for other in found.values():
        other.size = 0  # nothing of it is read
    return found


def list_twice(world, row, place, prefix, suffix=""):
    """`ls -R` in a mount that nobody looked at before, and again. When -> as output_of() says it."""
    found = {}
    for when in ("cold", "again"):
        found[when] = took, entries, _ = output_of(world, ["ls", "-R", place.mount_point])
        row.add(f"{prefix}: ls -R, {when}{suffix}", entries / took, "entries/s")
    return found


def list_peer(world, row, place, prefix, name):
    def measure():
        with place.fresh():
            entries = list_twice(world, row, place, prefix, f": {name}")["cold"][1]
        if row.values[f"{prefix}: entries listed"][-1] != entries:
            raise RuntimeError(f"{name} lists {entries} entries")

    return measure


def catalogue(world):
    counts = QUICK_COUNTS if world.quick else COUNTS
    row = Row("catalogue", "Many bundles", "ms", lower_is_better=True)
    source, one, store = (world.path(name) for name in ("tiny", "one", "many"))
    make_source(source)
    world.pack(one, source)
    place = Bundlefs(world.work, "", world.program, store)
    most = f"{counts[-1]} bundles"
    bound = Row("list-bound", f"Why the first ls -R is not {LISTED} entries/s: round trips", "ms",
                lower_is_better=True)
    for count in counts:
        remove(store)
        many_bundles.make_store(one, store, count)
        most_of_all = count == counts[-1]
        contenders = {
            SHIPPED: lambda n=count, b=bound if most_of_all else None: mount_many(
                world, row, place, n, b)
        }
        if most_of_all:
            contenders.update({
                name: list_peer(world, row, other, most, name)
                for name, other in peers(world, place).items()
            })
        for _ in turns(contenders, world.repeats, row.leave_out):
            pass
    remove(store)
    row.limits[f"{most}: mount"] = MOUNT_MS
    row.limits[f"{most}: memory after all that"] = MEMORY_MIB
    cold = f"{most}: ls -R, cold"
    for when in ("cold", "again"):
        row.floors[f"{most}: ls -R, {when}"] = LISTED
    for other in (SQUASHFS, world.erofs_name, SQUASHFUSE):
        row.compare(cold, f"{cold}: {other}")
    row.notes += [
        "mount: what is stored is in the page cache; \"from disk\": nothing of it is",
        "cold: the first in that mount; again: the second. Entries: lines of ls -R that name one",
        "stat of everything: find that prints sizes. After ls -R it asks for each file by itself: on a "
        "long walk files are listed by name and kind, until somebody wants more; cold, it is the first "
        "walk of its mount, and from the first files on it gets sizes with the names",
        f"{SQUASHFS}, and others: the same names in an image that is in the page cache, as empty files",
    ]
    if statistics.median(row.values[cold]) >= LISTED or not bound.values:
        return [row]
    return [row, explained(bound)]


def answers_of(pid):
    """How many times a daemon has written: every answer to the kernel is one. None: nobody tells."""
    try:
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("syscw:"))
    except OSError:
        return None


def add_bound(world, bound, answers, listed):
    """What one `ls -R` asked the daemon, beside what so many questions cost whoever is asked."""
    (took, entries, folders), (again, _, _) = listed["cold"], listed["again"]
    bound.add("directories", folders, "")
    bound.add("requests for each of them", answers / folders, "")
    bound.add(ALLOWED, 1000 * entries / LISTED)
    bound.add(ALONE, 1000 * again)
    for where, trip in world.round_trips().items():
        bound.add(f"round trip, {where}", trip, "us")
        bound.add(f"{TRIPS}, {where}", answers * trip / 1000)
    bound.add(MEASURED, 1000 * took)


def explained(bound):
    for where in (TWO_CPUS, ONE_CPU):
        bound.compare(f"{TRIPS}, {where}", ALLOWED)
    bound.notes += [
        "the kernel asks twice for each directory: READDIR has no mark of the end, so the end is an "
        "answer without entries, and ls waits for one directory after the other",
        f"{ROUND_TRIP}. The kernel decides which it is, request by request, so what requests cost "
        "before anything is done for them lies between the two",
    ]
    return bound


def look_at_all(world, row, place, prefix, times):
    for when in times:
        took, entries, _ = output_of(world, ["find", place.mount_point, "-printf", "%s\n"])
        row.add(f"{prefix}: stat of everything, {when}", entries / took, "entries/s")


def timed_mount(world, place):
    start = time.monotonic()
    place.run_mount([world.program, "mount", place.store, place.mount_point])
    took = 1000 * (time.monotonic() - start)
    place.pid = process_of(place.mount_point)
    return took


def output_of(world, command):
    """Seconds, lines that name an entry, and lines that name a directory. Written to a file, as into
    nobody's terminal."""
    path = world.path("listing")
    with open(path, "w", encoding="utf-8") as out:
        start = time.monotonic()
        subprocess.run(command, stdout=out, check=True)
        took = time.monotonic() - start
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if line.strip()]
    folders = sum(line.endswith(":\n") for line in lines)
    return took, len(lines) - folders, folders


def mount_many(world, row, place, count, bound):
    """bound: the row that is to say why ls -R takes so long, or None."""
    run(["sync", "-f", place.store])
    forget(place.store, written=False)
    row.add(f"{count} bundles: mount from disk", timed_mount(world, place))
    place.unmount()
    warm(place.store)
    settle(0)
    row.add(f"{count} bundles: mount", timed_mount(world, place))
    try:
        row.add(f"{count} bundles: memory", memory_kib(place.pid, "VmRSS") / 1024, "MiB")
        answers, listed = answers_of(place.pid), list_twice(world, row, place, f"{count} bundles")
        answers = None if answers is None else answers_of(place.pid) - answers
        row.add(f"{count} bundles: entries listed", listed["cold"][1], "")
        look_at_all(world, row, place, f"{count} bundles", ("after ls -R", "again"))
        row.add(f"{count} bundles: memory after all that", memory_kib(place.pid, "VmHWM") / 1024,
                "MiB")
    finally:
        place.unmount()
    timed_mount(world, place)
    try:
        look_at_all(world, row, place, f"{count} bundles", ("cold",))
    finally:
        place.unmount()
    if bound and answers is not None:
        add_bound(world, bound, answers, listed)
