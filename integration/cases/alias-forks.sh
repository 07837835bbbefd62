#!/usr/bin/env bash
# Two copies of a store move one alias each their own way and are merged: the mount, health.json and
# history tell of the fork, and the next move ends it. Versions and models that would hide an alias are refused.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

mkdir -p "$SRC"
for version in 1 2 3; do
    echo "$version" >"$SRC/notes.txt"
    pack "acme/m:$version"
done
for name in alice mallory; do
    "$BUNDLEFS" keygen --out "$TMP/$name" --no-password >/dev/null
done
K=(--key "$TMP/alice.key")
promote() { "$BUNDLEFS" promote "$1" "acme/m:$2" --to "$3" "${@:4}" >/dev/null; }
forks() { python3 -c 'import json, sys
for fork in json.load(open(sys.argv[1]))["alias_forks"]: print(fork["alias"], fork["sequence"])' "$MNT/.bundlefs/health.json"; }
forks_are() { [ "$(forks)" = "$1" ]; }
link_is() { [ "$(readlink "$MNT/acme/m/$1")" = "$2" ]; }
# The version where the move with the lower digest points, of those with number 2.
lower() { "$BUNDLEFS" history "$STORE" acme/m --json 2>/dev/null | python3 -c 'import json, sys
print(min((s["statement"], s["version"]) for s in json.load(sys.stdin)["statements"] if s.get("sequence") == 2)[1])'; }

promote "$STORE" 1 production "${K[@]}"
promote "$STORE" 1 quiet "${K[@]}"
cp -a "$STORE" "$TMP/copy"
promote "$STORE" 2 production "${K[@]}"
promote "$TMP/copy" 3 production "${K[@]}"
mount_store
wait_until 2 link_is production 2
forks_are "" || fail "a fork before there is one: $(forks)"
checks json-value "$MNT/.bundlefs/health.json" 'it["aliases"]' unverified
store_tool merge "$STORE" "$TMP/copy"
wait_until 2 forks_are "acme/m/production 2"
link_is production "$(lower)" || fail "the lower digest does not win"
grep -q '"status": "ok"' "$MNT/.bundlefs/health.json" || fail "a fork is no damage: $(cat "$MNT/.bundlefs/health.json")"

expect_exit 0 "$BUNDLEFS" history "$STORE" acme/m
grep -q "alias production has forked: moves with the number 2 point to different bundles" "$ERR" || fail "$(cat "$ERR")"
[ "$(grep -c "production #2 (.*forked)" "$OUT")" = 2 ] || fail "history does not mark the fork: $(cat "$OUT")"
[ "$(grep -c "(now, forked)" "$OUT")" = 1 ] || fail "history does not mark where it points: $(cat "$OUT")"
[ "$(grep -c "#1 (forked)" "$OUT")" = 0 ] || fail "the first move has not forked"
expect_exit 0 "$BUNDLEFS" history "$STORE" acme/m --json
checks json-value "$OUT" 'sorted((s["sequence"], s["forked"]) for s in it["statements"])' \
    "[(1, False), (1, False), (2, True), (2, True)]"
checks json-value "$OUT" '[(a["alias"], a["forked"], a["sequence"]) for a in it["aliases"]]' \
    "[('production', True, 2), ('quiet', False, 1)]"

# The next move decides, and what was forked stays told.
promote "$STORE" 1 production "${K[@]}"
wait_until 2 link_is production 1
forks_are "" || fail "the fork goes on: $(forks)"
expect_exit 0 "$BUNDLEFS" history "$STORE" acme/m
[ ! -s "$ERR" ] || fail "history warns of a fork that was decided: $(cat "$ERR")"
[ "$(grep -c "#2 (forked)" "$OUT")" = 2 ] || fail "history forgets the fork: $(cat "$OUT")"

# What would hide an alias, and an alias that would be hidden.
expect_refusal 1 "$BUNDLEFS" pack "$STORE" acme/m:production "$SRC"
grep -q "production is an alias of acme/m" "$ERR" || fail "$(cat "$ERR")"
expect_refusal 1 "$BUNDLEFS" pack "$STORE" acme/m/production:1 "$SRC"
grep -q "acme/m has an alias production" "$ERR" || fail "$(cat "$ERR")"
pack acme/m/deep:1
expect_refusal 1 "$BUNDLEFS" promote "$STORE" acme/m:1 --to deep "${K[@]}"
grep -q "the model acme/m/deep would hide" "$ERR" || fail "$(cat "$ERR")"
expect_refusal 1 "$BUNDLEFS" promote "$STORE" acme/m:1 --to 2 "${K[@]}"
expect_refusal 2 "$BUNDLEFS" promote "$STORE" acme/m:1 --to latest "${K[@]}"
unmount

# A move that nobody known has signed is not gone back to, nor shown as in force, where a policy is given.
cat >"$TMP/policy.json" <<END
{"schema_version": "1.0", "keys": [{"name": "alice", "public_key": "$(tail -n 1 "$TMP/alice.pub")", "roles": ["r"]}],
 "rules": [{"match": "acme/*", "aliases": {"*": {"move": ["r"]}}}]}
END
promote "$STORE" 3 quiet --key "$TMP/mallory.key"
in_force() { "$BUNDLEFS" history "$STORE" acme/m --json "$@" | python3 -c 'import json, sys
print(*(s["version"] for s in json.load(sys.stdin)["statements"] if s.get("in_force") and s["alias"] == "quiet"))'; }
[ "$(in_force)" = 3 ] || fail "without a policy, the last move is in force: $(in_force)"
[ "$(in_force --policy "$TMP/policy.json")" = 1 ] || fail "with one, that of a stranger is not"
mount_store -o "policy=$TMP/policy.json"
link_is quiet 1 || fail "a stranger moves an alias"
checks json-value "$MNT/.bundlefs/health.json" 'it["aliases"]' verified
promote "$STORE" 2 quiet "${K[@]}"
expect_exit 0 "$BUNDLEFS" rollback "$STORE" acme/m --alias quiet "${K[@]}" --policy "$TMP/policy.json"
grep -q "move 2 of the alias quiet is passed over" "$ERR" || fail "$(cat "$ERR")"
wait_until 2 link_is quiet 1
unmount

# It goes back to the bundle, not to whatever has its name.
pack other/m:1
pack other/m:2 "$SRC" --chunk-size 64K
"$BUNDLEFS" promote "$STORE" other/m:1 --to production "${K[@]}" >/dev/null
"$BUNDLEFS" promote "$STORE" other/m:2 --to production "${K[@]}" >/dev/null
"$BUNDLEFS" rm "$STORE" other/m:1 >/dev/null
echo other >"$SRC/notes.txt"
pack other/m:1
expect_refusal 1 "$BUNDLEFS" rollback "$STORE" other/m --alias production "${K[@]}"
grep -q "that is no longer in the store" "$ERR" || fail "$(cat "$ERR")"

# What is said about bundles that are gone can be asked for.
pack gone/m:1
"$BUNDLEFS" revoke "$STORE" gone/m:1 "${K[@]}" >/dev/null
"$BUNDLEFS" rm "$STORE" gone/m:1 >/dev/null
expect_exit 0 "$BUNDLEFS" history "$STORE" gone/m
grep -q revocation "$OUT" || fail "$(cat "$OUT")"

# A damaged statement is in the way of gc, and can be taken away; a revocation only by force.
name=$(store_tool statements "$STORE" | grep "^gone/m")
rm "$(store_tool statement-blob "$STORE" "$name")"
expect_exit 1 "$BUNDLEFS" gc "$STORE"
expect_refusal 1 "$BUNDLEFS" rm "$STORE" "$name"
expect_exit 0 "$BUNDLEFS" rm --force "$STORE" "$name"
expect_exit 0 "$BUNDLEFS" gc "$STORE"
sound=$(store_tool statements "$STORE" | grep "\.alias\." | tail -n 1)
expect_refusal 1 "$BUNDLEFS" rm "$STORE" "$sound"
grep -q "can be read" "$ERR" || fail "$(cat "$ERR")"
expect_refusal 1 "$BUNDLEFS" rm "$STORE" "gone/m:sha256-$(printf '%064d' 0).alias.$(printf '%016d' 0)"

# What is asked of people names what it is about.
echo secret >"$TMP/password"
expect_exit 0 "$BUNDLEFS" keygen --out "$TMP/sealed" --password-file "$TMP/password"
expect_refusal 1 setsid "$BUNDLEFS" sign "$STORE" acme/m:1 --key "$TMP/sealed.key" </dev/null
grep -q "sealed.key is encrypted: the passphrase is empty; it is typed" "$ERR" || fail "$(cat "$ERR")"
expect_refusal 2 "$BUNDLEFS" keygen --out "$TMP/" --no-password
expect_refusal 2 "$BUNDLEFS" sign "$STORE" acme/m:1 "${K[@]}" --reason $'\xff'
grep -q -e "--reason is not UTF-8" "$ERR" || fail "$(cat "$ERR")"
