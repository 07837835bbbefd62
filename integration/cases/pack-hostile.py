#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever "pack" accepts, every reader accepts: the hostile corpus and seeded odd headers are packed, and each
bundle of a pack that exits 0 is listed, proved and written out again byte for byte."""
# TIMEOUT: 240
import filecmp
import json
import os
import random
import shutil
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from support.common import Failed, require  # noqa: E402

WORK, PROGRAM = os.environ["WORK"], os.environ["BUNDLEFS"]
STORE, SRC, OUT = WORK + "/store", WORK + "/src", WORK + "/tmp/out"
CORPUS = os.path.join(HERE, "..", "..", "tests", "corpus")
DTYPES = {"U8": 1, "BF16": 2, "F32": 4, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1, "C64": 8}
NAMES = ["", "a", "a\nb", "a\tb\\c\"d", "\u0001", "\u007f", "__metadata__x", "../../etc/passwd", "/", "x" * 1024, "x" * 1025,
         "\u00e9" * 512, "\U0001f600", "a" * 300 + ".weight", " ", "%s%n", "-rf", "a=b", "0"]


def run(*args, codes=(0,)):
    done = subprocess.run([PROGRAM, *args], capture_output=True, check=False)
    require(done.returncode in codes,
            f"{' '.join(args)} gave {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done


def safetensors(entries, size, metadata=None):
    header = dict(entries)
    if metadata is not None:
        header["__metadata__"] = metadata[0]
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + random.randbytes(size)


def odd_safetensors():
    """Mostly legal: tensors in a random order of members, empty ones anywhere, now and then a fault."""
    entries, at = [], 0
    names = random.sample(NAMES, random.randint(1, 6))
    for name in names:
        dtype = random.choice(list(DTYPES))
        shape = [random.choice([0, 1, 1, 2, 3, 7]) for _ in range(random.choice([0, 1, 2, 3, 8, 9]))]
        size = DTYPES[dtype]
        for dimension in shape:
            size *= dimension
        begin = at if size or random.random() < 0.5 else random.randint(0, at)
        if random.random() < 0.03:
            begin += random.choice([-1, 1])
        entries.append((name, {"dtype": dtype, "shape": shape, "data_offsets": [begin, begin + size]}))
        at += size
    random.shuffle(entries)
    return safetensors(entries, at, random.choice([None, None, [None], [{}], [{"format": "pt"}]]))


def odd_gguf():
    infos, data = b"", b""
    names = random.sample(NAMES, random.randint(1, 5))
    for name in names:
        dims = [random.choice([0, 1, 2, 32]) for _ in range(random.choice([0, 1, 2, 4]))]
        size = 4
        for dimension in dims:
            size *= dimension
        raw = name.encode()
        infos += struct.pack("<Q", len(raw)) + raw + struct.pack("<I", len(dims))
        infos += b"".join(struct.pack("<Q", d) for d in dims) + struct.pack("<IQ", 0, len(data))
        data += random.randbytes(size) + bytes(-size % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(names), 0) + infos
    return head + bytes(-len(head) % 32) + data


def inputs():
    for folder in ("safetensors", "gguf"):
        for name in sorted(os.listdir(f"{CORPUS}/{folder}")):
            with open(f"{CORPUS}/{folder}/{name}", "rb") as file:
                yield f"{folder}-{name.split('.')[0]}", folder, file.read()
    for number in range(25):
        yield f"odd-safetensors-{number}", "safetensors", odd_safetensors()
        yield f"odd-gguf-{number}", "gguf", odd_gguf()


def pack_all():
    packed, mapped = [], 0
    for name, kind, content in inputs():
        folder = f"{SRC}/{name}"
        os.makedirs(folder)
        with open(f"{folder}/model.{kind}", "wb") as file:
            file.write(content)
        done = run("pack", STORE, f"odd/{name}:1", folder, codes=(0, 1))
        if done.returncode == 0:
            packed.append(name)
            mapped += b"packed as plain bytes" not in done.stderr
    return packed, mapped


def main():
    random.seed(7)
    packed, mapped = pack_all()
    require(len(packed) > 60 and mapped > 30, f"{len(packed)} packed, {mapped} of them with tensors: too few to prove anything")
    run("verify", STORE)
    listed = json.loads(run("ls", "--json", STORE).stdout)
    require(len(json.dumps(listed)) > 2, "ls lists nothing")
    for name in packed:
        run("inspect", "--tensors", STORE, f"odd/{name}:1")
        json.loads(run("inspect", "--json", STORE, f"odd/{name}:1").stdout)
        run("unpack", STORE, f"odd/{name}:1", OUT)
        for kind in ("safetensors", "gguf"):
            if os.path.exists(f"{SRC}/{name}/model.{kind}"):
                require(filecmp.cmp(f"{SRC}/{name}/model.{kind}", f"{OUT}/model.{kind}", shallow=False),
                        f"{name}: unpacked otherwise than packed")
        shutil.rmtree(OUT)
    print(f"{len(packed)} packed, {mapped} of them with tensors")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
