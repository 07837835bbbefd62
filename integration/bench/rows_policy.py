# SPDX-License-Identifier: Apache-2.0
"""What a policy costs: compiled for many bundles, and on the first look at a signed one."""
import json
import os
import pwd
import time

import many_bundles
from cpu import Quiet
from measure import Row, Skipped
from places import Bundlefs
from rows_catalogue import make_source
from system import run, settle, warm
from world import remove

BUNDLES, QUICK_BUNDLES = 10000, 100
SIGNED, QUICK_SIGNED = 200, 10
FEW = 12  # rules; what a policy has
COMPILE_MS, FIRST_LOOK_MS = 200, 1  # goals
DEFAULT = "/etc/bundlefs/policy.json"
WITH = "first stat of a signed bundle, with a policy that asks for it"
WITHOUT = "first stat of a signed bundle, without a policy"


def write(path, policy):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"schema_version": "1.0", **policy}, file)
    return path


def access(number):
    """Users and groups of this system, as policies name them."""
    users = sorted(user.pw_name for user in pwd.getpwall())
    return {"users": [users[number % len(users)], str(1000 + number % 50)], "groups": ["daemon"],
            "mode": "0550"}


def few_rules(count):
    """A rule for some teams each, and one for the rest."""
    rules = [{"match": f"team{i}*/*", "access": access(i)} for i in range(count - 1)]
    return {"rules": [*rules, {"match": "**"}]}


def many_rules(count):
    """Every other names a model of the store, and every third a version of it."""
    rules = []
    for i in range(count - 1):
        name = f"team{i % 97:02}/model{i // 2 if i % 2 else i}"
        rules.append({"match": name + (":1.*" if i % 3 == 0 else ""), "access": access(i)})
    return {"rules": [*rules, {"match": "**"}]}


def compiled(world, row, store, count):
    program = world.bench_program("policy-bench")
    for policy in (few_rules(FEW), many_rules(count)):
        rules = len(policy["rules"])
        path = write(world.path("policy.json"), policy)
        for _ in range(world.repeats):
            Quiet.wait()
            found = json.loads(run([program, path, store]))
            row.add(f"{rules} rules: read", found["read_ms"])
            row.add(f"{rules} rules: judge {count} bundles", found["judge_ms"])
            row.add(f"{rules} rules: together", found["read_ms"] + found["judge_ms"])
        row.limits[f"{rules} rules: together"] = COMPILE_MS


def sign_all(world, store, names):
    key = world.path("key")
    run([world.program, "keygen", "--out", key, "--no-password"])
    for name in names:
        run([world.program, "sign", store, name, "--key", key + ".key"])
    with open(key + ".pub", encoding="utf-8") as file:
        public = file.read().splitlines()[1]
    return {
        "keys": [{"name": "k", "public_key": public, "roles": ["release"]}],
        "rules": [{"match": "**", "require": [{"statement": "signature", "role": "release"}]}],
    }


def first_stats(world, store, names, options):
    """Milliseconds, the median over the bundles of a mount that nobody has looked at."""
    place = Bundlefs(world.work, "", world.program, store, options)
    warm(store)
    settle(0)
    place.mount()
    took = []
    try:
        for name in names:
            path = os.path.join(place.mount_point, *name.split(":"))
            start = time.perf_counter()
            os.stat(path)
            took.append(1000 * (time.perf_counter() - start))
    finally:
        place.unmount()
    return sorted(took)[len(took) // 2]


def first_looks(world, row, store, names, policy):
    if os.path.exists(DEFAULT):
        raise Skipped(f"nothing to compare with: {DEFAULT} is in force for every mount")
    path = write(world.path("policy.json"), policy)
    row.interleave({
        WITH: lambda: first_stats(world, store, names, f"policy={path}"),
        WITHOUT: lambda: first_stats(world, store, names, ""),
    }, world.repeats)
    added = [ours - theirs for ours, theirs in zip(row.values[WITH], row.values[WITHOUT])]
    program = world.bench_program("policy-bench")
    for value in added:
        row.add("added to the first look", max(value, 0))
        found = json.loads(run([program, path, store]))
        if found["served"] != len(names):
            raise RuntimeError(f"{found['served']} of {len(names)} signed bundles are served")
        row.add("the verdict on a signed bundle, from its stored envelope", found["bundle_ms"])
    for name in ("added to the first look", "the verdict on a signed bundle, from its stored envelope"):
        row.limits[name] = FIRST_LOOK_MS


def policy(world):
    count = QUICK_BUNDLES if world.quick else BUNDLES
    signed = QUICK_SIGNED if world.quick else SIGNED
    row = Row("policy", "Policy", "ms", lower_is_better=True)
    source, one, store = (world.path(name) for name in ("ruled", "ruled-one", "ruled-many"))
    make_source(source)
    world.pack(one, source)
    many_bundles.make_store(one, store, count)
    compiled(world, row, store, count)
    remove(store)
    names = many_bundles.names(signed)
    many_bundles.make_store(one, store, signed)
    first_looks(world, row, store, names, sign_all(world, store, names))
    remove(store)
    row.notes += [
        "judge: the rule of each bundle is found and applied, with owner, mode and ACL",
        f"first stat: the median over {signed} bundles. A mount judges by itself as soon as it can, so"
        " most are judged by then; the verdict from the envelope is what it takes otherwise",
    ]
    return [row]
