#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the documents say what the code says?

check_docs.py [--root FOLDER] [--program BUNDLEFS]: lists in headers against tables in documents,
the worked example of the format against itself, verbs, links, words. Prints one line for each
contradiction; the exit status is 1 when there is one.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

LIMIT_HEADERS = ("codec/index/format.h", "codec/chunk/codec.h", "codec/container/tensor.h",
                 "codec/store/bundle_config.h", "codec/store/catalog.h", "codec/store/oci.h",
                 "codec/store/statement_manifest.h", "codec/store/statements.h",
                 "codec/store/view_config.h", "codec/trace/order.h", "verify/name.h",
                 "verify/repository.h", "verify/trust/envelope.h", "verify/trust/provenance.h",
                 "verify/trust/public_key.h", "verify/trust/secret_key.h",
                 "verify/trust/statement.h")
EXAMPLE_TIME = 1767225600  # 2026-01-01T00:00:00Z
# Words that belong to no document of the project: unfinished work, and hosts of registries.
FORBIDDEN = re.compile(
    r"\b(TODO|FIXME|HACK|TBD|WIP)\b|for now\b|"
    r"\b(docker\.io|ghcr\.io|quay\.io|gcr\.io|pypi\.org|registry\.npmjs\.org|crates\.io|"
    r"proxy\.golang\.org|registry-1\.docker\.io|hub\.docker\.com)\b|"
    r"(127\.0\.0\.1|localhost):\d+", re.IGNORECASE)


class Checker:
    def __init__(self, root):
        self.root = root
        self.n_checks = 0
        self.n_failures = 0

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8")

    def name(self, path):
        return str(path.relative_to(self.root))

    def expect(self, fact, message):
        self.n_checks += 1
        if not fact:
            self.n_failures += 1
            print(f"FAILED: {message}", file=sys.stderr)

    def same_rows(self, what, code, document):
        """Both are lists of tuples. An empty one means that a pattern here went blind."""
        self.expect(code, f"{what}: no rows found in the code")
        for row in code:
            self.expect(row in document, f"{what}: the document lacks {row}")
        for row in document:
            self.expect(row in code, f"{what}: the code lacks {row}")
        self.expect(len(document) == len(set(document)), f"{what}: a row stands twice")


def listed(text):
    """A header's list without comments and continuation marks."""
    return re.sub(r"\s*\\\n\s*", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))


def table(text, heading):
    """Rows of the first table after a heading (or whose head line it starts), as tuples of cells
    without back quotes."""
    rows = []
    for line in text[text.index(heading):].splitlines():
        if line.startswith("|"):
            cells = line.strip().strip("|").split("|")
            rows.append(tuple(unquoted(cell.strip()) for cell in cells))
        elif rows:
            break
    return rows[2:]


def unquoted(cell):
    return cell.strip("`")


def check_errors(checker):
    code = re.findall(r'X\((\w+), "([^"]+)", "([^"]+)"\)',
                      listed(checker.text("verify/error_list.h")))
    rows = table(checker.text("docs/architecture.md"), "## What an errno means")
    checker.same_rows("errors", code, rows)


def check_codecs(checker):
    code = re.findall(r'X\((\d+), \w+, "(\w+)"', listed(checker.text("codec/chunk/codec_list.h")))
    rows = table(checker.text("docs/format.md"), "| codec | name |")
    checker.same_rows("codecs in format.md", code, rows)
    rows = table(checker.text("docs/format-codecs.md"), "| id | name | `width` |")
    checker.same_rows("codecs in format-codecs.md", code, [row[:2] for row in rows])
    code = re.findall(r'X\((\d+), \w+, "([\w-]+)", \d',
                      listed(checker.text("codec/chunk/transform_list.h")))
    rows = table(checker.text("docs/format.md"), "| transform | name |")
    checker.same_rows("transforms in format.md", code, rows)
    rows = table(checker.text("docs/format-codecs.md"), "| transform | name |")
    checker.same_rows("transforms in format-codecs.md", code, [row[:2] for row in rows])


