#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# TIMEOUT: 600
# NOT-UNDER: address thread
"""The benchmark on tiny data: every row gives figures, or is left out with a reason that says what is
missing; the page and its charts show all of them. Without root it measures what it can."""
import json
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "..", "bench")
sys.path[:0] = [os.path.join(HERE, ".."), BENCH]
try:
    import numpy  # noqa: F401
except ImportError:
    print("SKIP: needs python3-numpy")
    sys.exit(77)
import build_info  # noqa: E402
import erofs  # noqa: E402
import measure  # noqa: E402
import page  # noqa: E402
import report  # noqa: E402
import rows_cores  # noqa: E402
from support.common import Failed, require  # noqa: E402

WORK = os.environ["WORK"]
BUILD = os.path.dirname(os.path.dirname(os.environ["BUNDLEFS"]))
NOBODY = "65534"
# Why a contender or a row may be missing; anything else is a fault of the benchmark.
REASONS = re.compile(r"not installed|needs root|no option|refused|no maker|only be read in order|"
                     r"decoded anew|takes no limit|can be made|no block device|cannot mount|"
                     r"neither io.max|nothing to compare|no mksquashfs|lacks the permission to mount")
OLD_HELP = """ --quiet               quiet execution (do not write anything to standard output.)

Available compressors are: lz4hc, lz4
"""
NEW_HELP = """ -zX[,level=Y]         X=compressor (Y=compression level, Z=dictionary size, optional)
    [,dictsize=Z]      alternative compressors can be separated by colons(:)
    [:...]             supported compressors and their option ranges are:
                         lz4
                         lz4hc
                           [,level=<0-12>]\t\t(default=9)
                         zstd
                           [,level=<0-22>]\t\t(default=3)
                           [,dictsize=<dictsize>]\t(default=<auto>, max=1048576)
 -C#                   specify the size of compress physical cluster in bytes
"""
# Mounts a /dev/fuse that is root's alone over the one that is there, where only it sees that.
CLOSED = """
mknod "$0/fuse" c 10 229 && chmod 600 "$0/fuse" && mount --bind "$0/fuse" /dev/fuse && exec "$@"
"""
MANY = ("cold-read", "matrix", "data", "readers", "memory", "catalogue", "policy",
        "cores")


def bench(*options, user=None, work="tmp", prefix=()):
    command = [os.path.join(BENCH, "run"), "--build", BUILD, "--quick", "--size", "16M", "--work",
               os.path.join(WORK, work), "--json", os.path.join(WORK, work, "results.json"), *options]
    if user:
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
    done = subprocess.run([*prefix, *command], capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr, sep="\n")
    require(done.returncode == 0, f"the benchmark: exit {done.returncode}: {done.stderr[-500:]}")
    with open(os.path.join(WORK, work, "results.json"), encoding="utf-8") as file:
        return json.load(file)


def check_reasons(results):
    for name, why in results["left_out"].items():
        require(REASONS.search(why), f"{name} was left out: {why}")
    for row in results["rows"]:
        for note in row["notes"]:
            require("left out" not in note or REASONS.search(note), f"{row['row']}: {note}")


def check_figures(results):
    require(results["failed"] == {}, f"failed: {results['failed']}")
    check_reasons(results)
    for row in results["rows"]:
        require(row["measurements"], f"{row['row']} has no figures")
        for item in (*row["measurements"], *row["ratios"]):
            what = f"{row['row']}: {item.get('name', item.get('of'))}"
            require(math.isfinite(item["median"]) and item["median"] >= 0, f"{what}: {item}")
        if row["grid"]:
            _, lines = report.cells(row)
            shown = sum(1 for _, items in lines for item in items if item)
            require(shown == len(row["measurements"]), f"{row['row']}: {shown} cells are shown")


def check_page(results, folder):
    with open(os.path.join(folder, "README.md"), encoding="utf-8") as file:
        text = file.read()
    for row in results["rows"]:
        require(f"### {row['title']}\n" in text, f"the page has no {row['title']!r}")
    for why in results["left_out"].values():
        require(why.split()[0] in text, f"the page does not say: {why}")
    charts = re.findall(r"\]\(([a-z-]+\.svg)\)", text)
    require("cold-read.svg" in charts and "matrix-cached-rate.svg" in charts, f"charts: {charts}")
    for name in charts:
        drawn = xml.etree.ElementTree.parse(os.path.join(folder, name)).getroot()
        require(drawn.tag.endswith("svg") and len(drawn) > 5, f"{name} shows nothing")


