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
import measure  # noqa: E402
import page  # noqa: E402
import report  # noqa: E402
from support.common import Failed, require  # noqa: E402

WORK = os.environ["WORK"]
BUILD = os.path.dirname(os.path.dirname(os.environ["BUNDLEFS"]))
NOBODY = "65534"
# Why a contender or a row may be missing; anything else is a fault of the benchmark.
REASONS = re.compile(r"not installed|needs root|no option|refused|no maker|only be read in order|"
                     r"decoded anew|takes no limit|can be made|no block device|cannot mount|"
                     r"neither io.max|nothing to compare|no mksquashfs")
MANY = ("cold-read", "matrix", "data", "readers", "memory", "catalogue", "policy",
        "cores")


def bench(*options, user=None, work="tmp"):
    command = [os.path.join(BENCH, "run"), "--build", BUILD, "--quick", "--size", "16M", "--work",
               os.path.join(WORK, work), "--json", os.path.join(WORK, work, "results.json"), *options]
    if user:
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
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


def main():
    check_arithmetic()
    folder = os.path.join(WORK, "tmp", "docs")
    results = bench("--docs", folder)
    check_figures(results)
    found = {row["row"].partition("-")[0] for row in results["rows"]}
    for name in MANY:
        require(name.partition("-")[0] in found, f"{name} gave nothing: {results['left_out']}")
    check_page(results, folder)
    check_keeps_words(results)
    reachable = os.geteuid() == 0 and subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", "--clear-groups", f"--regid={NOBODY}", "test", "-x",
         os.path.join(BENCH, "run"), "-a", "-x", os.environ["BUNDLEFS"]], check=False).returncode == 0
    if reachable:
        check_without_root()


try:
    main()
except Failed as failure:
    sys.exit(f"bench: {failure}")
