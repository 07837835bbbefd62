#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of pack at random moments: after each one the store verifies, what was committed is
listed, and nothing is listed that is not whole. BUNDLEFS_KILLS sets how many (200; 40 under a
sanitizer, which has nothing to say of a process that is killed)."""
# TIMEOUT: 400
import os
import random
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import store_tool  # noqa: E402
from support import trees  # noqa: E402
from support.common import Failed, require  # noqa: E402

WORK, PROGRAM = os.environ["WORK"], os.environ["BUNDLEFS"]
STORE, SRC, MNT = WORK + "/store", WORK + "/src", WORK + "/mnt"
KILLS = int(os.environ.get("BUNDLEFS_KILLS", "40" if os.environ.get("BUNDLEFS_SANITIZER") else "200"))
SIZE = 6 << 20
RENEW = 25  # kills per store, so that store size and time stay bounded


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=False)


def fresh_source(rng):
    """New bytes each time: a pack that finds all its chunks in the store would have little to do."""
    for name, size in (("weights.bin", SIZE), ("more.bin", SIZE // 4), ("config.json", 500)):
        with open(f"{SRC}/{name}", "wb") as out:
            out.write(rng.randbytes(size))


def pack_time():
    started = time.monotonic()
    done = run("pack", STORE, "base:1", SRC)
    require(done.returncode == 0, f"pack: {done.stderr}")
    return time.monotonic() - started


def check_store(committed, context):
    """The store verifies and lists exactly what was committed, or what the killed pack finished."""
    done = run("verify", STORE)
    require(done.returncode == 0, f"verify {context}: {done.stdout}{done.stderr}")
    listed = set(store_tool.manifests(STORE))
    require(committed <= listed, f"lost {context}: {committed - listed}")
    return listed


def mount_and_compare(reference):
    done = run("mount", STORE, MNT)
    require(done.returncode == 0, f"mount: {done.stderr}")
    trees.same_tree(SRC, f"{MNT}/{reference.replace(':', '/')}", "mount")
    done = run("umount", MNT)
    require(done.returncode == 0, f"umount: {done.stderr}")


def main():
    seed = int(os.environ.get("BUNDLEFS_SEED", time.time_ns()))
    print(f"seed {seed}")
    rng = random.Random(seed)
    interrupted, committed, normal = 0, set(), 0.0
    for number in range(KILLS):
        if number % RENEW == 0:
            subprocess.run(["rm", "-rf", STORE], check=True)
            os.mkdir(STORE)
            fresh_source(rng)
            normal = pack_time()
            committed = {"base:1"}
        fresh_source(rng)
        reference = f"kill:{number}"
        child = subprocess.Popen(
            [PROGRAM, "pack", STORE, reference, SRC], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(0, normal * 1.05))
        child.send_signal(signal.SIGKILL)
        status = child.wait()
        interrupted += status == -signal.SIGKILL
        listed = check_store(committed, f"after kill {number} (status {status})")
        strange = listed - committed - {reference}
        require(not strange, f"listed but never packed: {strange}")
        if status == 0:
            require(reference in listed, f"{reference} finished and is not listed")
        committed = listed
        if reference in listed:
            mount_and_compare(reference)
        if number % RENEW == RENEW - 1:
            # The same pack now succeeds over the garbage, and gc takes all the garbage away.
            done = run("pack", STORE, "last:1", SRC)
            require(done.returncode == 0, f"pack over garbage: {done.stderr}")
            for name in committed - {"last:1"}:
                require(run("rm", STORE, name).returncode == 0, f"rm {name}")
            require(run("gc", STORE).returncode == 0, "gc")
            check_store({"last:1"}, "after gc")
            mount_and_compare("last:1")
            held = sum(s.st_size for p, s in trees.entries(STORE).items() if not p.startswith(b"index"))
            require(held < SIZE * 1.5, f"gc leaves {held} bytes for a bundle of {SIZE * 5 // 4}")
    print(f"{interrupted} of {KILLS} packs were interrupted")
    require(interrupted >= KILLS // 2, "too few packs were interrupted to prove anything")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
