#!/usr/bin/env bash
# Every way of reading that loaders use gives the source's bytes.
# TIMEOUT: 120
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_safetensors "$SRC" --size 24M --dtype mixed --tensor-size 3M
# A size that is no multiple of 4096 or of a chunk: tails are where readers go wrong.
head -c 1234567 /dev/urandom >"$SRC/opaque.bin"
printf 'seven b' >"$SRC/small.txt"
pack acme/reads:1
# A cache smaller than the file, so that chunks are evicted and decoded again.
mount_store -o cache_size=16M
bundle=$MNT/acme/reads/1

for file in model.safetensors opaque.bin small.txt; do
    from=$SRC/$file to=$bundle/$file
    cp "$to" "$TMP/copy" && cmp "$from" "$TMP/copy"
    dd if="$to" bs=1M status=none | cmp - "$from"
    dd if="$to" bs=1M iflag=direct status=none | cmp - "$from"
    checks direct "$from" "$to"
    checks sendfile "$from" "$to" "$TMP/copy"
    checks preadv "$from" "$to"
    checks sequential "$from" "$to" 131072
    checks sequential "$from" "$to" 99991
    checks mmap-random "$from" "$to" 16 4000
    checks random-reads "$from" "$to" 600 7 8
done
checks parallel-readers "$bundle/model.safetensors" "$SRC/model.safetensors" 8
unmount
