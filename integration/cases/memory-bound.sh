#!/usr/bin/env bash
# The daemon's memory stays within its cache and 64 MiB, whatever is asked of it: readers of all kinds,
# a thousand handles, whole files proved, backing files filled, all of a thousand bundles looked at.
# TIMEOUT: 240
# EXCLUSIVE
# NOT-UNDER: address thread
# ALLOW-LOG: no passthrough
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
mib=$((1 << 20)) cache=32
ulimit -n 4096

mkdir "$TMP/tiny" "$TMP/backing"
echo '{}' >"$TMP/tiny/config.json"
"$BUNDLEFS" pack "$TMP/one" tiny/one:1 "$TMP/tiny" 2>>"$LOGS/pack.log"
rmdir "$STORE"
store_tool multiply "$TMP/one" "$STORE" 1000
make_safetensors "$SRC" --size 128M
pack acme/large:1
file=$MNT/acme/large/1/model.safetensors source=$SRC/model.safetensors

forget() { [ "$(id -u)" != 0 ] || drop_caches; }

for verify in always once strict; do
    for passthrough in passthrough=off "backing=$TMP/backing,backing_fill=first"; do
        options=cache_size=${cache}M,verify=$verify,$passthrough
        mount_store -o "$options"
        for _ in 1 2; do
            forget
            checks parallel-readers "$file" "$source" 8
        done
        forget
        checks mmap-random "$source" "$file" 16 200
        checks direct-readers "$file" "$source" 8
        checks look-at-all "$MNT"
        checks many-handles "$MNT" 1000
        checks rss "$(daemon_pid)" $(((cache + 64) * mib)) || fail "too much memory: $options"
        unmount
    done
done
