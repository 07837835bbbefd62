# SPDX-License-Identifier: Apache-2.0
"""Rows about what views are made with: casts, 8-bit values, tilings; one core, by cast-bench, which
times a memcpy() of the same input beside every operation."""
import json

from cpu import Quiet
from measure import Row, summary
from system import run

TITLE = "bytes of input in bands of 8 MiB, one core"
CASTS = {  # operation of cast-bench -> what it must reach of memcpy()
    "f32-f16": 0.5,
    "f32-bf16": 0.5,
    "f16-f32": 0.5,
    "f16-bf16": 0.5,
    "bf16-f32": 0.5,
    "bf16-f16": 0.5,
    "int8": 0.25,
    "int8-rows": 0.25,
    "fp8": None,
    "fp8-back": None,
    "int8-back": None,
    "amax-f32": None,
    "amax-bf16": None,
    "measure": None,
}
TILINGS = {"tile-8x128": 0.3, "vnni-16": 0.3, "vnni-8": 0.3}


def rates(world, row, goals):
    program = world.bench_program("cast-bench")
    found = {name: [] for name in goals}
    for _ in range(world.repeats):
        Quiet.wait()
        for result in json.loads(run([program, "--json"]))["results"]:
            if result["operation"] in goals:
                row.add(result["operation"], result["mb_s"])
                found[result["operation"]].append(result["ratio"])
    for name, goal in goals.items():
        ratio = {"of": name, "to": "memcpy of its input", "goal": goal, "at_most": False}
        row.ratios.append({**ratio, **summary(found[name])})
    return [row]


def cast(world):
    row = Row("cast", f"Casts and 8-bit values, {TITLE}", "MB/s")
    row.notes.append("int8-rows: a scale for each row of 4096; measure: two arrays of half the size")
    return rates(world, row, CASTS)


def tile(world):
    return rates(world, Row("tile", f"Tilings, {TITLE}", "MB/s"), TILINGS)
