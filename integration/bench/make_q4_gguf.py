#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a seeded GGUF file of Q4_0 blocks as quantized Gaussian weights have them: an f16 scale, and 32
values of four bits that are not all equally likely. No tokenizer: for file systems, not for runtimes.
"""
import argparse
import os
import struct
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models"))
from make_gguf_llama import ALIGNMENT, STRING, U32, scalar, string  # noqa: E402
from make_safetensors import parse_size  # noqa: E402

Q4_0, BLOCK, BLOCK_BYTES = 2, 32, 18
WIDTH = 4096
TENSOR_BYTES = 32 << 20


def likely_bytes(rng):
    """65,536 bytes, each as often as it is among the quants of Gaussian weights. In a block the value
    of the greatest magnitude becomes -8, all others are multiples of its eighth."""
    values = rng.standard_normal((65536, BLOCK))
    largest = np.take_along_axis(values, np.abs(values).argmax(axis=1)[:, None], axis=1)
    quants = np.clip(np.floor(values / (largest / -8) + 8.5), 0, 15).astype(np.uint8)
    return (quants[:, :16] | quants[:, 16:] << 4).reshape(-1)[: 1 << 16]


def blocks(rng, table, count):
    made = np.empty((count, BLOCK_BYTES), np.uint8)
    scales = np.exp(rng.normal(-5.5, 0.3, count)) * rng.choice((-1, 1), count)
    made[:, :2] = scales.astype("<f2").view(np.uint8).reshape(-1, 2)
    made[:, 2:] = table[rng.integers(0, 1 << 16, (count, 16), dtype=np.uint16)]
    return made.tobytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    parser.add_argument("--size", type=parse_size, default=64 << 20, help="about so many bytes (64M)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    row = WIDTH // BLOCK * BLOCK_BYTES
    rows = [
        max(1, min(TENSOR_BYTES, args.size - at) // row) for at in range(0, args.size, TENSOR_BYTES)
    ]
    infos, at = b"", 0
    for i, count in enumerate(rows):
        infos += string(f"blk.{i}.ffn_up.weight")
        infos += struct.pack("<IQQIQ", 2, WIDTH, count, Q4_0, at)
        at += -(-count * row // ALIGNMENT) * ALIGNMENT
    values = [scalar("general.architecture", STRING, "llama"), scalar("general.file_type", U32, 2)]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(rows), len(values)) + b"".join(values) + infos
    table = likely_bytes(rng)
    with open(args.path, "wb") as out:
        out.write(head + bytes(-len(head) % ALIGNMENT))
        for count in rows:
            out.write(blocks(rng, table, count * row // BLOCK_BYTES))
            out.write(bytes(-out.tell() % ALIGNMENT))


if __name__ == "__main__":
    main()