def check_kept_tensors(checker):
    code, text = checker.text("accel/view/gguf_policy.c"), checker.text("docs/views-gguf.md")
    for name, heading in (("kept_parts", "| part of a name |"), ("kept_names", "| name | of |")):
        found = re.search(name + r"\[\] = \{(.*?)\};", code, re.DOTALL)
        rows = re.findall(r'"([^"]+)"', found.group(1) if found else "")
        checker.same_rows(name, rows, [row[0] for row in table(text, heading)])


def check_dtypes(checker):
    pattern = r'X\((\d+), (\w+), ("(\w+)"|NULL), (-?\d+), (\d+), (\d+), \w+\)'
    code = [(number, name, safetensors, "" if ggml == "-1" else ggml, elements, size)
            for number, name, _, safetensors, ggml, elements, size
            in re.findall(pattern, listed(checker.text("codec/container/dtype_list.h")))]
    checker.same_rows("element types", code,
                      table(checker.text("docs/format.md"), "## 9. Element types"))


def check_metrics(checker):
    code = [(name, kind.lower(), unit, text) for kind, name, unit, text in re.findall(
        r'X\(\w+, (\w+), "(\w+)", "(\w*)", "([^"]+)"\)', listed(checker.text("fs/metric_list.h")))]
    checker.same_rows("metrics", code,
                      table(checker.text("docs/operations.md"), "| metric | type |"))


def check_options(checker):
    code = [(name, preset) for name, preset in re.findall(
        r'X\(\w+, \w+, "(\w+)", (?:"[\w|]+"|NULL), (?:"(\w+)"|NULL), "[^"]+"\)',
        listed(checker.text("fs/option_list.h")))]
    names = [(name,) for name, _ in code]
    page = checker.text("docs/man/mount.bundlefs.8")
    section = page[page.index(".Sh OPTIONS"):page.index(".Sh FILES")]
    checker.same_rows("mount options in the man page", names,
                      [(name,) for name in re.findall(r"^\.It Cm (\w+)", section, re.MULTILINE)])
    rows = table(checker.text("docs/operations.md"), "### Options")
    checker.same_rows("mount options in operations.md", names, [row[:1] for row in rows])
    defaults = {row[0]: row[1] for row in rows}
    for name, preset in code:
        checker.expect(not preset or defaults.get(name) == preset,
                       f"operations.md: {name} defaults to {preset}, not {defaults.get(name)}")
        for text in re.findall(rf"It Cm {name} .*?(?=\n\.It|\n\.El)", section, re.DOTALL):
            checker.expect(not preset[:1].isdigit() or f"default is {preset}" in text,
                           f"man page: the default of {name} is {preset}")


def check_profiles(checker):
    pattern = (r'X\("([\w.-]+)", (\w+), "([^"]*)", "([^"]*)", "([^"]*)", (\d+), "[^"]*", "(\w+)", (\w+), '
               r'"([\w.-]+)", (\d+), (\d+), (true|false), "([^"]+)", \w+, "([^"]+)"\)')
    code = []
    for row in re.findall(pattern, listed(checker.text("accel/profile_list.h"))):
        name, hardware, vendor, arch, features, capability, *rest = row
        container, dtype, layout, version, alignment, lossless, source, summary = rest
        minimum = f">= {int(capability) / 10}" if capability != "0" else ""
        words = [hardware.lower(), vendor, arch, features, minimum]
        code.append((name, " ".join(filter(None, words)), container, dtype, layout, version, alignment,
                     "yes" if lossless == "true" else "no", source, summary))
    checker.same_rows("profiles", code, table(checker.text("docs/views.md"), "## Profiles"))


def schema_rows(schema, path=""):
    """(member, type, must, meaning) of everything inside an object of a JSON Schema."""
    rows = []
    for name, member in schema["properties"].items():
        kind, must = "", "yes" if name in schema.get("required", ()) else ""
        meaning, place = member["description"], f"{path}{name}"
        while member["type"] == "array":
            kind, place, member = f"{kind}array of ", place + "[]", member["items"]
        comment = member.get("$comment", "integer" if member["type"] == "integer" else member["type"])
        rows.append((place, kind + comment, must, meaning))
        if "properties" in member:
            rows += schema_rows(member, place + ".")
    return rows


