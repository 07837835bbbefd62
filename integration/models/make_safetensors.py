#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a seeded safetensors model directory, single file or sharded.

Matrices are Gaussian with log-normal row scales, as trained weights are; norms are small float32
vectors. The same arguments give the same bytes, so that cases can compare across packs.
"""
import argparse
import json
import os
import struct
import sys

import numpy as np

WIDTH = 1024
# sigma of log(row scale): bf16 exponents then have 2.59 bits of entropy, so no coder of exponents
# gets below 0.662 of the size, and zstd -3 leaves 0.78, as it does of trained Llama weights.
ROW_SPREAD = 0.2
DTYPES = {"bf16": ("BF16", 2), "f16": ("F16", 2), "f32": ("F32", 4)}


def parse_size(text):
    """'64M' -> bytes; suffixes K, M, G are powers of 1024."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    if text[-1:].upper() in units:
        return int(float(text[:-1]) * units[text[-1].upper()])
    return int(text)


def to_bf16(values):
    """float32 -> bfloat16 bit patterns, to nearest even; finite input only."""
    bits = np.ascontiguousarray(values, dtype="<f4").view("<u4").astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def encode(values, dtype):
    if dtype == "bf16":
        return to_bf16(values).tobytes()
    return values.astype({"f16": "<f2", "f32": "<f4"}[dtype]).tobytes()


def weights(rng, rows, columns):
    scale = np.exp(rng.normal(-3.5, ROW_SPREAD, size=(rows, 1))).astype(np.float32)
    return rng.standard_normal((rows, columns), dtype=np.float32) * scale


def plan(size, dtype, tensor_size):
    """Names and shapes of matrices that together take about `size` bytes, a norm before each."""
    item = DTYPES["f32" if dtype == "mixed" else dtype][1]
    rows = max(1, tensor_size // (WIDTH * item))
    left, layer, tensors = size, 0, []
    while left > 0:
        take = max(1, min(rows, left // (WIDTH * item)))
        kind = dtype
        if dtype == "mixed":
            kind = ("bf16", "f16", "f32")[layer % 3]
        tensors.append((f"model.layers.{layer}.input_layernorm.weight", "f32", (WIDTH,)))
        tensors.append((f"model.layers.{layer}.mlp.up_proj.weight", kind, (take, WIDTH)))
        left -= take * WIDTH * DTYPES[kind][1]
        layer += 1
    return tensors


def write_file(path, tensors, rng, seed):
    # The seed is in every file, so that models of different seeds share no chunk, headers included.
    header, at = {"__metadata__": {"format": "pt", "seed": str(seed)}}, 0
    for name, dtype, shape in tensors:
        size = int(np.prod(shape)) * DTYPES[dtype][1]
        header[name] = {
            "dtype": DTYPES[dtype][0],
            "shape": list(shape),
            "data_offsets": [at, at + size],
        }
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name, dtype, shape in tensors:
            if len(shape) == 1:
                out.write(encode(1 + 0.01 * rng.standard_normal(shape, dtype=np.float32), dtype))
            else:
                out.write(encode(weights(rng, *shape), dtype))
    return at


def write_companions(directory, dtype, seed):
    """The small text files that models come with, so that text chunks are packed too."""
    config = {
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": WIDTH,
        "model_type": "llama",
        "seed": seed,
        "torch_dtype": {"bf16": "bfloat16", "f16": "float16"}.get(dtype, "float32"),
    }
    vocab = {f"token_{seed}_{i}": i for i in range(2000)}
    with open(os.path.join(directory, "config.json"), "w", encoding="utf-8") as out:
        json.dump(config, out, indent=2)
        out.write("\n")
    with open(os.path.join(directory, "tokenizer.json"), "w", encoding="utf-8") as out:
        json.dump({"version": "1.0", "model": {"type": "BPE", "vocab": vocab}}, out)
        out.write("\n")


def write_model(directory, size, dtype, seed=1, shards=1, tensor_size=4 << 20, companions=True):
    rng = np.random.default_rng(seed)
    os.makedirs(directory, exist_ok=True)
    tensors = plan(size, dtype, tensor_size)
    if companions:
        write_companions(directory, dtype, seed)
    if shards == 1:
        write_file(os.path.join(directory, "model.safetensors"), tensors, rng, seed)
        return
    where, total = {}, 0
    for shard in range(shards):
        part = tensors[shard * len(tensors) // shards : (shard + 1) * len(tensors) // shards]
        if not part:
            sys.exit(f"make_safetensors: {len(tensors)} tensors cannot fill {shards} shards")
        name = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        total += write_file(os.path.join(directory, name), part, rng, seed)
        where.update({tensor: name for tensor, _, _ in part})
    with open(os.path.join(directory, "model.safetensors.index.json"), "w", encoding="utf-8") as out:
        json.dump({"metadata": {"total_size": total}, "weight_map": where}, out, indent=2)
        out.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--size", type=parse_size, default=8 << 20, help="of all weights (8M)")
    parser.add_argument("--dtype", choices=[*DTYPES, "mixed"], default="bf16")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--tensor-size", type=parse_size, default=4 << 20, help="of each (4M)")
    parser.add_argument("--bare", action="store_true", help="no config.json, no tokenizer.json")
    args = parser.parse_args()
    write_model(
        args.directory,
        args.size,
        args.dtype,
        args.seed,
        args.shards,
        args.tensor_size,
        not args.bare,
    )


if __name__ == "__main__":
    main()
