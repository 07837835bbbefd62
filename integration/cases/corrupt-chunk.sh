#!/usr/bin/env bash
# A flipped byte in stored chunks: EIO for reads that touch it, never wrong bytes, the rest goes on.
# TIMEOUT: 60
# ALLOW-LOG: .
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --seed 1
make_model "$TMP/other" --seed 2
pack acme/hurt:1
pack acme/well:1 "$TMP/other"
blob=$(store_tool blob "$STORE" acme/hurt:1 data)
store_tool flip "$blob" 2000000

mount_foreground
file=$MNT/acme/hurt/1/model.safetensors
bad=$(checks never-wrong "$SRC/model.safetensors" "$file")
[ "$bad" -ge 1 ] && [ "$bad" -le 16 ] || fail "$bad of 128 reads fail for one flipped byte"
expect_errno EIO read "$file"
# Asked again it fails again: nothing unproved got into a cache.
again=$(checks never-wrong "$SRC/model.safetensors" "$file")
[ "$again" = "$bad" ] || fail "$bad failing reads, then $again"
checks same-tree "$TMP/other" "$MNT/acme/well/1" mount
cmp "$SRC/config.json" "$MNT/acme/hurt/1/config.json"
cat "$MNT/.bundlefs/metrics" >"$TMP/metrics"
checks metrics "$TMP/metrics"
cat "$MNT/.bundlefs/health.json" >"$TMP/health"
checks json-value "$TMP/health" 'it["status"]' degraded
checks json-value "$TMP/health" '"corrupt chunk" in it["reason"]' True
expect_exit 1 "$BUNDLEFS" doctor "$MNT"
grep -q '^fault *health: degraded: ' "$OUT" || fail "doctor says $(cat "$OUT")"
expect_exit 1 "$BUNDLEFS" doctor "$MNT" --json
kill -0 "$DAEMON" || fail "the daemon is gone"

# The log says what it is about.
hex=$(basename "$blob")
grep -F acme/hurt "$LOGS/daemon.log" | grep -F model.safetensors | grep -F "${hex:0:12}" >/dev/null ||
    fail "no line names bundle, file and blob: $(tail -n 3 "$LOGS/daemon.log")"
unmount

expect_exit 1 "$BUNDLEFS" verify "$STORE"
cat "$OUT" "$ERR" | grep -q acme/hurt || fail "verify does not name the bundle"
expect_exit 1 "$BUNDLEFS" verify "$STORE" acme/hurt:1
expect_exit 0 "$BUNDLEFS" verify "$STORE" acme/well:1
expect_exit 1 "$BUNDLEFS" verify "$STORE" --json
python3 -m json.tool "$OUT" >/dev/null
expect_exit 1 "$BUNDLEFS" unpack "$STORE" acme/hurt:1 "$TMP/out"