def check_contract(checker):
    schema = json.loads(checker.text("docs/contract.schema.json"))
    checker.same_rows("contract.json", schema_rows(schema),
                      table(checker.text("docs/contract.md"), "| member | type |"))
    code = [(name, severity.lower(), meaning, advice) for name, severity, meaning, advice in re.findall(
        r'X\(\w+, "([^"]+)", (\w+), "([^"]+)", "([^"]+)"\)',
        listed(checker.text("accel/review/finding_list.h")))]
    checker.same_rows("findings", code, table(checker.text("docs/contract.md"), "| finding |"))


def check_statements(checker):
    code = re.findall(r'X\(\w+, "(\w+)", "([^"]+)", "([^"]+)"\)',
                      listed(checker.text("verify/trust/statement_list.h")))
    checker.same_rows("statements", code,
                      table(checker.text("docs/trust.md"), "| kind | predicateType |"))


def constants(checker):
    """The numbers that headers give names to."""
    found = {}
    for path in LIMIT_HEADERS:
        text = re.sub(r"/\*.*?\*/", "", checker.text(path), flags=re.DOTALL)
        text = re.sub(r"U?INT64_C\((\d+)\)", r"\1", text)
        for name, value in re.findall(r"\b(BFS_\w+)\s*=\s*([0-9<( )]+?)\s*[,}]", text):
            found[name] = evaluate(value)
        for name, value in re.findall(r"#define (BFS_\w+) \(?([0-9]+(?: << [0-9]+)?)\)?$", text,
                                      re.MULTILINE):
            found[name] = evaluate(value)
    return found


def evaluate(text):
    left, _, right = text.strip("() ").partition("<<")
    return int(left) << int(right or 0)


def check_records(checker, numbers):
    """Each field starts where the one before ended, and the last one ends the record."""
    text = checker.text("docs/format.md")
    records = re.findall(r"^### .*\(`(BFS_\w+)`, (\d+) bytes\)$", text, re.MULTILINE)
    sizes = sorted(name for name in numbers
                   if re.fullmatch(r"BFS_\w+_(HEADER|RECORD)_SIZE|BFS_TABLE_BLOB_SIZE", name))
    checker.same_rows("records", [(name,) for name in sizes],
                      [(name,) for name in sorted(name for name, _ in records)])
    for name, size in records:
        checker.expect(numbers.get(name) == int(size), f"format.md: {name} is {numbers.get(name)}")
        end = 0
        for row in table(text, f"(`{name}`, {size} bytes)"):
            checker.expect(int(row[0]) == end, f"{name}: {row[2]} is at {row[0]}, not at {end}")
            end += int(row[1])
        checker.expect(end == int(size), f"{name}: the fields end at {end}")


def check_limits(checker, numbers):
    for name, heading in (("format.md", "## 10. Limits"), ("trust.md", "## Limits")):
        rows = table(checker.text(f"docs/{name}"), heading)
        checker.expect(len(rows) > 5, f"{name}: the table of limits is missing")
        for row in rows:
            checker.expect(numbers.get(row[0]) == int(row[1]),
                           f"{name}: {row[0]} is {numbers.get(row[0])}, not {row[1]}")


