#!/usr/bin/env bash
# PyTorch maps a safetensors file on the mount and sees equal tensors.
# TIMEOUT: 120
# NOT-UNDER: thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
/usr/bin/python3 -c 'import torch' 2>/dev/null || skip "needs python3-torch"

make_model "$SRC" --dtype mixed --shards 2 --tensor-size 1M
pack acme/torch:1
mount_store
compare() { "$INTEGRATION/runtimes/torch_compare.py" "$@"; }
for shard in "$SRC"/*.safetensors; do
    compare "$shard" "$MNT/acme/torch/1/${shard##*/}"
done
unmount
# One changed byte is seen: the comparison can fail.
cp "$shard" "$TMP/changed.safetensors"
store_tool flip "$TMP/changed.safetensors" -1000
if compare "$shard" "$TMP/changed.safetensors" 2>/dev/null; then
    fail "a changed tensor counts as equal"
fi
