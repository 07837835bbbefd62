#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a GGUF v3 file of the llama architecture with random weights that llama.cpp loads and runs.

The tokenizer is a complete byte-fallback SentencePiece vocabulary: every text has tokens, so greedy
decoding works on any prompt, although what it says is noise.
"""
import argparse
import struct

import numpy as np

ALIGNMENT = 32
U32, F32, STRING, ARRAY, I32 = 4, 6, 8, 9, 5  # GGUF value types
TYPE_F32, TYPE_F16 = 0, 1  # GGML tensor types
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # token types
GAIN = 4  # of each matrix: smaller and greedy decoding repeats one token, whatever the weights
LAYERS, WIDTH, HEADS, KV_HEADS, HIDDEN, CONTEXT = 2, 64, 4, 2, 128, 256


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def scalar(key, kind, value):
    pack = {U32: "<I", I32: "<i", F32: "<f"}
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


def metadata(tokens):
    values = [
        scalar("general.architecture", STRING, "llama"),
        scalar("general.name", STRING, "bundlefs integration model"),
        scalar("general.alignment", U32, ALIGNMENT),
        scalar("general.file_type", U32, 1),
        scalar("llama.context_length", U32, CONTEXT),
        scalar("llama.embedding_length", U32, WIDTH),
        scalar("llama.block_count", U32, LAYERS),
        scalar("llama.feed_forward_length", U32, HIDDEN),
        scalar("llama.attention.head_count", U32, HEADS),
        scalar("llama.attention.head_count_kv", U32, KV_HEADS),
        scalar("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        scalar("llama.rope.dimension_count", U32, WIDTH // HEADS),
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


def tensors(rng, n_tokens):
    """(name, shape as rows x columns, GGML type, bytes) in file order."""

    def matrix(name, rows, columns):
        scale = np.exp(rng.normal(-1.0, 0.4, size=(rows, 1))) * GAIN / np.sqrt(columns)
        data = (rng.standard_normal((rows, columns)) * scale).astype("<f2")
        return (name, (rows, columns), TYPE_F16, data.tobytes())

    def norm(name):
        data = (1 + 0.05 * rng.standard_normal(WIDTH)).astype("<f4")
        return (name, (WIDTH,), TYPE_F32, data.tobytes())

    kv_width = WIDTH // HEADS * KV_HEADS
    yield matrix("token_embd.weight", n_tokens, WIDTH)
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        yield norm(block + "attn_norm.weight")
        yield matrix(block + "attn_q.weight", WIDTH, WIDTH)
        yield matrix(block + "attn_k.weight", kv_width, WIDTH)
        yield matrix(block + "attn_v.weight", kv_width, WIDTH)
        yield matrix(block + "attn_output.weight", WIDTH, WIDTH)
        yield norm(block + "ffn_norm.weight")
        yield matrix(block + "ffn_gate.weight", HIDDEN, WIDTH)
        yield matrix(block + "ffn_up.weight", HIDDEN, WIDTH)
        yield matrix(block + "ffn_down.weight", WIDTH, HIDDEN)
    yield norm("output_norm.weight")
    yield matrix("output.weight", n_tokens, WIDTH)


def write_model(path, seed):
    rng = np.random.default_rng(seed)
    tokens = vocabulary()
    values, infos, data = metadata(tokens), b"", b""
    made = list(tensors(rng, len(tokens)))
    for name, shape, kind, body in made:
        infos += string(name) + struct.pack("<I", len(shape))
        infos += struct.pack(f"<{len(shape)}Q", *reversed(shape))
        infos += struct.pack("<IQ", kind, len(data))
        data += body + bytes(-len(body) % ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(made), len(values)) + b"".join(values) + infos
    with open(path, "wb") as out:
        out.write(head + bytes(-len(head) % ALIGNMENT) + data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    write_model(args.path, args.seed)


if __name__ == "__main__":
    main()
