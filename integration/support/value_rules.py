# SPDX-License-Identifier: Apache-2.0
"""The rules of docs/views-layouts.md in NumPy, independent of the program's code: casts, scaled 8-bit
values, orders. Arrays of bits are unsigned integers; bf16, which NumPy lacks, is always one."""
import numpy as np

KEEP_NAN = {"f16": (0x7C00, 0x0200, 10), "bf16": (0x7F80, 0x0040, 7)}
E4M3_NAN, E4M3_MOST, INT8_MOST = 0x7F, np.float32(448), np.float32(127)


def is_nan(bits):
    return (bits & 0x7FFFFFFF) > 0x7F800000


def f32_bits(values):
    return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)


# -- casts --


def widen(kind, bits):
    """16 bits to f32 bits. A NaN keeps every bit, whatever this NumPy's own cast does to it."""
    bits = bits.astype(np.uint32)
    if kind == "bf16":
        return bits << 16
    with np.errstate(all="ignore"):
        wide = f32_bits(bits.astype(np.uint16).view(np.float16).astype(np.float32))
    nan = (bits & 0x7FFF) > 0x7C00
    kept = (bits & 0x8000) << 16 | 0x7F800000 | (bits & 0x3FF) << 13
    return np.where(nan, kept, wide)


def narrow(kind, bits):
    """f32 bits to 16 bits, to nearest even."""
    infinity, quiet, mantissa = KEEP_NAN[kind]
    sign = bits >> 16 & 0x8000
    kept = sign | infinity | quiet | (bits & 0x7FFFFF) >> (23 - mantissa)
    return np.where(is_nan(bits), kept, (narrow_f16 if kind == "f16" else narrow_bf16)(bits)).astype(np.uint16)


def narrow_f16(bits):
    with np.errstate(all="ignore"):
        return bits.view(np.float32).astype(np.float16).view(np.uint16).astype(np.uint32)


def narrow_bf16(bits):
    """By comparing distances, in double, to the two values around."""
    low = bits >> 16
    with np.errstate(invalid="ignore"):
        magnitude = (bits & 0x7FFFFFFF).view(np.float32).astype(np.float64)

    def value(codes):  # an infinity stands where the next exponent would
        finite = ((codes & 0x7FFF) << 16).view(np.float32).astype(np.float64)
        return np.where(codes & 0x7FFF == 0x7F80, 2.0**128, finite)

    high = np.where(low & 0x7FFF == 0x7F80, low, low + 1).astype(np.uint32)
    with np.errstate(all="ignore"):
        below, above = magnitude - value(low), value(high) - magnitude
    nearer_high = (above < below) | ((above == below) & (low % 2 == 1))
    return np.where(np.isinf(magnitude), low, np.where(nearer_high, high, low))


# -- scaled 8-bit values --


def e4m3_values():
    """The values of codes 0 to 0x7e."""
    codes = np.arange(E4M3_NAN)
    exponent, mantissa = codes >> 3, codes & 7
    return np.where(exponent == 0, mantissa * 2.0**-9, (1 + mantissa / 8) * 2.0 ** (exponent - 7.0))


def fp8(values, scale):
    """By a search for the nearest in the table of all values; of two, the even code."""
    sign = (f32_bits(values) >> 24 & 0x80).astype(np.uint8)
    table = e4m3_values()
    with np.errstate(all="ignore"):
        quotient = np.abs(values / np.float32(scale)) if scale else np.abs(values) * np.float32(0)
    finite = np.nan_to_num(np.minimum(quotient, E4M3_MOST)).astype(np.float64)
    low = np.searchsorted(table, finite, side="right") - 1
    high = np.minimum(low + 1, E4M3_NAN - 1)
    below, above = finite - table[low], table[high] - finite
    up = (above < below) | ((above == below) & (low % 2 == 1))
    codes = np.where(up, high, low).astype(np.uint8)
    return np.where(np.isnan(values), E4M3_NAN, codes).astype(np.uint8) | sign


def fp8_back(codes, scale):
    table = np.append(e4m3_values(), np.nan).astype(np.float32)
    value = table[codes & 0x7F] * np.float32(scale)
    return f32_bits(value) & 0x7FFFFFFF | (codes & 0x80).astype(np.uint32) << 24


def int8(values, scale):
    if not scale:
        return np.zeros(values.shape, np.int8)
    with np.errstate(all="ignore"):
        quotient = np.clip(values / np.float32(scale), -INT8_MOST, INT8_MOST)
    return np.nan_to_num(np.rint(quotient)).astype(np.int8)


def scale_of(amax, most):
    with np.errstate(all="ignore"):
        scale = amax / most
    if not amax > 0:
        return np.float32(0)
    return np.clip(scale, np.float32(2.0**-149), np.finfo(np.float32).max)


def amax(values):
    return np.max(np.abs(values[~np.isnan(values)]), initial=np.float32(0))


def measure(source, converted):
    """(n, n_nonfinite, max |a - b|, sum |a - b|, sum (a - b)^2, sum a^2), in eight partial sums."""
    a, b = source.astype(np.float64), converted.astype(np.float64)
    finite = np.isfinite(a) & np.isfinite(b)
    bad = np.count_nonzero(~finite & ~(a == b) & ~(np.isnan(a) & np.isnan(b)))
    a, b = np.where(finite, a, 0), np.where(finite, b, 0)
    error = np.abs(a - b)

    def total(terms):
        terms = np.append(terms, np.zeros(-len(terms) % 8)).reshape(-1, 8)
        s = [0.0] * 8
        for row in terms.tolist():
            s = [x + y for x, y in zip(s, row)]
        return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))

    return len(a) - bad, bad, error.max(initial=0.0), total(error), total(error * error), total(a * a)


# -- orders --


def tile_8x128(matrix):
    """T(8,128)(2,1) of a matrix, as a flat array: one index computed for each element."""
    rows, cols = matrix.shape
    out = np.zeros(-(-rows // 8) * -(-cols // 128) * 1024, matrix.dtype)
    r, c = np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij")
    tile = r // 8 * -(-cols // 128) + c // 128
    out[tile * 1024 + r % 8 // 2 * 256 + c % 128 * 2 + r % 2] = matrix
    return out


def vnni(matrix):
    """[ceil(K / g)][N][g] of a weight stored as N x K, as a flat array."""
    n, k = matrix.shape
    g = 4 // matrix.itemsize
    out = np.zeros(-(-k // g) * n * g, matrix.dtype)
    row, col = np.meshgrid(np.arange(n), np.arange(k), indexing="ij")
    out[(col // g * n + row) * g + col % g] = matrix
    return out
