#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every quantizer gives the bytes of the NumPy reading of the rules, and blocks come back as the
same values: weights, odd distributions, ends of ranges, NaN and infinities."""
# TIMEOUT: 180
# NOT-UNDER: thread
import os
import sys

INTEGRATION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, INTEGRATION)
try:
    import numpy  # noqa: F401
except ImportError:
    print("SKIP: needs python3-numpy")
    sys.exit(77)
import quant_reference  # noqa: E402
from support import quant_values, quantizers  # noqa: E402
from support.common import Failed  # noqa: E402

SEED = 1
N_VALUES = 1 << 12 if os.environ.get("BUNDLEFS_SANITIZER") else 1 << 14


class OfOthers:
    """The same rules on values a little larger: what must not count as equal."""

    dequantize = staticmethod(quant_reference.dequantize)

    @staticmethod
    def quantize(kind, values):
        return quant_reference.quantize(kind, values * numpy.float32(1.001))


def main():
    ours = quantizers.Ours()
    print("kernels:", *ours.kernels)
    quantizers.compare(ours, quant_reference, quant_reference.BLOCKS, N_VALUES, SEED)
    for kind, size in quant_reference.BLOCKS.items():
        try:
            quantizers.compare(ours, OfOthers, {kind: size}, N_VALUES, SEED, ["weights"])
        except Failed:
            continue
        sys.exit(f"FAILED: {kind}: other values count as equal")
    print(f"{len(quant_values.ALL)} distributions of {N_VALUES} values")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
