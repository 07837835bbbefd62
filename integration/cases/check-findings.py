#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every finding of "bundlefs check", by its exact identifier and severity, from bundles made to have
it; the same of "pack"; and the classes of changes between versions."""
# TIMEOUT: 240
import copy
import json
import os
import re
import shutil
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
try:
    import numpy as np
except ImportError:
    print("SKIP: needs python3-numpy")
    sys.exit(77)
from support.common import Failed, content, require  # noqa: E402

WORK, PROGRAM = os.environ["WORK"], os.environ["BUNDLEFS"]
STORE, SRC = WORK + "/store", WORK + "/src"
HOST = WORK + "/tmp/host.json"
SEEN = set()

GOOD = {
    "schema_version": "1.0",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]},
               {"name": "mask", "datatype": "BOOL", "shape": [-1], "optional": True}],
    "outputs": [{"name": "y", "datatype": "INT64", "shape": [2]}],
    "resources": {"memory_bytes": 4096, "disk_bytes": 1500},
    "requires": {"files": ["config.json"]},
    "fixtures": [{"name": "one", "inputs": [{"name": "x", "file": "fixtures/x.npy"}],
                  "outputs": [{"name": "y", "file": "fixtures/y.json"}]}],
    "licenses": ["Apache-2.0"],
}


def run(*args, code=0):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=False)
    require(done.returncode == code, f"{' '.join(args)} gave {done.returncode}: {done.stdout}{done.stderr}")
    return done


def safetensors(path, tensors):
    header, data = {}, b""
    for name, (dtype, shape) in tensors.items():
        size = {"F32": 4, "BF16": 2}[dtype] * int(np.prod(shape))
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + size]}
        data += bytes(size)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write(path, value):
    path = f"{SRC}/{path}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(value if isinstance(value, bytes) else json.dumps(value).encode())


def make(contract, tensors=None, weight_map=None, files=()):
    shutil.rmtree(SRC, ignore_errors=True)
    os.makedirs(SRC + "/fixtures")
    write("config.json", {"model_type": "none"})
    safetensors(SRC + "/model.safetensors", tensors or {"a": ("F32", [4, 4]), "b": ("F32", [4])})
    np.save(SRC + "/fixtures/x.npy", np.zeros((5, 3), np.float32))
    write("fixtures/y.json", [1, 2])
    if contract is not None:
        write("contract.json", contract)
    if weight_map is not None:
        write("model.safetensors.index.json", weight_map)
    for name, value in dict(files).items():
        write(name, value)


def pack(name, *options, code=0):
    return run("pack", STORE, name, SRC, *options, code=code)


def check(name, *options, code=0):
    report = json.loads(run("check", STORE, name, "--json", "--host", HOST, *options, code=code).stdout)
    require(report["passed"] == (code == 0), f"{name}: passed is {report['passed']}")
    return report


def found(report):
    return sorted((one["severity"], one["id"]) for one in report["findings"])


def expect(what, ids, contract=None, change=None, **others):
    """Packs what has exactly these findings, checks it, and lets pack refuse it for the errors."""
    contract = copy.deepcopy(GOOD) if contract is None else contract
    if change:
        change(contract)
    make(contract, **others)
    name = "acme/" + re.sub(r"[^a-z0-9]+", "-", what) + ":1.0.0"
    ids = sorted(ids)
    errors = [one for severity, one in ids if severity == "error"]
    host = [one for one in errors if one.startswith("host-")]
    refusal = pack(name, code=1 if len(errors) > len(host) else 0)
    for one in set(errors) - set(host):
        require(f"error {one}: " in refusal.stderr, f"{what}: pack does not name {one}: {refusal.stderr}")
    if len(errors) > len(host):
        require("nothing was packed" in refusal.stderr, refusal.stderr)
        warned = pack(name, "--no-check").stderr
        require(all(f"error {one}: " in warned for one in errors), f"{what}: --no-check hides {errors}")
    report = check(name, code=1 if errors else 0)
    require(found(report) == ids, f"{what}: {found(report)}, expected {ids}: {report['findings']}")
    text = run("check", STORE, name, "--host", HOST, code=1 if errors else 0).stdout
    for severity, one in ids:
        require(re.search(f"^{severity} {one}: .*; ", text, re.MULTILINE), f"{what}: no line of {one} in {text}")
    SEEN.update(one for _, one in ids)
    return report


def put(*path):
    """put(key, ..., value) as a change of a contract."""
    *keys, last, value = path

    def change(contract):
        at = contract
        for key in keys:
            at = at[key]
        at[last] = value
    return change


def both(*changes):
    def change(contract):
        for one in changes:
            one(contract)
    return change


def contracts():
    expect("good", [])
    expect("spelled", [("error", "contract-invalid")], change=put("licence", "MIT"))
    expect("unknown-major", [("error", "contract-invalid")], change=put("schema_version", "2.0"))
    expect("twice", [("error", "contract-duplicate")], change=lambda c: c["outputs"].append(c["outputs"][0]))
    expect("upside-down", [("error", "contract-contradiction")],
           change=put("parameters", [{"name": "p", "type": "number", "minimum": "2", "maximum": "1e0"}]))
    expect("fallback-to-itself", [("error", "contract-contradiction")], change=put("health", {"fallback": {}}))
    expect("cpu-with-driver", [("error", "contract-contradiction")],
           change=put("resources", "accelerator", {"hardware": "cpu", "driver_min": 5}))
    expect("views", [("error", "view-unknown")] * 2,
           change=both(put("runtimes", [{"name": "vllm", "view": "gpu-fp8"}]),
                       put("benchmarks", [{"metric": "m", "value": "1", "view": "other"}])))
    expect("fallback-view", [("error", "view-unknown")], change=put("health", {"fallback": {"view": "x"}}))
    expect("licence-none", [("warning", "licence-none")], change=lambda c: c.pop("licenses"))
    expect("licence-words", [("error", "licence-malformed")], change=put("licenses", ["MIT Apache-2.0"]))
    expect("licence-unknown", [("error", "licence-unknown")], change=put("licenses", ["MIT", "MITT"]))
    expect("licence-old", [("warning", "licence-deprecated")], change=put("licenses", ["GPL-2.0"]))
    expect("licence-own", [], change=put("licenses", ["LicenseRef-x OR (mit AND GPL-2.0-only WITH Classpath-exception-2.0)"]))
    make(None)
    pack("acme/plain:1.0.0")
    require(found(check("acme/plain:1.0.0")) == [("note", "contract-generated")], "a generated contract")
    SEEN.add("contract-generated")


def files_and_fixtures():
    expect("file", [("error", "file-missing")], change=put("requires", "files", ["config.json", "gone"]))
    fixture = ("fixtures", 0)
    expect("fixture-file", [("error", "file-missing")], change=put(*fixture, "inputs", 0, "file", "gone.npy"))
    expect("fixture-none", [("note", "fixture-none")], change=lambda c: c.pop("fixtures"))
    expect("fixture-bytes", [("error", "fixture-invalid")], files={"fixtures/y.json": b"[1,"})
    expect("fixture-ragged", [("error", "fixture-invalid")], files={"fixtures/y.json": [[1], [2, 3]]})
    expect("fixture-type", [("error", "fixture-misfit")], files={"fixtures/y.json": [1, 2.5]})
    expect("fixture-shape", [("error", "fixture-misfit")], files={"fixtures/y.json": [1, 2, 3]})
    expect("fixture-name", [("error", "fixture-name")], change=put(*fixture, "outputs", 0, "name", "z"))
    expect("fixture-incomplete", [("error", "fixture-incomplete")], change=put(*fixture, "inputs", []))
    names = {"a": "model.safetensors", "b": "model.safetensors"}
    expect("map-good", [], weight_map={"weight_map": names})
    expect("map-broken", [("error", "weight-map-invalid")], weight_map={"weight_map": [1]})
    expect("map-text", [("error", "weight-map-invalid")], weight_map=b"{")
    expect("map-extra", [("error", "weight-map-tensor")], weight_map={"weight_map": {**names, "c": "model.safetensors"}})
    expect("map-less", [("warning", "weight-map-unlisted")], weight_map={"weight_map": {"a": "model.safetensors"}})
    with open(SRC + "/model.safetensors", "rb") as file:
        model = file.read()
    expect("map-copy", [("warning", "weight-map-copy")] * 2, files={"old.safetensors": model},
           weight_map={"weight_map": {**names, "b": "old.safetensors"}})
    expect("pointer", [("warning", "weights-unreadable")],
           files={"x.bin": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"})
    expect("map-file", [("error", "file-missing")], weight_map={"weight_map": {**names, "c": "gone.safetensors"}})


def resources_and_host():
    expect("disk-less", [("error", "disk-understated")], change=put("resources", "disk_bytes", 10))
    expect("disk-more", [("note", "disk-overstated")], change=put("resources", "disk_bytes", 10**6))
    expect("memory-less", [("warning", "memory-understated")], change=put("resources", "memory_bytes", 79))
    expect("memory-just", [], change=put("resources", "memory_bytes", 80))
    expect("memory-host", [("error", "host-memory")], change=put("resources", "memory_bytes", 2**50))
    expect("gpu", [("error", "host-accelerator")],
           change=put("resources", "accelerator", {"hardware": "gpu", "vendor": "nvidia"}))
    expect("feature", [("error", "host-feature")], change=put("requires", "features", ["flies"]))
    view = {"views/other/view.json": {"hardware": "gpu"}, "views/other/blob": b"x" * 100}
    expect("view-host", [("error", "host-view")], files=view,
           change=both(put("runtimes", [{"name": "x", "view": "other"}]), put("health", {"fallback": {"view": "other"}})))
    report = json.loads(run("check", STORE, "acme/feature:1.0.0", "--json").stdout)
    require(("warning", "host-feature") in found(report), "this host is judged with warnings")


def needs(*pairs):
    return put("requires", "bundles", [{"name": name, "version": version} for name, version in pairs])


def bundles():
    for name, version, pairs in (("tok", "1.0.0", ()), ("tok", "1.4.0", ()), ("tok", "2.0.0", ()),
                                 ("mid", "1.0.0", (("lib/tok", "^2"),)), ("late", "1.0.0", ())):
        contract = copy.deepcopy(GOOD)
        needs(*pairs)(contract)
        make(contract)
        pack(f"lib/{name}:{version}")
    expect("needs", [], change=needs(("lib/tok", "^1.2"), ("lib/late", "*")))
    expect("needs-none", [("error", "bundle-missing")], change=needs(("lib/gone", "*")))
    expect("needs-range", [("error", "bundle-version")], change=needs(("lib/tok", ">=3")))
    expect("needs-twice", [("error", "contract-duplicate")], change=needs(("lib/tok", "1"), ("lib/tok", ">=1")))
    expect("needs-conflict", [("error", "bundle-conflict")], change=needs(("lib/tok", "^1"), ("lib/mid", "1")))
    expect("needs-agree", [], change=needs(("lib/tok", ">=1"), ("lib/mid", "1")))
    for i in range(66):
        contract = copy.deepcopy(GOOD)
        needs(*([(f"chain/link{i - 1}", "*")] if i else []))(contract)
        make(contract)
        pack(f"chain/link{i}:1.0.0", "--no-check")
    expect("needs-many", [("error", "bundle-excess")], change=needs(("chain/link65", "1")))
    expect("needs-fewer", [], change=needs(("chain/link62", "1")))
    expect("needs-itself", [("error", "bundle-cycle")], change=needs(("acme/needs-itself", "*")))
    contract = copy.deepcopy(GOOD)
    needs(("acme/circle", "*"))(contract)
    make(contract)
    pack("lib/back:1.0.0", "--no-check")
    expect("circle", [("error", "bundle-cycle")], change=needs(("lib/back", "*")))
    make({})
    pack("lib/bad:1.0.0", "--no-check")
    expect("needs-damaged", [("error", "bundle-damaged")], change=needs(("lib/bad", "1")))


def statements():
    run("keygen", "--out", WORK + "/tmp/k", "--no-password")
    key = ("--key", WORK + "/tmp/k.key")
    for name in ("old", "revoked"):
        make(GOOD)
        pack(f"lib/{name}:1.0.0")
    run("deprecate", STORE, "lib/old:1.0.0", *key, "--reason", "slow")
    run("revoke", STORE, "lib/revoked:1.0.0", *key, "--reason", "wrong")
    report = expect("needs-old", [("warning", "bundle-deprecated")], change=needs(("lib/old", "*")))
    require("slow" in report["findings"][0]["sentence"], str(report))
    report = expect("needs-revoked", [("error", "bundle-revoked")], change=needs(("lib/revoked", "*")))
    require("wrong" in report["findings"][0]["sentence"], str(report))


def changes():
    """Each case is packed as 1.0.0 and NEW, and must give that class, and that finding or none."""
    tensors = {"a": ("F32", [4, 4]), "b": ("F32", [4])}
    cases = [
        ("same", "1.0.1", "none", None, None, None),
        ("text", "1.0.1", "patch", put("annotations", {"x": 1}), None, None),
        ("older", "0.9.0", "none", None, None, "version-order"),
        ("input-less", "2.0.0", "major", put("inputs", 1, "name", "other"), None, None),
        ("input-less-minor", "1.1.0", "major", put("inputs", 1, "name", "other"), None, "version-class"),
        ("input-type", "1.1.0", "major", put("inputs", 1, "datatype", "INT8"), None, "version-class"),
        ("input-more", "1.1.0", "minor", lambda c: c["inputs"].append(
            {"name": "z", "datatype": "BOOL", "shape": [], "optional": True}), None, None),
        ("input-more-patch", "1.0.1", "minor", lambda c: c["inputs"].append(
            {"name": "z", "datatype": "BOOL", "shape": [], "optional": True}), None, "version-class"),
        ("input-must", "1.1.0", "major", both(put("fixtures", []), lambda c: c["inputs"].append(
            {"name": "z", "datatype": "BOOL", "shape": []})), None, "version-class"),
        ("input-wider", "1.1.0", "minor", put("inputs", 0, "shape", [-1, -1]), None, None),
        ("input-narrower", "1.1.0", "major", put("inputs", 0, "shape", [5, 3]), None, "version-class"),
        ("input-optional", "1.1.0", "minor", put("inputs", 0, "optional", True), None, None),
        ("output-wider", "1.1.0", "major", put("outputs", 0, "shape", [-1]), None, "version-class"),
        ("output-optional", "1.1.0", "major", put("outputs", 0, "optional", True), None, "version-class"),
        ("output-more", "1.1.0", "minor", lambda c: c["outputs"].append(
            {"name": "z", "datatype": "BOOL", "shape": []}), None, None),
        ("output-less", "1.1.0", "major", both(put("fixtures", []), put("outputs", [])), None, "version-class"),
        ("tolerance", "1.1.0", "minor", put("determinism", {"tolerance": {"rtol": "1e-3"}}), None, None),
        ("tensor-gone", "1.1.0", "major", None, {"a": tensors["a"]}, "version-class"),
        ("tensor-new", "1.1.0", "minor", None, {**tensors, "c": ("F32", [1])}, None),
        ("tensor-shape", "1.1.0", "major", None, {**tensors, "a": ("F32", [2, 8])}, "version-class"),
        ("tensor-type", "1.1.0", "minor", None, {**tensors, "a": ("BF16", [4, 4])}, None),
        ("zero", "nightly", "minor", None, {**tensors, "c": ("F32", [1])}, "version-unknown"),
    ]
    for what, version, expected, change, new, finding in cases:
        name = "change/" + what
        make(GOOD, tensors=tensors)
        pack(name + ":1.0.0")
        contract = copy.deepcopy(GOOD)
        if change:
            change(contract)
        make(contract, tensors=new or tensors)
        pack(f"{name}:{version}")
        fails = finding in ("version-order", "version-class")
        report = check(f"{name}:{version}", "--against", name + ":1.0.0", code=1 if fails else 0)
        require(report["change"] == expected, f"{what}: {report['change']}: {report['changes']}")
        require((expected == "none") == (report["changes"] == []), f"{what}: {report['changes']}")
        got = [one for one in found(report) if one[1] not in ("fixture-none", "disk-overstated")]
        require([one for _, one in got] == ([finding] if finding else []), f"{what}: {got}")
        SEEN.update(one for _, one in got)
    for old, new, code in ((0.002, 0.001, 0), (0.001, 0.002, 1)):
        name = f"change/tolerance-{code}"
        for version, value in (("1.0.0", old), ("1.0.1", new)):
            contract = copy.deepcopy(GOOD)
            put("determinism", {"tolerance": {"atol": str(value)}})(contract)
            make(contract)
            pack(f"{name}:{version}")
        check(f"{name}:1.0.1", "--against", f"{name}:1.0.0", code=code)
    text = run("check", STORE, "change/tensor-gone:1.1.0", "--against", "change/tensor-gone:1.0.0", code=1).stdout
    require('major change: tensor "b" is gone\n' in text and "; since change/tensor-gone:1.0.0: major\n" in text, text)


def main():
    host = json.loads(run("host", "--json").stdout)
    host["devices"] = []
    with open(HOST, "w", encoding="utf-8") as file:
        json.dump(host, file)
    contracts()
    files_and_fixtures()
    resources_and_host()
    bundles()
    statements()
    changes()
    run("check", STORE, "acme/nothing:1.0.0", code=1)
    run("check", STORE, code=2)
    listed = content(os.path.join(HERE, "../../accel/review/finding_list.h")).decode()
    ids = set(re.findall(r'X\(\w+, "([^"]+)"', listed))
    require(SEEN == ids, f"not seen: {ids - SEEN}; not listed: {SEEN - ids}")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
