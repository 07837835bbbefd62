#!/usr/bin/env bash
# mount(8) and fstab find the helper: mount -t fuse.bundlefs, and a mount by its fstab line.
# TIMEOUT: 30
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "runs mount(8)"
need_command unshare

make_model
pack acme/one:1

# mount(8) looks for helpers in /sbin alone: it gets ours there in a mount namespace of its own, so
# that the machine is left as it was.
mkdir "$TMP/layers"
mount -t tmpfs tmpfs "$TMP/layers"
mkdir "$TMP/layers/upper" "$TMP/layers/work"
sbin=$(readlink -f /sbin)
cat >"$TMP/inside" <<'INSIDE'
source "$1/lib.sh"
sbin=$2
mount -t overlay overlay -o "lowerdir=$sbin,upperdir=$TMP/layers/upper,workdir=$TMP/layers/work" "$sbin"
# The helper is the program itself under another name, as it is installed.
ln -sf "$BUNDLEFS" "$sbin/mount.fuse.bundlefs"

mount -t fuse.bundlefs "$STORE" "$MNT" -o ro,cache_size=32M >>"$LOGS/daemon.log" 2>&1
is_mounted
[ "$(checks mount-type "$MNT")" = fuse.bundlefs ] || fail "type $(checks mount-type "$MNT")"
checks same-tree "$SRC" "$MNT/acme/one/1" mount
umount "$MNT"
expect_not_mounted

echo "$STORE $MNT fuse.bundlefs ro,noauto,nofail,_netdev,x-systemd.automount,workers=2 0 0" >"$TMP/fstab"
mount --fstab "$TMP/fstab" "$MNT" >>"$LOGS/daemon.log" 2>&1
checks same-tree "$SRC" "$MNT/acme/one/1" mount
umount "$MNT"
expect_not_mounted

expect_exit 32 "$sbin/mount.fuse.bundlefs" "$TMP/missing" "$MNT" -o ro
expect_not_mounted
INSIDE
unshare -m bash "$TMP/inside" "$INTEGRATION" "$sbin"
umount "$TMP/layers"
