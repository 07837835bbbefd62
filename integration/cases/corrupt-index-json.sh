#!/usr/bin/env bash
# A damaged index.json: refused in one line when mounting; under a mount the daemon lives and recovers.
# TIMEOUT: 90
# ALLOW-LOG: .
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model
pack acme/one:1
cp "$STORE/index.json" "$TMP/good.json"

for damage in '' '{' '[]' '{"schemaVersion":2}' 'null' '{"schemaVersion":2,"manifests":7}' \
    '{"schemaVersion":2,"schemaVersion":2,"manifests":[]}'; do
    printf '%s' "$damage" >"$STORE/index.json"
    expect_exit 1 "$BUNDLEFS" verify "$STORE"
    expect_refusal 1 "$BUNDLEFS" ls "$STORE"
    expect_refusal 1 "$BUNDLEFS" pack "$STORE" acme/two:1 "$SRC"
    expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$MNT"
    ! is_mounted 2>/dev/null || fail "mounted with index.json '$damage'"
    [ "$(cat "$STORE/index.json")" = "$damage" ] || fail "index.json was rewritten"
done
cp "$TMP/good.json" "$STORE/index.json"
# One digit of the digest changed: that bundle is refused, the store is not.
sed -i '/"digest"/ { s/sha256:0/sha256:1/; t; s/sha256:./sha256:0/ }' "$STORE/index.json"
! cmp -s "$STORE/index.json" "$TMP/good.json" || fail "the damage changed nothing"
expect_exit 1 "$BUNDLEFS" verify "$STORE"
cp "$TMP/good.json" "$STORE/index.json"
expect_exit 0 "$BUNDLEFS" verify "$STORE"

mount_foreground
cmp "$SRC/config.json" "$MNT/acme/one/1/config.json"
printf '{' >"$TMP/broken"
mv "$TMP/broken" "$STORE/index.json"
healthy() { checks json-value "$MNT/.bundlefs/health.json" 'it["status"]' ok; }
wait_until 5 not healthy
cat "$MNT/.bundlefs/metrics" >/dev/null
cp "$TMP/good.json" "$TMP/mended"
mv "$TMP/mended" "$STORE/index.json"
wait_until 5 healthy
wait_until 5 cmp -s "$SRC/config.json" "$MNT/acme/one/1/config.json"
checks same-tree "$SRC" "$MNT/acme/one/1" mount
kill -0 "$DAEMON"
unmount
