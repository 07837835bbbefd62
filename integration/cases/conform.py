#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Conform: every verdict, by commands that answer right, wrong, not, too late, or die; what a command
finds in its environment; and that nothing is left behind, processes included."""
# TIMEOUT: 180
import json
import os
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
try:
    import numpy as np
except ImportError:
    print("SKIP: needs python3-numpy")
    sys.exit(77)
from support.common import Failed, require  # noqa: E402

WORK, PROGRAM = os.environ["WORK"], os.environ["BUNDLEFS"]
STORE, SRC, TMP = WORK + "/store", WORK + "/src", WORK + "/tmp/conform"
X = np.array([[1, 2], [3, 4]], np.float32)
BITS = (np.array([1.5, -2.0], np.float32).view(np.uint32) >> 16).astype(np.uint16)  # as BF16
CONTRACT = {
    "schema_version": "1.0",
    "licenses": ["MIT"],
    "inputs": [{"name": "in/x", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]},
                {"name": "b", "datatype": "BF16", "shape": [2], "optional": True},
                {"name": "text", "datatype": "BYTES", "shape": [1], "optional": True}],
    "determinism": {"tolerance": {"atol": "0.5"}},
    "fixtures": [{"name": "doubled", "inputs": [{"name": "in/x", "file": "f/x.npy"}],
                  "outputs": [{"name": "y", "file": "f/y.npy"}], "rtol": "1e-3"},
                 {"name": "others", "inputs": [{"name": "in/x", "file": "f/x.npy"}],
                  "outputs": [{"name": "b", "file": "f/b.npy"}, {"name": "text", "file": "f/t.txt"}]}],
}
PRELUDE = """
import json, os, subprocess, sys, time
import numpy as np
E = os.environ
OUT, FIXTURE, VIEW = E["BUNDLEFS_OUTPUTS"], E["BUNDLEFS_FIXTURE"], E["BUNDLEFS_VIEW"]
x = np.load(E["BUNDLEFS_INPUTS"] + "/in_x.npy")
y = x * 2
def good():
    if FIXTURE == "doubled":
        np.save(OUT + "/y.npy", y)
    else:
        open(OUT + "/b.json", "w").write("[1.5, -2.25]")
        open(OUT + "/text.txt", "w").write("exact")