def blocks_with_digests(text):
    """Digest -> bytes of the code block that follows its mention."""
    found = {}
    for digest, block in re.findall(r"`([0-9a-f]{64})`:\n\n```\w*\n(.*?)\n```", text, re.DOTALL):
        dump = re.findall(r"^[0-9a-f]{8}: ((?:[0-9a-f]{2,4} ?)+) ", block, re.MULTILINE)
        found[digest] = (bytes.fromhex("".join(dump).replace(" ", "")) if dump
                         else (block + "\n").encode())
    return found


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def check_example(checker):
    """The chain of the worked example: manifest, manifest.json, index, tables, chunks."""
    blobs = blocks_with_digests(checker.text("docs/format.md"))
    checker.expect(len(blobs) == 4, f"example: {len(blobs)} blobs instead of 4")
    for digest, data in blobs.items():
        checker.expect(sha256(data) == digest, f"example: the block of {digest} is not it")
    index = next((data for data in blobs.values() if data.startswith(b"BFSINDEX")), None)
    data = next((data for data in blobs.values() if data.startswith(b"{}\n")), None)
    checker.expect(index and data, "example: no index or no data blob")
    if not index or not data:
        return
    documents = b"".join(blob for blob in blobs.values() if blob.startswith(b"{\n")).decode()
    for digest in (sha256(index), sha256(data)):
        checker.expect(f"sha256:{digest}" in documents, f"example: nothing names {digest}")
    size, n_inodes = struct.unpack_from("<QI", index, 16)
    checker.expect(size == len(index), "example: size of the index")
    for number in range(n_inodes):
        check_example_inode(checker, index[64 + 144 * number:][:144], data)


def check_example_inode(checker, inode, data):
    file_size, = struct.unpack_from("<Q", inode, 8)
    layer, table_off, table_size = struct.unpack_from("<IQI", inode, 28)
    if layer == 0:
        return
    chunk_table = data[table_off:table_off + table_size]
    checker.expect(sha256(chunk_table) == inode[112:144].hex(), "example: digest of a table")
    checker.expect(struct.unpack_from("<Q", chunk_table, 16)[0] == file_size, "example: file size")
    n_chunks, n_blobs = struct.unpack_from("<II", chunk_table, 24)
    checker.expect(n_blobs == 0, "example: named blobs")
    content = b""
    for i in range(n_chunks):
        record = chunk_table[32 + 80 * i:][:80]
        raw_off, raw_size, stored_size, stored_off, blob, codec = struct.unpack_from("<QIIQIB",
                                                                                     record)
        stored = data[stored_off:stored_off + stored_size]
        checker.expect((blob, codec, raw_off, raw_size) == (0, 0, len(content), stored_size),
                       f"example: chunk {i}")
        checker.expect(sha256(stored) == record[32:64].hex(), f"example: digest of chunk {i}")
        content += stored
    checker.expect(sha256(content) == inode[80:112].hex(), "example: digest of a file")


