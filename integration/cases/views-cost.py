#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What views cost: an f32 view beside its bf16 original at most 1 % of storage, any number of views and
threads at most 512 MiB of memory. A view that cannot be made costs nothing: no store, the right exit
status, a sentence that names what is wrong."""
# TIMEOUT: 300
# NOT-UNDER: address thread
import json
import os
import resource
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
try:
    import numpy  # noqa: F401
except ImportError:
    print("SKIP: needs python3-numpy")
    sys.exit(77)
from support.common import Failed, require  # noqa: E402

WORK, PROGRAM = os.environ["WORK"], os.environ["BUNDLEFS"]
SRC = WORK + "/src"
MOST_MEMORY = 512 << 20


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=False)


def pack(store, *options):
    done = run("pack", "--json", *options, f"{WORK}/{store}", "m:1", SRC)
    require(done.returncode == 0, f"pack: {done.stderr}")
    return json.loads(done.stdout)


def size_of(store):
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(f"{WORK}/{store}/blobs") for name in names)


def make_model():
    script = os.path.join(HERE, "..", "models", "make_safetensors.py")
    subprocess.run([sys.executable, script, "--size", "96M", "--shards", "2", SRC], check=True, capture_output=True)


def check_storage():
    alone, beside = pack("alone"), pack("beside", "--view", "cpu-f32")
    require(beside["content_size"] > 2.9 * alone["content_size"], f"the view has {beside['content_size']} bytes")
    before, after = size_of("alone"), size_of("beside")
    require(after <= before * 1.01, f"{before} bytes without, {after} with an f32 view")


def check_memory():
    options = [word for view in ("gpu-f16", "gpu-fp8", "amx-int8", "tpu-bf16-t8x128") for word in ("--view", view)]
    pack("large", "--jobs=64", *options)
    pack("large-chunks", "--jobs=64", "--chunk-size=4M", *options)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    require(peak <= MOST_MEMORY, f"a peak of {peak >> 20} MiB")


def check_refused(status, what, *options):
    done = run("pack", *options, f"{WORK}/none", "m:1", SRC)
    require(done.returncode == status, f"{options}: exit {done.returncode}: {done.stderr}")
    require(what in done.stderr, f"{options}: {done.stderr}")
    require(not os.path.exists(f"{WORK}/none"), f"{options}: a store was made")


def main():
    make_model()
    check_storage()
    check_memory()
    check_refused(2, "cpu-f32, ", "--view", "no-such-profile")
    check_refused(1, "cpu-q4_k: ", "--view", "cpu-q4_k")
    with open(f"{SRC}/bundle.json", "w", encoding="utf-8") as out:
        out.write('{"schema_version": "1.0", "views": ["gpu-bf16"], "extra": 1}')
    check_refused(1, 'bundle.json: unknown field "extra"')
    os.unlink(f"{SRC}/bundle.json")
    os.makedirs(f"{SRC}/views/engine")
    with open(f"{SRC}/views/engine/view.json", "w", encoding="utf-8") as out:
        out.write('{"hardware": "gpu", "extra": 1}')
    check_refused(1, 'views/engine/view.json: unknown field "extra"')


try:
    main()
except Failed as failure:
    sys.exit(f"views-cost: {failure}")
