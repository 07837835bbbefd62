# SPDX-License-Identifier: Apache-2.0
"""Extended attributes and JSON files."""
import ctypes
import errno
import json
import os
import re

from support.common import require


def xattrs(file, *wanted):
    """NAME=VALUE pairs: present, listed, and equal; NAME alone: present and listed; NAME~REGEX."""
    listed = os.listxattr(file)
    for item in wanted:
        name, relation, value = re.match(r"([^=~]+)([=~]?)(.*)$", item).groups()
        require(name in listed, f"{name} is not listed: {listed}")
        got = os.getxattr(file, name).decode()
        if relation:
            same = got == value if relation == "=" else re.fullmatch(value, got)
            require(same, f"{name} is {got!r}, not {value!r}")


def xattr_sizes(file, name):
    """getxattr and listxattr follow the kernel's size protocol: 0 asks, too small is ERANGE."""
    libc = ctypes.CDLL(None, use_errno=True)
    path, key = os.fsencode(file), name.encode()
    size = libc.getxattr(path, key, None, 0)
    require(size == len(os.getxattr(file, name)), "a size query gives another size")
    small = ctypes.create_string_buffer(1)
    require(libc.getxattr(path, key, small, 1) == -1, "a short buffer was accepted")
    require(ctypes.get_errno() == errno.ERANGE, "a short buffer is not ERANGE")
    require(libc.listxattr(path, small, 1) == -1, "a short list buffer was accepted")
    require(ctypes.get_errno() == errno.ERANGE, "a short list buffer is not ERANGE")


def json_value(path, expression, wanted=None):
    """Evaluates `expression` on the parsed file (as `it`); prints it, or compares with `wanted`."""
    with open(path, encoding="utf-8") as file:
        it = json.load(file)
    got = eval(expression, {"it": it, "len": len, "sorted": sorted, "str": str, "any": any})  # ours
    if wanted is None:
        print(got)
    else:
        require(str(got) == wanted, f"{expression} is {got!r}, not {wanted!r}")
