#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a directory with one model in two forms, and fixtures that both must answer alike.

model.gguf is the random llama of make_gguf_llama.py. views/ort-cpu/model.onnx is the same network for
sequences of one token, where rotary positions are the identity and attention gives back the values.
contract.json has fixtures of one token each, with the next token as NumPy computes it; those are
chosen whose best two logits are farthest apart, so that 8-bit weights do not change the answer.
"""
import argparse
import json
import os

import numpy as np

import make_gguf_llama as llama
from make_onnx import blob, number

FLOAT, INT64, ATTRIBUTE_INT = 1, 7, 2  # onnx.proto3: TensorProto.DataType, AttributeProto.AttributeType
EPSILON = np.float32(1e-5)
FIXTURES = 3


class Graph:
    """An ONNX graph, and the same values by NumPy."""

    def __init__(self):
        self.body, self.count = b"", 0

    def constant(self, array):
        self.count += 1
        name, array = f"c{self.count}", np.ascontiguousarray(array, "<f4")
        dims = b"".join(number(1, dim) for dim in array.shape)
        self.body += blob(5, dims + number(2, FLOAT) + blob(8, name) + blob(9, array.tobytes()))
        return name

    def node(self, kind, *inputs, output=None, **attributes):
        self.count += 1
        output = output or f"n{self.count}"
        body = b"".join(blob(1, name) for name in inputs) + blob(2, output) + blob(4, kind)
        for name, value in attributes.items():
            body += blob(5, blob(1, name) + number(3, value) + number(20, ATTRIBUTE_INT))
        self.body += blob(1, body)
        return output

    def norm(self, name, weight):
        width = weight.shape[0]
        mean = self.node("MatMul", self.node("Mul", name, name), self.constant(np.full((width, 1), 1 / width)))
        root = self.node("Sqrt", self.node("Add", mean, self.constant(np.array(EPSILON))))
        return self.node("Mul", self.node("Div", name, root), self.constant(weight))

    def linear(self, name, weight):
        return self.node("MatMul", name, self.constant(weight.T))


def value(name, shape):
    dims = b"".join(blob(1, number(1, dim)) for dim in shape)
    return blob(1, name) + blob(2, blob(1, number(1, INT64) + blob(2, dims)))


def spread_values(weight):
    """One row of values for each head: heads share those of their group."""
    rows = weight.reshape(llama.KV_HEADS, -1, weight.shape[1])
    return np.repeat(rows, llama.HEADS // llama.KV_HEADS, axis=0).reshape(-1, weight.shape[1])


def onnx_model(weights):
    graph = Graph()
    x = graph.node("Gather", graph.constant(weights["token_embd.weight"]), "input_ids")
    for layer in range(llama.LAYERS):
        w = {name.split(".")[2]: array for name, array in weights.items() if name.startswith(f"blk.{layer}.")}
        values = graph.linear(graph.norm(x, w["attn_norm"]), spread_values(w["attn_v"]))
        x = graph.node("Add", x, graph.linear(values, w["attn_output"]))
        inner = graph.norm(x, w["ffn_norm"])
        gate = graph.linear(inner, w["ffn_gate"])
        gate = graph.node("Mul", gate, graph.node("Sigmoid", gate))
        x = graph.node("Add", x, graph.linear(graph.node("Mul", gate, graph.linear(inner, w["ffn_up"])), w["ffn_down"]))
    logits = graph.linear(graph.norm(x, weights["output_norm.weight"]), weights["output.weight"])
    graph.node("ArgMax", logits, output="next_token", axis=2, keepdims=0)
    body = graph.body + blob(2, "one-token") + blob(11, value("input_ids", (1, 1))) + blob(12, value("next_token", (1, 1)))
    return number(1, 8) + blob(2, "bundlefs") + blob(7, body) + blob(8, number(2, 13))


def all_logits(weights):
    """Row t: the logits after the token t alone."""
    def norm(x, weight):
        return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + EPSILON) * weight

    x = weights["token_embd.weight"]
    for layer in range(llama.LAYERS):
        w = {name.split(".")[2]: array for name, array in weights.items() if name.startswith(f"blk.{layer}.")}
        x = x + norm(x, w["attn_norm"]) @ spread_values(w["attn_v"]).T @ w["attn_output"].T
        inner = norm(x, w["ffn_norm"])
        gate = inner @ w["ffn_gate"].T
        x = x + (gate / (1 + np.exp(-gate)) * (inner @ w["ffn_up"].T)) @ w["ffn_down"].T
    return norm(x, weights["output_norm.weight"]) @ weights["output.weight"].T


def choose(logits):
    """(token, next token) where the best is clearest, no answer twice, and none a control token."""
    order = np.sort(logits, axis=1)
    chosen = {}
    for token in np.argsort(order[:, -2] - order[:, -1]):
        answer = int(logits[token].argmax())
        if token > 2 and answer > 2 and answer not in chosen.values():
            chosen[int(token)] = answer
        if len(chosen) == FIXTURES:
            break
    return chosen


def write(directory, name, content):
    path = os.path.join(directory, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(content if isinstance(content, bytes) else json.dumps(content).encode())


def contract(chosen):
    def binding(name, file):
        return [{"name": name, "file": file}]

    return {
        "schema_version": "1.0",
        "inputs": [{"name": "input_ids", "datatype": "INT64", "shape": [1, 1]}],
        "outputs": [{"name": "next_token", "datatype": "INT64", "shape": [1, 1]}],
        "runtimes": [{"name": "llama.cpp", "view": "cpu-q8_0"}, {"name": "onnxruntime", "view": "ort-cpu"}],
        "fixtures": [{"name": f"token-{token}", "inputs": binding("input_ids", f"fixtures/{token}.json"),
                      "outputs": binding("next_token", f"fixtures/{token}-next.json")} for token in chosen],
        "licenses": ["Apache-2.0"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.width, args.hidden, args.dtype, args.split = 64, 128, "f32", 1
    os.makedirs(args.directory, exist_ok=True)
    args.path = os.path.join(args.directory, "model.gguf")
    llama.write_model(args)
    n_tokens = len(llama.vocabulary())
    weights = {name: np.frombuffer(body, "<f4").reshape(shape)
               for name, shape, _, body in llama.tensors(np.random.default_rng(args.seed), n_tokens, args)}
    chosen = choose(all_logits(weights))
    write(args.directory, "views/ort-cpu/model.onnx", onnx_model(weights))
    write(args.directory, "views/ort-cpu/view.json", {"hardware": "cpu", "runtime": "onnxruntime"})
    for token, answer in chosen.items():
        write(args.directory, f"fixtures/{token}.json", [[token]])
        write(args.directory, f"fixtures/{token}-next.json", [[answer]])
    write(args.directory, "contract.json", contract(chosen))


if __name__ == "__main__":
    main()
