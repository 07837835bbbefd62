#!/usr/bin/env bash
# A policy binds verbs as it binds mounts: what does not count is said when it is made, a deprecation
# can be taken back, aliases name bundles, and "unpack", "verify", "conform" and "warm" refuse what a
# mount refuses.
# TIMEOUT: 120
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command python3

make_model
for version in 1.0.0 1.1.0 2.0.0; do
    echo "$version" >"$SRC/notes.txt"
    pack "acme/flow:$version" >>"$LOGS/pack.log"
done
for name in release qa security; do
    "$BUNDLEFS" keygen --out "$TMP/$name" --no-password >/dev/null
done
line() { tail -n 1 "$TMP/$1.pub"; }
export BUNDLEFS_POLICY=$TMP/policy.json # what /etc/bundlefs/policy.json is elsewhere
cat >"$BUNDLEFS_POLICY" <<END
{"schema_version": "1.0",
 "keys": [
  {"name": "release", "public_key": "$(line release)", "roles": ["release"]},
  {"name": "qa", "public_key": "$(line qa)", "roles": ["qa"]},
  {"name": "security", "public_key": "$(line security)", "roles": ["security"]}],
 "rules": [
  {"match": "acme/*", "require": [{"statement": "signature", "role": "release"}],
   "aliases": {"production": {"move": ["release"],
                              "require": [{"statement": "approval", "role": "qa"}]}},
   "deprecate": ["release"], "revoke": ["security"]}]}
END
say() { "$BUNDLEFS" "$1" "$STORE" "$2" --key "$TMP/$3.key" "${@:4}"; }
explain() { "$BUNDLEFS" doctor --explain "$STORE" "$@"; }
says() { grep -q -- "$1" "$ERR" || fail "stderr says: $(cat "$ERR"), not: $1"; }
n_statements() { "$BUNDLEFS" history "$STORE" acme/flow | wc -l; }
V1=acme/flow:1.0.0 V2=acme/flow:1.1.0 V3=acme/flow:2.0.0

# What does not count is published and said; under a policy that was named, it is not published.
expect_exit 3 say sign "$V1" qa
says "does not count this signature yet: key qa lacks the role release; it was published"
before=$(n_statements)
expect_exit 1 say sign "$V1" qa --policy "$BUNDLEFS_POLICY"
says "key qa lacks the role release; nothing was published"
[ "$(n_statements)" = "$before" ] || fail "a strict verb publishes"
expect_exit 0 say sign "$V1" qa --policy none
[ ! -s "$ERR" ] || fail "without a policy, it says: $(cat "$ERR")"
for version in "$V1" "$V2"; do expect_exit 0 say sign "$version" release; done
expect_exit 3 say promote "$V1" release --to production
says "wants 1 approval in the role qa: 0 count"
expect_exit 1 say promote "$V1" release --to production --policy "$BUNDLEFS_POLICY"
expect_exit 3 say approve "$V1" release --role qa
says "key release lacks the role qa"
expect_exit 3 say approve "$V1" qa --role legal
says "the policy has no role legal"
expect_exit 3 say revoke "$V1" qa
says "key qa lacks the role security"
explain "$V1" >"$OUT"
grep -q "^no   the revocation by qa at .* does not count: key qa lacks the role security" "$OUT" ||
    fail "--explain says: $(cat "$OUT")"
grep -q "^no   the alias by release at .* (production, number 1) does not count: .*0 count" "$OUT" ||
    fail "--explain says of the alias: $(cat "$OUT")"

# The mount says it too.
mount_store
health() { python3 -c 'import json, sys; print(eval(sys.argv[2], {"it": json.load(open(sys.argv[1]))}))' \
    "$MNT/.bundlefs/health.json" "$1"; }
