#!/usr/bin/env bash
# Everything that writes gives EROFS, everywhere on the mount.
# TIMEOUT: 30
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model
mkdir "$SRC/sub"
printf x >"$SRC/sub/file"
ln -s config.json "$SRC/link"
pack acme/ro:1
before=$(tree_state "$STORE")
mount_store
bundle=$MNT/acme/ro/1
checks writes-refused "$bundle" "$bundle/model.safetensors" "$bundle/link"
checks writes-refused "$bundle/sub" "$bundle/sub/file" "$bundle/link"
checks writes-refused "$bundle" "$bundle/SHA256SUMS" "$bundle/link"
checks writes-refused "$MNT" "$MNT/.bundlefs/metrics" "$MNT/acme/ro/latest"
checks writes-refused "$MNT/acme/ro" "$bundle/manifest.json" "$MNT/acme/ro/latest"
cmp "$SRC/model.safetensors" "$bundle/model.safetensors"
unmount
[ "$before" = "$(tree_state "$STORE")" ] || fail "the store changed under a mount"
