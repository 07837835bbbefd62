# SPDX-License-Identifier: Apache-2.0
"""Quantizing floats and back, beside copying them."""
import json
import os
import sys
import time

from measure import Row, Skipped
from system import run

RUNTIMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "runtimes")

# Of memcpy() of the input. The searches of the other types have a rate and no goal.
GOALS = {"Q8_0": 0.25, "Q4_0": 0.2}


def ggml_rates():
    """Megabytes of f32 a second of ggml's own functions, by type; it makes files with these."""
    sys.path.insert(0, RUNTIMES)
    try:
        import ggml_blocks
        import numpy as np
    except ImportError:
        raise Skipped("python3-numpy is not installed") from None
    if not os.path.exists(ggml_blocks.library_path()):
        raise Skipped("the runtimes are not installed (integration/runtimes/install)")
    ggml = ggml_blocks.Ggml(ggml_blocks.library_path())
    values = (np.random.default_rng(1).standard_normal(1 << 20) * 0.02).astype(np.float32)
    rates = {}
    for kind in ggml_blocks.BLOCKS:
        start = time.monotonic()
        ggml.quantize(kind, values)
        rates[kind] = values.nbytes / (time.monotonic() - start) / 1e6
    return rates


def quantize(world):
    """One core, by quant-bench; its contenders take turns by themselves."""
    row = Row("quantize", "Quantizing f32 and back, one core, bytes of f32", "MB/s")
    program = world.bench_program("quant-bench")
    kernels = set()
    for _ in range(world.repeats):
        for result in json.loads(run([program, "--json", "--repeats", 3]))["results"]:
            name = "memcpy" if result["way"] == "memcpy" else f"{result['way']} {result['type']}"
            row.add(name, result["mb_s"])
            kernels.add(result["kernels"])
        try:
            for kind, rate in ggml_rates().items():
                row.add(f"ggml {kind}", rate)
        except Skipped as reason:
            row.notes = [f"ggml: left out, {reason}"]
    for kind, goal in GOALS.items():
        row.compare(f"quantize {kind}", "memcpy", goal=goal)
    for kind in ("Q4_K", "Q5_K", "Q6_K"):
        row.compare(f"quantize {kind}", f"ggml {kind}")
    row.notes.append(f"kernels: {', '.join(sorted(kernels))}")
    return [row]
