#!/usr/bin/env bash
# umount asks the daemon whether it lives, and nothing that needs the store: it unmounts at once while
# the store hangs. The store lies on another mount, whose daemon is stopped.
# TIMEOUT: 60
# ALLOW-LOG: .
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --seed 1
pack acme/one:1
mkdir "$TMP/inner"
"$BUNDLEFS" pack "$TMP/outer" nest/store:1 "$STORE" 2>>"$LOGS/pack.log"
"$BUNDLEFS" mount "$TMP/outer" "$TMP/inner" --foreground >>"$LOGS/inner.log" 2>&1 &
inner=$!
trap 'kill -CONT "$inner" 2>/dev/null || :' EXIT
wait_until 15 is_mounted "$TMP/inner"

STORE=$TMP/inner/nest/store/1
mount_foreground -o timeout=300
kill -STOP "$inner"
expect_exit 0 timeout 20 "$BUNDLEFS" umount "$MNT"
not is_mounted || fail "$MNT is still mounted"

kill -CONT "$inner"
wait_until 20 not kill -0 "$DAEMON"
unmount "$TMP/inner"
