#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of promote at random moments, beside a mount: after each one the store is readable, the
chain of the alias is whole, and the mount shows what the history says. BUNDLEFS_KILLS sets how
many (60)."""
# TIMEOUT: 240
import json
import os
import random
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from support.common import Failed, require  # noqa: E402

WORK, PROGRAM = os.environ["WORK"], os.environ["BUNDLEFS"]
STORE, SRC, MNT, KEY = WORK + "/store", WORK + "/src", WORK + "/mnt", WORK + "/tmp/k"
KILLS = int(os.environ.get("BUNDLEFS_KILLS", "60"))


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=False)


def must(*args):
    done = run(*args)
    require(done.returncode == 0, f"{args[0]}: {done.stderr}")
    return done.stdout


def moves():
    report = json.loads(must("history", STORE, "m", "--json"))
    require(not report["refused"], f"refused: {report['refused']}")
    found = [s for s in report["statements"] if s["kind"] == "alias"]
    return sorted(found, key=lambda s: s["sequence"])


def check_chain(least):
    chain = moves()
    require(len(chain) >= least, f"{len(chain)} moves, and {least} were reported as done")
    for number, move in enumerate(chain, 1):
        require(move["sequence"] == number, f"number {move['sequence']} at {number}")
        before = chain[number - 2]["statement"] if number > 1 else None
        require(move.get("previous") == before, f"move {number} does not follow the one before")
        require(move["in_force"] == (number == len(chain)), f"move {number}: {move['in_force']}")
    return chain


def wait_for_link(version):
    deadline = time.monotonic() + 2
    while os.readlink(f"{MNT}/m/production") != version:
        require(time.monotonic() < deadline, f"production is not {version} within two seconds")
        time.sleep(0.02)


def main():
    seed = int(os.environ.get("BUNDLEFS_SEED", time.time_ns()))
    print(f"seed {seed}")
    rng = random.Random(seed)
    os.makedirs(SRC, exist_ok=True)
    for version in ("1", "2"):
        with open(SRC + "/f", "w", encoding="ascii") as file:
            file.write(version)
        must("pack", STORE, "m:" + version, SRC)
    must("keygen", "--out", KEY, "--no-password")
    started = time.monotonic()
    must("promote", STORE, "m:1", "--to", "production", "--key", KEY + ".key")
    normal = time.monotonic() - started
    must("mount", STORE, MNT)
    done, interrupted = 1, 0
    for _ in range(KILLS):
        target = "m:" + rng.choice("12")
        with subprocess.Popen([PROGRAM, "promote", STORE, target, "--to", "production", "--key",
                               KEY + ".key"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as child:
            time.sleep(rng.uniform(0, 1.2 * normal))
            child.send_signal(signal.SIGKILL)
            out, _ = child.communicate()
        interrupted += child.returncode == -signal.SIGKILL
        chain = check_chain(done + bool(out))
        done = len(chain)
        wait_for_link(chain[-1]["version"])
    require(interrupted > 0, "no promote was interrupted")
    must("gc", STORE)
    check_chain(done)
    must("verify", STORE)
    must("umount", MNT)
    print(f"{interrupted} of {KILLS} interrupted, {done} moves")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
