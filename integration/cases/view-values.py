#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Casts, scaled 8-bit values and orders of views: the program's equal NumPy's on every pattern of 16
bits, and on f32 of every exponent and ten million random ones; casts equal PyTorch's but for NaN."""
# TIMEOUT: 240
# NOT-UNDER: thread
import os
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
from support.common import require  # noqa: E402

BUILD = os.path.dirname(os.path.dirname(os.environ["BUNDLEFS"]))
FILTER = os.path.join(BUILD, "integration", "support", "cast-filter")
RANDOM = 10_000_000
BLOCK = 1_000_000


def filtered(dtype, array, *words):
    done = subprocess.run(
        [FILTER, *map(str, words)],
        input=np.ascontiguousarray(array).tobytes(),
        capture_output=True,
        check=False,
    )
    require(done.returncode == 0, f"cast-filter {words}: {done.returncode} {done.stderr.decode()}")
    return np.frombuffer(done.stdout, dtype)


def same(got, want, source, what):
    require(len(got) == len(want), f"{what}: {len(got)} values instead of {len(want)}")
    different = np.flatnonzero(got != want)
    if len(different):
        i = different[0]
        value = source[i] if len(source) == len(want) else i
        require(False, f"{what}: {value:#x} becomes {got[i]:#x} instead of {want[i]:#x}")


# -- patterns --


def edge_patterns():
    """Every exponent with mantissas around each power of two from both ends, both signs."""
    bits = np.arange(23)
    near = np.concatenate([(1 << bits) + delta for delta in (-1, 0, 1)])
    near = np.concatenate([near, 0x7FFFFF - near, (3 << bits), (5 << bits) + 1]) & 0x7FFFFF
    mantissas = np.unique(near).astype(np.uint32)
    tops = np.arange(512, dtype=np.uint32) << 23
    return (tops[:, None] | mantissas[None, :]).ravel()


def blocks():
    yield edge_patterns()
    rng = np.random.default_rng(20)
    for i in range(RANDOM // BLOCK):
        bits = rng.integers(0, 1 << 32, BLOCK, dtype=np.uint32)
        if i % 2:  # in the range of f16
            bits = bits & 0x807FFFFF | rng.integers(98, 146, BLOCK, dtype=np.uint32) << 23
        yield bits


# -- casts --


def torch_casts():
    """{(from, to): function of bits}, or nothing where there is no PyTorch."""
    try:
        import torch
    except ImportError:
        return {}
    types = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}

    def cast(start, end):
        signed = {4: (np.int32, torch.int32), 2: (np.int16, torch.int16)}
        plain = np.uint32 if end == "f32" else np.uint16

        def run(bits):
            tensor = torch.from_numpy(bits.view(signed[bits.itemsize][0]).copy())
            result = tensor.view(types[start]).to(types[end])
            return result.view(signed[np.dtype(plain).itemsize][1]).numpy().view(plain)

        return run

    return {(a, b): cast(a, b) for a in types for b in types if a != b}


def compare_with_torch(torch, start, end, bits, got):
    if (start, end) not in torch:
        return
    theirs = torch[start, end](bits)
    wide = bits if start == "f32" else rules.widen(start, bits)
    number = ~rules.is_nan(wide)
    same(got[number], theirs[number], bits[number], f"PyTorch, {start} to {end}")
    out = theirs if end == "f32" else rules.widen(end, theirs)
    require(rules.is_nan(out[~number]).all(), f"PyTorch, {start} to {end}: a NaN becomes a number")


def casts():
    torch = torch_casts()
    print("with PyTorch" if torch else "without PyTorch")
    patterns = np.arange(1 << 16, dtype=np.uint32).astype(np.uint16)
    for start, other in (("f16", "bf16"), ("bf16", "f16")):
        wide = filtered(np.uint32, patterns, "cast", start, "f32")
        same(wide, rules.widen(start, patterns), patterns, f"{start} to f32")
        compare_with_torch(torch, start, "f32", patterns, wide)
        between = filtered(np.uint16, patterns, "cast", start, other)
        want = rules.narrow(other, rules.widen(start, patterns))
        same(between, want, patterns, f"{start} to {other}")
        compare_with_torch(torch, start, other, patterns, between)
    for bits in blocks():
        for end in ("f16", "bf16"):
            got = filtered(np.uint16, bits, "cast", "f32", end)
            same(got, rules.narrow(end, bits), bits, f"f32 to {end}")
            compare_with_torch(torch, "f32", end, bits, got)


