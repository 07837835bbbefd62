#!/usr/bin/env bash
# Eight readers stream a large file: memory of the daemon stays within its cache and 64 MiB.
# TIMEOUT: 120
# EXCLUSIVE
# NOT-UNDER: address thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
mib=$((1 << 20))

make_safetensors "$SRC" --size 200M
pack acme/large:1
for cache in 32 64; do
    mount_store -o cache_size=${cache}M
    pid=$(daemon_pid)
    [ "$(id -u)" != 0 ] || drop_caches
    checks parallel-readers "$MNT/acme/large/1/model.safetensors" "$SRC/model.safetensors" 8
    checks rss "$pid" $(((cache + 64) * mib))
    unmount
done
