#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Quantized blocks by NumPy, as docs/views-quant.md states the rules: one array operation a step.

  quant_reference.py quantize|dequantize TYPE <in >out

Every array is float32, so that each operation rounds once; sums go through the values of a block in
their order, for all blocks at once. Values are held by column: x[i] is the i-th of every block.
"""
import sys

import numpy as np

F = np.float32
BLOCKS = {  # type: values, bytes
    "Q8_0": (32, 34), "Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22), "Q5_1": (32, 24),
    "Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210),
}  # fmt: skip


def half_bytes(values):
    """Two bytes of each value, in the last dimension."""
    bits = values.astype(np.float16).view(np.uint16)
    bits = np.where(np.isnan(values), np.uint16(0x7E00), bits)
    return bits.astype("<u2").reshape(-1, 1).view(np.uint8)


def half_values(pairs):
    return np.ascontiguousarray(pairs).view("<f2").reshape(-1).astype(F)


def low_byte(values):
    """Towards zero, low eight bits; 0 for NaN and what 32 bits do not hold."""
    holds = (values >= F(-(2.0**31))) & (values < F(2.0**31))
    return (np.where(holds, values, F(0)).astype(np.int64) & 0xFF).astype(np.uint8)


def away_from_zero(values):
    whole = np.trunc(values)
    return np.where(np.abs(values - whole) >= F(0.5), whole + np.copysign(F(1), values), whole)


def nearest(values):
    bits = (values + F(12582912)).view(np.uint32)
    found = (bits & 0x7FFFFF).astype(np.int64) - 0x400000
    return np.where(np.isnan(values), 0, found)


def reciprocal(d):
    return np.where(d != 0, F(1) / d, F(0))


def farthest(x):
    largest, value = np.zeros(x.shape[1], F), np.zeros(x.shape[1], F)
    for column in x:
        more = np.abs(column) > largest
        largest, value = np.where(more, np.abs(column), largest), np.where(more, column, value)
    return largest, value


def span(x, low, high):
    for column in x:
        low = np.where(column < low, column, low)
        high = np.where(column > high, column, high)
    return low, high


def pack_small(q, bits):
    """q[32][block] to bytes by block: the fifth bits, if any, then nibbles of j and j + 16."""
    nibbles = ((q[:16] & 15) | (q[16:] & 15) << 4).T
    if bits == 4:
        return nibbles
    high = np.packbits((q >> 4 & 1).T, axis=1, bitorder="little")
    return np.concatenate([high, nibbles], axis=1)


def q8_0(x):
    largest = np.zeros(x.shape[1], F)
    for column in x:
        largest = np.where(largest > np.abs(column), largest, np.abs(column))
    d = largest / F(127)
    q = low_byte(away_from_zero(x * reciprocal(d)))
    return np.concatenate([half_bytes(d), q.T], axis=1)


def signed(x, bits):
    half = 1 << (bits - 1)
    d = farthest(x)[1] / F(-half)
    q = np.minimum(low_byte(x * reciprocal(d) + F(half + 0.5)), 2 * half - 1)
    return np.concatenate([half_bytes(d), pack_small(q, bits)], axis=1)


def offset(x, bits):
    top = (1 << bits) - 1
    most = np.full(x.shape[1], np.finfo(F).max, F)
    low, high = span(x, most, -most)
    d = (high - low) / F(top)
    q = np.minimum(low_byte((x - low) * reciprocal(d) + F(0.5)), top)
    return np.concatenate([half_bytes(d), half_bytes(low), pack_small(q, bits)], axis=1)


# -- Q4_K and Q5_K: x[32][sub-block] --


def levels(x, low, inverse, top):
    return np.clip(nearest(inverse * (x - low)), 0, top).astype(np.int64)


def error_of(x, weights, q, scale, low):
    error = np.zeros(x.shape[1], F)
    for i in range(32):
        off = scale * q[i].astype(F) + low - x[i]
        error = error + weights[i] * (off * off)
    return error


def search(x, top, first, n_tries):
    squares = np.zeros(x.shape[1], F)
    for column in x:
        squares = squares + column * column
    weights = np.sqrt(squares / F(32)) + np.abs(x)
    sum_w, sum_wx = weights[0], weights[0] * x[0]
    for i in range(1, 32):
        sum_w, sum_wx = sum_w + weights[i], sum_wx + weights[i] * x[i]
    low, high = span(x[1:], x[0], x[0])
    low = np.where(low > 0, F(0), low)
    flat, flat_low = high == low, low

    inverse = F(top) / (high - low)
    scale = F(1) / inverse
    q = levels(x, low, inverse, top)
    best = error_of(x, weights, q, scale, low)
    for step in range(n_tries):
        divided = F(F(first) + F(F(0.1) * F(step))) + F(top)
        tried = levels(x, low, divided / (high - low), top)
        wq, wqq, wqx = (np.zeros(x.shape[1], F) for _ in range(3))
        for i in range(32):
            level = tried[i].astype(F)
            product = weights[i] * level
            wq, wqq, wqx = wq + product, wqq + product * level, wqx + product * x[i]
        determinant = sum_w * wqq - wq * wq
        tried_scale = (sum_w * wqx - sum_wx * wq) / determinant
        tried_low = (wqq * sum_wx - wq * wqx) / determinant
        above = tried_low > 0
        tried_low = np.where(above, F(0), tried_low)
        tried_scale = np.where(above, wqx / wqq, tried_scale)
        error = error_of(x, weights, tried, tried_scale, tried_low)
        better = (determinant > 0) & (error < best)
        best, q = np.where(better, error, best), np.where(better, tried, q)
        scale, low = np.where(better, tried_scale, scale), np.where(better, tried_low, low)
    scale, low, q = np.where(flat, F(0), scale), np.where(flat, flat_low, low), np.where(flat, 0, q)
    return scale, -low, q


def six_bits(values):
    """Of eight sub-blocks, [block][8]: bytes 0..63 and the 16-bit scale they are of."""
    most = np.zeros(len(values), F)
    for column in values.T:
        most = np.where(column > most, column, most)
    inverse = np.where(most > 0, F(63) / most, F(0))
    return np.minimum(nearest(inverse[:, None] * values) & 0xFF, 63), half_bytes(most / F(63))


def pack_six_bits(scale, minus):
    out = np.zeros((len(scale), 12), np.int64)
    out[:, :4] = scale[:, :4] | scale[:, 4:] >> 4 << 6
    out[:, 4:8] = minus[:, :4] | minus[:, 4:] >> 4 << 6
    out[:, 8:] = (scale[:, 4:] & 15) | (minus[:, 4:] & 15) << 4
    return out.astype(np.uint8)


def nibbles_of_super(q):
    """q[block][256]: the low nibbles of each 64 are its first 32 values."""
    four = q.reshape(-1, 4, 2, 32) & 15
    return (four[:, :, 0] | four[:, :, 1] << 4).reshape(-1, 128).astype(np.uint8)


def k_offset(values, bits):
    top = (1 << bits) - 1
    first, n_tries = (-1.0, 21) if bits == 4 else (-0.5, 16)
    x = np.ascontiguousarray(values.reshape(-1, 32).T)
    scale, minus, q = search(x, top, first, n_tries)
    scales, d = six_bits(scale.reshape(-1, 8))
    minima, dmin = six_bits(minus.reshape(-1, 8))
    got_scale = (half_values(d)[:, None] * scales.astype(F)).reshape(-1)
    got_minus = (half_values(dmin)[:, None] * minima.astype(F)).reshape(-1)
    again = np.clip(nearest((x + got_minus) / got_scale), 0, top)
    q = np.where(got_scale != 0, again, q).T.reshape(-1, 256)
    parts = [d, dmin, pack_six_bits(scales, minima)]
    if bits == 5:
        parts.append(np.packbits((q >> 4).reshape(-1, 8, 32), axis=1, bitorder="little")[:, 0])
    return np.concatenate([*parts, nibbles_of_super(q)], axis=1)


# -- Q6_K: x[16][sub-block] --


def try_q6(x, inverse):
    wqx, wqq = np.zeros(x.shape[1], F), np.zeros(x.shape[1], F)
    q = np.clip(nearest(inverse * x), -32, 31)
    for column, column_q in zip(x, q):
        level, weight = column_q.astype(F), column * column
        wqx, wqq = wqx + weight * column * level, wqq + weight * level * level
    return q + 32, wqx, wqq


def q6_k(values):
    x = np.ascontiguousarray(values.reshape(-1, 16).T)
    largest, value = farthest(x)
    q, wqx, wqq = try_q6(x, F(-32) / value)
    scale = np.where(wqq != 0, wqx / wqq, F(0))
    best = scale * wqx
    for step in [*range(-9, 0), *range(1, 10)]:
        tried, wqx, wqq = try_q6(x, -F(F(32) + F(F(0.1) * F(step))) / value)
        better = (wqq > 0) & (wqx * wqx > best * wqq)
        scale, q = np.where(better, wqx / wqq, scale), np.where(better, tried, q)
        best = np.where(better, scale * wqx, best)
    nothing = largest < F(1e-15)
    scale, q = np.where(nothing, F(0), scale), np.where(nothing, 0, q)

    largest, value = farthest(np.ascontiguousarray(scale.reshape(-1, 16).T))
    inverse = F(-128) / value
    d = half_bytes(F(1) / inverse)
    scales = (np.minimum(nearest(inverse[:, None] * scale.reshape(-1, 16)), 127) & 0xFF).astype(np.uint8)
    got = (half_values(d)[:, None] * scales.view(np.int8).astype(F)).reshape(-1)
    again = np.clip(nearest(x / got), -32, 31) + 32
    q = np.where(got != 0, again, q).T.reshape(-1, 2, 4, 32)
    low = (q[:, :, :2] & 15) | (q[:, :, 2:] & 15) << 4
    high = q[:, :, 0] >> 4 | q[:, :, 1] >> 4 << 2 | q[:, :, 2] >> 4 << 4 | q[:, :, 3] >> 4 << 6
    blocks = [low.reshape(-1, 128), high.reshape(-1, 64), scales, d]
    blocks = np.concatenate([part.astype(np.uint8) for part in blocks], axis=1)
    blocks[largest < F(1e-15)] = 0
    return blocks


def quantize(kind, values):
    """values: any number of whole blocks; returns bytes as an array of uint8."""
    values = np.ascontiguousarray(values, F).reshape(-1)
    with np.errstate(all="ignore"):
        if kind == "Q6_K":
            return q6_k(values).reshape(-1)
        if kind in ("Q4_K", "Q5_K"):
            return k_offset(values, int(kind[1])).astype(np.uint8).reshape(-1)
        x = np.ascontiguousarray(values.reshape(-1, 32).T)
        if kind == "Q8_0":
            return q8_0(x).reshape(-1)
        make = signed if kind.endswith("_0") else offset
        return make(x, int(kind[1])).astype(np.uint8).reshape(-1)


# -- back --


def unpack_small(blocks, bits):
    q = np.concatenate([blocks[:, -16:] & 15, blocks[:, -16:] >> 4], axis=1).astype(np.int64)
    if bits == 5:
        q |= np.unpackbits(blocks[:, -20:-16], axis=1, bitorder="little").astype(np.int64) << 4
    return q


def back_k(blocks, bits):
    d, dmin = half_values(blocks[:, 0:2]), half_values(blocks[:, 2:4])
    packed = blocks[:, 4:16].astype(np.int64)
    scale, minus = np.zeros((2, len(blocks), 8), np.int64)
    scale[:, :4], minus[:, :4] = packed[:, :4] & 63, packed[:, 4:8] & 63
    scale[:, 4:] = (packed[:, 8:] & 15) | packed[:, :4] >> 6 << 4
    minus[:, 4:] = packed[:, 8:] >> 4 | packed[:, 4:8] >> 6 << 4
    nibbles = blocks[:, -128:].reshape(-1, 4, 1, 32)
    q = np.concatenate([nibbles & 15, nibbles >> 4], axis=2).reshape(-1, 8, 32).astype(np.int64)
    if bits == 5:
        high = blocks[:, 16:48].astype(np.int64)
        q |= (high[:, None] >> np.arange(8)[None, :, None] & 1) << 4
    scale, minus = d[:, None] * scale.astype(F), dmin[:, None] * minus.astype(F)
    return scale[:, :, None] * q.astype(F) - minus[:, :, None]


def back_q6(blocks):
    low = blocks[:, :128].reshape(-1, 2, 1, 64).astype(np.int64)
    high = blocks[:, 128:192].reshape(-1, 2, 1, 32).astype(np.int64)
    nibbles = np.concatenate([low & 15, low >> 4], axis=2).reshape(-1, 2, 4, 32)
    q = (nibbles | (high >> np.array([0, 2, 4, 6])[None, None, :, None] & 3) << 4) - 32
    scales = np.ascontiguousarray(blocks[:, 192:208]).view(np.int8).astype(F)
    scales = half_values(blocks[:, 208:])[:, None] * scales
    return scales[:, :, None] * q.reshape(-1, 16, 16).astype(F)


def dequantize(kind, data):
    blocks = np.frombuffer(data, np.uint8).reshape(-1, BLOCKS[kind][1])
    with np.errstate(all="ignore"):
        if kind == "Q6_K":
            return back_q6(blocks).reshape(-1)
        if kind.endswith("_K"):
            return back_k(blocks, int(kind[1])).reshape(-1)
        d = half_values(blocks[:, :2])[:, None]
        if kind == "Q8_0":
            q = np.ascontiguousarray(blocks[:, 2:]).view(np.int8)
            return (q.astype(F) * d).reshape(-1)
        bits = int(kind[1])
        q = unpack_small(blocks, bits)
        if kind.endswith("_0"):
            return ((q - (1 << (bits - 1))).astype(F) * d).reshape(-1)
        return (q.astype(F) * d + half_values(blocks[:, 2:4])[:, None]).reshape(-1)


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("quantize", "dequantize") or sys.argv[2] not in BLOCKS:
        sys.exit(f"usage: quant_reference.py quantize|dequantize {'|'.join(BLOCKS)} <in >out")
    way, kind = sys.argv[1:]
    data = sys.stdin.buffer.read()
    made = quantize(kind, np.frombuffer(data, "<f4")) if way == "quantize" else dequantize(kind, data)
    sys.stdout.buffer.write(made.tobytes())


if __name__ == "__main__":
    main()
