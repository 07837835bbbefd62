#!/usr/bin/env bash
# warm returns when the kernel reads all files of a bundle by itself, and says why when that cannot be.
# TIMEOUT: 120
# ALLOW-LOG: .
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "passthrough needs CAP_SYS_ADMIN"

make_model
make_model "$TMP/other" --seed 2
pack acme/one:1
pack acme/two:1 "$TMP/other"
backing=$TMP/backing
mkdir "$backing"
metric() { sed -n "s/^bundlefs_$1 //p" "$MNT/.bundlefs/metrics"; }
file=$MNT/acme/one/1/model.safetensors
size=$(stat -c %s "$SRC/model.safetensors")

expect_refusal 1 "$BUNDLEFS" warm "$STORE" acme/one:1 # not mounted
mount_store -o "backing=$backing,backing_fill=warm"
grep -q '"passthrough": "on"' "$MNT/.bundlefs/health.json" || skip "no passthrough here"
expect_exit 0 "$BUNDLEFS" warm "$STORE" acme/one:1 --json
python3 - "$OUT" "$size" <<'END'
import json, sys
got = json.load(open(sys.argv[1], encoding="utf-8"))
assert got["state"] == "ready" and got["passthrough_files"] == 1, got
assert got["passthrough_bytes"] == int(sys.argv[2]), got
END
[ "$(metric backing_files)" = 1 ] || fail "$(metric backing_files) files after warm"
opens=$(metric passthrough_opens_total)
cmp "$SRC/model.safetensors" "$file"
[ "$(metric passthrough_opens_total)" = $((opens + 1)) ] || fail "not read by the kernel after warm"
expect_exit 0 "$BUNDLEFS" warm "$MNT" acme/two:1
[ "$(metric backing_files)" = 2 ] || fail "$(metric backing_files) files after the second warm"
expect_refusal 1 "$BUNDLEFS" warm "$MNT" acme/none:1
expect_refusal 1 "$BUNDLEFS" warm "$MNT" acme/one:1 --view none
expect_refusal 1 "$BUNDLEFS" warm "$TMP" acme/one:1
expect_exit 2 "$BUNDLEFS" warm "$MNT"
if getfattr -d "$file" 2>/dev/null | grep -q '^user.bundlefs.warm'; then
    fail "a list of attributes names one that has an effect"
fi
unmount

# A budget for one: the other gives way, but not while it is open.
mount_store -o "backing=$backing,backing_fill=warm,backing_size=12M"
"$BUNDLEFS" warm "$MNT" acme/one:1 >/dev/null
exec 7<"$file"
wait_until 20 "$BUNDLEFS" warm "$MNT" acme/one:1
expect_refusal 1 "$BUNDLEFS" warm "$MNT" acme/two:1
grep -q 'no room' "$ERR" || fail "it does not say why: $(cat "$ERR")"
cmp "$SRC/model.safetensors" - <&7
exec 7<&-
wait_until 30 "$BUNDLEFS" warm "$MNT" acme/two:1 # what was waited for is kept for some seconds
[ "$(metric backing_evictions_total)" = 1 ] || fail "$(metric backing_evictions_total) evictions"
cmp "$SRC/model.safetensors" "$file"
cmp "$TMP/other/model.safetensors" "$MNT/acme/two/1/model.safetensors"
unmount

# A disk that fills up meanwhile costs passthrough, nothing else.
mkdir "$TMP/small"
mount -t tmpfs -o size=12m none "$TMP/small"
trap 'umount -l "$TMP/small"' EXIT
mount_store -o "backing=$TMP/small,backing_fill=warm,backing_size=64M"
"$BUNDLEFS" warm "$MNT" acme/one:1 >/dev/null
expect_refusal 1 "$BUNDLEFS" warm "$MNT" acme/two:1
cmp "$TMP/other/model.safetensors" "$MNT/acme/two/1/model.safetensors"
cmp "$SRC/model.safetensors" "$file"
unmount
[ "$(stat -f -c %b "$TMP/small")" = "$(stat -f -c %f "$TMP/small")" ] || fail "something was left on the small disk"

# Ready only when it is warm, for mount and for a service manager.
cat >"$TMP/manager.py" <<'END'
import os, socket, subprocess, sys
path, status = sys.argv[1], sys.argv[2]
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(path)
manager.settimeout(20)
done = subprocess.run(sys.argv[3:], env=dict(os.environ, NOTIFY_SOCKET=path), check=False)
assert done.returncode == int(status), done
manager.setblocking(False)
got = []
try:
    while True:
        got.append(manager.recv(1000).decode().split("\n"))
except BlockingIOError:
    pass
# While it warms, what it does, and that it must be waited for; then what has become of it.
assert done.returncode != 0 or len(got) > 1, got
for told in got[:-1]:
    assert len(told) == 2 and told[0] == "EXTEND_TIMEOUT_USEC=60000000", got
    assert told[1].startswith("STATUS=making acme/"), got
assert got[-1] == (["READY=1", "STATUS=serving"] if done.returncode == 0 else ["STOPPING=1"]), got
END
/usr/bin/python3 "$TMP/manager.py" "$TMP/socket1" 0 \
    "$BUNDLEFS" mount "$STORE" "$MNT" -o "backing=$backing,warm=acme/one:1,log=$LOGS/daemon.log"
[ "$(metric backing_files)" = 1 ] || fail "ready before it was warm"
unmount
/usr/bin/python3 "$TMP/manager.py" "$TMP/socket2" 1 \
    "$BUNDLEFS" mount "$STORE" "$MNT" -o "backing=$backing,warm=acme/three:1,log=$LOGS/daemon.log" 2>"$ERR"
grep -q 'acme/three:1' "$ERR" || fail "it does not say why: $(cat "$ERR")"
expect_not_mounted
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$MNT" -o "passthrough=off,warm=acme/one:1"
expect_not_mounted

# Without passthrough it reads the files, all of them.
mount_store -o passthrough=off
expect_exit 0 "$BUNDLEFS" warm "$MNT" acme/one:1
grep -q 'no passthrough' "$OUT" || fail "it does not say so: $(cat "$OUT")"
[ "$(metric read_bytes_total)" -ge "$size" ] || fail "only $(metric read_bytes_total) bytes were read"
unmount

# A corrupt chunk: no passthrough, an error that names the reason, EIO where it is, as ever.
blob=$(store_tool blob "$STORE" acme/one:1 data)
store_tool flip "$blob" 2000000
mount_store -o "backing=$backing"
expect_refusal 1 "$BUNDLEFS" warm "$MNT" acme/one:1
grep -q 'corrupt' "$ERR" || fail "it does not say why: $(cat "$ERR")"
bad=$(checks never-wrong "$SRC/model.safetensors" "$file")
[ "$bad" -ge 1 ] && [ "$bad" -le 16 ] || fail "$bad of 128 reads fail for one flipped byte"
[ "$(metric backing_files)" = 0 ] || fail "a damaged file is read by the kernel"
expect_exit 0 "$BUNDLEFS" warm "$MNT" acme/two:1
unmount
