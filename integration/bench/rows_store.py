# SPDX-License-Identifier: Apache-2.0
"""Rows about chunks, packing, and sizes."""
import json
import os
import re
import shutil
import statistics
import time

from measure import Row, Skipped
from system import run, settle, which
from world import FILE, remove, tree_size

OURS, THEIRS = "bundlefs pack", "mksquashfs zstd -3"
PACK_GOAL = 1.5


def decode(world):
    """One core, chunk by chunk, by chunk-bench; its contenders take turns by themselves."""
    program, size = world.bench_program("chunk-bench"), 4 if world.quick else 32
    rows = []
    for name, title, dtype in (
            ("decode", "Decoding bf16 chunks, one core", "bf16"),
            ("decode-widened", "Decoding bf16 chunks to float32, one core", "bf16-widened")):
        row = Row(name, title, "MB/s")
        for _ in range(world.repeats):
            text = run([program, "--json", "--dtype", dtype, "--size", size, "--repeats", 3])
            for result in json.loads(text)["results"]:
                row.add(result["contender"], result["decode_mb_s"])
        row.compare("bundlefs", "zstd -3", goal=2.5)
        rows.append(row)
    return rows


def pack(world):
    rows = [pack_on(world, world.work, "disk")]
    memory = "/dev/shm"
    if os.path.isdir(memory) and shutil.disk_usage(memory).free > world.size * 3:
        folder = os.path.join(memory, f"bundlefs-bench-{os.getpid()}")
        os.mkdir(folder)
        try:
            rows.append(pack_on(world, folder, "tmpfs"))
        finally:
            remove(folder)
    return [*rows, pack_bound(world, rows[0])]


def children_cpu():
    times = os.times()
    return times.children_user + times.children_system


def pack_on(world, folder, kind):
    row = Row(f"pack-{kind}", f"Packing bf16 on {os.cpu_count()} cores, output on {kind}", "MB/s")
    store, image = os.path.join(folder, "pack-store"), os.path.join(folder, "pack.squashfs")
    size = tree_size(world.model)
    # Its default block; larger ones are a little faster to make and slower to read.
    large, synced = f"{THEIRS} -b 1M", f"{THEIRS}, then fsync"

    def timed(out, make):
        def measure():
            remove(out)
            run(["sync", "-f", folder])
            world.warm_model()
            settle(size)
            start, cpu = time.monotonic(), children_cpu()
            make()
            took, cpu = time.monotonic() - start, children_cpu() - cpu
            remove(out)
            return {"": (size / took / 1e6, "MB/s"), ": CPU": (cpu / size * 1e9, "s/GB")}

        return measure

    def squash(block="128K"):
        if not which("mksquashfs"):
            raise Skipped("mksquashfs is not installed")
        world.make_squashfs(image, world.model, block)

    def squash_and_sync():
        squash()
        run(["sync", image])

    contenders = {
        OURS: timed(store, lambda: world.pack(store, world.model)),
        THEIRS: timed(image, squash),
        large: timed(image, lambda: squash("1M")),
    }
    if kind == "disk":
        contenders[synced] = timed(image, squash_and_sync)
        row.notes.append("bundlefs pack ends with fsync; mksquashfs leaves writing to the kernel")
    row.interleave(contenders, world.repeats)
    row.compare(OURS, THEIRS, goal=PACK_GOAL)
    row.compare(OURS, synced)
    return row


