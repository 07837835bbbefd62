# SPDX-License-Identifier: Apache-2.0
"""Which mkfs.erofs there is, and what it can do. Its help and its options changed with version 1.8."""
import os
import re

from system import output_of, which

CLUSTER = 1 << 20
LEVEL = 3  # of zstd, as of squashfs
# Old: names in one line. New: one a line, with its options in brackets below it.
LISTED = re.compile(
    r"compressors (?:and their option ranges )?are:(.*?)(?=^\s*-|\Z)", re.MULTILINE | re.DOTALL)


def program(build):
    """What integration/bench/erofs-utils has built, or what is installed; None without both."""
    built = os.path.join(build, "bench-tools", "mkfs.erofs")
    return built if os.access(built, os.X_OK) else which("mkfs.erofs")


def compressors(text):
    """The names in what `mkfs.erofs --help` says."""
    listed = LISTED.search(text)
    return re.findall(r"[a-z0-9]+", re.sub(r"\[.*", "", listed[1])) if listed else []


def compressor(mkfs):
    """zstd, as squashfs has here, or else lz4, or None."""
    names = compressors(output_of([mkfs, "--help"])) if mkfs else []
    return next((name for name in ("zstd", "lz4") if name in names), None)


def command(mkfs, chosen, image, folder):
    options = f"{chosen},level={LEVEL}" if chosen == "zstd" else chosen
    return [mkfs, f"-z{options}", f"-C{CLUSTER}", image, folder]
