#!/usr/bin/env bash
# Mounting where it cannot be done gives one line and exit 1; a store may be mounted twice.
# TIMEOUT: 30
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model
pack acme/one:1
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$TMP/missing"
grep -qF "$TMP/missing" "$ERR" || fail "the line does not name the mount point: $(cat "$ERR")"
printf x >"$TMP/file"
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$TMP/file"
grep -qF "$TMP/file" "$ERR" || fail "the line does not name the mount point: $(cat "$ERR")"

mount_store
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$MNT"
grep -qF "$MNT" "$ERR" || fail "the line does not name the mount point: $(cat "$ERR")"
[ "$(grep -c " $MNT " /proc/self/mountinfo)" = 1 ] || fail "mounted over a busy mount point"
checks same-tree "$SRC" "$MNT/acme/one/1" mount

mkdir "$TMP/second"
mount_at "$STORE" "$TMP/second"
checks same-tree "$SRC" "$TMP/second/acme/one/1" mount
unmount "$TMP/second"
unmount

expect_refusal 1 "$BUNDLEFS" umount "$MNT"
expect_refusal 1 "$BUNDLEFS" umount "$TMP/missing"
# Something in use is not torn away: umount says so, and works when it is free again.
mount_store
exec 7<"$MNT/acme/one/1/config.json"
expect_refusal 1 "$BUNDLEFS" umount "$MNT"
is_mounted || fail "umount tore a busy mount away"
exec 7<&-
unmount

# Options that programs and fstab pass along are known.
mount_store -o ro,cache_size=32M,workers=2,timeout=5,read_ahead_kb=1024
[ "$(checks mount-type "$MNT")" = fuse.bundlefs ] || fail "type $(checks mount-type "$MNT")"
grep -F " $MNT " /proc/self/mountinfo | grep -qE ' ro[, ]' || fail "not mounted read-only"
if [ "$(id -u)" = 0 ]; then
    bdi=/sys/class/bdi/$(mountpoint -d "$MNT")
    [ "$(cat "$bdi/read_ahead_kb")" = 1024 ] || fail "read_ahead_kb is $(cat "$bdi/read_ahead_kb")"
fi
unmount
# A mount is a mount for relative paths too, and pid and log do not depend on the folder one was in.
(cd "$WORK" && "$BUNDLEFS" mount store mnt >>"$LOGS/daemon.log" 2>&1)
checks same-tree "$SRC" "$MNT/acme/one/1" mount
(cd "$WORK" && "$BUNDLEFS" umount mnt)
expect_not_mounted
