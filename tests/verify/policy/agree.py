#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/policy.schema.json and the reader accept and refuse the same, as far as a schema can tell."""
import argparse, copy, json, re, subprocess, sys

try:
    import jsonschema
except ImportError:
    sys.exit(77)

KEYS = ["RWRocmzL+x+JigmR3iZ93n/Q30TGQBGCpnHCoE5XY+usWrCuCpPWMZXS",
        "RWQbDshWTRF2U0y4H29hUSKiAEA+OUoRh6FBSs9GJsL5rh4WQHdUGccA"]
WHOLE = {
    "schema_version": "1.0",
    "keys": [{"name": "a", "public_key": KEYS[0], "roles": ["release", "qa"],
              "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z",
              "annotations": {"x": 1}},
             {"name": "b", "public_key": KEYS[1], "roles": ["qa"]}],
    "rules": [{"match": "acme/**:1.*",
               "require": [{"statement": "signature", "role": "release", "count": 1}],
               "aliases": {"production": {"move": ["release"],
                                          "require": [{"statement": "approval", "role": "qa"}]},
                           "*": {"move": []}},
               "unpromoted": "refuse", "deprecated": "allow", "past_sunset": "refuse",
               "deprecate": ["qa"], "revoke": ["release"], "check": "warning",
               "access": {"users": ["u", "7"], "groups": ["g"], "mode": "0550"},
               "annotations": {}}, {"match": "**"}],
    "annotations": {"by": "me"}}
VALUES = [None, True, 0, 1, -1, 1.5, 1025, "", "x", "a b", "*", "latest", "0550", "0777", "allow", "error", [], [1],
          ["x y"], {}, {"x": 1}]


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, path + (key,))


def changed(path, action):
    document = copy.deepcopy(WHOLE)
    at = document
    for key in path[:-1]:
        at = at[key]
    action(at, path[-1])
    return document


def documents():
    yield WHOLE
    for path in places(WHOLE):
        if not path or "annotations" in path[:-1]:
            continue
        yield changed(path, lambda at, key: at.pop(key))
        for value in VALUES:
            yield changed(path, lambda at, key: at.__setitem__(key, copy.deepcopy(value)))
        if isinstance(path[-1], str):
            yield changed(path, lambda at, key: at.__setitem__(key + "x", at.pop(key)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--reader", required=True)
    parser.add_argument("--schema", required=True)
    parser.add_argument("--document", required=True)
    given = parser.parse_args()
    schema = json.load(open(given.schema))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    cases = list(documents())
    cases += [json.loads(text) for text in
              re.findall(r"```json\n(.*?)```", open(given.document).read(), re.S)]
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    answers = subprocess.run([given.reader], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(answers) == len(cases)
    # What is about another place of the document, a schema cannot say.
    beyond = re.compile(r"no key has the role|it wants \d+ keys|is there twice|the same key|no earlier|"
                        r"\bkey \d+: .*(key|point|base64|bytes)|cannot be an alias")
    accepted = 0
    for case, answer in zip(cases, answers):
        word, _, why = answer.partition(" ")
        by_schema = validator.is_valid(case)
        accepted += word == "accepted"
        if (word == "accepted") != by_schema and not (by_schema and beyond.search(why)):
            sys.exit(f"the reader: {answer}; the schema: {'accepted' if by_schema else 'refused'}: {json.dumps(case)}")
    assert answers[0].startswith("accepted") and answers[-1].startswith("accepted"), answers[-1]
    assert accepted > 20 and len(cases) - accepted > 500, (accepted, len(cases))


main()
