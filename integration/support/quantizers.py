# SPDX-License-Identifier: Apache-2.0
"""The quantizers of the build, and comparing them with another implementation of the same rules."""
import os
import subprocess

import numpy as np

from support import quant_values
from support.common import require


class Ours:
    """quant-filter of the build that the environment's BUNDLEFS is of."""

    def __init__(self):
        build = os.path.dirname(os.path.dirname(os.environ["BUNDLEFS"]))
        self.program = os.path.join(build, "integration", "support", "quant-filter")
        self.kernels = self.run("kernels").decode().split()

    def run(self, *args, data=b""):
        return subprocess.run([self.program, *args], input=data, stdout=subprocess.PIPE, check=True).stdout

    def quantize(self, kind, values, kernels):
        return np.frombuffer(self.run("quantize", kind, kernels, data=values.tobytes()), np.uint8)

    def dequantize(self, kind, data, kernels):
        return np.frombuffer(self.run("dequantize", kind, kernels, data=data.tobytes()), np.float32)


def same_blocks(kind, size, got, want, what):
    require(got.size == want.size, f"{what}: {got.size} bytes instead of {want.size}")
    wrong = np.flatnonzero((got != want).reshape(-1, size).any(axis=1))
    if wrong.size:
        at = slice(wrong[0] * size, (wrong[0] + 1) * size)
        require(False, f"{what}: {wrong.size} of {got.size // size} blocks differ, the first is "
                       f"{wrong[0]}: {got[at].tobytes().hex()} instead of {want[at].tobytes().hex()}")


def same_values(got, want, what):
    equal = (got.view(np.uint32) == want.view(np.uint32)) | (np.isnan(got) & np.isnan(want))
    wrong = np.flatnonzero(~equal)
    require(wrong.size == 0 and got.size == want.size,
            f"{what}: {wrong.size} values differ, the first is {wrong[:1]}")


def compare(ours, theirs, blocks, n, seed, names=None):
    """theirs: quantize(kind, values) and dequantize(kind, bytes). Every type, every instruction set,
    n values of every distribution."""
    noise = np.random.default_rng(seed)
    for name in names or quant_values.ALL:
        values = quant_values.make(name, n, seed)
        for kind, (elements, size) in blocks.items():
            want = theirs.quantize(kind, values)
            anything = noise.integers(0, 256, n // elements * size, dtype=np.uint8)
            for kernels in ours.kernels:
                what = f"{kind}, {name}, {kernels}"
                same_blocks(kind, size, ours.quantize(kind, values, kernels), want, what)
                for data in (want, anything):
                    same_values(ours.dequantize(kind, data, kernels),
                                theirs.dequantize(kind, data), f"{what}, back")
