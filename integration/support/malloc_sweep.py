# SPDX-License-Identifier: Apache-2.0
"""Fails one allocation of a run, or one and all later ones, and judges what became of it: all of the
effect and exit 0, or exit 1 with a message; never a signal, a part of a document, or a store that lost
something."""
import collections
import concurrent.futures
import os
import random
import re
import shutil
import struct
import subprocess
import threading

from support import malloc_known, mounts
from support.common import content
from support.malloc_world import StoreState, copy_tree, normal

FRAMES, FRAME_TEXT = 24, 160  # support/fail_malloc.c
HEAD = struct.Struct("<QQQ")
TIMEOUT = 60


class Run:
    """What became of one process tree."""

    def __init__(self, status, out, err, state):
        self.status, self.out, self.err = status, out, err
        self.count = self.failed = 0
        self.frames = []
        if len(state) >= HEAD.size:
            self.count, self.failed, n = HEAD.unpack_from(state)
            for i in range(min(n, FRAMES)):
                start = HEAD.size + i * FRAME_TEXT
                self.frames.append(state[start:start + FRAME_TEXT].split(b"\0")[0].decode())


class Sweep:
    def __init__(self, world, library, folder):
        self.world, self.library, self.folder = world, library, folder
        self.local = threading.local()
        self.numbers = iter(range(1 << 30))
        self.lock = threading.Lock()

    def scratch(self):
        """A folder of this thread alone."""
        if not hasattr(self.local, "folder"):
            with self.lock:
                self.local.folder = f"{self.folder}/{next(self.numbers)}"
            os.makedirs(self.local.folder)
        return self.local.folder

    def environment(self, at, later, cold):
        env = dict(self.world.environment, LD_PRELOAD=self.library, BUNDLEFS_FAIL_AT=str(at),
                   BUNDLEFS_FAIL_STATE=self.scratch() + "/state", TMPDIR=self.scratch() + "/tmp")
        if later:
            env["BUNDLEFS_FAIL_LATER"] = "1"
        if not cold:
            env["BUNDLEFS_FAIL_WARM"] = "1"
        return env

    def execute(self, args, at=0, later=False, cold=False):
        state = self.scratch() + "/state"
        with open(state, "wb"):
            pass
        os.makedirs(self.scratch() + "/tmp", exist_ok=True)
        try:
            done = subprocess.run([self.world.program, *args], env=self.environment(at, later, cold),
                                  capture_output=True, timeout=TIMEOUT, check=False, close_fds=False)
            status, out, err = done.returncode, done.stdout, done.stderr
            out = out.replace(self.scratch().encode(), b"HERE")
            err = err.replace(self.scratch().encode(), b"HERE")
        except subprocess.TimeoutExpired as late:
            status, out, err = "hangs", late.stdout or b"", late.stderr or b""
        return Run(status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), content(state))

    # The forms of verbs.

    def prepare(self, form):
        """Fresh places for a run; returns its words."""
        here = self.scratch()
        places = {"WORLD": self.world.folder, "STORE": self.world.store, "OUT": here + "/out",
                  "MNT": f"{self.folder}/shared" if form.mount == "shared" else here + "/own"}
        if form.mount and not mounts.mount_types(places["MNT"]):
            os.makedirs(places["MNT"], exist_ok=True)
            self.world.must("mount", self.world.store, places["MNT"], "-o", f"log={here}/daemon.log")
        shutil.rmtree(here + "/out", ignore_errors=True)
        os.makedirs(here + "/out")
        for name in form.needs:
            copy_tree(self.world.path(name), f"{here}/out/{name}")
        if form.has_own_store:
            copy_tree(self.world.store, here + "/store")
            places["STORE"] = here + "/store"
        return [form.verb, *(re.sub("^(WORLD|STORE|OUT|MNT)", lambda m: places[m[0]], word) for word in form.words)]

    def one(self, form, at=0, later=False):
        """Runs it once; returns the run with what is there afterwards."""
        args = self.prepare(form)
        run = self.execute(args, at, later, form.cold)
        run.words, run.later = args, later
        run.store = StoreState(self.scratch() + "/store" if form.has_own_store else self.world.store)
        run.files = tree(self.scratch() + "/out")
        return run


def tree(folder):
    """Path -> what a file says. Keys are random: their lines count by length alone."""
    found = {}
    for parent, folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            short = os.path.relpath(path, folder)
            if short.startswith("store/"):
                continue  # judged as a store
            data = content(path)
            if name.endswith((".key", ".pub")):
                found[short] = [len(line) for line in data.splitlines()]
            else:
                found[short] = normal(data)
        for name in folders:
            if not os.listdir(os.path.join(parent, name)) and not os.path.relpath(parent, folder).startswith("store"):
                found[os.path.relpath(os.path.join(parent, name), folder) + "/"] = "empty"
    return found


def difference(want, got):
    """Where two texts begin to differ."""
    at = len(os.path.commonprefix([want, got]))
    return f"{got[max(0, at - 20):at + 40]!r} instead of {want[max(0, at - 20):at + 40]!r}"


