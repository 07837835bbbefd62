#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Looks into a store as any OCI tool would, and damages it on purpose.

  blob STORE NAME:VERSION manifest|config|index|data [N]   prints the path of that blob
  digest STORE NAME:VERSION                                prints the manifest's digest
  list STORE                                               prints every NAME:VERSION
  statements STORE                                         prints the name of every statement
  statement-blob STORE NAME                                prints the path of a statement's manifest
  statement-move STORE FROM TO KIND                        lists a copy of a statement about FROM as one about TO
  statement-replay STORE KIND                              lists a copy of the oldest statement of a kind as the newest
  merge STORE OTHER                                        lists in STORE what OTHER lists besides, with its blobs
  multiply ONE STORE COUNT                                 makes a store of so many bundles like the one in ONE
  flip PATH OFFSET [MASK]                                  changes one byte (negative: from the end)
  cut PATH SIZE                                            truncates (negative: from the end)
"""
import hashlib
import json
import os
import re
import shutil
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


def is_statement(name):
    return re.search(r":sha256-[0-9a-f]{64}\.", name) is not None


def statements(store):
    return [name for name in manifests(store) if is_statement(name)]


def find_statement(store, subject, kind):
    """The manifest of the first one listed; subject None: about anything."""
    for name in statements(store):
        if f".{kind}." in name and (subject is None or subject.replace(":", "-") in name):
            return name.split(":")[0], load(blob_path(store, digest_of(store, name)))
    sys.exit(f"store_tool: no {kind} of {subject}")


def list_statement(store, model, manifest, kind):
    """Adds a manifest to the store under the name that fits it."""
    text = json.dumps(manifest).encode()
    digest = "sha256:" + hashlib.sha256(text).hexdigest()
    with open(blob_path(store, digest), "wb") as file:
        file.write(text)
    subject = manifest["subject"]["digest"].replace(":", "-")
    index = load(os.path.join(store, "index.json"))
    index["manifests"].append({
        "mediaType": manifest["mediaType"], "digest": digest, "size": len(text),
        "annotations": {REF_NAME: f"{model}:{subject}.{kind}.{digest[7:23]}"}})
    write_index(store, index)


def write_index(store, index):
    temporary = os.path.join(store, "index.json.new")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(index, file)
    os.rename(temporary, os.path.join(store, "index.json"))


def statement_move(store, source, target, kind):
    model, manifest = find_statement(store, digest_of(store, source), kind)
    manifest["subject"]["digest"] = digest_of(store, target)
    list_statement(store, model, manifest, kind)


def statement_replay(store, kind):
    model, manifest = find_statement(store, None, kind)
    manifest.setdefault("annotations", {})["replayed"] = "yes"
    list_statement(store, model, manifest, kind)


def merge(store, other):
    """As a mirror does that copies by name: what is there stays, what is not is added."""
    index, more = (load(os.path.join(folder, "index.json")) for folder in (store, other))
    names = manifests(store)
    index["manifests"] += [entry for entry in more["manifests"]
                           if entry["annotations"][REF_NAME] not in names]
    for name in os.listdir(os.path.join(other, "blobs/sha256")):
        target = os.path.join(store, "blobs/sha256", name)
        if not os.path.exists(target):
            shutil.copyfile(os.path.join(other, "blobs/sha256", name), target)
    write_index(store, index)


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


def multiply(one, store, count):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench"))
    import many_bundles

    many_bundles.make_store(one, store, int(count))


def main():
    args = sys.argv[1:]
    command = args.pop(0) if args else ""
    if command == "blob":
        print(blob(*args))
    elif command == "digest":
        print(digest_of(*args))
    elif command == "list":
        print("\n".join(sorted(name for name in manifests(*args) if not is_statement(name))))
    elif command == "statements":
        print("\n".join(sorted(statements(*args))))
    elif command == "statement-blob":
        print(blob_path(args[0], digest_of(*args)))
    elif command == "statement-move":
        statement_move(*args)
    elif command == "statement-replay":
        statement_replay(*args)
    elif command == "merge":
        merge(*args)
    elif command == "multiply":
        multiply(*args)
    elif command == "flip":
        flip(*args)
    elif command == "cut":
        cut(*args)
    else:
        sys.exit(__doc__.strip())


if __name__ == "__main__":
    main()
