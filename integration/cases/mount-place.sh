#!/usr/bin/env bash
# A mount that would hide the daemon's own files is refused in one line, also through links and bind
# mounts; a daemon keeps no descriptor of the program that started it.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model
mkdir "$TMP/up" "$TMP/up/bound"
rmdir "$STORE" 2>/dev/null || true
STORE=$TMP/up/S
pack acme/one:1
mkdir "$STORE/mnt"
ln -s up "$TMP/link"

refused() { # MOUNTPOINT [OPTION...]: within seconds, where a daemon that waits for itself never returns
    expect_refusal 1 timeout -s KILL 20 "$BUNDLEFS" mount "$STORE" "$@"
    grep -qF "$(realpath "$1"): " "$ERR" || fail "the line does not name the mount point: $(cat "$ERR")"
    [ "$1" = /proc ] || expect_not_mounted "$1"
}
refused "$STORE"
refused "$TMP/up"
refused "$TMP/link"
refused "$TMP/link/S/"
refused "$STORE/blobs"
refused "$STORE/blobs/sha256"
refused "$STORE/.bundlefs"
refused /proc
expect_refusal 1 "$BUNDLEFS" mount "$STORE" /
grep -q '^bundlefs: /: ' "$ERR" || fail "says $(cat "$ERR")"
for option in log audit trace backing policy host replay; do
    echo '{}' >"$MNT/file"
    refused "$MNT" -o "$option=$MNT/file"
done
rm "$MNT/file"
if [ "$(id -u)" = 0 ]; then
    mount --bind "$TMP/up" "$TMP/up/bound"
    trap 'umount -l "$TMP/up/bound"' EXIT
    expect_refusal 1 timeout -s KILL 20 "$BUNDLEFS" mount "$TMP/up/bound/S" "$STORE"
    umount "$TMP/up/bound"
    trap - EXIT
fi

# A folder of nobody's in the store is as good as any.
mount_at "$STORE" "$STORE/mnt"
checks same-tree "$SRC" "$STORE/mnt/acme/one/1" mount
unmount "$STORE/mnt"

# A script that guards itself with a lock, and one that waits for the end of a pipe.
(
    exec 9>"$TMP/lock"
    flock 9
    mount_store
)
flock -n "$TMP/lock" true || fail "the daemon holds a lock of the program that started it"
unmount
mkfifo "$TMP/pipe"
timeout 20 cat "$TMP/pipe" >/dev/null &
reader=$!
(
    exec 8>"$TMP/pipe"
    mount_store
)
wait "$reader" || fail "the daemon holds a pipe of the program that started it"
unmount
# What the command line names by number is the daemon's.
"$BUNDLEFS" host --json >"$TMP/host"
exec 7<"$TMP/host"
mount_store -o host=/dev/fd/7
exec 7<&-
unmount
