# SPDX-License-Identifier: Apache-2.0
"""The small store that the sweep of failing allocations works on, and what is compared of a store."""
import base64
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess

from support.common import content, require

FOREIGN = {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "artifactType": "application/vnd.example.kept",
    "annotations": {"org.opencontainers.image.ref.name": "example/foreign:1", "org.example.kept": "yes"},
    "platform": {"os": "linux", "architecture": "amd64", "org.example.kept": ["a", {"b": 1}]},
}
CONTRACT = {
    "schema_version": "1.0",
    "licenses": ["MIT"],
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [2]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [2]}],
    "fixtures": [{"name": "same", "inputs": [{"name": "x", "file": "f/x.json"}],
                  "outputs": [{"name": "y", "file": "f/x.json"}]}],
    "requires": {"bundles": [{"name": "acme/base", "version": "^1.0"}], "files": ["config.json"]},
    "provenance": {"base_model": {"name": "acme/base", "relation": "finetune"}},
    "annotations": {"org.example.team": "models"},
}


class World:
    """Keys, model directories, policies and a store that nobody changes; runs get copies of it."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.store, self.model = folder + "/store", folder + "/model"
        self.environment = dict(os.environ, SOURCE_DATE_EPOCH="1700000000", LC_ALL="C.UTF-8",
                                TMPDIR=folder + "/tmp")
        for part in ("tmp", "keys"):
            os.makedirs(f"{folder}/{part}")
        for role in ("release", "qa", "security"):
            self.must("keygen", "--out", self.path("keys/" + role), "--no-password")
        self.make_models()
        self.make_policies()
        self.make_store()
        self.make_rest()

    def path(self, name):
        return f"{self.folder}/{name}"

    def key(self, role="release"):
        return ["--key", self.path(f"keys/{role}.key")]

    def must(self, *args):
        done = subprocess.run([self.program, *args], env=self.environment, capture_output=True,
                              text=True, check=False)
        require(done.returncode == 0, f"{' '.join(args)}: exit {done.returncode}: {done.stderr}")
        return done.stdout

    def make_models(self):
        for name, seed in (("model", 1), ("model2", 2), ("base", 3), ("plain", 4)):
            make_model(self.path(name), seed)
        write(self.path("model/contract.json"), json.dumps(CONTRACT))
        write(self.path("model2/contract.json"), json.dumps(CONTRACT))
        write(self.path("model2/views/hand/view.json"), '{"hardware": "cpu"}')
        write(self.path("model2/views/hand/marker"), "made by hand")

    def make_policies(self):
        keys = [{"name": role, "public_key": content(self.path(f"keys/{role}.pub")).decode().splitlines()[1],
                 "roles": [role]} for role in ("release", "qa", "security")]
        rules = [{"match": "acme/*", "require": [{"statement": "signature", "role": "release"}],
                  "aliases": {"production": {"move": ["release"],
                                             "require": [{"statement": "approval", "role": "qa"}]}},
                  "deprecate": ["release"], "revoke": ["security"],
                  "access": {"users": ["root"], "mode": "0555"}},
                 {"match": "other/**"}]
        write(self.path("policy.json"), json.dumps({"schema_version": "1.0", "keys": keys, "rules": rules}))

    def make_rest(self):
        write(self.path("host.json"), self.must("host", "--json"))
        write(self.path("answer"), '#!/bin/sh\ncp "$BUNDLEFS_BUNDLE/f/x.json" "$BUNDLEFS_OUTPUTS/y.json"\n')
        os.chmod(self.path("answer"), 0o755)
        write(self.path("audit.log"), audit_log())

    def make_store(self):
        """acme/tiny:1.0.0 is signed, approved and in production; 1.1.0 is not signed; garbage is left."""
        pack = lambda name, model: self.must("pack", self.store, name, self.path(model))  # noqa: E731
        pack("acme/base:1.0.0", "base")
        self.must("pack", self.store, "acme/tiny:1.0.0", self.model, "--view", "gpu-bf16", *self.key())
        pack("acme/tiny:1.1.0", "model2")
        pack("other/gone:1", "plain")
        pack("other/garbage:1", "plain")
        write(self.path("plain/extra"), "garbage alone" * 400)
        pack("other/garbage:2", "plain")
        self.must("sign", self.store, "acme/tiny:1.0.0", *self.key(), "--reason", "tested")
        self.must("approve", self.store, "acme/tiny:1.0.0", "--role", "qa", *self.key("qa"))
        self.must("promote", self.store, "acme/tiny:1.1.0", "--to", "staging", *self.key())
        for alias in ("staging", "production"):
            self.must("promote", self.store, "acme/tiny:1.0.0", "--to", alias, *self.key())
        self.must("deprecate", self.store, "other/gone:1", *self.key(), "--sunset", "2090-01-01")
        self.must("rm", self.store, "other/garbage:2")
        self.add_foreign()
        self.must("verify", self.store)

    def add_foreign(self):
        """What other tools may have put there, which no verb may lose."""
        layer = {"mediaType": "application/vnd.example.data", **self.add_blob(b"foreign data")}
        manifest = {"schemaVersion": 2, "mediaType": FOREIGN["mediaType"], "artifactType": FOREIGN["artifactType"],
                    "config": {"mediaType": "application/vnd.oci.empty.v1+json", **self.add_blob(b"{}")},
                    "layers": [layer], "org.example.kept": True}
        entry = dict(FOREIGN, **self.add_blob(json.dumps(manifest).encode()))
        index = json.loads(content(self.store + "/index.json"))
        index["manifests"].insert(1, entry)
        index["annotations"] = {"org.example.kept": "top"}
        index["org.example.member"] = {"deep": [1, 2.5, None, True]}
        write(self.store + "/index.json", json.dumps(index, indent=2))

    def add_blob(self, data):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{self.store}/blobs/sha256/{digest}", "wb") as file:
            file.write(data)
        return {"digest": "sha256:" + digest, "size": len(data)}


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def make_model(folder, seed):
    """A few kilobytes: one matrix, one norm, a config, a shard index, a fixture."""
    size = 2 * 64 * 16
    header = {"model.layers.0.mlp.up_proj.weight": {"dtype": "BF16", "shape": [64, 16], "data_offsets": [0, size]},
              "model.norm.weight": {"dtype": "F32", "shape": [16], "data_offsets": [size, size + 64]}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    data = b"".join(hashlib.sha256(b"%d %d" % (seed, i)).digest() for i in range(size // 32))
    os.makedirs(folder)
    with open(folder + "/model-00001-of-00001.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data.replace(b"\x7f", b"\x3f") + struct.pack("<f", 1) * 16)
    write(folder + "/model.safetensors.index.json",
          json.dumps({"metadata": {"total_size": size + 64},
                      "weight_map": {name: "model-00001-of-00001.safetensors" for name in header}}))
    write(folder + "/config.json", json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama",
                                               "torch_dtype": "bfloat16", "vocab_size": 64, "seed": seed}))
    write(folder + "/README.md", "---\nlicense: mit\n---\n# A model\n")
    write(folder + "/f/x.json", "[1.0, 2.5]")


def audit_log():
    """Lines as fs/audit.c writes them, each with the digest of the line before."""
    before, lines = "0" * 64, []
    for sequence, event in enumerate(("begin", "open", "unmount"), 1):
        lines.append(json.dumps({"sequence": sequence, "time": "2026-01-01T00:00:00Z", "event": event,
                                 "previous": before}, separators=(",", ":")) + "\n")
        before = hashlib.sha256(lines[-1].rstrip().encode()).hexdigest()
    return "".join(lines)


def copy_tree(source, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)


# Comparing.

CHANGING = [
    (re.compile(r"[0-9a-f]{16,}"), "HEX"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "HEX12"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?"), "TIME"),
    (re.compile(r"\d+(\.\d+)? (ms|s|[KMGT]?B/s|[KMGT]iB/s)\b"), "RATE"),
    (re.compile(r"\b[0-9A-F]{16}\b"), "KEYID"),
    (re.compile(r"RW[A-Za-z0-9+/]{54}"), "PUBLIC"),
]


def normal(text):
    """The text without digests, times and rates, which differ from run to run."""
    text = text if isinstance(text, str) else text.decode("utf-8", "replace")
    for pattern, word in CHANGING:
        text = pattern.sub(word, text)
    return text


def normal_blob(data):
    """What a blob says: a statement's payload without its signatures, a JSON text, or the size."""
    try:
        text = json.loads(data)
    except ValueError:
        return f"{len(data)} bytes"
    if isinstance(text, dict) and "payload" in text:
        return normal(base64.b64decode(text["payload"]))
    return normal(json.dumps(text))


