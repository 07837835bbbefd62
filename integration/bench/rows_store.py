# SPDX-License-Identifier: Apache-2.0
"""Rows about chunks, packing, sizes, and many bundles."""
import json
import os
import shutil
import subprocess
import time

from measure import Row, Skipped
from places import MARGIN, memory_kib, process_of, run, touch_memory, wait_quiet, warm, which
from world import FILE, remove, tree_size


def decode(world):
    """One core, chunk by chunk, by chunk-bench; its contenders take turns by themselves."""
    program = os.path.join(world.build, "integration", "bench", "chunk-bench")
    rows = []
    for name, title, dtype in (
            ("decode", "Decoding bf16 chunks, one core", "bf16"),
            ("decode-widened", "Decoding bf16 chunks to float32, one core", "bf16-widened")):
        row = Row(name, title, "MB/s")
        for _ in range(world.repeats):
            text = run([program, "--json", "--dtype", dtype, "--size", 32, "--repeats", 3])
            for result in json.loads(text)["results"]:
                row.add(result["contender"], result["decode_mb_s"])
        row.compare("bundlefs", "zstd -3", goal=2.5)
        rows.append(row)
    return rows


def pack(world):
    rows = [pack_on(world, world.work, "disk")]
    memory = "/dev/shm"
    need = world.size * 3
    if os.path.isdir(memory) and shutil.disk_usage(memory).free > need:
        folder = os.path.join(memory, f"bundlefs-bench-{os.getpid()}")
        os.mkdir(folder)
        try:
            rows.append(pack_on(world, folder, "tmpfs"))
        finally:
            remove(folder)
    return rows


def pack_on(world, folder, kind):
    row = Row(f"pack-{kind}", f"Packing bf16 on {os.cpu_count()} cores, output on {kind}", "MB/s")
    store, image = os.path.join(folder, "pack-store"), os.path.join(folder, "pack.squashfs")
    size = tree_size(world.model)
    # Its default block; larger ones are a little faster to make and slower to read.
    ours, theirs, large = "bundlefs pack", "mksquashfs zstd -3", "mksquashfs zstd -3 -b 1M"
    synced = f"{theirs}, then fsync"

    def timed(out, make):
        def measure():
            remove(out)
            run(["sync", "-f", folder])
            world.warm_model()
            wait_quiet()
            touch_memory(size + MARGIN)
            start = time.monotonic()
            make()
            took = time.monotonic() - start
            remove(out)
            return size / took / 1e6

        return measure

    def squash(block="128K"):
        if not which("mksquashfs"):
            raise Skipped("mksquashfs is not installed")
        world.make_squashfs(image, world.model, block)

    def squash_and_sync():
        squash()
        run(["sync", image])

    contenders = {
        ours: timed(store, lambda: world.pack(store, world.model)),
        theirs: timed(image, squash),
        large: timed(image, lambda: squash("1M")),
    }
    if kind == "disk":
        contenders[synced] = timed(image, squash_and_sync)
        row.notes.append("bundlefs pack ends with fsync; mksquashfs leaves writing to the kernel")
    row.interleave(contenders, world.repeats)
    row.compare(ours, theirs, goal=1.5)
    row.compare(ours, synced)
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


def write_catalogue(store, count):
    """One tiny bundle under `count` names; only index.json grows."""
    path = os.path.join(store, "index.json")
    with open(path, encoding="utf-8") as file:
        index = json.load(file)
    first = index["manifests"][0]
    key = "org.opencontainers.image.ref.name"
    index["manifests"] = [
        {**first, "annotations": {**first["annotations"], key: f"team{i % 50}/model{i // 50}:1"}}
        for i in range(count)
    ]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(index, file)


def catalogue(world):
    row = Row("catalogue", "Many bundles", "ms")
    tiny, store = world.path("tiny"), world.path("many")
    os.makedirs(tiny, exist_ok=True)
    for name in ("config.json", "tokenizer.json", "weights.bin"):
        with open(os.path.join(tiny, name), "w", encoding="utf-8") as file:
            file.write(f"{{}} {name}\n" * 10)
    place = world.bundlefs(store=store)
    for count in (10, 1000, 10000):
        remove(store)
        world.pack(store, tiny)
        write_catalogue(store, count)
        for _ in range(world.repeats):
            mount_many(world, row, place, count)
    remove(store)
    return [row]


def mount_many(world, row, place, count):
    warm(place.store)
    start = time.monotonic()
    run([world.program, "mount", place.store, place.mount_point])
    row.add(f"{count} bundles: mount", 1000 * (time.monotonic() - start))
    try:
        place.pid = process_of(place.mount_point)
        row.add(f"{count} bundles: memory", memory_kib(place.pid, "VmRSS") / 1024, "MiB")
        start = time.monotonic()
        listed = subprocess.run(
            ["ls", "-R", place.mount_point], capture_output=True, text=True, check=False
        )
        took = time.monotonic() - start
        entries = sum(1 for line in listed.stdout.splitlines() if line and line[-1] != ":")
        row.add(f"{count} bundles: ls -R", entries / took, "entries/s")
        row.add(f"{count} bundles: entries listed", entries, "")
        row.add(f"{count} bundles: memory after ls -R", memory_kib(place.pid, "VmRSS") / 1024, "MiB")
        if listed.returncode:
            why = listed.stderr.splitlines()[0]
            row.notes.append(f"ls -R of {count} bundles: exit {listed.returncode}: {why}")
    finally:
        place.unmount()