cat "$MNT/acme/flow/1.0.0/notes.txt" >/dev/null
ls "$MNT/acme/flow" >/dev/null
[ "$(readlink "$MNT/acme/flow/latest")" = 1.1.0 ] || fail "latest is refused"
not_counted() { [ "$(health 'it["statements_not_counted"]')" = 3 ]; }
wait_until 3 not_counted
health 'it["not_counted"]' | grep -q "acme/flow:1.0.0.*2 approvals, 1 revocation not counted: .*key qa lacks the role security" ||
    fail "health.json says $(health 'it["not_counted"]')"
grep -q "acme/flow:1.0.0: .*1 revocation.* not counted: .*key qa lacks the role security" \
    "$LOGS/daemon.log" || fail "the log does not say it"
[ "$(health 'it["promotions_not_in_force"][0]["alias"]')" = acme/flow/production ] ||
    fail "a promotion without approval is not named: $(cat "$MNT/.bundlefs/health.json")"
unmount

# What a mount refuses, verbs refuse; by no policy they do not.
expect_refusal 1 "$BUNDLEFS" unpack "$STORE" "$V3" "$TMP/out"
says "refused by the policy .*wants 1 signature in the role release"
[ ! -e "$TMP/out" ] || fail "a refused bundle was unpacked"
expect_exit 1 "$BUNDLEFS" conform --unpack "$STORE" "$V3" -- true
says "refused by the policy"
expect_exit 1 "$BUNDLEFS" verify "$STORE"
grep -q "^$V3: refused by the policy: .*wants 1 signature" "$OUT" || fail "verify says $(cat "$OUT")"
grep -q "^$V1  ok" "$OUT" || fail "verify refuses what is served"
expect_exit 1 "$BUNDLEFS" verify "$STORE" "$V3" --json
checks json-value "$OUT" 'it["problems"][0]["kind"]' policy
checks json-value "$OUT" 'it["n_refused"]' 1
expect_exit 0 "$BUNDLEFS" verify "$STORE" --policy none
expect_exit 0 "$BUNDLEFS" unpack "$STORE" "$V3" "$TMP/out" --policy none
expect_exit 0 env BUNDLEFS_POLICY=none "$BUNDLEFS" unpack "$STORE" "$V3" "$TMP/out2"
BUNDLEFS_POLICY=none mount_store
expect_exit 1 "$BUNDLEFS" warm "$STORE" "$V3" --policy "$BUNDLEFS_POLICY"
says "refused by the policy"
expect_exit 0 "$BUNDLEFS" warm "$STORE" "$V3"
unmount
mount_store -o policy=none
cat "$MNT/acme/flow/2.0.0/notes.txt" >/dev/null
unmount
echo '{' >"$TMP/broken.json"
expect_refusal 1 env BUNDLEFS_POLICY="$TMP/broken.json" "$BUNDLEFS" unpack "$STORE" "$V1" "$TMP/out3"
expect_refusal 1 env BUNDLEFS_POLICY="$TMP/absent" "$BUNDLEFS" unpack "$STORE" "$V1" "$TMP/out3"

# Aliases and "latest" name bundles, as the policy lets them.
expect_exit 1 "$BUNDLEFS" unpack "$STORE" acme/flow:production "$TMP/production"
expect_exit 0 say approve "$V1" qa --role qa
expect_exit 0 "$BUNDLEFS" unpack "$STORE" acme/flow:production "$TMP/production"
says "acme/flow:production is acme/flow:1.0.0"
grep -q 1.0.0 "$TMP/production/notes.txt" || fail "production is another version"
expect_exit 0 "$BUNDLEFS" unpack "$STORE" acme/flow:latest "$TMP/latest"
says "acme/flow:latest is acme/flow:1.1.0"
BUNDLEFS_POLICY=none "$BUNDLEFS" inspect "$STORE" acme/flow:latest 2>"$ERR" >/dev/null
says "acme/flow:latest is acme/flow:2.0.0"
for verb in inspect views check verify history; do
    "$BUNDLEFS" "$verb" "$STORE" acme/flow:production >/dev/null 2>"$ERR" || fail "$verb: $(cat "$ERR")"
    says "production is acme/flow:1.0.0"
