# SPDX-License-Identifier: Apache-2.0
"""Float32 values for quantizers, by name and seed: what weights are, and what nobody's are."""
import numpy as np

F = np.float32
AWKWARD = np.array(
    [0x00000000, 0x80000000, 0x00000001, 0x807FFFFF, 0x00800000, 0x33000000, 0x38800000, 0x3EFFFFFF,
     0x3F000000, 0xBF800000, 0x42FE0000, 0x477FE000, 0x477FF000, 0x4B7FFFFF, 0x7F7FFFFF, 0xFF7FFFFF,
     0x7F800000, 0xFF800000, 0x7FC00000],
    np.uint32,
).view(F)  # fmt: skip


def normal(r, n):
    return r.standard_normal(n).astype(F)


def per_block(r, n, exponents, size=32):
    """A scale of its own for each run of `size` values."""
    scales = np.exp2(r.uniform(*exponents, (n // size, 1)))
    return (r.standard_normal((n // size, size)) * scales).astype(F).reshape(-1)


def bits(r, n, low, high):
    signs = r.integers(0, 2, n).astype(np.uint32) << 31
    return (r.integers(low, high, n).astype(np.uint32) | signs).view(F)


def some(r, n, part, values, others):
    """`values` at a random part of the places."""
    return np.where(r.random(n) < part, values, others).astype(F)


# Every maker takes a generator and a number of values, a multiple of 256.
FINITE = {
    "weights": lambda r, n: normal(r, n) * F(0.02),
    "bf16": lambda r, n: (normal(r, n).view(np.uint32) & 0xFFFF0000).view(F),
    "f16": lambda r, n: normal(r, n).astype(np.float16).astype(F),
    "heavy": lambda r, n: r.standard_t(1.5, n).astype(F),
    "cauchy": lambda r, n: r.standard_cauchy(n).astype(F),
    "exponents": lambda r, n: (r.standard_normal(n) * np.exp2(r.uniform(-20, 20, n))).astype(F),
    "sparse": lambda r, n: some(r, n, 0.1, normal(r, n), F(0)),
    "zeros": lambda r, n: np.zeros(n, F),
    "signed-zeros": lambda r, n: some(r, n, 0.5, F(0), F(-0.0)),
    "constants": lambda r, n: np.repeat(normal(r, n // 32), 32),
    "integers": lambda r, n: r.integers(-8, 9, n).astype(F),
    "halves": lambda r, n: r.integers(-254, 255, n).astype(F) * F(0.5),
    "positive": lambda r, n: np.abs(normal(r, n)),
    "negative": lambda r, n: -1 - np.abs(normal(r, n)),
    "above": lambda r, n: (1000 + r.standard_normal(n) * 1e-3).astype(F),
    "below": lambda r, n: (-1000 + r.standard_normal(n) * 1e-3).astype(F),
    "block-scales": lambda r, n: per_block(r, n, (-24, 16)),
    "sub-block-scales": lambda r, n: per_block(r, n, (-12, 4), 16),
    "all-scales": lambda r, n: per_block(r, n, (-149, 127)),
    "tiny-scales": lambda r, n: per_block(r, n, (-149, -90)),
    "subnormal": lambda r, n: bits(r, n, 0, 1 << 23),
    "least": lambda r, n: bits(r, n, 0, 500),
    "large": lambda r, n: normal(r, n) * F(1e19),
    "huge": lambda r, n: np.clip(r.standard_normal(n) * 1e38, -3.4e38, 3.4e38).astype(F),
    "one-hot": lambda r, n: np.where(np.arange(n) % 257 == 0, normal(r, n), F(0)),
    "signs": lambda r, n: np.where(np.arange(n) % 3 == 0, F(-1), F(1)) * F(1 + r.integers(7)),
    "any-finite": lambda r, n: bits(r, n, 0, 0x7F800000),
}
NOT_FINITE = {
    "infinities": lambda r, n: some(r, n, 0.003, r.choice(F([np.inf, -np.inf]), n), normal(r, n)),
    "nan": lambda r, n: some(r, n, 0.003, F(np.nan), normal(r, n)),
    "awkward": lambda r, n: r.choice(AWKWARD, n),
}
ALL = {**FINITE, **NOT_FINITE}


def make(name, n, seed):
    generator = np.random.default_rng([seed, sorted(ALL).index(name)])
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(ALL[name](generator, n), F)