assert sys.stdin.read() == "" and json.load(open(E["BUNDLEFS_BUNDLE"] + "/marker.json"))["marker"] == "here"
assert os.path.basename(E["BUNDLEFS_BUNDLE"]) == (VIEW or E["WANT"])
assert sorted(os.listdir(E["BUNDLEFS_INPUTS"])) == ["in_x.npy"] and os.listdir(OUT) == []
print("a line on stdout")
"""


def pack():
    os.makedirs(SRC + "/f")
    np.save(SRC + "/f/x.npy", X)
    np.save(SRC + "/f/y.npy", X * 2)
    np.save(SRC + "/f/b.npy", BITS)
    for name, text in (("f/t.txt", "exact"), ("marker.json", '{"marker": "here"}'), ("contract.json", json.dumps(CONTRACT))):
        with open(f"{SRC}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    for view in ("one", "two"):
        os.makedirs(f"{SRC}/views/{view}")
        with open(f"{SRC}/views/{view}/view.json", "w", encoding="utf-8") as file:
            file.write('{"hardware": "cpu"}')
        shutil.copy(SRC + "/marker.json", f"{SRC}/views/{view}/marker.json")
    done = subprocess.run([PROGRAM, "pack", STORE, "acme/m:1.0.0", SRC], capture_output=True, text=True, check=False)
    require(done.returncode == 0, done.stderr)


def mounts():
    with open("/proc/self/mounts", encoding="utf-8") as file:
        return [line for line in file if TMP in line]


def processes(mark):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if mark.encode() in file.read():
                    found.append(pid)
        except OSError:
            pass
    return found


def check_clean(what, mark=None):
    require(os.listdir(TMP) == [], f"{what}: {os.listdir(TMP)} is left")
    require(mounts() == [], f"{what}: a mount is left: {mounts()}")
    require(mark is None or processes(mark) == [], f"{what}: processes are left")


def conform(*options, command, code):
    done = subprocess.run([PROGRAM, "conform", STORE, "acme/m:1.0.0", "--json", *options, "--", *command],
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "TMPDIR": TMP, "WANT": "bundle" if "--unpack" in options else WANT})
    require(done.returncode == code, f"exit {done.returncode}: {done.stdout}{done.stderr}")
    check_clean(str(options))
    return done


def verdicts(what, body, expected, *options):
    code = 0 if set(expected) == {"passed"} else 1
    done = conform(*options, command=["/usr/bin/python3", "-c", PRELUDE + body], code=code)
    report = json.loads(done.stdout)
    got = [one["verdict"] for one in report["results"]]
    require(got == expected, f"{what}: {got}: {report['results']}: {done.stderr}")
    require(report["passed"] == (code == 0) and "a line on stdout" in done.stderr, f"{what}: {report}")
    return report


def main():
    global WANT
    os.makedirs(TMP)
    pack()
    probe = subprocess.run([PROGRAM, "conform", STORE, "acme/m:1.0.0", "--json", "--", "true"], capture_output=True,
                           text=True, check=False, env={**os.environ, "TMPDIR": TMP})
    mounted = json.loads(probe.stdout)["mounted"]
    require(mounted or os.getuid() != 0, f"root cannot mount: {probe.stderr}")
    subprocess.run([PROGRAM, "pack", STORE, "acme/hidden:1", SRC, "--hidden"], check=True, stdout=subprocess.DEVNULL)
    probe = subprocess.run([PROGRAM, "conform", STORE, "acme/hidden:1", "--json", "--", "true"], capture_output=True,
                           text=True, check=False, env={**os.environ, "TMPDIR": TMP})
    require(json.loads(probe.stdout)["mounted"] == mounted, f"a hidden bundle is not mounted: {probe.stderr}")
    WANT = "1.0.0" if mounted else "bundle"
    both = ["passed", "passed"]
    report = verdicts("good", "good()", both)
    require(report["results"][0]["n_values"] == 4 and report["results"][1]["n_values"] == 3, str(report))
    verdicts("unpacked", "good()", both, "--unpack")
    report = verdicts("views", "good()", both * 2, "--view", "one", "--view", "two")
    require([one.get("view") for one in report["results"]] == ["one", "one", "two", "two"], str(report))
    report = verdicts("all", "good() if VIEW != 'two' else None", both * 2 + ["missing"] * 2, "--all")
    require([one.get("view") for one in report["results"]] == [None, None, "one", "one", "two", "two"], str(report))
    only = "if FIXTURE == 'others': good(); sys.exit()\n"
    verdicts("within", only + "np.save(OUT + '/y.npy', y + np.float32(.5))", both)
    report = verdicts("outside", only + "y[1, 0] = 7; np.save(OUT + '/y.npy', y)", ["differs", "passed"])
    require("1 of 4 values" in report["results"][0]["sentence"] and "expected 6, found 7" in report["results"][0]["sentence"], str(report))
    verdicts("nan", only + "y[1, 0] = float('nan'); np.save(OUT + '/y.npy', y)", ["differs", "passed"])
    verdicts("shape", only + "np.save(OUT + '/y.npy', y[:1])", ["differs", "passed"])
    verdicts("type", only + "np.save(OUT + '/y.npy', y.astype(np.float64))", ["differs", "passed"])
    verdicts("json", only + "json.dump(y.tolist(), open(OUT + '/y.json', 'w'))", both)
    verdicts("fortran", only + "np.save(OUT + '/y.npy', np.asfortranarray(y))", both)
    verdicts("pickled", only + "np.save(OUT + '/y.npy', np.array([None]), allow_pickle=True)", ["invalid", "passed"])
    verdicts("cut", only + "open(OUT + '/y.npy', 'wb').write(b'\\x93NUMPY')", ["invalid", "passed"])
    verdicts("link", only + "os.symlink('/etc/passwd', OUT + '/y.npy')", ["missing", "passed"])
    verdicts("text", "good()\nif FIXTURE == 'others': open(OUT + '/text.txt', 'w').write('exact\\n')", ["passed", "differs"])
    verdicts("fails", "good(); sys.exit(3 if FIXTURE == 'doubled' else 0)", ["failed", "passed"])
    verdicts("killed", "good(); os.kill(os.getpid(), 9)", ["failed"] * 2)
    verdicts("late", "good(); time.sleep(600)", ["timed-out"] * 2, "--timeout", "10")
    mark = f"left-{os.getpid()}"
    stay = f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', '{mark}'], start_new_session=%s)\n"
    verdicts("children", "good()\n" + stay % "False" + stay % "True", both)
    check_clean("children", mark)
    done = conform(command=["/nonexistent/command"], code=1)
    require(all("exits with 127" in one["sentence"] for one in json.loads(done.stdout)["results"]), done.stdout)

    # a signal ends it, and nothing is left
    args = [PROGRAM, "conform", STORE, "acme/m:1.0.0", "--", "/usr/bin/python3", "-c",
            f"import time; open('{WORK}/tmp/ready', 'w').close(); time.sleep(600)", mark]
    with subprocess.Popen(args, env={**os.environ, "TMPDIR": TMP}, stdout=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 60
        while not os.path.exists(WORK + "/tmp/ready") and time.monotonic() < deadline:
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        output = running.communicate(timeout=60)[0]
        require(running.returncode == 1 and output.startswith("interrupted bundle doubled: "), output)
    check_clean("signal", mark)

    for options, code in ((["--view", "three"], 1), (["--timeout", "x"], 2)):
        conform(*options, command=["true"], code=code)
    done = subprocess.run([PROGRAM, "conform", STORE, "acme/m:1.0.0"], capture_output=True, check=False)
    require(done.returncode == 2, "a command must be named")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
