#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""torch_compare.py SOURCE MOUNTED: every tensor of a safetensors file is equal in both, each way
that PyTorch has of mapping a file."""
import json
import struct
import sys

import numpy as np
import torch

DTYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}


def read_header(path):
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    header.pop("__metadata__", None)
    return 8 + size, header


def by_frombuffer(path, start, size):
    data = np.memmap(path, dtype=np.uint8, mode="c")
    return torch.frombuffer(data, dtype=torch.uint8)[start : start + size]


def by_from_file(path, start, size):
    return torch.from_file(path, shared=False, size=start + size, dtype=torch.uint8)[start:]


def by_storage(path, start, size):
    storage = torch.ByteStorage.from_file(path, False, start + size)
    return torch.tensor([], dtype=torch.uint8).set_(storage)[start:]


def by_read(path, start, size):
    with open(path, "rb") as file:
        file.seek(start)
        return torch.frombuffer(bytearray(file.read(size)), dtype=torch.uint8)


def main():
    source, mounted = sys.argv[1:]
    base, tensors = read_header(source)
    if (base, tensors) != read_header(mounted) or not tensors:
        sys.exit("torch_compare: headers differ")
    for name, tensor in tensors.items():
        begin, end = tensor["data_offsets"]
        dtype, shape = DTYPES[tensor["dtype"]], tensor["shape"]
        want = by_read(source, base + begin, end - begin).view(dtype).reshape(shape)
        for how in (by_frombuffer, by_from_file, by_storage, by_read):
            got = how(mounted, base + begin, end - begin).clone().view(dtype).reshape(shape)
            if not torch.equal(got, want):
                sys.exit(f"torch_compare: {name} differs by {how.__name__}")
    print(f"{len(tensors)} tensors equal")


if __name__ == "__main__":
    main()
