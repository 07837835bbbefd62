#!/usr/bin/env bash
# A store is unmounted and mounted again while the first daemon has not yet noticed: when it does, it leaves
# the mount alone that has taken its place. Descriptors that are closed at the start get no file of ours.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "umount(2)"
need_command python3

mkdir -p "$SRC"
echo 1 >"$SRC/notes.txt"
pack acme/m:1
gone() { [ ! -e "/proc/$1" ]; }
for _ in 1 2 3; do
    mount_store
    first=$(daemon_pid)
    kill -STOP "$first"
    # umount(8) would ask the daemon first
    python3 -c 'import ctypes, sys
sys.exit(ctypes.CDLL(None).umount2(sys.argv[1].encode(), 8))' "$MNT"
    mount_store
    kill -CONT "$first"
    wait_until 10 gone "$first"
    is_mounted || fail "the first daemon has taken the second mount away"
    cmp "$MNT/acme/m/1/notes.txt" "$SRC/notes.txt"
    unmount
done

# A lock, a blob or a key must never be where messages are written to.
"$BUNDLEFS" mount "$STORE" "$MNT" --foreground -o "log=$LOGS/daemon.log" <&- >&- 2>&- &
wait_until 15 is_mounted
for number in 0 1 2; do
    at=$(readlink "/proc/$!/fd/$number")
    [ "$at" = /dev/null ] || fail "descriptor $number is $at"
done
unmount
got=0
"$BUNDLEFS" ls "$STORE" >&- 2>"$ERR" || got=$?
[ "$got" = 1 ] || fail "a report that cannot be written gives $got: $(cat "$ERR")"
