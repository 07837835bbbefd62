# SPDX-License-Identifier: Apache-2.0
"""What more cores give: measured as far as there are any, and beyond by a model."""
import os
import statistics

from measure import Row, turns
from rows_read import SHIPPED, SQUASHFS
from system import which

MODELLED = (1, 2, 4, 8, 16)


def counts():
    """1, 2, 4 ... and all that there are."""
    cores = sorted(os.sched_getaffinity(0))
    found = [n for n in (1, 2, 4, 8, 16, 32) if n < len(cores)]
    return cores, [*found, len(cores)]


def columns_of(row, steps):
    """Number of cores -> its column. Without taskset only all of them can be measured."""
    columns = {n: f"{n} core{'s' if n > 1 else ''}" for n in steps}
    if not which("taskset"):
        for n in steps[:-1]:
            row.leave_out(columns.pop(n), "taskset is not installed")
    return columns


def pinned(place, cores, every):
    def measure():
        place.prefix = [] if every else ["taskset", "-c", ",".join(map(str, cores))]
        with place.fresh() as path:
            return place.read(path, "sequential", 1 << 20)

    return measure


def scaling(world):
    row = Row("cores", "Cold read(2) by the number of cores", "GB/s")
    data, (cores, steps) = world.third, counts()
    places = {SHIPPED: data.bundlefs(), SQUASHFS: data.kernel_squashfs()}
    columns = columns_of(row, steps)
    row.grid = {"lines": list(places), "columns": list(columns.values())}
    spent = []
    contenders = {
        (name, n): pinned(place, cores[:n], n == len(cores))
        for n in columns for name, place in places.items()
    }
    for (name, n), got in turns(
            contenders, world.repeats, lambda key, reason: row.leave_out(key[0], reason)):
        gb = got["bytes"] / 1e9
        row.add(f"{name}: {columns[n]}", gb / got["seconds"])
        if name == SHIPPED and n == steps[-1]:
            spent.append([got[key] / gb for key in ("reader_cpu", "daemon_cpu", "machine_cpu")])
    for name in places:
        if len(columns) > 1:
            row.compare(f"{name}: {columns[steps[-1]]}", f"{name}: {columns[1]}")
    return [row, model(spent)] if spent else [row]


def model(spent):
    """spent: CPU seconds per GB of (reader, daemon, machine), repeat by repeat."""
    row = Row("cores-model", "The same by a model, from CPU seconds per GB", "GB/s")
    parts = {"serial: the reader": [], "parallel: daemon and kernel": []}
    for reader, daemon, machine in spent:
        serial = max(reader, 0.01)
        parallel = max(daemon, machine - reader)
        parts["serial: the reader"].append(serial)
        parts["parallel: daemon and kernel"].append(parallel)
        for n in MODELLED:
            row.add(f"Amdahl: {n}", 1 / (serial + parallel / n))
            row.add(f"overlapped: {n}", 1 / max(serial, (serial + parallel) / n))
    row.grid = {"lines": ["Amdahl", "overlapped"], "columns": [str(n) for n in MODELLED]}
    serial, parallel = (statistics.median(values) for values in parts.values())
    row.notes += [
        f"medians, in seconds per GB: S = {serial:.2f}, what one reader does itself, and "
        f"P = {parallel:.2f}, what daemon and kernel do for it on any core",
        "Amdahl: 1 / (S + P / n), as if reader and daemon took turns; overlapped: "
        "1 / max(S, (S + P) / n), as if they never waited for each other. What is real lies "
        "between; memory bandwidth, which cores share, is in neither",
    ]
    return row
