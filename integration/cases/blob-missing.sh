#!/usr/bin/env bash
# A blob that goes missing under a mount: EIO, the daemon lives, and reading recovers with the blob.
# TIMEOUT: 60
# ALLOW-LOG: .
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --seed 1
make_model "$TMP/other" --seed 2
pack acme/hurt:1
pack acme/well:1 "$TMP/other"
blob=$(store_tool blob "$STORE" acme/hurt:1 data)
mv "$blob" "$TMP/blob"
mount_foreground
expect_errno EIO read "$MNT/acme/hurt/1/model.safetensors"
checks same-tree "$TMP/other" "$MNT/acme/well/1" mount
cp "$TMP/blob" "$blob"
wait_until 10 cmp -s "$SRC/model.safetensors" "$MNT/acme/hurt/1/model.safetensors"

# The whole store goes away and comes back.
unmount
mount_foreground -o timeout=2
mv "$STORE" "$TMP/away"
expect_errno EIO read "$MNT/acme/well/1/model.safetensors"
kill -0 "$DAEMON"
mv "$TMP/away" "$STORE"
wait_until 10 cmp -s "$TMP/other/model.safetensors" "$MNT/acme/well/1/model.safetensors"
unmount
