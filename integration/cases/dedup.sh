#!/usr/bin/env bash
# Unchanged content is stored once; gc gives back what nothing names any more.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
mib=$((1 << 20))

make_safetensors "$SRC" --size 32M
pack acme/dedup:1
first=$(disk_usage "$STORE/blobs")
pack acme/dedup:2
second=$(disk_usage "$STORE/blobs")
[ $((second - first)) -lt $mib ] || fail "the same directory again adds $((second - first)) bytes"

# One tensor changed, the file moved and renamed: only that tensor is new.
cp -a "$SRC" "$TMP/changed"
printf 'changed' | dd of="$TMP/changed/model.safetensors" bs=1 seek=$((9 * mib)) conv=notrunc status=none
mkdir "$TMP/changed/sub"
mv "$TMP/changed/model.safetensors" "$TMP/changed/sub/renamed.safetensors"
pack other/name:1 "$TMP/changed"
third=$(disk_usage "$STORE/blobs")
[ $((third - second)) -lt $((2 * mib)) ] || fail "7 changed bytes add $((third - second)) bytes"
mount_store
checks same-tree "$TMP/changed" "$MNT/other/name/1" mount
checks same-tree "$SRC" "$MNT/acme/dedup/2" mount
unmount

# What version 2 and the other bundle share with version 1 outlives it.
"$BUNDLEFS" rm "$STORE" acme/dedup:1 2>>"$LOGS/rm.log"
"$BUNDLEFS" gc "$STORE" >>"$LOGS/gc.log" 2>&1
expect_exit 0 "$BUNDLEFS" verify "$STORE"
"$BUNDLEFS" unpack "$STORE" acme/dedup:2 "$TMP/out" 2>>"$LOGS/unpack.log"
checks same-tree "$SRC" "$TMP/out"

"$BUNDLEFS" rm "$STORE" acme/dedup:2 2>>"$LOGS/rm.log"
"$BUNDLEFS" rm "$STORE" other/name:1 2>>"$LOGS/rm.log"
"$BUNDLEFS" gc "$STORE" >>"$LOGS/gc.log" 2>&1
[ "$(disk_usage "$STORE/blobs")" -lt 4096 ] || fail "gc leaves $(disk_usage "$STORE/blobs") bytes"
[ -z "$("$BUNDLEFS" ls "$STORE" | grep -E 'dedup|other' || true)" ] || fail "ls shows removed bundles"
