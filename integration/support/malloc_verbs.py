# SPDX-License-Identifier: Apache-2.0
"""What the sweep of failing allocations runs: each verb of the program in its forms."""
import subprocess

from support.common import require


class Form:
    """One command line. Words: STORE, OUT (a fresh folder), WORLD (the folder of the world), MNT.

    writes   it may change the store, or OUT
    removed  names in index.json that may go
    mount    a daemon serves STORE at MNT: "shared" by all runs, or "own" when the run ends it
    needs    folders of the world that OUT starts with
    cold     the start of libcrypto is swept too (support/fail_malloc.c)
    """

    def __init__(self, verb, words, writes=False, removed=(), mount=None, needs=(), cold=False):
        self.verb, self.words, self.writes = verb, words.split(), writes
        self.removed, self.mount, self.needs = removed, mount, needs
        self.cold = cold
        # verify and gc tell other things of a store that another run of them has locked.
        self.has_own_store = "STORE" in self.words and (writes or verb in ("verify", "gc"))
        self.name = f"{verb} {words}".strip()


def signing(verb, words):
    return Form(verb, f"{words} --key WORLD/keys/release.key --json", writes=True)


READING = [
    Form("ls", "STORE"),
    Form("ls", "STORE --json"),
    Form("ls", "STORE acme/tiny:1.0.0"),
    Form("inspect", "STORE acme/tiny:1.0.0 --tensors --chunks"),
    Form("inspect", "STORE acme/tiny:1.0.0 --json"),
    Form("views", "--json"),
    Form("views", "STORE acme/tiny:1.0.0 --json"),
    Form("views", "STORE acme/tiny:1.1.0 --host WORLD/host.json"),
    Form("check", "STORE acme/tiny:1.0.0 --json"),
    Form("check", "STORE acme/tiny:1.1.0 --against acme/tiny:1.0.0"),
    Form("conform", "-u STORE acme/tiny:1.0.0 --json -- WORLD/answer"),
    Form("verify", "STORE --jobs 1 --json"),
    Form("verify", "STORE acme/tiny:1.0.0 --quick", cold=True),
    Form("history", "STORE acme/tiny --json"),
    Form("history", "STORE acme/tiny:1.0.0 --policy WORLD/policy.json"),
    Form("host", "--json"),
    Form("host", ""),
    Form("audit", "verify WORLD/audit.log --json"),
    Form("completion", "bash"),
    Form("doctor", "--explain STORE acme/tiny:1.0.0 --policy WORLD/policy.json --json"),
    Form("doctor", "--explain STORE acme/tiny:1.1.0 --policy WORLD/policy.json"),
    Form("gc", "STORE --dry-run --json"),
]
WRITING = [
    Form("init", "OUT/plain", writes=True, needs=("plain",)),
    Form("pack", "STORE acme/new:1.0.0 WORLD/model --view gpu-bf16 --jobs 1 --key WORLD/keys/release.key --json",
         writes=True),
    Form("pack", "STORE acme/new:1.0.0 WORLD/model2 --jobs 1", writes=True),
    Form("pack", "OUT/store acme/base:1.0.0 WORLD/base --jobs 1", writes=True),
    Form("unpack", "STORE acme/tiny:1.0.0 OUT/tree --metadata --jobs 1", writes=True),
    Form("unpack", "STORE acme/tiny:1.0.0 OUT/tree --view gpu-bf16 --no-sync", writes=True),
    signing("sign", "STORE acme/tiny:1.1.0 --reason because"),
    signing("sign", "STORE acme/tiny:1.1.0 --provenance"),
    signing("approve", "STORE acme/tiny:1.1.0 --role qa"),
    signing("promote", "STORE acme/tiny:1.1.0 --to production"),
    signing("promote", "STORE acme/tiny:1.1.0 --to first"),
    signing("rollback", "STORE acme/tiny --alias staging --policy WORLD/policy.json"),
    signing("deprecate", "STORE acme/tiny:1.1.0 --replaced-by acme/tiny:1.0.0 --sunset 2090-01-01"),
    signing("undeprecate", "STORE other/gone:1 --reason mistyped"),
    signing("revoke", "STORE acme/tiny:1.1.0 --reason leaks"),
    Form("rm", "STORE other/gone:1", writes=True, removed=("other/gone:1", "other/gone:sha256-")),
    Form("rm", "STORE acme/tiny:1.0.0 --force", writes=True,
         removed=("acme/tiny:1.0.0", "acme/tiny:sha256-")),
    Form("gc", "STORE --json", writes=True),
    Form("keygen", "--out OUT/k --no-password --json", writes=True),
]
MOUNTED = [
    Form("conform", "STORE acme/tiny:1.0.0 --json -- WORLD/answer"),
    Form("doctor", "MNT --json", mount="shared"),
    Form("doctor", "MNT", mount="shared"),
    Form("warm", "MNT acme/tiny:1.0.0 --json", mount="shared"),
    Form("umount", "MNT", mount="own"),
    Form("umount", "--lazy MNT", mount="own"),
]
# `mount` itself is started by malloc_mount.py.
DAEMON_VERB = "mount"


def all_forms():
    return READING + WRITING + MOUNTED


def check_complete(program):
    """Every verb of the program's own table has a form here."""
    text = subprocess.run([program, "help"], capture_output=True, text=True, check=True).stdout
    listed = {line.split()[0] for line in text.split("\n\n")[2].splitlines() if line[2:3].strip()}
    have = {form.verb for form in all_forms()} | {DAEMON_VERB}
    require(listed == have, f"verbs without a sweep: {sorted(listed - have)}; unknown: {sorted(have - listed)}")