# -- scaled 8-bit values --


def scaled():
    codes = np.arange(256, dtype=np.uint32).astype(np.uint8)
    bits = np.concatenate([np.arange(1 << 16, dtype=np.uint32) << 16 | low for low in (0, 0x7FFF, 0x8000)])
    table = rules.e4m3_values()
    ties = rules.f32_bits((table[1:] + table[:-1]) / 2)
    halves = rules.f32_bits(np.arange(128) + 0.5)
    for near in (ties, halves):
        bits = np.concatenate([bits, *(near + np.uint32(d) - np.uint32(1) for d in range(3))])
    bits = np.concatenate([bits, bits ^ np.uint32(1 << 31)])
    values = bits.view(np.float32)
    for scale in (0.0, 1.0, 2.0**-149, 0.0123, 1e30):
        text = float(np.float32(scale)).hex()
        same(filtered(np.uint8, values, "fp8", text), rules.fp8(values, scale), bits, f"fp8, {text}")
        same(filtered(np.int8, values, "int8", text), rules.int8(values, scale), bits, f"int8, {text}")
        back = filtered(np.uint32, codes, "fp8-back", text)
        same(back, rules.fp8_back(codes, scale), codes, f"fp8 back, {text}")
        back = filtered(np.uint32, codes, "int8-back", text)
        want = rules.f32_bits(codes.view(np.int8).astype(np.float32) * np.float32(scale))
        same(back, want, codes, f"int8 back, {text}")


def scales():
    tops = np.array([0, 2.0**-149, 1e-44, 1, 3, 447.9, 3e38, np.inf, np.nan], np.float32)
    for name, most in (("fp8-scale", rules.E4M3_MOST), ("int8-scale", rules.INT8_MOST)):
        got = filtered(np.float32, tops, name)
        require(list(got) == [rules.scale_of(top, most) for top in tops], f"{name}: {got}")
    rng = np.random.default_rng(21)
    values = rng.normal(size=1237).astype(np.float32)
    values[::7] = np.nan
    require(filtered(np.float32, values, "amax", "f32")[0] == rules.amax(values), "amax of f32")
    half = values.astype(np.float16)
    require(filtered(np.float32, half, "amax", "f16")[0] == rules.amax(half), "amax of f16")


def measures():
    rng = np.random.default_rng(22)
    for n in (1, 7, 8, 9, 10_007):
        source = rng.normal(size=n).astype(np.float32)
        converted = (source + rng.normal(size=n) * 0.01).astype(np.float32)
        source[::11], converted[::13], converted[::11] = np.nan, np.inf, np.nan
        got = filtered(np.uint8, np.concatenate([source, converted]), "measure").tobytes().split()
        want = rules.measure(source, converted)
        numbers = [int(word) for word in got[:2]] + [float.fromhex(word.decode()) for word in got[2:]]
        require(numbers == list(want), f"measure of {n}: {numbers} instead of {want}")


# -- orders --


def orders():
    small = np.arange(32).reshape(4, 8)
    require(rules.vnni(small.astype(np.int8))[:8].tolist() == [0, 1, 2, 3, 8, 9, 10, 11], "vnni's rule")
    rng = np.random.default_rng(23)
    for rows in (0, 1, 2, 7, 8, 9, 16, 61, 127):
        for cols in (0, 1, 3, 64, 127, 128, 129, 131, 384):
            for dtype in (np.uint16, np.uint8):
                matrix = rng.integers(0, np.iinfo(dtype).max, (rows, cols), dtype, endpoint=True)
                if dtype == np.uint16:
                    got = filtered(dtype, matrix, "tile", rows, cols)
                    same(got, rules.tile_8x128(matrix), (), f"tile {rows} x {cols}")
                for band in (1, 5, 1000):
                    got = filtered(dtype, matrix, "vnni", rows, cols, matrix.itemsize, band)
                    same(got, rules.vnni(matrix), (), f"vnni {rows} x {cols}, {band} at a time")


if __name__ == "__main__":
    for check in (casts, scaled, scales, measures, orders):
        print(check.__name__, flush=True)
        check()
