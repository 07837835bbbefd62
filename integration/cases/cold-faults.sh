#!/usr/bin/env bash
# A file that is read directly from a fresh mount costs the daemon few page faults: decoded chunks share huge
# pages, and where the kernel has none, chunks that the reader has passed are used again.
# TIMEOUT: 120
# NOT-UNDER: address thread
# ALLOW-LOG: no passthrough
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_safetensors "$SRC" --size 256M
pack acme/large:1
file=$MNT/acme/large/1/model.safetensors
# The tenth field of stat; the second, which may hold spaces, ends with the last parenthesis.
faults() { sed 's/.*) //' "/proc/$(daemon_pid)/stat" | cut -d' ' -f8; }

# read_within SHARE: no more than one fault for SHARE pages.
read_within() {
    local before count pages
    is_mounted
    dd if="$file" iflag=direct bs=1M count=1 status=none | cmp -n 1048576 - "$SRC/model.safetensors"
    before=$(faults)
    dd if="$file" iflag=direct bs=1M status=none | cmp - "$SRC/model.safetensors"
    count=$(($(faults) - before)) pages=$(($(stat -c %s "$SRC/model.safetensors") / 4096))
    [ "$count" -le $((pages / $1)) ] || fail "$count page faults for $pages pages; at most $((pages / $1)) are right"
    unmount
}

if grep -q '\[[am][a-z]*\]' /sys/kernel/mm/transparent_hugepage/enabled; then
    mount_store -o cache_size=256M
    read_within 4
fi
without_huge_pages() {
    python3 -c 'import ctypes, os, sys; ctypes.CDLL(None).prctl(41, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])' "$@"
}
without_huge_pages "$BUNDLEFS" mount "$STORE" "$MNT" -o "cache_size=256M,log=$LOGS/daemon.log"
read_within 2
