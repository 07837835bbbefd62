#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""torch_time.py FILE: seconds until PyTorch has every tensor of a safetensors file in memory of its
own: the file mapped, each tensor copied, by the order of names. One line of JSON."""
import json
import os
import sys
import time

import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from torch_compare import DTYPES, read_header  # noqa: E402


def load(path):
    base, tensors = read_header(path)
    mapped = torch.UntypedStorage.from_file(path, False, os.path.getsize(path))
    content, loaded = torch.tensor([], dtype=torch.uint8).set_(mapped), {}
    for name in sorted(tensors):
        begin, end = (base + at for at in tensors[name]["data_offsets"])
        raw = content[begin:end].clone()
        loaded[name] = raw.view(DTYPES[tensors[name]["dtype"]]).reshape(tensors[name]["shape"])
    return loaded


def main():
    torch.zeros(1).clone()  # what the library does once is not counted
    start = time.perf_counter()
    loaded = load(sys.argv[1])
    print(json.dumps({"loaded": time.perf_counter() - start, "tensors": len(loaded)}))


if __name__ == "__main__":
    main()
