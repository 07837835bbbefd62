#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A directory is checked and run before it is packed: the same findings as "pack" and "check" have afterwards, all faults
of a contract in one run, changes against a version in the store, and nothing is written."""
# TIMEOUT: 120
import json
import os
import shutil
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from support.common import Failed, require  # noqa: E402

WORK, PROGRAM = os.environ["WORK"], os.environ["BUNDLEFS"]
STORE, SRC = WORK + "/store", WORK + "/src"
NAME = "acme/m"
GOOD = {"schema_version": "1.0", "inputs": [{"name": "x", "datatype": "FP32", "shape": [2]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [2]}],
        "fixtures": [{"name": "one", "inputs": [{"name": "x", "file": "x.json"}], "outputs": [{"name": "y", "file": "y.json"}]}],
        "runtimes": [{"name": "vllm", "view": "gpu-bf16"}], "licenses": ["MIT"]}


def run(*args, code=0):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=False)
    require(done.returncode == code, f"{' '.join(args)} gave {done.returncode}: {done.stdout}{done.stderr}")
    return done


def write(name, value):
    with open(f"{SRC}/{name}", "wb") as file:
        file.write(value if isinstance(value, bytes) else json.dumps(value).encode())


def model(names):
    header = {name: {"dtype": "F32", "shape": [1, 2], "data_offsets": [8 * i, 8 * i + 8]} for i, name in enumerate(names)}
    text = json.dumps(header).encode()
    write("model.safetensors", struct.pack("<Q", len(text)) + text + bytes(8 * len(names)))


def check(version, *options, code=0):
    return json.loads(run("check", "--json", "--directory", SRC, *options, STORE, f"{NAME}:{version}", code=code).stdout)


def ids(report):
    return {one["id"] for one in report["findings"]} - {"host-view"}


def findings_before_packing():
    report = check("1.0.0")
    require(report["passed"] and not ids(report), f"{report}")
    require(report["directory"] == SRC and report["version"] == "1.0.0", f"{report}")
    write("contract.json", {**GOOD, "licence": 1, "limits": {"x": "y"}, "inputs": [{"name": "x", "datatype": "FP3", "shape": ["a"]}],
                            "outputs": [{"shape": [1]}], "requires": {"files": ["gone"], "bundles": 7}})
    report = check("1.0.0", code=1)
    places = [one["sentence"].split(" ")[1] for one in report["findings"] if one["id"] == "contract-invalid"]
    for place in ("/licence", "/inputs/0/datatype", "/inputs/0/shape/0", "/outputs/0/name", "/outputs/0/datatype", "/requires/bundles"):
        require(places.count(place) == 1, f"{place} in {places}")
    refused = run("pack", STORE, f"{NAME}:1.0.0", SRC, code=1).stderr
    require(refused.count("error contract-invalid") == len(places), refused)
    write("contract.json", {"schema_version": "1.0", **{f"m{i}": 1 for i in range(300)}})
    report = check("1.0.0", code=1)
    require(report["n_errors"] == 101 and "only the first 100" in report["findings"][100]["sentence"], f"{report['n_errors']}")
    write("contract.json", b"{")
    report = check("1.0.0", code=1)
    require(report["n_errors"] == 1 and "contract-invalid" in ids(report), f"{report}")
    write("contract.json", {**GOOD, "requires": {"files": ["gone"]}, "runtimes": [{"name": "vllm", "view": "cpu-f32"}]})
    report = check("1.0.0", code=1)
    require(ids(report) == {"file-missing", "view-unknown"}, f"{report}")
    require(not os.path.exists(STORE + "/index.json"), "a store was made")
    write("contract.json", GOOD)


def changes_before_packing():
    run("pack", STORE, f"{NAME}:1.0.0", SRC)
    model(["a", "b"])
    report = check("1.0.1", "--against", f"{NAME}:1.0.0", code=1)
    require(report["change"] == "minor" and "version-class" in ids(report), f"{report}")
    report = check("1.1.0", "--against", f"{NAME}:1.0.0")
    require(report["change"] == "minor" and not ids(report), f"{report}")
    run("check", "--directory", SRC, "--against", f"{NAME}:9.0.0", STORE, f"{NAME}:1.1.0", code=1)
    run("pack", STORE, f"{NAME}:1.1.0", SRC)
    after = json.loads(run("check", "--json", "--against", f"{NAME}:1.0.0", STORE, f"{NAME}:1.1.0").stdout)
    require(after["change"] == report["change"] and ids(after) == ids(report), f"{after}")


def answers_before_packing():
    copy = ["--", "sh", "-c", 'test "$BUNDLEFS_BUNDLE" = "$1" && cp "$BUNDLEFS_INPUTS/x.json" "$BUNDLEFS_OUTPUTS/y.json"', "sh", SRC]
    before = sorted(os.listdir(SRC))
    done = run("conform", "--directory", SRC, WORK + "/no-store", f"{NAME}:2.0.0", *copy)
    require("passed bundle one" in done.stdout, done.stdout)
    write("y.json", [1.0, 3.0])
    done = run("conform", "--directory", SRC, "--json", WORK + "/no-store", f"{NAME}:2.0.0", *copy, code=1)
    require(json.loads(done.stdout)["results"][0]["verdict"] == "differs", done.stdout)
    require(sorted(os.listdir(SRC)) == before and not os.path.exists(WORK + "/no-store"), "something was written")
    os.makedirs(WORK + "/cache/blobs")
    os.makedirs(WORK + "/cache/snapshot")
    for name in os.listdir(SRC):
        shutil.copy(f"{SRC}/{name}", WORK + "/cache/blobs")
        os.symlink(f"../blobs/{name}", f"{WORK}/cache/snapshot/{name}")
    snapshot = WORK + "/cache/snapshot"
    refused = run("check", "--directory", snapshot, STORE, f"{NAME}:2.0.0", code=1)
    require("points outside" in refused.stderr, refused.stderr)
    run("check", "--directory", snapshot, "--dereference", STORE, f"{NAME}:2.0.0")


if __name__ == "__main__":
    try:
        os.makedirs(SRC, exist_ok=True)
        model(["a"])
        write("config.json", {"model_type": "none"})
        write("bundle.json", {"schema_version": "1.0", "views": ["gpu-bf16"]})
        write("x.json", [1.0, 2.0])
        write("y.json", [1.0, 2.0])
        write("contract.json", GOOD)
        findings_before_packing()
        changes_before_packing()
        answers_before_packing()
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
