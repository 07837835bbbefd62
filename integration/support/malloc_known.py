# SPDX-License-Identifier: Apache-2.0
"""Faults of other libraries when an allocation fails, each by the function that asked and why bundlefs
cannot mend it. Whatever is not named here is a violation."""
import re

# (what becomes of it, the innermost frames as "OBJECT SYMBOL", the reason)
KNOWN = []


def is_known(frames, why):
    short = [re.sub(r"\+0x[0-9a-f]+", "", frame) for frame in frames]
    return any(re.match(outcome, why) and short[:len(inner)] == inner for outcome, inner, _ in KNOWN)
