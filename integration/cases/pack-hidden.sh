#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A bundle that is packed hidden: every verb works on it, mounts and "latest" leave it out until an alias
# is moved to it, or it is packed again without --hidden.
# TIMEOUT: 120
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

echo '{"model_type": "tiny"}' >"$SRC/config.json"
cat >"$SRC/contract.json" <<'JSON'
{"schema_version": "1.0", "licenses": ["MIT"]}
JSON
pack acme/m:1.0.0
expect_exit 0 "$BUNDLEFS" keygen --out "$TMP/k" --no-password
echo more >"$SRC/more.txt"
expect_exit 0 "$BUNDLEFS" pack "$STORE" acme/m:2.0.0 "$SRC" --hidden
expect_exit 0 "$BUNDLEFS" pack "$STORE" acme/other:1 "$SRC" --hidden
before=$(cat "$STORE/index.json")
is_hidden() { [ "$("$BUNDLEFS" ls "$STORE" --json | python3 -c '
import json, sys
print(*(b["version"] for b in json.load(sys.stdin)["bundles"] if b["hidden"]))')" = "$1" ]; }
is_hidden "2.0.0 1" || fail "ls --json: $("$BUNDLEFS" ls "$STORE" --json)"
"$BUNDLEFS" ls "$STORE" | grep -q 'm .*2[.]0[.]0.* hidden' || fail "ls: $("$BUNDLEFS" ls "$STORE")"

# Verbs by name; "latest" is another.
for verb in "verify STORE acme/m:2.0.0" "inspect STORE acme/m:2.0.0" "check STORE acme/m:2.0.0 --against acme/m:1.0.0" \
    "unpack STORE acme/m:2.0.0 $TMP/tree" "verify STORE" "gc STORE"; do
    read -ra words <<<"${verb//STORE/$STORE}"
    expect_exit 0 "$BUNDLEFS" "${words[@]}"
done
cmp "$SRC/more.txt" "$TMP/tree/more.txt"
expect_exit 0 "$BUNDLEFS" inspect "$STORE" acme/m:latest
grep -q 'acme/m:1[.]0[.]0' "$OUT" || fail "latest is not 1.0.0: $(cat "$OUT")"
expect_exit 1 "$BUNDLEFS" doctor --explain "$STORE" acme/m:2.0.0
grep -q 'acme/m:2.0.0 is refused: it was packed with --hidden' "$OUT" || fail "explain: $(cat "$OUT")"
expect_exit 0 "$BUNDLEFS" sign "$STORE" acme/m:2.0.0 --key "$TMP/k.key"
# Other content is refused as for any version.
cp -a "$SRC" "$TMP/changed"
echo other >"$TMP/changed/more.txt"
expect_exit 1 "$BUNDLEFS" pack "$STORE" acme/m:2.0.0 "$TMP/changed" --hidden

mount_store
[ "$(ls "$MNT/acme")" = m ] || fail "the mount shows $(ls "$MNT/acme")"
[ ! -e "$MNT/acme/m/2.0.0" ] || fail "the mount shows the hidden version"
[ "$(readlink "$MNT/acme/m/latest")" = 1.0.0 ] || fail "latest -> $(readlink "$MNT/acme/m/latest")"
mkdir "$WORK/staging"
mount_at "$STORE" "$WORK/staging" -o hidden
cmp "$SRC/more.txt" "$WORK/staging/acme/m/2.0.0/more.txt"
cmp "$SRC/more.txt" "$WORK/staging/acme/other/1/more.txt"
unmount "$WORK/staging"

# A promotion shows it, in one step with the alias.
expect_exit 0 "$BUNDLEFS" promote "$STORE" acme/m:2.0.0 --to production --key "$TMP/k.key"
shows() { [ "$(readlink "$MNT/acme/m/$1")" = "$2" ]; }
wait_until 5 shows production 2.0.0
shows latest 2.0.0 || fail "latest -> $(readlink "$MNT/acme/m/latest")"
cmp "$SRC/more.txt" "$MNT/acme/m/production/more.txt"
is_hidden 1 || fail "ls --json after promote"
# Packing it hidden again does not hide it.
expect_exit 0 "$BUNDLEFS" pack "$STORE" acme/m:2.0.0 "$SRC" --hidden
is_hidden 1 || fail "packed again, it is hidden"
# Packing the other one again without --hidden shows it.
expect_exit 0 "$BUNDLEFS" pack "$STORE" acme/other:1 "$SRC"
grep -q ' 0 B new' "$OUT" || fail "packed again: $(cat "$OUT")"
wait_until 5 test -e "$MNT/acme/other/1/more.txt"
is_hidden "" || fail "ls --json at the end"
unmount
expect_exit 0 "$BUNDLEFS" verify "$STORE"

# What other programs added to a hidden entry stays when it is shown.
printf '%s' "$before" | sed 's/"artifactType": "application\/vnd.bundlefs.hidden.v1+json"/&, "x": [1.50, "y"]/' >"$STORE/index.json"
expect_exit 0 "$BUNDLEFS" promote "$STORE" acme/m:2.0.0 --to other --key "$TMP/k.key"
[ "$(grep -c '"artifactType": "application/vnd.bundlefs.bundle.v1+json", "x": \[1.50, "y"\]' "$STORE/index.json")" = 1 ] ||
    fail "index.json: $(cat "$STORE/index.json")"
expect_exit 0 "$BUNDLEFS" rm "$STORE" acme/other:1
expect_exit 0 "$BUNDLEFS" gc "$STORE"
expect_exit 0 "$BUNDLEFS" verify "$STORE"
