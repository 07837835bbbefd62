# SPDX-License-Identifier: Apache-2.0
"""The sweep of failing allocations as a program: the sample of the case, the whole of the soak."""
import os
import subprocess
import sys

from support import malloc_mount, malloc_sweep, malloc_verbs, mounts
from support.common import Failed, require
from support.malloc_world import World


def sweep(program, library, folder, sample, seed, n_jobs, wanted=lambda name: True):
    """Returns how many runs were wrong; prints a row for each form."""
    malloc_verbs.check_complete(program)
    can_mount = os.getuid() == 0 and os.path.exists("/dev/fuse")
    world = World(program, folder + "/world")
    sweeping = malloc_sweep.Sweep(world, library, folder)
    report = malloc_sweep.Report()
    forms = malloc_verbs.READING + malloc_verbs.WRITING + (malloc_verbs.MOUNTED if can_mount else [])
    print(f"seed {seed}, " + (f"{sample} positions of each form" if sample else "all positions"), flush=True)
    try:
        malloc_sweep.sweep_verbs(sweeping, [form for form in forms if wanted(form.name)], sample, seed, n_jobs, report)
        if can_mount and wanted("mount"):
            malloc_mount.sweep_mounts(sweeping, sample, seed, n_jobs, report)
    finally:
        unmount_below(folder)
    runs = sum(row[2] for row in report.rows)
    print(f"{runs} runs, {len(report.violations)} violations" + ("" if can_mount else "; no mounts: not root, or no /dev/fuse"))
    return len(report.violations)


def unmount_below(folder):
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        points = [line.split()[4] for line in file]
    for point in points:
        if point.startswith(folder + "/"):
            subprocess.run(["umount", "-l", point], stderr=subprocess.DEVNULL, check=False)
            require(not mounts.mount_types(point), f"{point} is still mounted")


def run(*args, **options):
    """The exit status of a program that sweeps."""
    try:
        return 1 if sweep(*args, **options) else 0
    except Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        return 1