def check_arithmetic():
    row = measure.Row("r", "R", "x")
    skipped = measure.Skipped("it is not installed")

    def absent():
        raise skipped

    order = []
    row.interleave({"a": lambda: order.append("a") or 2.0, "b": lambda: order.append("b") or 4.0,
                    "c": absent}, 3)
    require(order == list("abbaab"), f"turns: {order}")
    row.compare("a", "b", goal=0.5)
    row.compare("a", "b", goal=0.4, at_most=True)
    row.compare("a", "c")
    verdicts = [line[-1] for line in report.ratio_lines(row.as_json())]
    require(verdicts == ["at least 0.5: met", "at most 0.4: not met"], f"verdicts: {verdicts}")
    require(row.notes == ["c: left out, it is not installed"], f"notes: {row.notes}")


def check_compressors():
    for text, names in ((OLD_HELP, ["lz4hc", "lz4"]), (NEW_HELP, ["lz4", "lz4hc", "zstd"]), ("", [])):
        require(erofs.compressors(text) == names, f"compressors: {erofs.compressors(text)}")


def check_cores():
    """Without taskset nothing is measured on fewer cores than all, and that is said."""
    row, rows_cores.which = measure.Row("cores", "C", "x"), lambda _: None
    require(rows_cores.columns_of(row, [1, 2, 4]) == {4: "4 cores"}, "cores without taskset")
    named = [note.partition(":")[0] for note in row.notes]
    require(named == ["1 core", "2 cores"], f"notes: {row.notes}")


def check_builds():
    """Figures of a build that is slow on purpose are not published."""
    for number, (values, words) in enumerate((
            ({"buildtype": "release", "optimization": "3", "b_sanitize": "none"}, None),
            ({"buildtype": "debug", "optimization": "0", "b_sanitize": "none"}, "not optimized"),
            ({"buildtype": "custom", "optimization": "0", "b_sanitize": "none"}, "not optimized"),
            ({"buildtype": "release", "optimization": "3", "b_sanitize": "address"}, "sanitizers"),
            (None, "no build folder"))):
        folder = os.path.join(WORK, "tmp", f"build{number}")
        os.makedirs(os.path.join(folder, "meson-info"))
        os.makedirs(os.path.join(folder, "tools"))
        if values:
            with open(os.path.join(folder, "meson-info", "intro-buildoptions.json"), "w",
                      encoding="utf-8") as file:
                json.dump([{"name": name, "value": value} for name, value in values.items()], file)
        why = build_info.fault(folder)
        require(why is None if words is None else words in (why or ""), f"{values}: {why}")
    os.symlink(os.environ["BUNDLEFS"], os.path.join(WORK, "tmp", "build1", "tools", "bundlefs"))
    done = subprocess.run(
        [os.path.join(BENCH, "run"), "--build", os.path.join(WORK, "tmp", "build1"), "--quick",
         "--docs", os.path.join(WORK, "tmp", "refused")], capture_output=True, text=True, check=False)
    require(done.returncode == 2 and "not optimized" in done.stderr, f"--docs: {done.stderr}")
    require(not os.path.exists(os.path.join(WORK, "tmp", "refused")), "figures were written")


def check_reasons_of_goals():
    """What is not met is in a table of its own, with what the run measured about it."""
    row = measure.Row("pack-disk", "Packing", "MB/s")
    bound = measure.Row("pack-bound", "Why", "s/GB")
    for name, value in (("bundlefs pack", 1.0), ("mksquashfs zstd -3", 2.0)):
        row.add(name, value)
        bound.add(name, value)
    for name, value in (("both", 1.61), ("bundlefs pack, as measured", 2.12)):
        bound.add(name, value)
    row.compare("bundlefs pack", "mksquashfs zstd -3", goal=1.5)
    results = {"cores": 2, "rows": [row.as_json(), bound.as_json()]}
    text = "\n".join(page.goals(results))
    require("not met, and why" in text and "1.61 s/GB by themselves" in text, text)
    results["rows"].pop()
    require("did not measure why" in "\n".join(page.goals(results)), "a reason without its row")
    cold = measure.Row("cold-read", "Reading", "MB/s")
    spent = measure.Row("matrix-cached-cpu", "CPU", "s/GB")
    for name in ("bundlefs", "squashfs"):
        cold.add(name, 1000)
    spent.add("bundlefs: read 1M", 0)
    cold.compare("bundlefs", "squashfs", goal=2.2)
    text = "\n".join(page.goals({"cores": 2, "rows": [cold.as_json(), spent.as_json()]}))
    require("did not measure why" in text, text)
    row.ratios[0]["goal"] = 0.4
    require("and why" not in "\n".join(page.goals({"cores": 2, "rows": [row.as_json()]})), "all is met")


