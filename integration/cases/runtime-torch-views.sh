#!/usr/bin/env bash
# PyTorch maps the views cpu-f32, gpu-bf16 and gpu-f16, and sees the values of its own casts; the
# widened view costs the store next to nothing.
# TIMEOUT: 180
# NOT-UNDER: thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
/usr/bin/python3 -c 'import torch' 2>/dev/null || skip "needs python3-torch"
compare() { "$INTEGRATION/runtimes/torch_views.py" "$@"; }

for dtype in bf16 f16 mixed; do
    make_model "$SRC/$dtype" --dtype "$dtype"
    pack "acme/$dtype:1" "$SRC/$dtype"
    size=$(disk_usage "$STORE")
    pack "acme/$dtype:2" "$SRC/$dtype" --view cpu-f32
    added=$(($(disk_usage "$STORE") - size))
    packed=$(($(stat -c %s "$SRC/$dtype/model.safetensors") / 100))
    # 1 % is the promise; a file system rounds each of the few small files up to a block.
    [ "$dtype" = mixed ] || [ "$added" -le $((packed + 65536)) ] ||
        fail "cpu-f32 of $dtype adds $added bytes"
    pack "acme/$dtype:3" "$SRC/$dtype" --view cpu-f32 --view gpu-bf16 --view gpu-f16
done
mount_store
for dtype in bf16 f16 mixed; do
    source=$SRC/$dtype/model.safetensors views=$MNT/acme/$dtype/3/views
    compare "$source" "$views/cpu-f32/model.safetensors" F32
    compare "$source" "$views/gpu-bf16/model.safetensors" BF16
    compare "$source" "$views/gpu-f16/model.safetensors" F16
done
unmount
if compare "$SRC/bf16/model.safetensors" "$SRC/f16/model.safetensors" F16 2>/dev/null; then
    fail "other values count as equal"
fi
