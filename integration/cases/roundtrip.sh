#!/usr/bin/env bash
# What goes in comes out: through the mount and through unpack, with every kind of entry.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --dtype mixed --shards 3 --tensor-size 1M
mkdir -p "$SRC/assets/deep/er" "$SRC/empty-dir"
: >"$SRC/empty-file"
printf x >"$SRC/one-byte"
head -c 300000 /dev/zero >"$SRC/assets/zeros.bin"
head -c 262145 /dev/urandom >"$SRC/assets/deep/noise.bin"
seq 1 50000 >"$SRC/assets/deep/er/numbers.txt"
printf '#!/bin/sh\n' >"$SRC/assets/run-me"
chmod 755 "$SRC/assets/run-me"
chmod 640 "$SRC/one-byte"
chmod 700 "$SRC/assets/deep"
ln -s ../config.json "$SRC/assets/config-link"
ln -s missing-here "$SRC/dangling"
ln -s assets/deep "$SRC/folder-link"
touch -d '2001-02-03 04:05:06.789' "$SRC/one-byte" "$SRC/empty-file"
touch -d '2020-02-29 23:59:59' "$SRC/empty-dir" "$SRC/assets/deep"

pack acme/tiny-llama:1.0.0
mount_store
bundle=$MNT/acme/tiny-llama/1.0.0

checks same-tree "$SRC" "$bundle" mount
diff -r --no-dereference -x manifest.json -x contract.json -x SHA256SUMS -x signatures -x views \
    "$SRC" "$bundle"
(cd "$bundle" && sha256sum -c --quiet --strict SHA256SUMS)
# Every regular file of the source is in the list.
listed=$(wc -l <"$bundle/SHA256SUMS")
[ "$listed" -ge "$(find "$SRC" -type f | wc -l)" ] || fail "SHA256SUMS lists only $listed files"
# The digest of what manifest.json shows is the digest of the config blob: the exact bytes.
cmp "$bundle/manifest.json" "$(store_tool blob "$STORE" acme/tiny-llama:1.0.0 config)"
python3 -m json.tool "$bundle/contract.json" >/dev/null
unmount

"$BUNDLEFS" unpack "$STORE" acme/tiny-llama:1.0.0 "$TMP/out" 2>>"$LOGS/unpack.log"
checks same-tree "$SRC" "$TMP/out"
expect_exit 0 "$BUNDLEFS" verify "$STORE"
expect_exit 0 "$BUNDLEFS" verify "$STORE" acme/tiny-llama:1.0.0
