#!/usr/bin/env bash
# A policy over a running mount: signatures, approvals, promotion, deprecation, revocation and the
# end of a key take effect within two seconds, open handles go on, and "doctor --explain" agrees.
# TIMEOUT: 90
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command getfattr python3

make_model
for version in 1.0.0 1.1.0; do
    echo "$version" >"$SRC/notes.txt"
    pack "acme/flow:$version"
done
pack other/model:1.0.0
for name in release qa security stranger; do
    "$BUNDLEFS" keygen --out "$TMP/$name" --no-password >/dev/null
done
line() { tail -n 1 "$TMP/$1.pub"; }
write_policy() { # NOT_AFTER of the release key
    cat >"$TMP/policy.new" <<END
{"schema_version": "1.0",
 "keys": [
  {"name": "release", "public_key": "$(line release)", "roles": ["release"], "not_after": "$1"},
  {"name": "qa", "public_key": "$(line qa)", "roles": ["qa"]},
  {"name": "security", "public_key": "$(line security)", "roles": ["security"]}],
 "rules": [
  {"match": "acme/*", "require": [{"statement": "signature", "role": "release"}],
   "aliases": {"production": {"move": ["release"],
                              "require": [{"statement": "approval", "role": "qa"}]}},
   "deprecate": ["release"], "revoke": ["security"]}]}
END
    mv "$TMP/policy.new" "$TMP/policy.json"
}
say() { "$BUNDLEFS" "$1" "$STORE" "$2" --key "$TMP/$3.key" "${@:4}" >/dev/null; }
explain() { "$BUNDLEFS" doctor --explain "$STORE" "$1" --policy "$TMP/policy.json" --json; }
V1=$MNT/acme/flow/1.0.0 V2=$MNT/acme/flow/1.1.0
serves() { cat "$1/config.json" >/dev/null 2>&1; }
refuses() { # DIR REASON: that is what everybody is told
    ! serves "$1" && getfattr --only-values -n user.bundlefs.refused "$1" 2>/dev/null |
        grep -q "$2" && grep -q "$2" "$MNT/.bundlefs/refused.json"
}
shows() { # DIR KIND N: the mount has taken over so many statements
    [ "$(find "$1/signatures" -name "$2-*" | wc -l)" = "$3" ]
}
points_to() { [ "$(readlink "$MNT/acme/flow/$1")" = "$2" ]; }

write_policy 2090-01-01T00:00:00Z
mount_store -o "policy=$TMP/policy.json"
refuses "$V1" "wants 1 signature in the role release: 0 count" || fail "it is not refused"
refuses "$MNT/other/model/1.0.0" "no rule of the policy matches other/model" || fail "no rule"
expect_errno EACCES open "$V1/config.json"
[ "$(ls "$MNT/acme/flow")" = "$(printf '1.0.0\n1.1.0')" ] || fail "versions are hidden, or latest is refused"
expect_exit 1 explain acme/flow:1.0.0
checks json-value "$OUT" 'it["code"]' unsigned

# Whose signature counts.
say sign acme/flow:1.0.0 stranger
wait_until 2 refuses "$V1" "a key that the policy does not know"
say sign acme/flow:1.0.0 qa
wait_until 2 refuses "$V1" "qa has not the role release"
say sign acme/flow:1.0.0 release
wait_until 2 serves "$V1"
wait_until 2 points_to latest 1.0.0
expect_exit 0 explain acme/flow:1.0.0
checks json-value "$OUT" 'it["rule"]' 1
say sign acme/flow:1.1.0 release
wait_until 2 serves "$V2"
wait_until 2 points_to latest 1.1.0

# A promotion is in force when it is approved; nobody else may promote.
say promote acme/flow:1.0.0 release --to production
say promote acme/flow:1.0.0 qa --to canary
say approve acme/flow:1.0.0 qa --role qa
wait_until 2 points_to production 1.0.0
say promote acme/flow:1.1.0 release --to production
wait_until 2 shows "$V2" alias 1
points_to production 1.0.0 || fail "a promotion without approval is in force"
say approve acme/flow:1.1.0 qa --role qa
wait_until 2 points_to production 1.1.0
[ ! -e "$MNT/acme/flow/canary" ] || fail "an alias that the policy does not know is shown"

# Deprecation by who may: "latest" skips it, and it is served.
say deprecate acme/flow:1.1.0 qa --reason no
wait_until 2 shows "$V2" deprecation 1
points_to latest 1.1.0 || fail "whoever can deprecate"
say deprecate acme/flow:1.1.0 release --reason old
wait_until 2 points_to latest 1.0.0
serves "$V2" || fail "what is deprecated is not served"

# Revocation: what is open goes on, all else ends; a revocation by whoever has not the role does not.
say revoke acme/flow:1.0.0 release --reason no
wait_until 2 shows "$V1" revocation 1
serves "$V1" || fail "whoever can revoke"
exec 5<"$V1/model.safetensors"
say revoke acme/flow:1.0.0 security --reason "leaks secrets"
wait_until 2 refuses "$V1" "revoked by security at .*: leaks secrets"
expect_errno EACCES open "$V1/notes.txt"
expect_errno EACCES open "$V1/model.safetensors"
cmp - "$SRC/model.safetensors" <&5 || fail "a handle that was open"
exec 5<&-
expect_exit 1 explain acme/flow:1.0.0
checks json-value "$OUT" 'it["code"]' untrusted

# The key ends while mounted: nothing changes but the time.
end=$(date -u -d "+3 seconds" +%Y-%m-%dT%H:%M:%SZ)
write_policy "$end"
wait_until 8 refuses "$V2" "release expired at $end"
wait_until 2 not points_to production 1.1.0
wait_until 2 not test -L "$MNT/acme/flow/latest"
write_policy 2090-01-01T00:00:00Z
wait_until 2 serves "$V2"
wait_until 2 points_to production 1.1.0
rm "$TMP/policy.json"
wait_until 3 grep -q policy_trouble "$MNT/.bundlefs/health.json"
serves "$V2" || fail "without the file, the policy is gone"
unmount