done
"$BUNDLEFS" check "$STORE" "$V2" --against acme/flow:production >/dev/null 2>"$ERR" || true
says "production is acme/flow:1.0.0"
explain acme/flow:production >/dev/null 2>"$ERR"
expect_exit 0 say approve acme/flow:production qa --role qa
says "acme/flow:production is acme/flow:1.0.0"
BUNDLEFS_POLICY=none expect_exit 1 say approve acme/flow:production qa --role qa
says "name the version that is meant"
# So they do as what an option names: where an alias goes back to, what replaces a bundle, what is warm.
expect_exit 0 say deprecate "$V2" release --replaced-by acme/flow:production
says "acme/flow:production is acme/flow:1.0.0"
"$BUNDLEFS" history "$STORE" "$V2" | grep -q "use acme/flow:1.0.0" || fail "the deprecation names an alias"
BUNDLEFS_POLICY=none expect_exit 1 say deprecate "$V2" release --replaced-by acme/flow:production
says "name the version that is meant"
expect_exit 1 say deprecate "$V2" release --replaced-by none/flow:latest
expect_exit 0 say deprecate "$V2" release --replaced-by acme/flow:9
says "acme/flow:9 is not in the store"
expect_exit 0 say undeprecate "$V2" release
expect_exit 3 say rollback acme/flow qa --alias staging --to acme/flow:latest
says "acme/flow:latest is acme/flow:1.1.0"
grep -q "staging -> acme/flow:1.1.0" "$OUT" || fail "rollback: $(cat "$OUT")"
expect_exit 2 say rollback acme/flow qa --alias staging --to other/flow:production
BUNDLEFS_POLICY=none expect_exit 1 say rollback acme/flow qa --alias staging --to acme/flow:production
if [ "$(id -u)" = 0 ]; then
    for name in production latest; do
        mount_store -o "warm=acme/flow:$name,passthrough=auto"
        unmount
    done
    expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$MNT" -o warm=acme/flow:nothing
fi
expect_refusal 1 "$BUNDLEFS" unpack "$STORE" acme/flow:nothing "$TMP/x"
expect_refusal 2 "$BUNDLEFS" unpack "$STORE" acme/flow:no/thing "$TMP/x"
expect_exit 1 "$BUNDLEFS" rm --force "$STORE" acme/flow:production
says "is an alias; name the version"
expect_exit 2 "$BUNDLEFS" rm "$STORE" acme/flow:latest
expect_exit 2 "$BUNDLEFS" pack "$STORE" acme/flow:latest "$SRC"

# A sunset that was mistyped refuses at once; the newest word of who may deprecate counts.
expect_exit 0 say deprecate "$V2" release --sunset 2026-01-01
says "the sunset 2026-01-01 has passed already"
expect_refusal 1 "$BUNDLEFS" unpack "$STORE" "$V2" "$TMP/gone"
says "past its sunset 2026-01-01T00:00:00Z: deprecated by release"
expect_exit 3 say undeprecate "$V2" qa
expect_refusal 1 "$BUNDLEFS" unpack "$STORE" "$V2" "$TMP/gone"
expect_exit 0 say deprecate "$V2" release --sunset 2090-01-01
expect_exit 0 "$BUNDLEFS" unpack "$STORE" "$V2" "$TMP/back"
expect_exit 0 "$BUNDLEFS" inspect "$STORE" acme/flow:latest
says "latest is acme/flow:1.0.0"
expect_exit 0 say undeprecate "$V2" release --reason "was a typing error"
expect_exit 0 "$BUNDLEFS" inspect "$STORE" acme/flow:latest
says "latest is acme/flow:1.1.0"
grep -q "deprecat" "$OUT" && fail "inspect says that it is deprecated"
"$BUNDLEFS" history "$STORE" "$V2" >"$OUT"
grep -q "deprecation .*withdrawn" "$OUT" || fail "history says: $(cat "$OUT")"
expect_exit 1 say undeprecate "$V1" release
says "is not deprecated"