def pack_bound(world, packed):
    """What of mksquashfs's CPU time a packer that is so much faster may use, and what proofs and
    encoding alone cost. Both keep all cores busy, so CPU time is what speed is made of."""
    row = Row("pack-bound", f"Why pack is not {PACK_GOAL} x mksquashfs: CPU time", "s/GB",
              lower_is_better=True)
    theirs = packed.values.get(f"{THEIRS}: CPU")
    if not theirs:
        raise Skipped("there is no mksquashfs to compare with")
    left = tree_size(world.store) / tree_size(world.model)
    for cpu in theirs:
        text = run([world.bench_program("sha256-bench"), "--libcrypto"])
        rate = float(re.search(r"libcrypto.*?(\d+) MB/s", text)[1]) / 1000
        chunks = json.loads(run([
            world.bench_program("chunk-bench"), "--json", "--dtype", "bf16", "--size", 16,
            "--repeats", 1,
        ]))["results"]
        encode = next(c["encode_mb_s"] for c in chunks if c["contender"] == "bundlefs") / 1000
        row.add(THEIRS, cpu)
        row.add(f"of that 1 / {PACK_GOAL:g}: all that may be used", cpu / PACK_GOAL)
        row.add("SHA-256 of the file and of its blob", (1 + left) / rate)
        row.add("encoding, with SHA-256 of chunks and XXH3 left out", 1 / encode)
        row.add("both", (1 + left) / rate + 1 / encode)
    row.values[f"{OURS}, as measured"] = packed.values[f"{OURS}: CPU"]
    row.compare("both", f"of that 1 / {PACK_GOAL:g}: all that may be used")
    share = row.ratios[0]["median"]
    one = 1 / statistics.median(row.values["SHA-256 of the file and of its blob"]) * (1 + left)
    row.notes += [
        f"SHA-256 of the file and of its blob: (1 + {left:.3f}) GB by the rate of libcrypto's EVP "
        f"over one stream, {one:.2f} GB/s here. Both digests are what OCI and sha256sum ask "
        "for, so they can be neither dropped nor computed in parts",
        f"they and encoding alone, without reading, deduplication, SHA-256 of chunks and writing, take "
        f"{share:.2f} x what may be used in all: " + (
            f"{PACK_GOAL:g} x is out of reach on this machine with these digests"
            if share >= 1 else f"{PACK_GOAL:g} x leaves {100 * (1 - share):.0f} % for all the rest"),
    ]
    return row


def size_left(world):
    row = Row("size", "Size left, with all metadata", "%")
    for dtype, limit in (("bf16", 67), ("f16", 86), ("f32", 84)):
        model = world.make_model(f"size-{dtype}", min(world.size, 128 << 20), dtype)
        raw, store, image = tree_size(model), world.path("size-store"), world.path("size.squashfs")
        frame = world.path("size.zst")
        world.pack(store, model)
        row.add(f"{dtype}: bundlefs", 100 * tree_size(store) / raw)
        row.limits[f"{dtype}: bundlefs"] = limit
        if which("zstd"):
            run(["zstd", "-3", "-q", "-f", "-T0", os.path.join(model, FILE), "-o", frame])
            row.add(f"{dtype}: zstd -3", 100 * tree_size(frame) / raw)
        if which("mksquashfs"):
            world.make_squashfs(image, model)
            row.add(f"{dtype}: squashfs zstd -3", 100 * tree_size(image) / raw)
        row.compare(f"{dtype}: bundlefs", f"{dtype}: zstd -3", at_most=True)
        for path in (model, store, image, frame):
            remove(path)
    return [row]


def repack(world):
    row = Row("repack", "Bytes that a new version adds to the store", "bytes")
    world.store  # holds version 1
    copy = world.path("store-versions")
    remove(copy)
    shutil.copytree(world.store, copy)
    before = tree_size(copy)
    start = time.monotonic()
    report = world.pack(copy, world.model, "2")
    row.add("same content: time", time.monotonic() - start, "s")
    row.add("same content: blobs", report["new_size"])
    row.add("same content: store", tree_size(copy) - before)
    changed = world.path("changed")
    remove(changed)
    shutil.copytree(world.model, changed)
    with open(os.path.join(changed, FILE), "r+b") as file:
        file.seek(os.path.getsize(os.path.join(changed, FILE)) // 2)
        file.write(os.urandom(4096))
    before = tree_size(copy)
    report = world.pack(copy, changed, "3")
    row.add("4 KiB of one tensor changed: blobs", report["new_size"])
    row.add("4 KiB of one tensor changed: store", tree_size(copy) - before)
    remove(copy)
    remove(changed)
    return [row]
