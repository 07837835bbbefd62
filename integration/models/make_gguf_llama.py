#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a GGUF v3 file of the llama architecture with random weights that llama.cpp loads and runs.

The tokenizer is a complete byte-fallback SentencePiece vocabulary: every text has tokens, so greedy
decoding works on any prompt, although what it says is noise. With --split N the model comes in N files,
PATH without its .gguf and then -00001-of-0000N.gguf, the first of them without tensors.
"""
import argparse
import struct

import numpy as np

ALIGNMENT = 32
U16, U32, I32, F32, STRING, ARRAY = 2, 4, 5, 6, 8, 9  # GGUF value types
TYPE_F32 = 0  # GGML tensor types
TYPES = {"f32": 0, "f16": 1, "bf16": 30}
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # token types
GAIN = 4  # of each matrix: smaller and greedy decoding repeats one token, whatever the weights
LAYERS, HEADS, KV_HEADS, CONTEXT = 2, 4, 2, 256


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def scalar(key, kind, value):
    pack = {U16: "<H", U32: "<I", I32: "<i", F32: "<f"}
    body = string(value) if kind == STRING else struct.pack(pack[kind], value)
    return string(key) + struct.pack("<I", kind) + body


def array(key, kind, values):
    head = string(key) + struct.pack("<IIQ", ARRAY, kind, len(values))
    if kind == STRING:
        return head + b"".join(map(string, values))
    return head + struct.pack(f"<{len(values)}{'f' if kind == F32 else 'i'}", *values)


def vocabulary():
    """(text, score, type) of every token; ids are positions."""
    tokens = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    tokens += [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    pieces = ["\u2581"] + [chr(c) for c in range(33, 127)]
    pieces += ["\u2581" + letter for letter in letters]
    pieces += [a + b for a in letters[:8] for b in letters[:8]]
    return tokens + [(piece, -float(i), NORMAL) for i, piece in enumerate(pieces)]


def metadata(tokens, args):
    values = [
        scalar("general.architecture", STRING, "llama"),
        scalar("general.name", STRING, "bundlefs integration model"),
        scalar("general.alignment", U32, ALIGNMENT),
        scalar("general.file_type", U32, {"f32": 0, "f16": 1, "bf16": 32}[args.dtype]),
        scalar("llama.context_length", U32, CONTEXT),
        scalar("llama.embedding_length", U32, args.width),
        scalar("llama.block_count", U32, LAYERS),
        scalar("llama.feed_forward_length", U32, args.hidden),
        scalar("llama.attention.head_count", U32, HEADS),
        scalar("llama.attention.head_count_kv", U32, KV_HEADS),
        scalar("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        scalar("llama.rope.dimension_count", U32, args.width // HEADS),
        scalar("llama.vocab_size", U32, len(tokens)),
        scalar("tokenizer.ggml.model", STRING, "llama"),
        array("tokenizer.ggml.tokens", STRING, [text for text, _, _ in tokens]),
        array("tokenizer.ggml.scores", F32, [score for _, score, _ in tokens]),
        array("tokenizer.ggml.token_type", I32, [kind for _, _, kind in tokens]),
        scalar("tokenizer.ggml.bos_token_id", U32, 1),
        scalar("tokenizer.ggml.eos_token_id", U32, 2),
        scalar("tokenizer.ggml.unknown_token_id", U32, 0),
    ]
    return values


def encoded(values, dtype):
    """f32 values as bytes of the type; they are rounded to F16 first, so that every type holds them
    but BF16, which is cut."""
    values = values.astype("<f2").astype("<f4")
    if dtype == "f16":
        return values.astype("<f2").tobytes()
    if dtype == "bf16":
        return (values.view("<u4") >> 16).astype("<u2").tobytes()
    return values.tobytes()


def tensors(rng, n_tokens, args):
    """(name, shape as rows x columns, GGML type, bytes) in file order."""

    def matrix(name, rows, columns):
        scale = np.exp(rng.normal(-1.0, 0.4, size=(rows, 1))) * GAIN / np.sqrt(columns)
        data = encoded(rng.standard_normal((rows, columns)) * scale, args.dtype)
        return (name, (rows, columns), TYPES[args.dtype], data)

    def norm(name):
        data = (1 + 0.05 * rng.standard_normal(args.width)).astype("<f4")
        return (name, (args.width,), TYPE_F32, data.tobytes())

    width, hidden, kv_width = args.width, args.hidden, args.width // HEADS * KV_HEADS
    yield matrix("token_embd.weight", n_tokens, width)
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        yield norm(block + "attn_norm.weight")
        yield matrix(block + "attn_q.weight", width, width)
        yield matrix(block + "attn_k.weight", kv_width, width)
        yield matrix(block + "attn_v.weight", kv_width, width)
        yield matrix(block + "attn_output.weight", width, width)
        yield norm(block + "ffn_norm.weight")
        yield matrix(block + "ffn_gate.weight", hidden, width)
        yield matrix(block + "ffn_up.weight", hidden, width)
        yield matrix(block + "ffn_down.weight", width, hidden)
    yield norm("output_norm.weight")
    yield matrix("output.weight", n_tokens, width)


def write_file(path, values, made):
    infos, data = b"", b""
    for name, shape, kind, body in made:
        infos += string(name) + struct.pack("<I", len(shape))
        infos += struct.pack(f"<{len(shape)}Q", *reversed(shape))
        infos += struct.pack("<IQ", kind, len(data))
        data += body + bytes(-len(body) % ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(made), len(values)) + b"".join(values) + infos
    with open(path, "wb") as out:
        out.write(head + bytes(-len(head) % ALIGNMENT) + data)


def write_model(args):
    tokens = vocabulary()
    values = metadata(tokens, args)
    made = list(tensors(np.random.default_rng(args.seed), len(tokens), args))
    if args.split == 1:
        write_file(args.path, values, made)
        return
    share = -(-len(made) // (args.split - 1))
    for number in range(args.split):
        marks = [scalar("split.no", U16, number), scalar("split.count", U16, args.split),
                 scalar("split.tensors.count", I32, len(made))]
        part = made[(number - 1) * share:number * share] if number else []
        write_file(f"{args.path.removesuffix('.gguf')}-{number + 1:05}-of-{args.split:05}.gguf",
                   marks if number else values + marks, part)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--width", type=int, default=64, help="of the model; a multiple of 8")
    parser.add_argument("--hidden", type=int, default=128, help="width of the feed-forward part")
    parser.add_argument("--dtype", choices=TYPES, default="f16", help="of the matrices")
    parser.add_argument("--split", type=int, default=1, help="number of files")
    write_model(parser.parse_args())


if __name__ == "__main__":
    main()
