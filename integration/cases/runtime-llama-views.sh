#!/usr/bin/env bash
# llama.cpp loads and generates from every cpu-q* view on a mount, mapped and read: the tokens of the
# same model quantized by NumPy, and blocks that its own quantizer makes.
# TIMEOUT: 180
# NOT-UNDER: address thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command node npm
[ "$(uname -m)" = x86_64 ] || skip "the pinned llama.cpp binary is for x86_64"
"$INTEGRATION/runtimes/install" || skip "npm cannot install the runtimes"

tokens() { node "$INTEGRATION/runtimes/llama.mjs" "$1" "$2" 32; }
quantize() { "$INTEGRATION/models/quantize_gguf.py" "$@"; }
VIEWS=(--view cpu-q8_0 --view cpu-q4_0 --view cpu-q4_k --view cpu-q6_k)

make_gguf "$SRC/model.gguf" --width 256 --hidden 512 --dtype bf16
pack acme/llama:1 "$SRC" "${VIEWS[@]}"
# The same weights in three files, some rows of which are no whole blocks of 256.
mkdir "$TMP/split"
make_gguf "$TMP/split/model.gguf" --width 256 --hidden 320 --split 3
make_gguf "$TMP/odd.gguf" --width 256 --hidden 320
pack acme/split:1 "$TMP/split" "${VIEWS[@]}"
mount_store
seen=$(tokens "$SRC/model.gguf" mmap)
for type in Q8_0 Q4_0 Q4_K Q6_K; do
    view=$MNT/acme/llama/1/views/cpu-${type,,}/model.gguf
    "$INTEGRATION/runtimes/llama_quantize.py" "$SRC/model.gguf" "$type" "$TMP/llama.gguf" \
        >>"$LOGS/quantize.log" 2>&1
    checks gguf-same-tensors "$view" "$TMP/llama.gguf"
    quantize "$SRC/model.gguf" "$type" "$TMP/want.gguf"
    want=$(tokens "$TMP/want.gguf" mmap)
    for how in mmap read; do
        got=$(tokens "$view" "$how")
        [ "$got" = "$want" ] || fail "$type, $how: $got instead of $want"
    done
    seen+=$'\n'$want
    quantize "$TMP/odd.gguf" "$type" "$TMP/want.gguf"
    want=$(tokens "$TMP/want.gguf" mmap)
    got=$(tokens "$MNT/acme/split/1/views/cpu-${type,,}/model-00001-of-00003.gguf" mmap)
    [ "$got" = "$want" ] || fail "$type, split: $got instead of $want"
done
unmount
# Other blocks give other tokens: the comparison can fail.
[ "$(sort -u <<<"$seen" | wc -l)" -gt 2 ] || fail "tokens do not depend on the blocks: $seen"
