# SPDX-License-Identifier: Apache-2.0
"""Which program was measured: its commit, and how it was built."""
import json
import os
import re

from system import output_of

HERE = os.path.dirname(os.path.abspath(__file__))
SLOW = ("0", "g")  # of meson's optimization=


def commit():
    """Of the checkout that this lies in, None when it is none."""
    said = output_of(["git", "-C", HERE, "describe", "--always", "--dirty"]).split()
    return said[0] if len(said) == 1 else None


def options(build):
    """meson's options of a build folder, by name; empty when it is none of meson's."""
    path = os.path.join(build, "meson-info", "intro-buildoptions.json")
    try:
        with open(path, encoding="utf-8") as file:
            return {option["name"]: option["value"] for option in json.load(file)}
    except OSError:
        return {}


def compiler(program):
    """As compilers sign what they make."""
    with open(program, "rb") as file:
        data = file.read()
    # What clang links holds parts that gcc made, so clang is looked for first.
    found = re.search(rb"clang version [\d.]+", data) or re.search(rb"GCC: \([^)\0]*\) [\d.]+", data)
    return found[0].decode("ascii", "replace") if found else "an unknown compiler"


def describe(build, program):
    found = options(build)
    names = ("buildtype", "optimization", "b_sanitize", "b_lto")
    return {
        "commit": commit(),
        "compiler": compiler(program),
        **{name: found[name] for name in names if name in found},
    }


def fault(build):
    """Why figures of that build folder are not worth publishing, or None."""
    found = options(build)
    if not found:
        return "is no build folder of meson, so nobody knows how it was built"
    if found.get("buildtype") == "debug" or found.get("optimization") in SLOW:
        return (f"is not optimized (buildtype={found.get('buildtype')}, "
                f"optimization={found.get('optimization')})")
    sanitizers = found.get("b_sanitize") or "none"
    if sanitizers not in ("none", ["none"]):
        return f"has sanitizers ({sanitizers})"
    return None
