#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""quantize_gguf.py SOURCE.gguf TYPE OUT.gguf: the model as docs/views-gguf.md says that a view of it is,
by NumPy and the GGUF specification alone, but packed at 32 bytes as llama-quantize does.

For models of the llama architecture: of the tensors that are kept by name it knows the norms.
"""
import os
import struct
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import quant_reference  # noqa: E402
from support import gguf  # noqa: E402

FILE_TYPES = {"Q4_0": 2, "Q8_0": 7, "Q4_K": 14, "Q6_K": 18}
INSTEAD = {"Q4_K": "Q5_0", "Q6_K": "Q8_0"}  # of rows that are not whole blocks
FLOATS = ("F32", "F16", "BF16")


def floats(tensor):
    name = gguf.TYPES[tensor.kind][0]
    if name == "BF16":
        return (np.frombuffer(tensor.data, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(tensor.data, {"F32": "<f4", "F16": "<f2"}[name]).astype("<f4")


def new_type(tensor, wanted):
    """The name of the tensor's type in the view."""
    if len([n for n in tensor.ne if n > 1]) < 2:
        return "F32"
    if not tensor.name.endswith("weight") or "_norm.weight" in tensor.name:
        return gguf.TYPES[tensor.kind][0]
    for name in (wanted, INSTEAD.get(wanted, wanted)):
        if tensor.ne[0] % gguf.TYPES[gguf.NUMBERS[name]][1] == 0:
            return name
    return "F16"


def quantized(tensor, wanted):
    name = new_type(tensor, wanted)
    if name == gguf.TYPES[tensor.kind][0]:
        return tensor
    values = floats(tensor)
    if name in FLOATS:
        body = values.astype({"F32": "<f4", "F16": "<f2"}[name]).tobytes()
    else:
        body = bytes(quant_reference.quantize(name, values))
    return gguf.Tensor(tensor.name, tensor.ne, gguf.NUMBERS[name], body)


def main():
    if len(sys.argv) != 4 or sys.argv[2] not in FILE_TYPES:
        sys.exit(f"usage: quantize_gguf.py SOURCE.gguf {'|'.join(FILE_TYPES)} OUT.gguf")
    source, wanted, out = gguf.File(sys.argv[1]), sys.argv[2], sys.argv[3]
    values = [value for value in source.values if value[0] not in gguf.SET_BY_VIEWS]
    values.append((b"general.quantization_version", gguf.U32, struct.pack("<I", 2)))
    values.append((b"general.file_type", gguf.U32, struct.pack("<I", FILE_TYPES[wanted])))
    gguf.File.write(out, values, [quantized(tensor, wanted) for tensor in source.tensors])


if __name__ == "__main__":
    main()
