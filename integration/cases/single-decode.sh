#!/usr/bin/env bash
# Eight readers of one file decode each chunk once between them, and a sequential reader with a
# small cache decodes none twice, with and without a large read-ahead window.
# TIMEOUT: 60
# NOT-UNDER: thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

# 16 tensors of 4 MiB in chunks of 256 KiB: 256 chunks, and a few for header and norms.
make_safetensors "$SRC" --size 64M --tensor-size 4M
pack acme/once:1 "$SRC" --chunk-size 256K
least=256 most=290
file=$MNT/acme/once/1/model.safetensors

decoded() {
    cat "$MNT/.bundlefs/metrics" >"$TMP/metrics"
    checks metric "$TMP/metrics" bundlefs_chunks_decoded_total
}
in_range() {
    local count
    count=$(decoded)
    [ "$count" -ge $least ] && [ "$count" -le $most ] || fail "$1: $count chunks decoded, not $least to $most"
}

mount_store -o cache_size=128M
[ "$(decoded)" = 0 ] || fail "mounting decoded chunks"
checks parallel-readers "$file" "$SRC/model.safetensors" 8
in_range "8 readers"
unmount

for options in cache_size=16M cache_size=16M,read_ahead_kb=128 cache_size=16M,workers=1; do
    mount_store -o "$options"
    stat "$file" >/dev/null
    ls -lR "$MNT/acme" >/dev/null
    [ "$(decoded)" -le 2 ] || fail "stat and ls decoded $(decoded) chunks"
    checks sequential "$SRC/model.safetensors" "$file" 131072
    in_range "sequential, $options"
    unmount
done
