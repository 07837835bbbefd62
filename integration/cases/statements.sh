#!/usr/bin/env bash
# The whole life of two versions through one mount: packed, signed, approved by two roles, promoted, replaced, rolled
# back, deprecated, revoked. Each step is seen in the mount within two seconds and in `history --json`; what is open stays open.
# TIMEOUT: 90
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --dtype bf16
for who in builder release security; do
    "$BUNDLEFS" keygen --out "$TMP/$who" --no-password >>"$LOGS/keys.txt"
done
key_id() { "$BUNDLEFS" history "$STORE" acme/tiny --json | python3 -c '
import json, sys
print([s["key_id"] for s in json.load(sys.stdin)["statements"] if s["kind"] == sys.argv[1]][-1])' "$1"; }
signed() { # VERB ARGUMENT...: a verb with the key of $KEY
    "$BUNDLEFS" "$1" "$STORE" "${@:2}" --key "$TMP/$KEY.key" >>"$LOGS/verbs.txt"
}
# history KIND FIELD: that field of every statement of a kind, in order, one a line
history() {
    "$BUNDLEFS" history "$STORE" acme/tiny --json | python3 -c '
import json, sys
for s in json.load(sys.stdin)["statements"]:
    if s["kind"] == sys.argv[1]:
        print(s.get(sys.argv[2], "-"))' "$@"
}
link_is() { [ "$(readlink "$MODEL/$1")" = "$2" ]; }
no_link() { [ ! -L "$MODEL/$1" ]; }
has() { find "$MODEL/$1"/signatures -type f -printf '%f\n' | grep -q "^$2-[0-9a-f]\{12\}\.dsse\.json$"; }
shows() { find "$MODEL/$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | grep -qx "$2"; }
same() { [ "$1" = "$2" ] || fail "$3: \"$1\" instead of \"$2\""; }
MODEL=$MNT/acme/tiny KEY=builder

pack acme/tiny:1.0.0 "$SRC" --key "$TMP/builder.key"
mount_store
shows 1.0.0 signatures || fail "pack --key leaves no statement"
has 1.0.0 provenance-1 || fail "the provenance is not shown: $(ls "$MODEL/1.0.0/signatures")"
# a verifier with nothing but base64 and JSON reads what was built
python3 - "$MODEL"/1.0.0/signatures/provenance-1-*.dsse.json <<'EOF'
import base64, json, sys
envelope = json.load(open(sys.argv[1]))
statement = json.loads(base64.b64decode(envelope["payload"]))
assert statement["predicateType"] == "https://slsa.dev/provenance/v1", statement
build = statement["predicate"]["buildDefinition"]
assert build["externalParameters"]["reference"] == "acme/tiny:1.0.0", build
assert build["externalParameters"]["no_dedup"] is False, build
EOF
no_link production || fail "an alias before any promotion"
stat "$MODEL/production" 2>/dev/null && fail "production is there"

signed sign acme/tiny:1.0.0 --reason "tested on all hosts"
wait_until 2 has 1.0.0 signature-1
KEY=release signed approve acme/tiny:1.0.0 --role release
KEY=security signed approve acme/tiny:1.0.0 --role security --reason "scanned"
wait_until 2 has 1.0.0 approval-2
same "$(history approval role | sort | tr "\n" " ")" "release security " "roles"
[ "$(key_id approval)" != "$(key_id signature)" ] || fail "all keys have one id"
KEY=release signed promote acme/tiny:1.0.0 --to production
wait_until 2 link_is production 1.0.0
cmp "$MODEL/production/model.safetensors" "$SRC/model.safetensors"
for file in "$MODEL"/1.0.0/signatures/*; do
    [ "$(stat -c %a "$file")" = 444 ] || fail "$file can be written"
    digest=${file##*-}
    [[ $(sha256sum "$file") == "${digest%.dsse.json}"* ]] || fail "$file has another name"
    [ "$(stat -c %s "$file")" = "$(wc -c <"$file")" ] || fail "$file has another size"
    [ "$(getfattr --only-values -n user.bundlefs.bundle "$file")" = \
        "$(getfattr --only-values -n user.bundlefs.bundle "$MODEL/1.0.0")" ] || fail "$file is about another bundle"
done
(cd "$MODEL/1.0.0" && sha256sum -c --quiet --strict SHA256SUMS)

echo changed >"$SRC/notes.txt"
pack acme/tiny:1.1.0
wait_until 2 link_is latest 1.1.0
shows 1.1.0 signatures && fail "a new version has statements"
link_is production 1.0.0 || fail "an alias moved with a new version"
# a statement cannot be carried over to another bundle by copying its entry
store_tool statement-move "$STORE" acme/tiny:1.0.0 acme/tiny:1.1.0 signature
wait_until 2 shows 1.1.0 signatures
[ -z "$(ls "$MODEL/1.1.0/signatures")" ] || fail "a moved statement is shown"
grep -q 'about another bundle' "$MNT/.bundlefs/refused.json" || fail "refused.json does not tell"
"$BUNDLEFS" history "$STORE" acme/tiny:1.1.0 --json 2>"$ERR" | grep -q 'about another bundle' || fail "history does not tell"

exec 7<"$MODEL/production/model.safetensors"
KEY=release signed promote acme/tiny:1.1.0 --to production
wait_until 2 link_is production 1.1.0
[ -e "$MODEL/production/notes.txt" ] || fail "production shows the old version"
KEY=release signed rollback acme/tiny --alias production --reason "slower"
wait_until 2 link_is production 1.0.0
[ ! -e "$MODEL/production/notes.txt" ] || fail "production shows the new version"
cmp /proc/self/fd/7 "$SRC/model.safetensors" || fail "an open file was disturbed"
exec 7<&-
same "$(history alias version | tr '\n' ' ')" "1.0.0 1.1.0 1.0.0 " "moves"
same "$(history alias sequence | tr '\n' ' ')" "1 2 3 " "numbers"
same "$(history alias in_force | tr '\n' ' ')" "False False True " "what is in force"
same "$(history alias move | tail -1)" rollback "the last move"
expect_exit 0 "$BUNDLEFS" ls "$STORE" --json
python3 - "$OUT" <<'EOF'
import json, sys
bundles = {b["version"]: b for b in json.load(open(sys.argv[1]))["bundles"]}
assert bundles["1.0.0"]["aliases"] == ["production"] and bundles["1.1.0"]["aliases"] == [], bundles
assert not bundles["1.0.0"]["deprecated"] and not bundles["1.0.0"]["revoked"], bundles
EOF

# an older move, played again as the newest entry of the list, changes nothing
store_tool statement-replay "$STORE" alias
signed sign acme/tiny:1.0.0
wait_until 2 has 1.0.0 signature-2
link_is production 1.0.0 || fail "a replayed promotion counts"

KEY=release signed deprecate acme/tiny:1.1.0 --replaced-by acme/tiny:1.0.0 --sunset 2030-01-31 --reason "slower"
wait_until 2 link_is latest 1.0.0
same "$(history deprecation sunset)" 2030-01-31T00:00:00Z sunset
same "$(history deprecation replaced_by)" acme/tiny:1.0.0 "replaced by"
KEY=security signed revoke acme/tiny:1.1.0 --reason "leaks"
wait_until 2 has 1.1.0 revocation-1
same "$(history revocation reason)" leaks reason
cat "$MODEL/1.1.0/notes.txt" >"$OUT" || fail "without a policy, what is revoked is served"

# with a policy, history tells whose keys really signed
python3 - "$TMP" >"$TMP/policy.json" <<'EOF'
import json, sys
key = lambda name: open(f"{sys.argv[1]}/{name}.pub").read().splitlines()[1]
print(json.dumps({"schema_version": "1.0", "rules": [{"match": "**"}], "keys": [
    {"name": "Rita", "public_key": key("release"), "roles": ["release"]}]}))
EOF
"$BUNDLEFS" history "$STORE" acme/tiny --policy "$TMP/policy.json" --json >"$OUT"
python3 - "$OUT" <<'EOF'
import json, sys
for s in json.load(open(sys.argv[1]))["statements"]:
    by_rita = s["kind"] in ("alias", "deprecation") or s.get("role") == "release"
    assert s["verified"] == by_rita and s["signers"] == (["Rita"] if by_rita else []), s
EOF
expect_refusal 1 "$BUNDLEFS" history "$STORE" acme/tiny --policy "$TMP/k"

# what is refused, exactly
K=(--key "$TMP/release.key")
expect_refusal 1 "$BUNDLEFS" promote "$STORE" acme/tiny:1.1.0 --to production "${K[@]}"
grep -q 'is revoked' "$ERR" || fail "$(cat "$ERR")"
expect_refusal 1 "$BUNDLEFS" promote "$STORE" acme/tiny:1.0.0 --to 1.1.0 "${K[@]}"
expect_refusal 2 "$BUNDLEFS" promote "$STORE" acme/tiny:1.0.0 --to latest "${K[@]}"
expect_refusal 2 "$BUNDLEFS" promote "$STORE" acme/tiny:1.0.0 "${K[@]}"
expect_refusal 2 "$BUNDLEFS" sign "$STORE" acme/tiny:1.0.0
expect_refusal 1 "$BUNDLEFS" sign "$STORE" acme/tiny:9 "${K[@]}"
expect_refusal 1 "$BUNDLEFS" sign "$STORE" acme/tiny:1.0.0 --key "$TMP/none"
expect_refusal 2 "$BUNDLEFS" approve "$STORE" acme/tiny:1.0.0 --role 'not a role' "${K[@]}"
expect_refusal 2 "$BUNDLEFS" deprecate "$STORE" acme/tiny:1.0.0 --sunset tomorrow "${K[@]}"
expect_refusal 1 "$BUNDLEFS" rollback "$STORE" acme/tiny --alias none "${K[@]}"
expect_refusal 2 "$BUNDLEFS" rollback "$STORE" acme/tiny --alias production --to acme/other:1 "${K[@]}"
expect_refusal 1 "$BUNDLEFS" history "$STORE" acme/none
expect_refusal 2 "$BUNDLEFS" pack "$STORE" "acme/tiny:sha256-$(printf '%064d' 0)" "$SRC"
expect_refusal 1 "$BUNDLEFS" rm "$STORE" acme/tiny:1.0.0
grep -q 'the alias production points to' "$ERR" || fail "$(cat "$ERR")"

# what goes with a bundle, and what stays
expect_exit 0 "$BUNDLEFS" rm "$STORE" acme/tiny:1.1.0
expect_exit 0 "$BUNDLEFS" gc "$STORE"
wait_until 2 not shows 1.1.0 .
link_is production 1.0.0 || fail "rm broke the chain of an alias"
same "$(history revocation reason)" leaks "a revocation after rm"
same "$(history deprecation reason)" "" "a deprecation after rm"
rm "$SRC/notes.txt"
echo changed >"$SRC/notes.txt"
expect_exit 0 "$BUNDLEFS" rm --force "$STORE" acme/tiny:1.0.0
wait_until 2 not shows . 1.0.0
unmount
