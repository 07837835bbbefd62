# SPDX-License-Identifier: Apache-2.0
"""How long runtimes take to have a model, from each place."""
import json
import os
import subprocess
import sys

from dataset import Dataset
from measure import Row, Skipped
from places import HERE
from rows_read import SHIPPED, SQUASHFS, SQUASHFUSE
from system import run, which
from world import GGUF, QUARTER

RUNTIMES = os.path.join(HERE, "..", "runtimes")
MODELS = os.path.join(HERE, "..", "models")
# Two layers of this width; the rest of the size is in their feed-forward parts.
WIDTH, LAYERS, VOCABULARY, BF16_BYTES = 1024, 2, 500, 2


def places_of(world, data):
    return {
        SHIPPED: data.bundlefs(),
        SQUASHFS: data.kernel_squashfs(),
        world.erofs_name: data.kernel_erofs(),
        SQUASHFUSE: data.squashfuse(),
        "plain file, cold": data.plain(),
    }


def timed(place, command, figures):
    """figures: suffix -> key in what the command prints."""

    def measure():
        with place.fresh() as path:
            got = json.loads(run(command(path)))
        return {suffix: (got[key], "s") for suffix, key in figures.items()}

    return measure


def llama_model(world):
    """bf16, of a shape that takes so many bytes."""
    wanted = world.size // QUARTER // BF16_BYTES
    hidden = (wanted - 2 * VOCABULARY * WIDTH) // LAYERS // WIDTH // 3 - WIDTH
    hidden = max(256, hidden // 256 * 256)

    def make(folder):
        os.makedirs(folder)
        run([
            sys.executable, os.path.join(MODELS, "make_gguf_llama.py"), os.path.join(folder, GGUF),
            "--width", WIDTH, "--hidden", hidden, "--dtype", "bf16",
        ])

    return Dataset(world, "llama", GGUF, make)


def llama(world):
    row = Row("llama", "llama.cpp, bf16, mapped: time from the start of loading", "s",
              lower_is_better=True)
    if not which("node") or not os.path.isdir(os.path.join(RUNTIMES, "node_modules")):
        raise Skipped("llama.cpp is not installed (integration/runtimes/install)")
    places = places_of(world, llama_model(world))
    program = os.path.join(RUNTIMES, "llama_time.mjs")
    figures = {": loaded": "loaded", ": first token": "firstToken"}
    row.interleave(
        {
            name: timed(place, lambda path: ["node", program, path, "mmap"], figures)
            for name, place in places.items()
        },
        world.repeats,
    )
    for what in figures:
        goal = 0.5 if what == ": loaded" else None
        row.compare(f"{SHIPPED}{what}", f"{SQUASHFS}{what}", goal=goal, at_most=True)
        row.compare(f"{SHIPPED}{what}", f"plain file, cold{what}", at_most=True)
    row.notes.append("the first token includes computing it, by one thread, which takes everybody the same time")
    return [row]


def torch(world):
    row = Row("torch", "PyTorch: time until every tensor of a safetensors file is in memory", "s",
              lower_is_better=True)
    found = subprocess.run(
        [sys.executable, "-c", "import torch"], capture_output=True, check=False)
    if found.returncode:
        raise Skipped("PyTorch is not installed for this Python")
    program = os.path.join(RUNTIMES, "torch_time.py")
    places = places_of(world, world.third)
    row.interleave(
        {
            name: timed(place, lambda path: [sys.executable, program, path], {"": "loaded"})
            for name, place in places.items()
        },
        world.repeats,
    )
    row.compare(SHIPPED, SQUASHFS, goal=0.5, at_most=True)
    row.compare(SHIPPED, "plain file, cold", at_most=True)
    return [row]
