#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do our reader of contract.json and the published JSON Schema say the same?

agree.py --reader PROGRAM --schema FILE EXAMPLE: judges the example, every change of one of its
values, and every flipped bit and truncation of a small one, by both. Exit status 77 without the
module jsonschema.
"""
import argparse
import copy
import json
import pathlib
import re
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("SKIP: needs the Python module jsonschema")
    sys.exit(77)

SMALL = (b'{"schema_version":"1.0","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],'
         b'"resources":{"disk_bytes":90},"licenses":["MIT"],"fixtures":[{"name":"f","inputs":[],'
         b'"outputs":[{"name":"y","file":"y.npy"}],"rtol":"1e-3"}],"annotations":{"a":[true,1]}}\n')
EXACT = 2**53 - 1
# what a value is replaced by: other types, and strings at the edges of the formats
VALUES = (None, True, 0, -1, -2, 1, 2**32 - 1, 2**32, EXACT, "", "x", "X", "-", ".", "..", "a/..", "a/../b",
          "a//b", "/a", "a/", ".a", "..a", "...", "a b", "é", "1", "01", "1.0", "1.1", "1.1000", "1.01",
          "1.2.3", "01.2.3", "1.2.3-", "1.2.3-a.b", "1.2.3+b", "v1.2.3", "1234567890.0.0", "^1.2", "^ 1",
          ">=1 <2", ">=1  <2", "1||2", "1 || 2", "*", "* || 1", "=", "1.2-a", "1e5", "1e", "1e100", "1.5",
          ".5", "5.", "-0", "+1", "-1", "1" * 18, "1" * 19, "0." + "1" * 18, "0." + "1" * 19, "cpu", "gpu",
          "CPU", "8.9", "0.9", "88.9", "888.9", "8.99", "FP32", "fp32", "BF16", "INT8", "UINT128", "INT64 ",
          "BYTES", "BOOL", "none", "merge", "string", "number", "auto", "sha256:" + "0" * 64,
          "sha256:" + "0" * 63, "sha256:" + "G" * 64, "0123abc", "0123ab", "0123abg", "a" * 63, "a" * 64,
          "a" * 255, "a" * 256, "é" * 4096, "é" * 4097, "a--b", "a/b", "a-/b", "-a", "MIT", "MIT_", "a:b",
          [], {}, [1], [[]], [""], ["x"], [{}], [-1], [-2], [0] * 16, [0] * 17, ["x"] * 256, ["x"] * 257,
          ["x"] * 32, ["x"] * 33, {"x": 1})


FEW = (None, True, -2, 1, "", "x", "..", "1.2.3", [], {}, ["x"], {"x": 1})


def twice_refused(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def number_refused(text):
    raise ValueError(f"{text} is no JSON")


class Outside(Exception):
    """A number that our reader refuses everywhere, and a schema cannot: it is not exact in a double."""


def integer(text):
    value = int(text)
    if abs(value) > EXACT:
        raise Outside
    return value


class NotInteger(float):
    """JSON Schema takes 1.0 for an integer; the contract does not."""


def second_reader(validator, data):
    try:
        text = data.decode("utf-8", errors="strict")
        if re.search(r"(?<!\\)(\\\\)*\\u(0000|[dD][89a-fA-F])", text):
            return False  # NULs and surrogates, which no example has
        value = json.loads(text, object_pairs_hook=twice_refused, parse_constant=number_refused,
                           parse_int=integer, parse_float=NotInteger)
    except (ValueError, Outside, RecursionError):
        return False
    return validator.is_valid(value)


def is_integer(_, value):
    return isinstance(value, int) and not isinstance(value, bool)


def make_validator(schema):
    base = jsonschema.Draft202012Validator
    base.check_schema(schema)
    checker = base.TYPE_CHECKER.redefine("integer", is_integer)
    return jsonschema.validators.extend(base, type_checker=checker)(schema)


def places(value, path=()):
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from places(member, path + (key,))


def changed(document, path, change):
    """A copy in which change(container, key) was done to what `path` leads to."""
    copied = copy.deepcopy(document)
    at = copied
    for key in path[:-1]:
        at = at[key]
    change(at, path[-1])
    return copied


def remove(container, key):
    del container[key]


def pointer(path):
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)


def rule(schema, path):
    """What the schema says of the value there, without what it says to people; None: nothing."""
    for key in path:
        schema = schema.get("items", {}) if isinstance(key, int) else schema.get("properties", {}).get(key, {})
    return json.dumps({key: value for key, value in schema.items() if key != "description"}) if schema else None


def variants(document, schema):
    """Of values under one rule, the first is tried with everything, the others with a few."""
    seen = set()
    for path in places(document):
        if not path:
            continue
        yield pointer(path), changed(document, path, remove)
        mine = rule(schema, path)
        values = FEW if mine in seen else VALUES
        seen.add(mine)
        for value in values:
            yield pointer(path), changed(document, path, lambda at, key, v=value: at.__setitem__(key, v))
        if isinstance(path[-1], str):
            yield pointer(path), changed(document, path, lambda at, key: at.__setitem__(key + "~/x", 1))


def mutants(data):
    for i in range(len(data)):
        yield data[:i]
        for bit in range(8):
            yield data[:i] + bytes([data[i] ^ 1 << bit]) + data[i + 1:]


def read_all(reader, documents):
    frames = b"".join(b"%d\n%s" % (len(data), data) for data in documents)
    done = subprocess.run([reader], input=frames, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode("utf-8", errors="replace").splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", required=True)
    parser.add_argument("--schema", type=pathlib.Path, required=True)
    parser.add_argument("example", type=pathlib.Path)
    arguments = parser.parse_args()
    schema = json.loads(arguments.schema.read_text(encoding="utf-8"))
    validator = make_validator(schema)
    example = json.loads(arguments.example.read_text(encoding="utf-8"))

    named = [("", example)] + list(variants(example, schema))
    documents = [json.dumps(value).encode() for _, value in named]
    small = list(mutants(SMALL))
    names = [name for name, _ in named] + ["flipped"] * len(small) + ["small"]
    documents += small + [SMALL]
    answers = read_all(arguments.reader, documents)
    n_failures = 0
    n_good = n_bad = 0
    if len(answers) != len(documents):
        sys.exit(f"{len(answers)} answers to {len(documents)} documents")
    for name, data, answer in zip(names, documents, answers):
        ours, theirs = answer == "0", second_reader(validator, data)
        n_good += theirs
        n_bad += not theirs
        if ours != theirs:
            n_failures += 1
            print(f"FAILED: {name}: ours: {answer}; the schema: {theirs}: {data[:2000]!r}"[:600], file=sys.stderr)
        elif name.startswith("/") and not ours and not answer.startswith("93 ") and name not in answer:
            n_failures += 1
            print(f"FAILED: {name} is not named: {answer}", file=sys.stderr)
    if answers[0] != "0" or answers[-1] != "0" or n_good < 1000 or n_bad < 1000:
        n_failures += 1
        print(f"FAILED: too few examples: {n_good} good, {n_bad} bad: {answers[0]}", file=sys.stderr)
    print(f"{len(documents)} documents: {n_good} good, {n_bad} bad, {n_failures} failed")
    return 1 if n_failures else 0


if __name__ == "__main__":
    sys.exit(main())
