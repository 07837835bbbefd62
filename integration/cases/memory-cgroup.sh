#!/usr/bin/env bash
# In a control group of 100 MB, eight readers get all bytes, and the daemon with its defaults is not killed.
# TIMEOUT: 120
# EXCLUSIVE
# NOT-UNDER: address thread
# ALLOW-LOG: no passthrough
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "makes a control group"

limit=100000000
# Sets GROUP and KILLS: a group of version 2 or 1 with that limit; its count of processes killed for memory.
make_group() {
    local name=bundlefs-case-$$ root
    for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        [ -e "$root/cgroup.controllers" ] || continue
        grep -qw memory "$root/cgroup.controllers" || continue
        grep -qw memory "$root/cgroup.subtree_control" || echo +memory >"$root/cgroup.subtree_control" 2>/dev/null || continue
        mkdir "$root/$name" 2>/dev/null || continue
        GROUP=$root/$name KILLS=memory.events
        echo "$limit" >"$GROUP/memory.max"
        return 0
    done
    root=/sys/fs/cgroup/memory
    [ -e "$root/memory.limit_in_bytes" ] && mkdir "$root/$name" 2>/dev/null || return 1
    GROUP=$root/$name KILLS=memory.oom_control
    echo "$limit" >"$GROUP/memory.limit_in_bytes"
}
make_group || skip "no control group with a memory limit can be made here"
# A group goes when its last process has ended.
trap '"$BUNDLEFS" umount --lazy "$MNT" 2>/dev/null || true; for _ in $(seq 50); do rmdir "$GROUP" 2>/dev/null && break; sleep 0.1; done; [ ! -d "$GROUP" ]' EXIT

make_safetensors "$SRC" --size 256M
pack acme/large:1
drop_caches
in_group() { bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' in-group "$GROUP" "$@"; }
in_group "$BUNDLEFS" mount "$STORE" "$MNT" -o "log=$LOGS/daemon.log" || fail "cannot mount"
is_mounted
file=$MNT/acme/large/1/model.safetensors
size=$(sed -n 's/^bundlefs_cache_limit_bytes //p' "$MNT/.bundlefs/metrics")
[ "$size" -le 33554432 ] || fail "the default cache has $size bytes in a group of $limit"
checks direct-readers "$file" "$SRC/model.safetensors" 8
checks parallel-readers "$file" "$SRC/model.safetensors" 8
is_mounted
kills=$(sed -n 's/^oom_kill //p' "$GROUP/$KILLS")
[ "$kills" = 0 ] || fail "$kills processes were killed for memory"
unmount
