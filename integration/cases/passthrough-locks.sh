#!/usr/bin/env bash
# Locks and O_DIRECT are the same before and after the kernel reads a file by itself: it is one file,
# whichever of its two kernel inodes a process has open.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "passthrough needs CAP_SYS_ADMIN"

make_model
pack acme/one:1
file=$MNT/acme/one/1/model.safetensors
mkdir "$TMP/backing"
metric() { sed -n "s/^bundlefs_$1 //p" "$MNT/.bundlefs/metrics"; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }

# What holds on both sides: $1 is a new open of the file, beside descriptor 7, which has it locked.
check_open() {
    exec 8<"$file"
    expect_exit 1 flock -n -x 8
    expect_exit 1 flock -n -s 8
    # A write lock wants a descriptor that is open for writing, and read locks never conflict: with
    # fcntl(2) nobody can keep anybody out, so the kernel may keep these locks by inode.
    python3 - <<'PY'
import errno, fcntl, struct
flock = lambda kind: struct.pack("hhqqi4x", kind, 0, 0, 0, 0)
for command in (fcntl.F_SETLK, fcntl.F_OFD_SETLK if hasattr(fcntl, "F_OFD_SETLK") else 37):
    for fd in (7, 8):
        fcntl.fcntl(fd, command, flock(fcntl.F_RDLCK))
        try:
            fcntl.fcntl(fd, command, flock(fcntl.F_WRLCK))
        except OSError as e:
            assert e.errno == errno.EBADF, e
        else:
            raise SystemExit("a write lock on a read-only mount")
PY
    exec 8<&-
    dd if="$SRC/model.safetensors" of="$TMP/right" bs=1000 skip=13 count=3000 \
        iflag=skip_bytes,count_bytes status=none
    for bs in 1000 512 4096; do
        dd if="$file" of="$TMP/odd" bs=$bs skip=13 count=3000 iflag=direct,skip_bytes,count_bytes \
            status=none
        cmp "$TMP/right" "$TMP/odd"
    done
}

mount_store -o "backing=$TMP/backing"
grep -q '"passthrough": "on"' "$MNT/.bundlefs/health.json" ||
    skip "no passthrough here: $(grep passthrough "$MNT/.bundlefs/health.json")"
exec 7<"$file"
flock -n -x 7
check_open
for _ in 1 2; do cmp "$SRC/model.safetensors" "$file"; done
wait_until 20 metric_is backing_files 1
cmp "$SRC/model.safetensors" "$file"
[ "$(metric passthrough_opens_total)" = 1 ] || fail "$(metric passthrough_opens_total) opens in the kernel"
check_open

# O_DIRECT opens are beside the kernel's own; the file can be mapped by each, and goes on.
checks mmap-random "$SRC/model.safetensors" "$file" 4 500
cmp "$SRC/model.safetensors" "$file"

# Who waits gets the lock when it is given up, by either, and a signal ends the wait.
exec 8<"$file"
expect_exit 124 timeout 1 flock -x 8
flock -x 8 7<&- & # which would keep the lock itself
waiter=$!
exec 7<&-
wait "$waiter"
exec 7<"$file"
expect_exit 1 flock -n -s 7
flock -u 8
flock -n -x 7
exec 7<&- 8<&-
wait_until 5 flock -n -x "$file" true
unmount
