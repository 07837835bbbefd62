# SPDX-License-Identifier: Apache-2.0
"""Whole directories: equal names, types, bytes, modes and times."""
import os
import stat

from support.common import content, require

GENERATED = {"manifest.json", "contract.json", "SHA256SUMS", "signatures", "views"}


def entries(root):
    """path -> lstat of everything below root, byte paths."""
    found = {}
    for where, folders, files in os.walk(os.fsencode(root)):
        for name in folders + files:
            path = os.path.join(where, name)
            found[os.path.relpath(path, os.fsencode(root))] = os.lstat(path)
    return found


def same_tree(source, other, how="exact"):
    """Same names, types, bytes and links. 'exact': modes and times too, nothing more; 'mount':
    the files that a mount adds are ignored, and only the execute bits and seconds are compared."""
    want, got = entries(source), entries(other)
    if how == "mount":
        brought = {path.split(b"/")[0] for path in want}
        extra = {name.encode() for name in GENERATED} - brought
        got = {path: state for path, state in got.items() if path.split(b"/")[0] not in extra}
    require(want.keys() == got.keys(), f"names differ: {sorted(want.keys() ^ got.keys())[:5]}")
    for path, a in want.items():
        b, left, right = got[path], os.path.join(os.fsencode(source), path), None
        right = os.path.join(os.fsencode(other), path)
        require(stat.S_IFMT(a.st_mode) == stat.S_IFMT(b.st_mode), f"{path}: another type")
        if stat.S_ISLNK(a.st_mode):
            require(os.readlink(left) == os.readlink(right), f"{path}: another target")
            continue
        if stat.S_ISREG(a.st_mode):
            require(a.st_size == b.st_size, f"{path}: {b.st_size} bytes instead of {a.st_size}")
            require(content(left) == content(right), f"{path}: other bytes")
        mask = 0o7777 if how == "exact" else 0o111
        require((a.st_mode ^ b.st_mode) & mask == 0, f"{path}: mode {b.st_mode:o} not {a.st_mode:o}")
        scale = 1 if how == "exact" else 10**9
        require(
            a.st_mtime_ns // scale == b.st_mtime_ns // scale,
            f"{path}: time {b.st_mtime_ns} not {a.st_mtime_ns}",
        )


def disk_usage(path):
    """Prints the bytes of all regular files below path, a hard link counted once."""
    seen = {}
    for state in entries(path).values():
        if stat.S_ISREG(state.st_mode):
            seen[state.st_ino] = state.st_size
    print(sum(seen.values()))
