#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One bundle per damage, in one store: flips and cuts of every kind of blob. Never wrong bytes,
never a dead daemon, and the untouched bundle reads whole."""
# TIMEOUT: 240
# ALLOW-LOG: .
import errno
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
sys.path.insert(0, os.path.join(HERE, "..", "models"))
import make_safetensors  # noqa: E402
import store_tool  # noqa: E402
from support import mounts, openmetrics  # noqa: E402
from support.common import Failed, content, require  # noqa: E402

WORK = os.environ["WORK"]
STORE, MNT = WORK + "/store", WORK + "/mnt"
FLIPS = {
    # The first bytes are headers; the rest of each structure is sampled by fractions.
    "manifest": [0, 1, 10, 0.3, 0.5, 0.9, -1],
    "config": [0, 0.2, 0.5, 0.8, -1, -2],
    "index": [0, 4, 8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, -1],
    "data": [0, 1, 0.25, 0.5, 0.75, -1],
}
CUTS = {"manifest": [0, 0.5, -1], "config": [0, -1], "index": [0, 8, 0.5, -1], "data": [0, 1, 0.5, -1]}


def bundlefs(*args):
    return subprocess.run(
        [os.environ["BUNDLEFS"], *args], capture_output=True, text=True, check=False
    )


def make(number):
    """Packs bundle `number`; returns name -> bytes of what its readers must see."""
    directory = f"{WORK}/src/{number}"
    make_safetensors.write_model(directory, 300 << 10, "bf16", seed=number, tensor_size=100 << 10)
    # On its own blobs: what is damaged for one bundle must not be another's.
    done = bundlefs("pack", "--no-dedup", STORE, f"case/n{number}:1", directory)
    if done.returncode:
        sys.exit(f"pack {number}: {done.stderr}")
    files = {name: content(f"{directory}/{name}") for name in sorted(os.listdir(directory))}
    files["manifest.json"] = content(store_tool.blob(STORE, f"case/n{number}:1", "config"))
    out = f"{WORK}/tmp/whole{number}"
    done = bundlefs("unpack", "--metadata", STORE, f"case/n{number}:1", out)
    if done.returncode:
        sys.exit(f"unpack {number}: {done.stderr}")
    files["contract.json"] = content(f"{out}/contract.json")
    return files


def at(path, where):
    size = os.stat(path).st_size
    return int(size * where) if isinstance(where, float) else where if where >= 0 else size + where


def look(files, number):
    """'whole', 'damaged' or 'refused'; raises when a byte is wrong or an errno is not EIO."""
    shown, worst = f"{MNT}/case/n{number}/1", "whole"
    if not os.path.isdir(shown):
        return "refused"
    for name, want in files.items():
        try:
            got = content(f"{shown}/{name}")
        except OSError as error:
            require(error.errno == errno.EIO, f"n{number}/{name}: {error}")
            worst = "damaged"
            continue
        require(got == want, f"n{number}/{name}: WRONG BYTES")
    return worst


def main():
    damages = [("flip", kind, where) for kind, list_ in FLIPS.items() for where in list_]
    damages += [("cut", kind, where) for kind, list_ in CUTS.items() for where in list_]
    damages += [("remove", kind, 0) for kind in FLIPS]
    bundles = [make(number) for number in range(len(damages) + 1)]
    for number, (how, kind, where) in enumerate(damages):
        path = store_tool.blob(STORE, f"case/n{number}:1", kind)
        before = content(path)
        if how == "flip":
            store_tool.flip(path, at(path, where), "0x01")
        elif how == "cut":
            store_tool.cut(path, at(path, where))
        else:
            os.unlink(path)
        if os.path.exists(path) and content(path) == before:
            sys.exit(f"damage {number} changed nothing")

    log = open(WORK + "/logs/daemon.log", "w", encoding="utf-8")
    daemon = subprocess.Popen([os.environ["BUNDLEFS"], "mount", STORE, MNT, "--foreground"], stderr=log)
    mounts.wait_mounted(MNT, 15)
    unnoticed = []
    for _ in range(2):  # the second look must not find anything in a cache
        for number, damage in enumerate(damages):
            if look(bundles[number], number) == "whole":
                unnoticed.append(damage)
        last = len(damages)
        require(look(bundles[last], last) == "whole", "the untouched bundle is not whole")
    require(daemon.poll() is None, "the daemon died")
    openmetrics.read_metrics(MNT + "/.bundlefs/metrics")
    done = bundlefs("umount", MNT)
    require(done.returncode == 0 and daemon.wait(20) == 0, f"umount: {done.stderr}")
    require(not unnoticed, f"damage went unnoticed by readers: {unnoticed}")

    for number, damage in enumerate(damages):
        done = bundlefs("verify", STORE, f"case/n{number}:1")
        require(done.returncode == 1, f"verify gives {done.returncode} for {damage}")
    require(bundlefs("verify", STORE, f"case/n{len(damages)}:1").returncode == 0, "verify: clean")
    require(bundlefs("verify", STORE).returncode == 1, "verify of the whole store")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
