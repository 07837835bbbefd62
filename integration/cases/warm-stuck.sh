#!/usr/bin/env bash
# -o warm= of a store that hangs: mount says what it waited for when the timeout is over, a signal ends
# it at once, and neither leaves a dead mount. The blobs lie on another mount, whose daemon is stopped.
# TIMEOUT: 90
# ALLOW-LOG: .
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "passthrough needs CAP_SYS_ADMIN"

make_model "$SRC" --seed 1
pack acme/one:1
mkdir "$TMP/inner" "$TMP/backing"
mount_store -o "backing=$TMP/backing"
grep -q '"passthrough": "on"' "$MNT/.bundlefs/health.json" || skip "no passthrough here"
unmount
"$BUNDLEFS" pack "$TMP/outer" nest/store:1 "$STORE" 2>>"$LOGS/pack.log"
"$BUNDLEFS" mount "$TMP/outer" "$TMP/inner" --foreground >>"$LOGS/inner.log" 2>&1 &
inner=$!
trap 'kill -CONT "$inner" 2>/dev/null || :; umount -l "$STORE/blobs" 2>/dev/null || :' EXIT
wait_until 15 is_mounted "$TMP/inner"
mount --bind "$TMP/inner/nest/store/1/blobs" "$STORE/blobs"
stat "$STORE/blobs/sha256" >/dev/null
kill -STOP "$inner"

# Its daemon cannot end before the store answers, but the mount is gone, and the reason is told.
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$MNT" \
    -o "backing=$TMP/backing,timeout=2,warm=acme/one:1,log=$LOGS/daemon.log"
grep -q 'acme/one:1: the store has not answered for 2 seconds' "$ERR" || fail "says $(cat "$ERR")"
expect_not_mounted
kill -CONT "$inner"
wait_until 15 cat "$STORE/blobs/sha256/"* >/dev/null

# A signal while it waits.
echo 2 >/proc/sys/vm/drop_caches
wait_until 20 umount "$STORE/blobs"
unmount "$TMP/inner"
"$BUNDLEFS" mount "$TMP/outer" "$TMP/inner" --foreground >>"$LOGS/inner.log" 2>&1 &
inner=$!
wait_until 15 is_mounted "$TMP/inner"
mount --bind "$TMP/inner/nest/store/1/blobs" "$STORE/blobs"
stat "$STORE/blobs/sha256" >/dev/null
kill -STOP "$inner"
mount_foreground -o "backing=$TMP/backing,timeout=60,warm=acme/one:1"
kill -TERM "$DAEMON"
wait_until 10 not is_mounted
kill -CONT "$inner"
wait_until 20 not kill -0 "$DAEMON"
wait_until 20 umount "$STORE/blobs"
unmount "$TMP/inner"
