# SPDX-License-Identifier: Apache-2.0
"""Why a goal is not met, by what the same run measured."""
import re

from report import number


class NotMeasured(Exception):
    """What was measured tells nothing."""


class Figures:
    """Medians of a run, by row and name; KeyError for what it has not measured."""

    def __init__(self, results):
        self.cores = results["cores"]
        self.rows = {
            row["row"]: {item["name"]: item["median"] for item in row["measurements"]}
            for row in results["rows"]
        }
        self.ratios = {
            (row["row"], item["of"], item["to"]): item["median"]
            for row in results["rows"] for item in row["ratios"]
        }

    def of(self, row, name):
        return self.rows[row][name]


def pack(figures, _goal, _names):
    both, used = (figures.of("pack-bound", name) for name in ("both", "bundlefs pack, as measured"))
    theirs = figures.of("pack-bound", "mksquashfs zstd -3")
    return (f"CPU time: SHA-256 of the file and of its blob, and encoding, take {both:.2f} s/GB by "
            f"themselves, and {used:.2f} with all the rest; mksquashfs, which proves nothing, takes "
            f"{theirs:.2f}")


def listing(figures, _goal, _names):
    def of(name):
        return figures.of("list-bound", name)

    trips = [
        f"{number(of(f'all requests, each a round trip, {where}'))} ms on {where} "
        f"({number(of(f'round trip, {where}'))} us each)"
        for where in ("two CPUs", "one CPU")
        if f"round trip, {where}" in figures.rows["list-bound"]
    ]
    allowed = next(value for name, value in figures.rows["list-bound"].items()
                   if name.startswith("all that "))
    return (f"round trips: {of('requests for each of them'):.2f} requests for each of "
            f"{number(of('directories'))} directories take {', or '.join(trips)} before anything is "
            f"done for them; all that the goal allows is {number(allowed)} ms, of which ls itself "
            f"takes {number(of('ls alone, the second time: no request'))}")


def user(figures, _goal, names):
    def of(name):
        return figures.of("user-bound", name)

    ours, theirs = names
    longer = f"{number(of('longer, for each request more'))} us longer for each more"
    trips = " and ".join(
        f"{number(of(f'round trip, {where}'))} us on {where}" for where in ("two CPUs", "one CPU")
        if f"round trip, {where}" in figures.rows["user-bound"])
    return (f"requests: {number(of(f'{ours}: requests for a GB'))} for a GB, of root "
            f"{number(of(f'{theirs}: requests for a GB'))}, since only root may raise the kernel's "
            f"read-ahead; reading takes {longer}, and a round trip takes {trips}")


def processors(figures, goal, names):
    """A cold read that keeps all cores busy."""
    ours, theirs = names
    wanted = goal * figures.of("cold-read", theirs) / 1000
    spent = figures.of("matrix-cached-cpu", f"{ours}: read 1M")
    most, measured = figures.cores / spent, figures.of("cold-read", ours) / 1000
    if measured > most:
        raise NotMeasured("others used the CPUs meanwhile")
    return (f"CPU time: {wanted:.2f} GB/s are asked for. A GB takes {spent:.2f} s of CPU (reader, "
            f"daemon and kernel), so {figures.cores} cores can do {most:.2f} GB/s when none ever waits, and "
            f"{measured:.2f} were measured")


def tensors(figures, goal, names):
    """A load that takes as long from the plain file."""
    ours, theirs = names
    plain, squashfs = figures.of("torch", "plain file, cold"), figures.of("torch", theirs)
    if plain < goal * squashfs:
        raise NotMeasured("the plain file is fast enough")
    return (f"the load itself: from the plain file, on the disk and not compressed, it takes {plain:.2f} s, "
            f"which is {plain / squashfs:.2f} x already; from bundlefs {figures.of('torch', ours):.2f} s")


def cast(figures, _goal, names):
    speed = figures.of("cast", names[0]) / 1000
    memcpy = speed / figures.ratios["cast", *names]
    return (f"memcpy: it has {memcpy:.0f} GB/s here, where bands stay in the CPU's cache, and the cast {speed:.0f} "
            f"GB/s of its input")


# row, how the judged measurement or ratio begins, what tells why
REASONS = (
    ("pack-(disk|tmpfs)", "bundlefs pack", pack),
    ("catalogue", r"\d+ bundles: ls -R, cold", listing),
    ("cold-read", "bundlefs, not root", user),
    ("cold-read", "bundlefs", processors),
    ("torch", "bundlefs", tensors),
    ("cast", "", cast),
)


def reason(results, row, goal, names):
    """In words. names: of what has the goal, and of what it is compared with, if anything."""
    figures = Figures(results)
    for pattern, start, why in REASONS:
        if re.fullmatch(pattern, row) and re.match(start, names[0]):
            try:
                return why(figures, goal, names)
            except (KeyError, NotMeasured, ZeroDivisionError):  # a short run may count no CPU time at all
                break
    return "this run did not measure why"