def check_example_packed(checker, program):
    """Packing the example's files gives the example's index and data. (manifest.json names the
    version of bundlefs, so it and the manifest are not compared.)"""
    blobs = blocks_with_digests(checker.text("docs/format.md"))
    data = next((data for data in blobs.values() if data.startswith(b"{}\n")), b"")
    files = {"contract.json": data[:3], "t.safetensors": data[0x78:0xd0]}
    with tempfile.TemporaryDirectory() as work:
        model = pathlib.Path(work, "model")
        model.mkdir()
        for name, content in files.items():
            (model / name).write_bytes(content)
            (model / name).chmod(0o644)
        model.chmod(0o755)
        for path in [*model.iterdir(), model]:
            os.utime(path, (EXAMPLE_TIME, EXAMPLE_TIME))
        store = pathlib.Path(work, "store")
        subprocess.run([program, "pack", "--no-check", store, "tiny:1.0.0", model], check=True,
                       capture_output=True,
                       env={k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"})
        for digest, content in blobs.items():
            if not content.startswith(b"{\n"):
                checker.expect((store / "blobs/sha256" / digest).exists(),
                               f"example: packing it gives no blob {digest}")


def check_includes(checker):
    """The picture of architecture.md: includes point downward."""
    layers = ["verify", "codec", "accel", "fs", "tools"]
    n_includes = 0
    for layer in layers:
        for path in (checker.root / layer).rglob("*.[ch]"):
            for above in re.findall(r'^#include "(\w+)/', path.read_text(encoding="utf-8"),
                                    re.MULTILINE):
                n_includes += 1
                checker.expect(above in layers[:layers.index(layer) + 1],
                               f"{checker.name(path)} includes {above}/")
    checker.expect(n_includes > 50, "no includes found")


def check_json(checker):
    """json-c's own parser and printer lose what they find no memory for: ours are the only ones."""
    theirs = re.compile(r"\b(json_tokener_\w+|json_object_from_\w+|json_object_to_json_string\w*|"
                        r"json_object_to_f\w+)\b")
    n_uses = 0
    for layer in ("verify", "codec", "accel", "fs", "tools"):
        for path in (checker.root / layer).rglob("*.[ch]"):
            uses = theirs.findall(path.read_text(encoding="utf-8"))
            n_uses += len(uses)
            checker.expect(not uses or checker.name(path) == "verify/json_write.c",
                           f"{checker.name(path)} uses {', '.join(uses)}; verify/json.h has what reads and prints")
    checker.expect(n_uses == 1, "one printing of a number by json-c, in verify/json_write.c")


def documents(checker):
    found = [checker.root / "README.md", checker.root / "integration/README.md"]
    return found + sorted((checker.root / "docs").rglob("*.md"))


def pages(checker):
    return sorted((checker.root / "docs/man").glob("*.[1-9]"))


def check_verbs(checker, program):
    text = subprocess.run([program, "help"], check=True, capture_output=True, text=True).stdout
    verbs = set(re.findall(r"^  ([a-z]+)  +\S", text, re.MULTILINE)) | {"help"}
    checker.expect(len(verbs) > 5, "the program lists no verbs")
    used = set()
    for path in documents(checker):
        for code in re.findall(r"```.*?```|`[^`\n]+`", path.read_text(encoding="utf-8"), re.DOTALL):
            used |= {(checker.name(path), verb)
                     for verb in re.findall(r"(?<![\w/.-])bundlefs ([a-z]+)\b", code)}
    for path in pages(checker):
        text = path.read_text(encoding="utf-8")
        used |= {(checker.name(path), verb)
                 for verb in re.findall(r"^bundlefs ([a-z]+)\b", text, re.MULTILINE)}
    checker.expect(used, "no document uses a verb")
    for name, verb in sorted(used):
        checker.expect(verb in verbs, f"{name}: there is no verb \"{verb}\"")


def anchor(heading):
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def check_links(checker):
    for path in documents(checker):
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"https?://", target):
                continue
            file, _, fragment = target.partition("#")
            aim = (path.parent / file).resolve() if file else path
            checker.expect(aim.exists(), f"{checker.name(path)}: {target} leads nowhere")
            if fragment and aim.exists():
                headings = re.findall(r"^#+ (.*)$", aim.read_text(encoding="utf-8"), re.MULTILINE)
                checker.expect(fragment in [anchor(heading) for heading in headings],
                               f"{checker.name(path)}: {target}: no such heading")


def check_words(checker):
    for path in documents(checker) + pages(checker):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = FORBIDDEN.search(line)
            checker.expect(not found,
                           f"{checker.name(path)}:{number}: \"{found and found.group(0)}\"")


def main():
    here = pathlib.Path(__file__).resolve()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=here.parents[2])
    parser.add_argument("--program", help="the built bundlefs")
    arguments = parser.parse_args()
    checker = Checker(arguments.root)
    numbers = constants(checker)
    check_errors(checker)
    check_codecs(checker)
    check_dtypes(checker)
    check_kept_tensors(checker)
    check_metrics(checker)
    check_options(checker)
    check_profiles(checker)
    check_statements(checker)
    check_contract(checker)
    check_records(checker, numbers)
    check_limits(checker, numbers)
    check_example(checker)
    check_includes(checker)
    check_json(checker)
    check_links(checker)
    check_words(checker)
    if arguments.program:
        check_verbs(checker, arguments.program)
        check_example_packed(checker, arguments.program)
    print(f"{checker.n_checks} checks, {checker.n_failures} failed")
    return 1 if checker.n_failures else 0


if __name__ == "__main__":
    sys.exit(main())
