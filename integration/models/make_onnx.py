#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a small ONNX model (two MatMul + Add layers) whose weights are external data.

The protobuf is encoded by hand: field numbers are those of onnx.proto3. Tensors in the data file
start at multiples of 4096, which is what lets ONNX Runtime map them.
"""
import argparse
import os

import numpy as np

PAGE = 4096
FLOAT = 1  # TensorProto.DataType
EXTERNAL = 1  # TensorProto.DataLocation
WIDTH = 96


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def blob(field, value):
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


def external_tensor(name, shape, file_name, offset, length):
    """TensorProto whose bytes are at [offset, offset + length) of file_name."""

    def entry(key, value):
        return blob(13, blob(1, key) + blob(2, str(value)))

    return (
        b"".join(number(1, dim) for dim in shape)
        + number(2, FLOAT)
        + blob(8, name)
        + entry("location", file_name)
        + entry("offset", offset)
        + entry("length", length)
        + number(14, EXTERNAL)
    )


def value_info(name, shape):
    dims = b"".join(blob(1, number(1, dim)) for dim in shape)
    return blob(1, name) + blob(2, blob(1, number(1, FLOAT) + blob(2, dims)))


def node(kind, inputs, output):
    return b"".join(blob(1, name) for name in inputs) + blob(2, output) + blob(4, kind)


def write_model(directory, seed):
    rng = np.random.default_rng(seed)
    os.makedirs(directory, exist_ok=True)
    graph, data, last = b"", b"", "x"
    for layer in range(2):
        names = [f"weight{layer}", f"bias{layer}"]
        for name, shape in zip(names, [(WIDTH, WIDTH), (WIDTH,)]):
            body = (rng.standard_normal(shape) / np.sqrt(WIDTH)).astype("<f4").tobytes()
            data += bytes(-len(data) % PAGE)
            tensor = external_tensor(name, shape, "model.onnx.data", len(data), len(body))
            graph += blob(5, tensor)
            data += body
        output = "y" if layer == 1 else f"h{layer}"
        graph += blob(1, node("MatMul", [last, names[0]], f"m{layer}"))
        graph += blob(1, node("Add", [f"m{layer}", names[1]], output))
        last = output
    graph += blob(2, "bundlefs-integration")
    graph += blob(11, value_info("x", (1, WIDTH))) + blob(12, value_info("y", (1, WIDTH)))
    model = number(1, 8) + blob(2, "bundlefs") + blob(7, graph) + blob(8, number(2, 13))
    with open(os.path.join(directory, "model.onnx"), "wb") as out:
        out.write(model)
    with open(os.path.join(directory, "model.onnx.data"), "wb") as out:
        out.write(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    write_model(args.directory, args.seed)


if __name__ == "__main__":
    main()
