#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Directories as downloads leave them: files behind links, shards in folders, stale copies of tensors, pointers and
web pages in place of weights. What the check finds, and what views are made of them."""
# TIMEOUT: 240
import json
import os
import shutil
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from support.common import Failed, require  # noqa: E402

WORK, PROGRAM = os.environ["WORK"], os.environ["BUNDLEFS"]
STORE, SRC, OUT = WORK + "/store", WORK + "/src", WORK + "/tmp/out"
CONFIG = {"model_type": "llama", "torch_dtype": "float32"}
COUNT = 0


def run(*args, code=0):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=False)
    require(done.returncode == code, f"{' '.join(args)} gave {done.returncode}: {done.stdout}{done.stderr}")
    return done


def fresh():
    shutil.rmtree(SRC, ignore_errors=True)
    os.makedirs(SRC)
    return SRC


def write(path, content):
    path = f"{SRC}/{path}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else json.dumps(content).encode())


def link(path, target):
    path = f"{SRC}/{path}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(target, path)


def shard(tensors, metadata="none"):
    """tensors: name -> list of floats that bfloat16 has."""
    header, data = {}, b""
    if metadata != "none":
        header["__metadata__"] = metadata
    for name, values in tensors.items():
        raw = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [2, len(values) // 2], "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensors_of(path):
    with open(path, "rb") as file:
        content = file.read()
    size = struct.unpack("<Q", content[:8])[0]
    result = {}
    for name, entry in json.loads(content[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + at for at in entry["data_offsets"])
        raw = content[begin:end]
        if entry["dtype"] == "BF16":
            raw = b"".join(b"\0\0" + raw[i:i + 2] for i in range(0, len(raw), 2))
        result[name] = list(struct.unpack(f"<{len(raw) // 4}f", raw))
    return result


def pack(*options, code=0):
    global COUNT
    COUNT += 1
    name = f"t/m:{COUNT}"
    done = run("pack", *options, STORE, name, SRC, code=code)
    if code == 0:
        run("verify", STORE, name)
    return name, done


def findings(name, code=0):
    found = json.loads(run("check", "--json", STORE, name, code=code).stdout)["findings"]
    return {f["id"] for f in found} - {"contract-generated", "licence-none", "memory-understated", "host-view"}


def view(name, which):
    shutil.rmtree(OUT, ignore_errors=True)
    run("unpack", "--view", which, STORE, name, OUT)
    return OUT


def index(weight_map):
    return {"metadata": {"total_size": 1}, "weight_map": weight_map}


A, B, C = [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0]
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def linked_cache(prefix, up):
    """Shards, index and config as links to blobs, as the cache of the Hugging Face hub has them."""
    fresh()
    blobs = {"aa": shard({"a.weight": A}), "bb": shard({"b.weight": B}),
             "cc": json.dumps(index({"a.weight": FIRST, "b.weight": SECOND})).encode(), "dd": json.dumps(CONFIG).encode()}
    for name, content in blobs.items():
        write(f"blobs/{name}", content)
    for name, target in ((FIRST, "aa"), (SECOND, "bb"), ("model.safetensors.index.json", "cc"), ("config.json", "dd")):
        link(prefix + name, f"{up}blobs/{target}")


def links_inside():
    linked_cache("", "")
    write("contract.real", {"schema_version": "1.0", "requires": {"files": ["config.json", FIRST]}})
    link("contract.json", "contract.real")
    name, done = pack("--view", "gpu-bf16", "--view", "cpu-f32", "--view", "amx-bf16")
    require("error" not in done.stderr, done.stderr)
    require(not findings(name) & {"file-missing", "weight-map-tensor", "weights-unreadable"}, f"{findings(name)}")
    for which in ("gpu-bf16", "cpu-f32"):
        out = view(name, which)
        require(tensors_of(f"{out}/{FIRST}") == {"a.weight": A}, f"{which}: first shard")
        require(tensors_of(f"{out}/{SECOND}") == {"b.weight": B}, f"{which}: second shard")
        with open(f"{out}/model.safetensors.index.json", encoding="utf-8") as file:
            require(json.load(file)["weight_map"] == {"a.weight": FIRST, "b.weight": SECOND}, f"{which}: index")
        with open(f"{out}/config.json", encoding="utf-8") as file:
            wanted = "bfloat16" if which == "gpu-bf16" else "float32"
            require(json.load(file)["torch_dtype"] == wanted, f"{which}: config")
        require(not os.path.lexists(f"{out}/blobs/aa") and not os.path.lexists(f"{out}/blobs/bb"), f"{which}: holds the weights too")
    out = view(name, "amx-bf16")
    require(os.path.exists(f"{out}/weights.bin") and not os.path.lexists(f"{out}/{FIRST}"), "amx-bf16: links to what is left out")


def links_of_a_cache():
    linked_cache("snapshots/123/", "../../")
    name, _ = pack()
    require(not findings(name) & {"file-missing", "weight-map-tensor"}, f"{findings(name)}")
    snapshot = f"{SRC}/snapshots/123"
    done = run("pack", STORE, "t/snapshot:1", snapshot, code=1)
    require("points outside of the directory; pack with --dereference" in done.stderr, done.stderr)
    run("pack", "--dereference", "--view", "gpu-bf16", STORE, "t/snapshot:1", snapshot)
    require(not findings("t/snapshot:1") & {"file-missing", "weight-map-tensor"}, "the snapshot, dereferenced")
    write("blobs/bb", shard({"c.weight": B}))
    _, done = pack(code=1)
    require("error weight-map-tensor" in done.stderr, done.stderr)


def links_that_lead_on():
    fresh()
    write("real/x.safetensors", shard({"a.weight": A}))
    link("dir", "real")
    link("one.safetensors", "two.safetensors")
    link("two.safetensors", "dir/x.safetensors")
    write("model.safetensors.index.json", index({"a.weight": "one.safetensors"}))
    name, _ = pack("--view", "gpu-bf16", "--view", "amx-bf16")
    require(not findings(name) & {"file-missing", "weight-map-tensor"}, f"{findings(name)}")
    out = view(name, "gpu-bf16")
    require(tensors_of(f"{out}/one.safetensors") == {"a.weight": A}, "through two links and a folder")
    with open(f"{out}/model.safetensors.index.json", encoding="utf-8") as file:
        require(json.load(file)["weight_map"] == {"a.weight": "one.safetensors"}, "the index names what it named")
    require(not os.path.lexists(f"{view(name, 'amx-bf16')}/one.safetensors"), "amx-bf16: a link to what is left out")
    os.unlink(f"{SRC}/two.safetensors")
    link("two.safetensors", "two.safetensors")
    _, done = pack(code=1)
    require("error file-missing" in done.stderr, done.stderr)


def shards_in_folders():
    fresh()
    write("config.json", CONFIG)
    write("s/m.safetensors", shard({"a.weight": A}, None))
    write("s/t/n.safetensors", shard({"b.weight": B}))
    wanted = {"a.weight": "s/m.safetensors", "b.weight": "s/t/n.safetensors"}
    write("model.safetensors.index.json", index(wanted))
    name, _ = pack("--view", "gpu-bf16", "--view", "gpu-fp8", "--view", "amx-bf16")
    require(not findings(name), f"{findings(name)}")
    out = view(name, "gpu-bf16")
    require(tensors_of(f"{out}/s/m.safetensors") == {"a.weight": A}, "s/m")
    require(tensors_of(f"{out}/s/t/n.safetensors") == {"b.weight": B}, "s/t/n")
    with open(f"{out}/model.safetensors.index.json", encoding="utf-8") as file:
        require(json.load(file)["weight_map"] == wanted, "the index of the view")
    with open(f"{out}/config.json", encoding="utf-8") as file:
        require(json.load(file)["torch_dtype"] == "bfloat16", "the config of the view")
    with open(f"{view(name, 'gpu-fp8')}/model.safetensors.index.json", encoding="utf-8") as file:
        scales = json.load(file)["weight_map"]
    require(scales["a.weight_scale"] == "s/m.safetensors" and scales["b.weight_scale"] == "s/t/n.safetensors", f"{scales}")
    require(os.path.exists(f"{view(name, 'amx-bf16')}/weights.bin"), "one file of weights, beside the index")
    write("config.json", {**CONFIG, "quantization_config": {"quant_method": "fp8"}})
    _, done = pack("--view", "gpu-bf16", code=1)
    require("quantized already" in done.stderr, done.stderr)


def stale_copies():
    fresh()
    write("config.json", CONFIG)
    write(FIRST, shard({"a.weight": A, "w.weight": B}))
    write(SECOND, shard({"b.weight": B, "w.weight": C, "c.weight": C}))
    wanted = {"a.weight": FIRST, "w.weight": FIRST, "b.weight": SECOND, "c.weight": SECOND}
    write("model.safetensors.index.json", index(wanted))
    name, done = pack("--view", "gpu-bf16", "--view", "cpu-f32", "--view", "amx-bf16")
    require("warning weight-map-copy" in done.stderr, done.stderr)
    require(findings(name) == {"weight-map-copy"}, f"{findings(name)}")
    for which in ("gpu-bf16", "cpu-f32"):
        out = view(name, which)
        require(tensors_of(f"{out}/{FIRST}") == {"a.weight": A, "w.weight": B}, f"{which}: first")
        require(tensors_of(f"{out}/{SECOND}") == {"b.weight": B, "c.weight": C}, f"{which}: second, {tensors_of(f'{out}/{SECOND}')}")
        with open(f"{out}/model.safetensors.index.json", encoding="utf-8") as file:
            require(json.load(file)["weight_map"] == wanted, f"{which}: index")


def not_weights():
    fresh()
    write("config.json", CONFIG)
    write("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 4265146304\n")
    write("pytorch_model.bin", b"\n<!DOCTYPE html>\n<html><body>Please log in</body></html>\n")
    write("model.gguf", b"")
    write("cut.safetensors", struct.pack("<Q", 1000) + b'{"a":')
    write("fine.bin", b"\x80\x02weights")
    write("page.html", b"<html></html>")
    name, done = pack()
    for text in ("model.safetensors: is a Git LFS pointer", "pytorch_model.bin: is a web page", "model.gguf: is empty",
                 "cut.safetensors: has no header"):
        require(done.stderr.count(f"warning weights-unreadable: {text}") == 1, f"{text}: {done.stderr}")
    require(done.stderr.count("weights-unreadable") == 4, done.stderr)
    checked = run("check", STORE, name).stdout
    require(checked.count("weights-unreadable") == 4, checked)


def null_metadata():
    fresh()
    write("model.safetensors", shard({"a.weight": A}, None))
    name, done = pack("--view", "gpu-bf16")
    require("plain bytes" not in done.stderr, done.stderr)
    require(tensors_of(f"{view(name, 'gpu-bf16')}/model.safetensors") == {"a.weight": A}, "null metadata")


if __name__ == "__main__":
    try:
        for test in (links_inside, links_of_a_cache, links_that_lead_on, shards_in_folders, stale_copies, not_weights, null_metadata):
            test()
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
