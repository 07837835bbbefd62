#!/usr/bin/env bash
# Files that were proved whole are read by the kernel itself: same bytes, through reads and mappings,
# for old handles and new ones; off, and as a user, they are read as before.
# TIMEOUT: 120
# ALLOW-LOG: no passthrough
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "passthrough needs CAP_SYS_ADMIN"

make_model
pack acme/one:1
file=$MNT/acme/one/1/model.safetensors
size=$(stat -c %s "$SRC/model.safetensors")
backing=$TMP/backing
mkdir "$backing"

metric() { sed -n "s/^bundlefs_$1 //p" "$MNT/.bundlefs/metrics"; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }
passthrough_is_on() { grep -q '"passthrough": "on"' "$MNT/.bundlefs/health.json"; }

mount_store -o "backing=$backing"
passthrough_is_on || skip "no passthrough here: $(grep passthrough "$MNT/.bundlefs/health.json")"

# Ordinary reads: read once, opened again, ready; what is open goes on, the inode number stays.
number=$(stat -c %i "$file")
exec 7<"$file"
cmp "$SRC/model.safetensors" "$file"
[ "$(metric backing_files)" = 0 ] || fail "a file that was opened once has a backing file"
cmp "$SRC/model.safetensors" "$file"
wait_until 20 metric_is backing_files 1
cmp "$SRC/model.safetensors" "$file"
[ "$(metric passthrough_opens_total)" = 1 ] || fail "$(metric passthrough_opens_total) opens in the kernel"
cmp "$SRC/model.safetensors" - <&7
exec 7<&-
[ "$(stat -c %i "$file")" = "$number" ] || fail "the inode number changed"
[ "$(metric backing_bytes)" = "$size" ] || fail "$(metric backing_bytes) bytes in backing files"
[ "$(getfattr --only-values -n user.bundlefs.resident "$file")" = "$size" ] || fail "not all resident"
checks same-tree "$SRC" "$MNT/acme/one/1" mount
checks mmap-random "$SRC/model.safetensors" "$file" 4 500
(cd "$MNT/acme/one/1" && sha256sum --quiet -c SHA256SUMS)
before=$(metric read_requests_total)
for _ in 1 2 3 4 5 6 7 8; do cmp "$SRC/model.safetensors" "$file" & done
wait
[ "$(metric read_requests_total)" = "$before" ] || fail "the daemon was asked for what the kernel has"
checks writes-refused "$MNT/acme/one/1" "$file" "$MNT/acme/one/latest"
[ -z "$(ls -A "$backing")" ] || fail "a backing file has a name"

# Killed, it leaves nothing.
pid=$(daemon_pid)
kill -9 "$pid"
wait_until 5 not kill -0 "$pid"
[ -z "$(ls -A "$backing")" ] || fail "something was left behind"
unmount

# Another file system on top: the mount counts as one layer, so one more fits.
mkdir "$TMP/over" "$TMP/empty"
mount_store -o "backing=$backing,warm=acme/one:1"
mount -t overlay overlay -o "lowerdir=$MNT/acme/one/1:$TMP/empty" "$TMP/over"
over=0
cmp "$SRC/model.safetensors" "$TMP/over/model.safetensors" || over=$?
umount "$TMP/over"
[ "$over" = 0 ] || fail "other bytes through an overlay"
[ "$(metric passthrough_opens_total)" = 1 ] || fail "$(metric passthrough_opens_total) opens in the kernel"
unmount

# In memory; from the first read on.
mount_store -o backing=memory,backing_fill=first,backing_size=64M
cmp "$SRC/model.safetensors" "$file"
wait_until 20 metric_is backing_files 1
cmp "$SRC/model.safetensors" "$file"
checks mmap-random "$SRC/model.safetensors" "$file" 4 500
[ "$(metric passthrough_opens_total)" = 2 ] || fail "$(metric passthrough_opens_total) opens in the kernel"
unmount

# Only what is asked for; and off.
mount_store -o "backing=$backing,backing_fill=warm"
for _ in 1 2 3; do cmp "$SRC/model.safetensors" "$file"; done
[ "$(metric backing_bytes)" = 0 ] || fail "filled without being asked"
unmount
mount_store -o passthrough=off
grep -q '"passthrough_reason": "-o passthrough=off"' "$MNT/.bundlefs/health.json"
for _ in 1 2 3; do cmp "$SRC/model.safetensors" "$file"; done
[ "$(metric passthrough_opens_total)" = 0 ] || fail "passthrough although it is off"
unmount
mount_store -o "backing=$TMP/nowhere"
grep -q '"passthrough": "off"' "$MNT/.bundlefs/health.json"
grep -q 'no passthrough: .*nowhere' "$LOGS/daemon.log"
cmp "$SRC/model.safetensors" "$file"
unmount
