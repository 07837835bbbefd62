#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""torch_views.py SOURCE VIEW DTYPE: every tensor of the mapped view has the value that PyTorch's own
cast of the source's tensor gives."""
import os
import sys

import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from torch_compare import DTYPES, by_from_file, by_read, read_header  # noqa: E402


def load(path, how):
    base, header = read_header(path)
    return {
        name: how(path, base + tensor["data_offsets"][0], tensor["data_offsets"][1] - tensor["data_offsets"][0])
        .clone()
        .view(DTYPES[tensor["dtype"]])
        .reshape(tensor["shape"])
        for name, tensor in header.items()
    }


def main():
    source, view = load(sys.argv[1], by_read), load(sys.argv[2], by_from_file)
    dtype = DTYPES[sys.argv[3]]
    if set(source) != set(view) or not source:
        sys.exit("torch_views: other tensors")
    for name, tensor in source.items():
        if view[name].dtype != dtype or not torch.equal(view[name], tensor.to(dtype)):
            sys.exit(f"torch_views: {name} differs")
    print(f"{len(source)} tensors equal")


if __name__ == "__main__":
    main()