class StoreState:
    """index.json and all blobs of a store."""

    def __init__(self, store):
        self.store = store
        self.text = content(store + "/index.json") if os.path.exists(store + "/index.json") else None
        self.blobs = {}
        folder = store + "/blobs/sha256"
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            self.blobs[name] = content(f"{folder}/{name}")

    def __eq__(self, other):
        return self.text == other.text and self.blobs == other.blobs

    def index(self):
        """Entries, and the other members."""
        if self.text is None:
            return [], {}
        root = json.loads(self.text)
        return root.pop("manifests"), root

    def needs(self, entry):
        """The digests that an entry of index.json needs; those that are missing too."""
        name = entry.get("digest", "sha256:none")[7:]
        found = [name]
        manifest = json.loads(self.blobs[name]) if name in self.blobs else {}
        for part in [manifest.get("config"), *manifest.get("layers", [])]:
            if part:
                found.append(part["digest"][7:])
        return found

    def closure(self, entries):
        return {digest for entry in entries for digest in self.needs(entry)}

    def says(self, entry):
        """An entry with all that it leads to, as it can be compared between runs."""
        blobs = [normal_blob(self.blobs[digest]) for digest in self.needs(entry) if digest in self.blobs]
        return normal(json.dumps(entry)), tuple(blobs)

    def damage(self):
        """Why the store is not sound, or None."""
        for entry in self.index()[0]:
            for digest in self.needs(entry):
                if digest not in self.blobs:
                    return f"blob {digest[:12]} of {entry.get('annotations')} is missing"
                if hashlib.sha256(self.blobs[digest]).hexdigest() != digest:
                    return f"blob {digest[:12]} has other bytes"
        return None
