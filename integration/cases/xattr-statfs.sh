#!/usr/bin/env bash
# Extended attributes and statfs tell the truth about digests, bundles and sizes.
# TIMEOUT: 30
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command getfattr

make_model
pack acme/meta:1
mount_store
bundle=$MNT/acme/meta/1
id=$(store_tool digest "$STORE" acme/meta:1)
for file in model.safetensors config.json tokenizer.json; do
    hex=$(sha256sum "$SRC/$file" | cut -d' ' -f1)
    checks xattrs "$bundle/$file" \
        "user.bundlefs.digest~(sha256:)?$hex" "user.bundlefs.bundle~.*${id#sha256:}.*" \
        'user.bundlefs.stored~[0-9]+' 'user.bundlefs.resident~[0-9]+'
    checks xattr-sizes "$bundle/$file" user.bundlefs.digest
done
getfattr -d "$bundle/model.safetensors" | grep -q '^user.bundlefs.digest='
stored=$(getfattr --only-values -n user.bundlefs.stored "$bundle/model.safetensors")
size=$(stat -c %s "$SRC/model.safetensors")
[ "$stored" -gt $((size / 2)) ] && [ "$stored" -lt $((size * 7 / 10)) ] ||
    fail "user.bundlefs.stored is $stored of $size bytes"
if getfattr -n user.bundlefs.nothing "$bundle/config.json" >/dev/null 2>&1; then
    fail "an attribute that does not exist was read"
fi

[ "$(stat -c %o "$bundle/model.safetensors")" = 4096 ] || fail "st_blksize is not 4096"
logical=$(checks disk-usage "$SRC")
checks statfs "$MNT" "$logical" "$(checks disk-usage "$STORE/blobs")"
checks statfs "$bundle/config.json" "$logical" "$(checks disk-usage "$STORE/blobs")"
unmount