def check_keeps_words(results):
    """What stands around the figures on the page stays."""
    folder = os.path.join(WORK, "tmp", "kept")
    os.makedirs(folder)
    path = os.path.join(folder, "README.md")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"before\n{page.MARKS[0]}\nold\n{page.MARKS[1]}\nafter\n")
    page.write(results, folder)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    kept = text.startswith("before\n") and text.endswith("\nafter\n")
    require(kept and "\nold\n" not in text, text[:200])


def check_without_root():
    os.makedirs(os.path.join(WORK, "tmp", "nobody"), mode=0o777)
    os.chmod(os.path.join(WORK, "tmp", "nobody"), 0o777)
    os.chmod(os.path.join(WORK, "tmp"), 0o755)
    results = bench("--only", "cold-read", "--only", "slow-disk", user=NOBODY, work="tmp/nobody")
    check_figures(results)
    (row,) = results["rows"]
    require("bundlefs" in [item["name"] for item in row["measurements"]], "bundlefs was not measured")
    require("needs root" in results["left_out"]["slow-disk"], f"{results['left_out']}")


def check_closed_device():
    """A user who may not mount costs the row one contender, not the others."""
    device = os.path.join(WORK, "tmp", "device")
    os.makedirs(device)
    closed = ["unshare", "-m", "sh", "-c", CLOSED, device]
    if subprocess.run([*closed, "true"], check=False).returncode != 0:
        return  # this machine lets nobody make devices
    os.unlink(os.path.join(device, "fuse"))
    results = bench("--only", "cold-read", work="tmp/closed", prefix=closed)
    check_figures(results)
    (row,) = results["rows"]
    names = [item["name"] for item in row["measurements"]]
    require("bundlefs" in names and "bundlefs, not root" not in names, f"measured: {names}")
    require(any("lacks the permission" in note for note in row["notes"]), f"notes: {row['notes']}")


def check_peers(results):
    """The same names in other file systems, for the largest store alone."""
    (row,) = (row for row in results["rows"] if row["row"] == "catalogue")
    names = [item["name"] for item in row["measurements"]]
    require("100 bundles: ls -R, cold" in names, f"{names}")
    if os.geteuid() == 0 and not any("squashfs" in note and "left out" in note for note in row["notes"]):
        require("100 bundles: ls -R, cold: squashfs zstd, kernel" in names, f"{names}")
    require(not any(re.match(r"10 bundles: ls -R, \w+:", name) for name in names), f"{names}")


def main():
    check_arithmetic()
    check_compressors()
    check_cores()
    check_builds()
    check_reasons_of_goals()
    folder = os.path.join(WORK, "tmp", "docs")
    results = bench(*([] if build_info.fault(BUILD) else ["--docs", folder]))
    page.write(results, folder)  # of a slow build too: here only the words matter
    check_figures(results)
    found = {row["row"].partition("-")[0] for row in results["rows"]}
    for name in MANY:
        require(name.partition("-")[0] in found, f"{name} gave nothing: {results['left_out']}")
    check_peers(results)
    check_page(results, folder)
    check_keeps_words(results)
    reachable = os.geteuid() == 0 and subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", "--clear-groups", f"--regid={NOBODY}", "test", "-x",
         os.path.join(BENCH, "run"), "-a", "-x", os.environ["BUNDLEFS"]], check=False).returncode == 0
    if reachable:
        check_without_root()
        check_closed_device()


try:
    main()
except Failed as failure:
    sys.exit(f"bench: {failure}")