class Judge:
    """Compares runs of a form with one in which nothing failed."""

    def __init__(self, sweep, form):
        self.sweep, self.form = sweep, form
        self.before = StoreState(sweep.world.store)
        self.good = sweep.one(form)
        if form.writes and "STORE" not in form.words:
            self.good.new_store = StoreState(sweep.scratch() + "/out/store")
        again = sweep.one(form)
        for what, a, b in (("status", self.good.status, again.status), ("output", normal(self.good.out), normal(again.out)),
                           ("files", self.good.files, again.files)):
            if a != b:
                raise AssertionError(f"{form.name}: the {what} differs without any failure:\n{a}\n{b}")
        if self.good.status not in (0, 1):
            raise AssertionError(f"{form.name}: exit {self.good.status}: {self.good.err}")
        self.count = self.good.count
        self.entries = self.says(self.good.store)

    @staticmethod
    def says(state):
        return [state.says(entry) for entry in state.index()[0]]

    def violation(self, run):
        """Why a run is a fault, or None."""
        return (self.bad_end(run) or self.bad_store(run) or self.bad_files(run) or self.bad_output(run))

    def bad_end(self, run):
        if run.status == "hangs":
            return "hangs"
        if run.status < 0:
            return f"died of signal {-run.status}"
        if run.status not in (0, 1):
            return f"exit {run.status}"
        if run.status == 1 and not run.err.strip() and not run.out.strip():
            return "exit 1 without a message"
        if run.status == 0 and self.good.status == 1:
            return "exit 0 instead of 1"
        if run.status == 0 and self.form.mount == "own" and mounts.mount_types(f"{self.sweep.scratch()}/own"):
            return "exit 0, and it is still mounted"
        return None

    def bad_output(self, run):
        if run.status == 0 and normal(run.out) != normal(self.good.out):
            return "exit 0 with other output: " + difference(normal(self.good.out), normal(run.out))
        return None

    def is_removed(self, entry):
        name = entry.get("annotations", {}).get("org.opencontainers.image.ref.name", "")
        return any(name == word or (word.endswith("-") and name.startswith(word)) for word in self.form.removed)

    def bad_store(self, run):
        state = run.store
        if not self.form.writes:
            return None if state == self.before else "a reading verb changed the store"
        try:
            entries, members = state.index()
        except ValueError:
            return "index.json is not JSON"
        old, old_members = self.before.index()
        if members != old_members:
            return "members of index.json are lost"
        lost = [entry for entry in old if entry not in entries and not self.is_removed(entry)]
        if lost:
            return f"{len(lost)} entries of index.json are lost"
        damage = state.damage()
        if damage:
            return damage
        said = self.says(state)
        allowed = collections.Counter(self.entries) | collections.Counter(self.says(self.before))
        if collections.Counter(said) - allowed:
            return "what was published is not what was asked for"
        if run.status == 0 and collections.Counter(said) != collections.Counter(self.entries):
            return "exit 0 without the whole effect on index.json"
        if run.status == 0 and self.good.status == 0 and len(state.blobs) != len(self.good.store.blobs):
            return f"exit 0 with {len(state.blobs)} blobs instead of {len(self.good.store.blobs)}"
        return self.not_verified(state)

    def not_verified(self, state):
        if state == self.before or state.store == self.sweep.world.store:
            return None
        done = subprocess.run([self.sweep.world.program, "verify", state.store, "--jobs", "1"], capture_output=True,
                              text=True, env=self.sweep.world.environment, check=False)
        return None if done.returncode == 0 else f"verify says: {done.stdout[:200]}"

    def bad_files(self, run):
        if run.status == 0:
            return None if run.files == self.good.files else "exit 0 without the whole effect on files"
        if self.form.verb == "unpack":
            # Listing the folder that it would remove needs memory: where there is none at all, it stays.
            left = [name for name in run.files if not (run.later and name.startswith("tree.partial-"))]
            return f"a failed unpack leaves {sorted(left)[:3]}" if left else None
        for path, said in run.files.items():
            if self.good.files.get(path) != said:
                return f"{path} is not what it should be"
        return None


def positions(count, sample, rng):
    """All of them, or the first and last three with others drawn between."""
    if not sample or count <= sample:
        return list(range(1, count + 1))
    ends = {1, 2, 3, count - 2, count - 1, count}
    return sorted(ends | set(rng.sample(range(4, count - 2), max(0, sample - len(ends)))))


class Report:
    """Prints a row for each form, and keeps what was wrong."""

    def __init__(self):
        self.lock = threading.Lock()
        self.rows = []
        self.violations = []

    def add(self, name, n_runs, count, found, known):
        with self.lock:
            self.rows.append((name, count, n_runs, len(found), known))
            print(f"{name}: {count} allocations, {n_runs} runs, {len(found)} violations"
                  + (f", {known} in other libraries" if known else ""), flush=True)
            reasons = collections.Counter(why.split(":")[0] for _, _, why, _ in found)
            for why, n in reasons.most_common(6):
                at, later, full, run = next(x for x in found if x[2].split(":")[0] == why)
                print(f"    {n} x {full}; first: {'all from' if later else 'only'} {at}; asked for by\n        "
                      + "\n        ".join(run.frames[:8]), flush=True)
            self.violations += found


def sweep_form(sweep, form, sample, rng, report, pool):
    judge = Judge(sweep, form)
    found, known, jobs = [], 0, []
    for at in positions(judge.count, sample, rng):
        jobs += [(at, False), (at, True)]

    def job(pair):
        run = sweep.one(form, *pair)
        return pair, run, judge.violation(run)

    for (at, later), run, why in pool.map(job, jobs):
        if why and malloc_known.is_known(run.frames, why):
            known += 1
        elif why:
            found.append((at, later, why, run))
    report.add(form.name, len(jobs), judge.count, found, known)


def sweep_verbs(sweep, forms, sample, seed, n_jobs, report):
    """Every form at `sample` positions, or at all of them when it is 0; each fails alone, and with all later ones."""
    with concurrent.futures.ThreadPoolExecutor(n_jobs) as pool:
        for form in forms:
            sweep_form(sweep, form, sample, random.Random(f"{seed} {form.name}"), report, pool)
