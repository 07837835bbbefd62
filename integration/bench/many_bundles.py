# SPDX-License-Identifier: Apache-2.0
"""Stores of many bundles, made fast: each is a copy of one packed bundle with another time in its
index, so it has a manifest, a manifest.json and an index of its own, and shares only the data."""
import hashlib
import json
import os
import shutil
import struct

HEADER, MTIME = 64, 16  # of the index; of its first inode record, in it
REF_NAME = "org.opencontainers.image.ref.name"


def names(count):
    """Teams with models of one to four versions."""
    found = []
    while len(found) < count:
        i = len(found)
        model = f"team{i % 97:02}/model{i // 2}"
        found += [f"{model}:{version}.0.0" for version in range(1, 2 + i % 4)]
    return found[:count]


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Maker:
    def __init__(self, source, store):
        """`source` holds one bundle; `store` is made."""
        self.store = store
        shutil.copytree(source, store)
        self.index = load(os.path.join(store, "index.json"))
        self.entry = self.index["manifests"][0]
        self.manifest = load(self.blob(self.entry["digest"]))
        with open(self.blob(self.manifest["layers"][0]["digest"]), "rb") as file:
            self.records = file.read()
        self.config = load(self.blob(self.manifest["config"]["digest"]))

    def blob(self, digest):
        return os.path.join(self.store, "blobs", "sha256", digest.removeprefix("sha256:"))

    def put(self, data):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        with open(self.blob(digest), "wb") as file:
            file.write(data)
        return {"digest": digest, "size": len(data)}

    def put_json(self, document):
        return self.put(json.dumps(document, indent=2).encode() + b"\n")

    def add(self, name, number):
        at = HEADER + MTIME
        data = self.records[:at] + struct.pack("<q", number) + self.records[at + 8:]
        layer = self.put(data)
        model, version = name.split(":")
        config = self.put_json({
            **self.config,
            "descriptor": {**self.config["descriptor"], "name": model, "version": version},
            "index": layer,
        })
        layers = self.manifest["layers"]
        manifest = self.put_json({
            **self.manifest,
            "config": {**self.manifest["config"], **config},
            "layers": [{**layers[0], **layer}, *layers[1:]],
        })
        return {**self.entry, **manifest, "annotations": {REF_NAME: name}}


def make_store(source, store, count):
    maker = Maker(source, store)
    entries = [maker.add(name, number) for number, name in enumerate(names(count))]
    write_catalogue(store, {**maker.index, "manifests": entries})


def write_catalogue(store, index):
    """In one step, as a packer does it."""
    path = os.path.join(store, "index.json")
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(index, file, indent=2)
    os.replace(path + ".new", path)
