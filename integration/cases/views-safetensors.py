#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every view that is made from safetensors, read through the mount, against NumPy's reading of the
rules: element by element, at the documented offsets, with the index of shards, config.json and
layout.json that go with it; the same bundle from any number of threads."""
# TIMEOUT: 300
import json
import os
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
try:
    import numpy as np
except ImportError:
    print("SKIP: needs python3-numpy")
    sys.exit(77)
from support import value_rules as rules  # noqa: E402
from support.common import Failed, content, require  # noqa: E402

WORK, PROGRAM = os.environ["WORK"], os.environ["BUNDLEFS"]
STORE, SRC, MNT = WORK + "/store", WORK + "/src", WORK + "/mnt"
VIEWS = ["cpu-f32", "gpu-bf16", "gpu-f16", "gpu-fp8", "gpu-fp8-block", "npu-int8",
         "tpu-bf16-t8x128", "amx-bf16", "amx-int8"]
SIZES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "BOOL": 1, "F8_E4M3": 1, "I8": 1}
KINDS = {"F16": "f16", "BF16": "bf16"}
SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
SPECIAL = [0, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00001, 0xFF800001, 1, 0x80000001, 0x7F7FFFFF,
           0x00800000, 0x3F808000, 0x3F818000, 0x33000000, 0x477FF000, 0x43E00000, 0x43E80000]
COUNTS = {"linear": 0, "other": 0}


def run(*args):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"{' '.join(args)}: {done.stderr}")
    return done.stdout


def encode(dtype, bits):
    """f32 bits as the bytes of a source tensor."""
    if dtype == "F32":
        return bits.astype("<u4").tobytes()
    return rules.narrow(KINDS[dtype], bits).astype("<u2").tobytes()


def gaussian(rng, *shape):
    return rules.f32_bits(rng.standard_normal(shape) * 0.05)


def tensors(rng):
    """Two shards: name -> (dtype, shape, bytes)."""
    special = gaussian(rng, 131, 260)
    special[3, : len(SPECIAL)] = SPECIAL
    special[7] = 0
    plan = [
        ("model.embed_tokens.weight", "BF16", (96, 256)),
        ("model.layers.0.self_attn.q_proj.weight", "BF16", (256, 256)),
        ("model.layers.0.self_attn.k_proj.weight", "F16", (64, 256)),
        ("model.layers.0.self_attn.q_proj.bias", "BF16", (256,)),
        ("model.layers.0.mlp.up_proj.weight", "F32", (301, 131)),
        ("model.layers.0.mlp.gate.weight", "F32", (8, 256)),
        ("model.layers.0.input_layernorm.weight", "F32", (256,)),
        ("model.layers.0.conv.weight", "F16", (3, 5, 9, 130)),
        ("model.layers.1.mlp.down_proj.weight", "BF16", (2048, 1024)),
        ("model.layers.1.mlp.big_proj.weight", "F32", (1100, 2048)),
        ("lm_head.weight", "BF16", (96, 256)),
    ]
    found = {name: (dtype, shape, encode(dtype, gaussian(rng, *shape))) for name, dtype, shape in plan}
    for dtype in ("F32", "F16", "BF16"):
        found[f"model.layers.2.{dtype}.weight"] = (dtype, (131, 260), encode(dtype, special))
    found["zero.weight"] = ("F32", (16, 32), bytes(2048))
    found["empty.weight"] = ("BF16", (0, 32), b"")
    found["scalar"] = ("F32", (), struct.pack("<f", 3.25))
    found["ids \"quoted\"\n"] = ("I64", (5,), np.arange(5).astype("<i8").tobytes())
    found["mask"] = ("BOOL", (3,), b"\1\0\1")
    names = list(found)
    return [{name: found[name] for name in names[i::2]} for i in range(2)]


def write_model(shards):
    for file, shard in zip(SHARDS, shards):
        header, data = {"__metadata__": {"format": "pt", "a\"b": "\u00e9"}}, b""
        for name, (dtype, shape, raw) in shard.items():
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
        text = json.dumps(header).encode()
        with open(f"{SRC}/{file}", "wb") as out:
            out.write(struct.pack("<Q", len(text)) + text + data)
    weights = {name: file for file, shard in zip(SHARDS, shards) for name in shard}
    documents = {
        "model.safetensors.index.json": {"metadata": {"total_size": 1}, "weight_map": weights},
        "config.json": {"model_type": "llama", "torch_dtype": "float32", "rope_theta": 1e6, "eps": 1e-05},
        "tokenizer/tokenizer.json": {"x": 1},
        "bundle.json": {"schema_version": "1.0", "views": VIEWS[:2]},
    }
    os.mkdir(f"{SRC}/tokenizer")
    for path, document in documents.items():
        with open(f"{SRC}/{path}", "w", encoding="utf-8") as out:
            json.dump(document, out)
    with open(f"{SRC}/pytorch_model.bin", "wb") as out:
        out.write(b"old weights")


def floats(dtype, raw, shape):
    """A source tensor as f32 bits, or None when it is no float."""
    if dtype == "F32":
        return np.frombuffer(raw, "<u4").reshape(shape)
    if dtype in KINDS:
        return rules.widen(KINDS[dtype], np.frombuffer(raw, "<u2")).reshape(shape).astype(np.uint32)
    return None


def read_safetensors(path, is_aligned):
    """name -> (dtype, shape, bytes), having checked the header as the format demands."""
    data = content(path)
    size, = struct.unpack_from("<Q", data)
    require((8 + size) % 4096 == 0, f"{path}: data at {8 + size}")
    header = json.loads(data[8:8 + size])
    require(header.pop("__metadata__") == {"format": "pt", "a\"b": "\u00e9"}, f"{path}: metadata")
    found, end, rest_begun = {}, 0, False
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        require(first == end and last >= first, f"{path}: {name} at {first}, not {end}")
        require(last - first == SIZES[entry["dtype"]] * int(np.prod(entry["shape"], dtype=np.int64)),
                f"{path}: size of {name}")
        if is_aligned:
            rest_begun = rest_begun or (last - first) % 4096 != 0
            require(rest_begun == ((last - first) % 4096 != 0), f"{path}: {name} is out of order")
        found[name] = (entry["dtype"], tuple(entry["shape"]), data[8 + size + first:8 + size + last])
        end = last
    require(8 + size + end == len(data), f"{path}: {len(data)} bytes")
    return found


def is_linear(name, shape):
    """The names of this model alone."""
    return (name.endswith(".weight") and len(shape) == 2 and 0 not in shape and "norm" not in name
            and not name.endswith(".gate.weight") and "embed" not in name and "lm_head" not in name)


def expect_scales(view, bits):
    values = bits.view(np.float32)
    most = np.float32(127 if view == "npu-int8" else 448)
    if view == "gpu-fp8":
        return np.array([rules.scale_of(rules.amax(values), most)], np.float32)
    if view == "npu-int8":
        return np.array([[rules.scale_of(rules.amax(row), most)] for row in values], np.float32)
    rows, cols = (-(-n // 128) for n in values.shape)
    return np.array([[rules.scale_of(rules.amax(values[128 * r:128 * r + 128, 128 * c:128 * c + 128]), most)
                      for c in range(cols)] for r in range(rows)], np.float32)


def expect_codes(view, bits, scales):
    values, out = bits.view(np.float32), np.zeros(bits.shape, np.uint8)
    if view == "gpu-fp8":
        return rules.fp8(values, scales[0])
    if view == "npu-int8":
        return np.stack([rules.int8(row, scale) for row, (scale,) in zip(values, scales)])
    for r, row in enumerate(scales):
        for c, scale in enumerate(row):
            block = np.s_[128 * r:128 * r + 128, 128 * c:128 * c + 128]
            out[block] = rules.fp8(np.ascontiguousarray(values[block]), scale)
    return out


def expect_cast(bits, dtype):
    return (bits if dtype == "F32" else rules.narrow(KINDS[dtype], bits.ravel())).tobytes()


def check_safetensors(view, shards):
    plain = {"cpu-f32": "F32", "gpu-bf16": "BF16", "gpu-f16": "F16"}.get(view)
    weights, total, folder = {}, 0, f"{MNT}/m/1/views/{view}"
    for file, shard in zip(SHARDS, shards):
        made = read_safetensors(f"{folder}/{file}", view != "cpu-f32")
        weights |= {name: file for name in made}
        total += sum(len(raw) for _, _, raw in made.values())
        expected = set(shard)
        for name, (dtype, shape, raw) in shard.items():
            bits = floats(dtype, raw, shape)
            got = made[name]
            require(got[1] == shape, f"{view}: {name}: shape {got[1]}")
            if bits is None or plain == dtype:
                require(got == (dtype, shape, raw), f"{view}: {name} is not a copy")
            elif plain:
                require(got == (plain, shape, expect_cast(bits, plain)), f"{view}: {name}")
            elif not is_linear(name, shape):
                COUNTS["other"] += 1
                require(got == ("BF16", shape, expect_cast(bits, "BF16")), f"{view}: {name}")
            else:
                COUNTS["linear"] += 1
                scale_name = name + ("_scale_inv" if view == "gpu-fp8-block" else "_scale")
                scales = expect_scales(view, bits)
                require(made[scale_name] == ("F32", scales.shape, scales.tobytes()), f"{view}: {scale_name}")
                codes = expect_codes(view, bits, scales)
                require(got[0] == ("I8" if view == "npu-int8" else "F8_E4M3"), f"{view}: {name}: {got[0]}")
                require(got[2] == codes.tobytes(), f"{view}: {name}: values")
                expected.add(scale_name)
        require(set(made) == expected, f"{view}: {set(made) ^ expected}")
    with open(f"{folder}/model.safetensors.index.json", encoding="utf-8") as file:
        require(json.load(file) == {"metadata": {"total_size": total}, "weight_map": weights}, f"{view}: index")


def check_config(view):
    with open(f"{MNT}/m/1/views/{view}/config.json", encoding="utf-8") as file:
        text = file.read()
    config, dtype = json.loads(text), {"cpu-f32": "float32", "gpu-f16": "float16"}.get(view, "bfloat16")
    quantization = config.pop("quantization_config", None)
    require(config == {"model_type": "llama", "torch_dtype": dtype, "rope_theta": 1e6, "eps": 1e-05},
            f"{view}: {config}")
    require((quantization is not None) == (view in VIEWS[3:6]), f"{view}: quantization_config")
    if quantization:
        ignored = quantization.get("ignore") or quantization["modules_to_not_convert"]
        require(quantization.get("ignored_layers", ignored) == ignored, f"{view}: ignored_layers")
        for name in ("lm_head", "model.layers.0.mlp.gate", "model.layers.0.conv"):
            require(name in ignored, f"{view}: {name} is not ignored")
        require(not any("_proj" in name for name in ignored), f"{view}: {ignored}")
    if view == "gpu-fp8-block":
        require(quantization["weight_block_size"] == [128, 128] and quantization["quant_method"] == "fp8", view)


def expect_layout(view, name, dtype, shape, bits):
    """(dtype, layout, padded shape, bytes, scales)"""
    if bits is None:
        return dtype, "row-major", shape, None, None
    bf16 = rules.narrow("bf16", bits.ravel()).reshape(shape)
    plain = "BF16", "row-major", shape, bf16.tobytes(), None
    if view == "tpu-bf16-t8x128" and len(shape) >= 2 and 0 not in shape:
        matrices = bf16.reshape(-1, *shape[-2:])
        padded = (*shape[:-2], -(-shape[-2] // 8) * 8, -(-shape[-1] // 128) * 128)
        return "BF16", "t8x128-2x1", padded, b"".join(rules.tile_8x128(m).tobytes() for m in matrices), None
    if view == "amx-bf16" and (is_linear(name, shape) or name == "lm_head.weight"):
        return "BF16", "vnni-2", (-(-shape[1] // 2), shape[0], 2), rules.vnni(bf16).tobytes(), None
    if view == "amx-int8" and is_linear(name, shape):
        scales = expect_scales("npu-int8", bits)
        codes = expect_codes("npu-int8", bits, scales)
        return "I8", "vnni-4", (-(-shape[1] // 4), shape[0], 4), rules.vnni(codes).tobytes(), scales.tobytes()
    return plain


def check_bins(view, shards):
    folder = f"{MNT}/m/1/views/{view}"
    with open(f"{folder}/layout.json", encoding="utf-8") as file:
        layout = json.load(file)
    data, source, end = content(f"{folder}/{layout['data']}"), shards[0] | shards[1], 0
    require(layout["size"] == len(data) and layout["alignment"] == 4096, f"{view}: layout.json")
    require(sorted(entry["name"] for entry in layout["tensors"]) == sorted(source), f"{view}: names")
    for entry in layout["tensors"]:
        name = entry["name"]
        dtype, shape, raw = source[name]
        want = expect_layout(view, name, dtype, shape, floats(dtype, raw, shape))
        require((entry["dtype"], entry["layout"], tuple(entry["padded_shape"])) == want[:3], f"{view}: {name}: {entry}")
        require(tuple(entry["shape"]) == shape and entry["offset"] % 4096 == 0, f"{view}: {name}: {entry}")
        require(not any(data[end:entry["offset"]]), f"{view}: no zeros before {name}")
        end = entry["offset"] + entry["size"]
        require(data[entry["offset"]:end] == (raw if want[3] is None else want[3]), f"{view}: {name}: bytes")
        require(("scales_offset" in entry) == (want[4] is not None), f"{view}: {name}: scales")
        if want[4]:
            at = entry["scales_offset"]
            require(at % 4096 == 0 and at >= end, f"{view}: {name}: scales at {at}")
            end = at + entry["scales_size"]
            require(data[at:end] == want[4], f"{view}: {name}: scales")
    require(end == len(data), f"{view}: bytes after the last tensor")
    require(not os.path.exists(f"{folder}/{SHARDS[0]}"), f"{view}: has the original's weights")


def check_errors(shards):
    """The measured error of one class, computed anew."""
    manifest = json.loads(content(f"{MNT}/m/1/manifest.json"))
    views = {view["id"]: view for view in manifest["views"]}
    require(list(views) == sorted(VIEWS), f"manifest.json has {list(views)}")
    require("errors" not in views["cpu-f32"], "cpu-f32 has errors")
    error = {entry["class"]: entry for entry in views["gpu-f16"]["errors"]}["norm"]
    n, total, squares, largest, energy = 0, 0.0, 0.0, 0.0, 0.0
    for name, (dtype, shape, raw) in (shards[0] | shards[1]).items():
        if name.endswith("norm.weight"):
            bits = floats(dtype, raw, shape)
            back = rules.widen("f16", rules.narrow("f16", bits)).astype(np.uint32).view(np.float32)
            one = rules.measure(bits.view(np.float32), back)
            n, largest = n + one[0], max(largest, one[2])
            total, squares, energy = total + one[3], squares + one[4], energy + one[5]
    want = [f"{x:.6e}" for x in (largest, total / n, (squares / energy) ** 0.5)]
    require([error["max_abs"], error["mean_abs"], error["relative_rms"]] == want, f"{error}, not {want}")


def check_rest(view):
    folder = f"{MNT}/m/1/views/{view}"
    require(content(f"{folder}/tokenizer/tokenizer.json") == content(f"{SRC}/tokenizer/tokenizer.json"), view)
    for name in ("bundle.json", "views", "pytorch_model.bin"):
        require(not os.path.exists(f"{folder}/{name}"), f"{view} has {name}")


def main():
    shards = tensors(np.random.default_rng(7))
    write_model(shards)
    asked = [word for view in VIEWS[1:] for word in ("--view", view)]
    first = run("pack", "--no-dedup", "--jobs=1", "--json", STORE, "m:1", SRC, *asked)
    other = run("pack", "--no-dedup", "--jobs=7", "--json", STORE + "2", "m:1", SRC, *asked)
    require(json.loads(first)["id"] == json.loads(other)["id"], "the bundle depends on the number of threads")
    run("mount", STORE, MNT)
    try:
        for view in VIEWS[:6]:
            check_safetensors(view, shards)
            check_config(view)
        for view in VIEWS[6:]:
            check_bins(view, shards)
        for view in VIEWS:
            check_rest(view)
        check_errors(shards)
    finally:
        run("umount", MNT)
    require(COUNTS["linear"] > 20 and COUNTS["other"] > 10, f"too little was compared: {COUNTS}")


try:
    main()
except Failed as failure:
    sys.exit(f"views-safetensors: {failure}")
