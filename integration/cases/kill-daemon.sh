#!/usr/bin/env bash
# kill -9 of the daemon leaves a stale mount point, and the next mount cleans it up.
# TIMEOUT: 30
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model
pack acme/one:1
mount_store
exec 7<"$MNT/acme/one/1/config.json"
pid=$(daemon_pid)
kill -9 "$pid"
wait_until 5 not kill -0 "$pid"
expect_errno ENOTCONN stat "$MNT/never-looked-up"
exec 7<&-
mount_store
checks same-tree "$SRC" "$MNT/acme/one/1" mount
[ "$(grep -c " $MNT " /proc/self/mountinfo)" = 1 ] || fail "the stale mount is still below the new one"
unmount

# umount removes a stale mount point too.
mount_store
kill -9 "$(daemon_pid)"
unmount
[ -z "$(ls -A "$MNT")" ]
