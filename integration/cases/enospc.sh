#!/usr/bin/env bash
# A full disk: a clear error, a store that verifies, and success once there is room.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "mounts a small tmpfs"

make_safetensors "$TMP/small" --size 1M
make_safetensors "$TMP/big" --size 32M --seed 2
mount -t tmpfs -o size=8m tmpfs "$STORE"
pack acme/small:1 "$TMP/small"
expect_refusal 1 "$BUNDLEFS" pack "$STORE" acme/big:1 "$TMP/big"
grep -qiE 'space|full' "$ERR" || fail "the line does not say that the disk is full: $(cat "$ERR")"
expect_exit 0 "$BUNDLEFS" verify "$STORE"
[ "$(store_tool list "$STORE")" = acme/small:1 ] || fail "listed: $(store_tool list "$STORE")"
mount_store
checks same-tree "$TMP/small" "$MNT/acme/small/1" mount
unmount
# A failed pack leaves no garbage that it can take away itself.
used=$(disk_usage "$STORE")
[ "$used" -lt $((2 << 20)) ] || fail "the failed pack leaves $used bytes behind"

mount -o remount,size=64m "$STORE"
pack acme/big:1 "$TMP/big"
expect_exit 0 "$BUNDLEFS" verify "$STORE"
"$BUNDLEFS" unpack "$STORE" acme/big:1 "$TMP/out" 2>>"$LOGS/unpack.log"
checks same-tree "$TMP/big" "$TMP/out"

# unpack on a full disk is as clear, and a mount of the store is not harmed by it.
mkdir "$TMP/tight"
mount -t tmpfs -o size=4m tmpfs "$TMP/tight"
expect_refusal 1 "$BUNDLEFS" unpack "$STORE" acme/big:1 "$TMP/tight/out"
umount "$TMP/tight"
umount "$STORE"
