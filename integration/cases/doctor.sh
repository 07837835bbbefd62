#!/usr/bin/env bash
# doctor tells what a mount has and lacks; what it says is what the system says.
# TIMEOUT: 120
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --seed 1
pack acme/one:1
finding() { # NAME FIELD
    "$BUNDLEFS" doctor "$MNT" --json | python3 -c 'import json, sys
found = {f["name"]: f for f in json.load(sys.stdin)["findings"]}
print(found[sys.argv[1]].get(sys.argv[2], ""))' "$@"
}

mount_foreground -o verify=once,workers=1,read_ahead_kb=2048
cmp "$SRC/model.safetensors" "$MNT/acme/one/1/model.safetensors"
python3 -m json.tool "$MNT/.bundlefs/session.json" >/dev/null
expect_exit 0 "$BUNDLEFS" doctor "$MNT"
grep -q "^note *store: $STORE on " "$OUT" || fail "no line about the store: $(cat "$OUT")"
[[ $(finding proving found) == verify=once,* ]] || fail "proving: $(finding proving found)"
[ "$(finding health state)" = ok ] || fail "health: $(finding health found)"
[ "$(finding 'decoded twice' state)" = ok ] || fail "$(finding 'decoded twice' found)"
if [ "$(nproc)" -gt 1 ]; then
    [ "$(finding workers state)" = missing ] || fail "one worker on $(nproc) CPUs is no finding"
    [ "$(finding workers how)" = "-o workers=N" ] || fail "no way to get more workers is told"
fi
device=$(stat -c %Hd:%Ld "$MNT")
if [ -r /dev/fuse ] && [ -w /dev/fuse ]; then
    [ "$(finding 'a queue for each thread' state)" = ok ] || fail "no queue for each thread"
fi
if [ -e "/sys/fs/fuse/connections/${device#*:}/max_background" ]; then
    grep -q '"background_in_force": true' "$MNT/.bundlefs/session.json" || fail "limits are not those in force"
fi
if [ "$(id -u)" = 0 ]; then
    [ "$(finding 'kernel read-ahead' found)" = "2048 KiB for device $device" ] ||
        fail "read-ahead: $(finding 'kernel read-ahead' found)"
    [ "$(finding 'kernel read-ahead' state)" = ok ] || fail "2048 KiB are too little"
    echo 128 >"/sys/class/bdi/$device/read_ahead_kb"
    [ "$(finding 'kernel read-ahead' state)" = missing ] || fail "128 KiB are enough"
    [ -n "$(finding 'kernel read-ahead' cost)" ] || fail "no cost"
fi
unmount

expect_refusal 1 "$BUNDLEFS" doctor "$MNT"
grep -q 'no bundle store is mounted' "$ERR" || fail "says $(cat "$ERR")"
expect_refusal 1 "$BUNDLEFS" doctor "$TMP/nowhere"
expect_exit 2 "$BUNDLEFS" doctor

mount_store
kill -KILL "$(daemon_pid)"
wait_until 10 not stat "$MNT/.bundlefs/metrics"
expect_refusal 1 "$BUNDLEFS" doctor "$MNT"
grep -q 'daemon is dead' "$ERR" || fail "says $(cat "$ERR")"
"$BUNDLEFS" umount "$MNT"
