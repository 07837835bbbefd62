#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Looks into a store as any OCI tool would, and damages it on purpose.

  blob STORE NAME:VERSION manifest|config|index|data [N]   prints the path of that blob
  digest STORE NAME:VERSION                                prints the manifest's digest
  list STORE                                               prints every NAME:VERSION
  flip PATH OFFSET [MASK]                                  changes one byte (negative: from the end)
  cut PATH SIZE                                            truncates (negative: from the end)
"""
import json
import os
import stat
import sys

REF_NAME = "org.opencontainers.image.ref.name"
ARTIFACT = "application/vnd.bundlefs.bundle.v1+json"
INDEX = "application/vnd.bundlefs.index.v1"


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def blob_path(store, digest):
    algorithm, text = digest.split(":")
    return os.path.join(store, "blobs", algorithm, text)


def manifests(store):
    """NAME:VERSION -> digest of every bundle in index.json."""
    found = {}
    for entry in load(os.path.join(store, "index.json"))["manifests"]:
        name = entry.get("annotations", {}).get(REF_NAME)
        if name:
            found[name] = entry["digest"]
    return found


def digest_of(store, reference):
    found = manifests(store)
    if reference not in found:
        sys.exit(f"store_tool: no {reference} among {sorted(found)}")
    return found[reference]


def blob(store, reference, kind, number="0"):
    path = blob_path(store, digest_of(store, reference))
    manifest = load(path)
    if manifest.get("artifactType") != ARTIFACT or manifest["layers"][0]["mediaType"] != INDEX:
        sys.exit(f"store_tool: {path} is not a bundle's manifest")
    wanted = {"config": manifest["config"], "index": manifest["layers"][0]}
    if kind == "data":
        # By size: the blob that holds the weights comes first.
        data = sorted(manifest["layers"][1:], key=lambda layer: -layer["size"])
        wanted["data"] = data[int(number)]
    if kind != "manifest":
        path = blob_path(store, wanted[kind]["digest"])
    return path


def writable(path):
    os.chmod(path, os.stat(path).st_mode | stat.S_IWUSR)
    return open(path, "r+b")


def place(path, number):
    offset = int(number)
    return offset if offset >= 0 else os.stat(path).st_size + offset


def flip(path, offset, mask="0x40"):
    at = place(path, offset)
    with writable(path) as file:
        file.seek(at)
        byte = file.read(1)
        if not byte:
            sys.exit(f"store_tool: {path} has no byte {at}")
        file.seek(at)
        file.write(bytes([byte[0] ^ int(mask, 0)]))


def cut(path, size):
    at = place(path, size)
    if not 0 <= at < os.stat(path).st_size:
        sys.exit(f"store_tool: {path} cannot be cut at {at}")
    with writable(path) as file:
        file.truncate(at)


def main():
    args = sys.argv[1:]
    command = args.pop(0) if args else ""
    if command == "blob":
        print(blob(*args))
    elif command == "digest":
        print(digest_of(*args))
    elif command == "list":
        print("\n".join(sorted(manifests(*args))))
    elif command == "flip":
        flip(*args)
    elif command == "cut":
        cut(*args)
    else:
        sys.exit(__doc__.strip())


if __name__ == "__main__":
    main()
