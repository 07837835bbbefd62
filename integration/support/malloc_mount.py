# SPDX-License-Identifier: Apache-2.0
"""The start of a mount while allocations fail: it ends with a message, or serves; what it serves is right,
and what its policy refuses is never served."""
import concurrent.futures
import errno
import json
import os
import random
import signal
import subprocess
import threading
import time

from support import mounts
from support.common import content
from support.malloc_sweep import Run, positions

SIGNED, UNSIGNED, OTHER = "acme/tiny/1.0.0/config.json", "acme/tiny/1.1.0/config.json", "other/gone/1/config.json"
HANGING = 40  # seconds
FORMS = [("mount --foreground", [], False), ("mount --foreground -o policy", ["policy"], False),
         ("mount -o policy,audit", ["policy", "audit"], True)]


def umount(path):
    """Detaches whatever is mounted there."""
    while mounts.mount_types(path):
        subprocess.run(["umount", "-l", path], stderr=subprocess.DEVNULL, check=False)


class MountJudge:
    """Mounts at a folder of its thread, reads, unmounts, and says what was wrong."""

    def __init__(self, sweep, options, is_daemon):
        self.sweep, self.is_daemon = sweep, is_daemon
        self.has_policy = "policy" in options
        self.options = options
        self.want = {name: content(f"{sweep.world.folder}/{model}/config.json")
                     for name, model in ((SIGNED, "model"), (UNSIGNED, "model2"), (OTHER, "plain"))}

    def words(self, mnt):
        words = [self.sweep.world.program, "mount", self.sweep.world.store, mnt, "-o",
                 f"timeout=10,workers=2,log={self.sweep.scratch()}/log"]
        if not self.is_daemon:
            words.append("--foreground")
        if self.has_policy:
            words += ["-o", "policy=" + self.sweep.world.path("policy.json")]
        if "audit" in self.options:
            audit = self.sweep.scratch() + "/audit"
            if os.path.exists(audit):
                os.unlink(audit)
            words += ["-o", "audit=" + audit]
        return words

    def run(self, at=0, later=False):
        """Returns the run with `why`, which is None when all is well."""
        mnt, state = self.sweep.scratch() + "/mnt", self.sweep.scratch() + "/state"
        os.makedirs(mnt, exist_ok=True)
        os.makedirs(self.sweep.scratch() + "/tmp", exist_ok=True)
        umount(mnt)
        for path in (state, self.sweep.scratch() + "/log"):
            with open(path, "wb"):
                pass
        err = open(self.sweep.scratch() + "/err", "w+b")
        with err, subprocess.Popen(self.words(mnt), env=self.sweep.environment(at, later, False), stdout=err,
                                   stderr=err, stdin=subprocess.DEVNULL) as child:
            late = []
            watchdog = threading.Timer(HANGING, lambda: (late.append(1), child.kill(), umount(mnt)))
            watchdog.start()
            why = self.serve(child, mnt)
            umount(mnt)
            status = child.wait()
            watchdog.cancel()
            err.seek(0)
            text = err.read().decode("utf-8", "replace")
        run = Run(status, "", text + content(self.sweep.scratch() + "/log").decode("utf-8", "replace"), content(state))
        if late:
            why = "hangs"
        elif status < 0:
            why = f"died of signal {-status}"
        elif status not in (0, 1):
            why = why or f"exit {status}"
        elif status == 1 and not text.strip():
            why = why or "exit 1 without a message"
        if self.is_daemon:
            self.wait_for_end(mnt)
        run.why = why
        return run

    def serve(self, child, mnt):
        """Waits until it is mounted or has ended; then looks."""
        while not mounts.mount_types(mnt):
            if child.poll() is not None:
                if mounts.mount_types(mnt):
                    break
                return "exit 0, and nothing is mounted" if child.returncode == 0 else None
            time.sleep(0.002)
        why = None
        for name, want in self.want.items():
            why = why or self.look(child, f"{mnt}/{name}", want, name == UNSIGNED and self.has_policy)
        return why or self.look_at_status(mnt)

    def look(self, child, path, want, is_refused):
        try:
            got = content(path)
        except OSError as error:
            # One that ends by itself while it starts is judged by its exit status.
            if error.errno == errno.ENOTCONN and self.is_daemon and child.wait() == 0:
                return "the daemon died"
            return None
        if is_refused:
            return "SERVES WHAT THE POLICY REFUSES"
        return None if got == want else f"{path}: other bytes"

    def look_at_status(self, mnt):
        """Documents of the daemon are whole, or cannot be read."""
        for name in ("health.json", "session.json", "refused.json"):
            try:
                text = content(f"{mnt}/.bundlefs/{name}")
            except OSError:
                continue
            try:
                document = json.loads(text)
            except ValueError:
                return f"{name} is no JSON: {text[:60]!r}"
            if name == "health.json" and self.has_policy and "policy_digest" not in document:
                return "health.json lacks the policy"
        return None

    def wait_for_end(self, mnt):
        """The next run must not meet a daemon that still ends."""
        deadline = time.monotonic() + HANGING
        while mounts.daemons(mnt):
            if time.monotonic() > deadline:
                for pid in mounts.daemons(mnt):
                    os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.005)


def sweep_mounts(sweep, sample, seed, n_jobs, report):
    """As sweep_verbs() does it for verbs."""
    with concurrent.futures.ThreadPoolExecutor(n_jobs) as pool:
        sweep_forms(sweep, sample, random.Random(f"{seed} mount"), report, pool)


def sweep_forms(sweep, sample, rng, report, pool):
    for name, options, is_daemon in FORMS:
        judge = MountJudge(sweep, options, is_daemon)
        good = judge.run()
        if good.why or good.status != 0:
            raise AssertionError(f"{name}: exit {good.status}: {good.why}: {good.err}")
        jobs = [(at, later) for at in positions(good.count, sample, rng) for later in (False, True)]
        runs = pool.map(lambda pair, judge=judge: (pair, judge.run(*pair)), jobs)
        found = [(*pair, run.why, run) for pair, run in runs if run.why]
        report.add(name, len(jobs), good.count, found, 0)
