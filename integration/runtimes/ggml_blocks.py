#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares our quantizers with ggml's own functions, in the library of the pinned llama.cpp.

  ggml_blocks.py [VALUES]      of each of some thirty distributions, for each type
"""
import ctypes
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from quant_reference import BLOCKS  # noqa: E402
from support import quantizers  # noqa: E402
from support.common import Failed  # noqa: E402

LIBRARY = "node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/libggml-base.so"


def library_path():
    return os.path.join(HERE, LIBRARY)


class InitParams(ctypes.Structure):
    _fields_ = [
        ("mem_size", ctypes.c_size_t),
        ("mem_buffer", ctypes.c_void_p),
        ("no_alloc", ctypes.c_bool),
    ]


class Ggml:
    """quantize_row_*_ref() and dequantize_row_*() by name."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        # Its table of 16-bit floats is filled by the first of these, and is zero before.
        self.library.ggml_init.argtypes = [InitParams]
        self.library.ggml_init.restype = ctypes.c_void_p
        if not self.library.ggml_init(InitParams(1 << 16, None, True)):
            sys.exit("ggml_init() fails")

    def call(self, function, given, made, n):
        function = getattr(self.library, function)
        function.restype = None
        pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (given, made))
        function(*pointers, ctypes.c_int64(n))
        return made

    def quantize(self, kind, values):
        elements, size = BLOCKS[kind]
        blocks = np.zeros(values.size // elements * size, np.uint8)
        name = f"quantize_row_q{kind[1:]}_ref"
        return self.call(name, np.ascontiguousarray(values), blocks, values.size)

    def dequantize(self, kind, data):
        elements, size = BLOCKS[kind]
        values = np.zeros(data.size // size * elements, np.float32)
        return self.call(f"dequantize_row_q{kind[1:]}", np.ascontiguousarray(data), values, values.size)


class Wrong:
    """ggml on values a little larger: what must not count as equal."""

    def __init__(self, ggml):
        self.ggml = ggml
        self.dequantize = ggml.dequantize

    def quantize(self, kind, values):
        return self.ggml.quantize(kind, values * np.float32(1.001))


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1 << 18
    if not os.path.exists(library_path()):
        sys.exit(f"no {LIBRARY}: run install")
    ggml, ours = Ggml(library_path()), quantizers.Ours()
    quantizers.compare(ours, ggml, BLOCKS, n, seed=2)
    for kind, size in BLOCKS.items():
        try:
            quantizers.compare(ours, Wrong(ggml), {kind: size}, 1 << 12, 2, ["weights"])
        except Failed:
            continue
        raise Failed(f"{kind}: blocks of other values count as equal")
    print(f"{n} values of each distribution, {', '.join(BLOCKS)}, by {', '.join(ours.kernels)}")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
