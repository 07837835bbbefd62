#!/usr/bin/env bash
# The GGUF views hold, block for block, what NumPy makes of the rules: from one file and from a split
# model, from BF16, F16 and F32, where rows are whole blocks and where they are not. What cannot be
# made is named, and nothing is written.
# TIMEOUT: 120
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

declare -A FILE_TYPE=([Q8_0]=7 [Q4_0]=2 [Q4_K]=14 [Q6_K]=18)
VIEWS=(--view cpu-q8_0 --view cpu-q4_0 --view cpu-q4_k --view cpu-q6_k)
quantize() { "$INTEGRATION/models/quantize_gguf.py" "$@"; }
view_of() { echo "$MNT/acme/$1/1/views/cpu-${2,,}"; }

# expect_view MODEL TYPE FILE TYPES...: a file of the view against its source, and what is in it.
expect_view() {
    local view
    view=$(view_of "$1" "$2")/$3
    checks gguf-is-view-of "$view" "$TMP/$1/$3" "${FILE_TYPE[$2]}"
    checks gguf-has-types "$view" "${@:4}"
    quantize "$TMP/$1/$3" "$2" "$TMP/want.gguf"
    checks gguf-same-tensors "$view" "$TMP/want.gguf"
}

mkdir "$TMP"/{whole,odd,split}
make_gguf "$TMP/whole/model.gguf" --width 256 --hidden 512 --dtype bf16
make_gguf "$TMP/odd/model.gguf" --width 256 --hidden 320 --dtype f16
make_gguf "$TMP/split/model.gguf" --width 64 --hidden 72 --dtype f32 --split 3
echo '{}' >"$TMP/whole/tokenizer.json"
for model in whole odd split; do
    pack "acme/$model:1" "$TMP/$model" "${VIEWS[@]}"
done
mount_store
for type in "${!FILE_TYPE[@]}"; do
    expect_view whole "$type" model.gguf F32 "$type"
    cmp "$TMP/whole/tokenizer.json" "$(view_of whole "$type")/tokenizer.json"
done
# Rows of 320 are 10 blocks of 32, and 1.25 of 256.
expect_view odd Q8_0 model.gguf F32 Q8_0
expect_view odd Q4_0 model.gguf F32 Q4_0
expect_view odd Q4_K model.gguf F32 Q4_K Q5_0
expect_view odd Q6_K model.gguf F32 Q6_K Q8_0
# Rows of 72 are no whole blocks of any type; the first file has no tensors at all.
expect_view split Q8_0 model-00001-of-00003.gguf
for part in 2 3; do
    expect_view split Q4_0 "model-0000$part-of-00003.gguf" F32 F16 Q4_0
    expect_view split Q4_K "model-0000$part-of-00003.gguf" F32 F16 Q5_0
done
# Other values are other blocks: the comparison can fail.
make_gguf "$TMP/other.gguf" --width 256 --hidden 512 --dtype bf16 --seed 2
quantize "$TMP/other.gguf" Q8_0 "$TMP/want.gguf"
expect_exit 1 checks gguf-same-tensors "$(view_of whole Q8_0)/model.gguf" "$TMP/want.gguf"
unmount

# What was quantized already, a part that is missing, nothing to make a view of.
mkdir "$TMP"/{twice,part,none}
quantize "$TMP/whole/model.gguf" Q4_0 "$TMP/twice/model.gguf"
cp "$TMP"/split/model-0000[12]* "$TMP/part"
cp "$TMP/whole/tokenizer.json" "$TMP/none"
before=$(tree_state "$STORE")
refused() {
    expect_refusal 1 "$BUNDLEFS" pack "$STORE" "acme/$1:1" "$TMP/$1" --view cpu-q8_0
    grep -q "$2" "$ERR" || fail "the message lacks $2: $(cat "$ERR")"
    [ "$(tree_state "$STORE")" = "$before" ] || fail "a refused pack left something in the store"
}
refused twice 'cpu-q8_0.*model.gguf.*token_embd.weight.*Q4_0'
refused part 'model-00003-of-00003.gguf'
refused none 'cpu-q8_0.*no GGUF model'
# Headers that lie, and those that no reader of ggml would take.
mkdir "$TMP/spoiled"
while read -r how message; do
    checks gguf-spoil "$TMP/whole/model.gguf" "$TMP/spoiled/model.gguf" "$how"
    refused spoiled "model.gguf.*$message"
done <<'END'
removed-type token_embd.weight.*removed ggml type
overlap blk.0.attn_norm.weight.*padded sum
overflow token_embd.weight.*more bytes
beyond token_embd.weight.*padded sum
long-name nnnn.weight.*more than 63 bytes
deep-array "deep".*array of arrays
alignment-type general.alignment is not a u32
key-twice key occurs twice
END
"$BUNDLEFS" pack "$STORE" acme/twice:1 "$TMP/twice" --view cpu-q4_0 2>>"$LOGS/pack.log"
