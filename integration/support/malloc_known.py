# SPDX-License-Identifier: Apache-2.0
"""Faults of other libraries when an allocation fails, each by the function that asked and why bundlefs
cannot mend it. Whatever is not named here is a violation."""
import re

# (what becomes of it, the function that bundlefs called, as "OBJECT SYMBOL", the reason)
KNOWN = [
    ("died of signal 6", "libc.so.6 regcomp", "glibc frees twice when it runs out of memory while it compiles a pattern"),
    ("died of signal 6", "libc.so.6 regexec", "the same while it matches one"),
]


def is_known(frames, why):
    short = [re.sub(r"\+0x[0-9a-f]+", "", frame) for frame in frames]
    return any(re.match(outcome, why) and function in short for outcome, function, _ in KNOWN)
