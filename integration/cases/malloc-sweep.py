#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fails single allocations, and all from one on, in every verb and in a mount's start: each run does all of its work
and exits 0, or exits 1 with a message; nothing crashes, no document is cut, no store loses anything. A sample of the
positions, drawn by BUNDLEFS_SEED (1); integration/soak/malloc-sweep tries all. BUNDLEFS_POSITIONS sets how many (10)."""
# TIMEOUT: 900
# NOT-UNDER: address thread
# ALLOW-LOG: out of memory|Cannot allocate memory
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from support import malloc_main  # noqa: E402

PROGRAM = os.environ["BUNDLEFS"]
LIBRARY = os.path.join(os.path.dirname(PROGRAM), "..", "integration", "support", "fail-malloc.so")

if __name__ == "__main__":
    if not os.path.exists(LIBRARY):
        print("SKIP: this build has no integration/support/fail-malloc.so")
        sys.exit(77)
    sys.exit(malloc_main.run(PROGRAM, os.path.abspath(LIBRARY), os.environ["WORK"] + "/tmp",
                             int(os.environ.get("BUNDLEFS_POSITIONS", "10")), int(os.environ.get("BUNDLEFS_SEED", "1")), 2))
