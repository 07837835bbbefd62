#!/usr/bin/env bash
# A pack takes at most 1 KB of memory for each tensor: 100,000 more tensors need at most 98 MiB more than one,
# whether the header has them by offset or in another order.
# TIMEOUT: 120
# NOT-UNDER: address thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command prlimit

# write_model DIR TENSORS STEP: tensors of one byte; STEP -1 has the last one first in the header.
write_model() {
    mkdir -p "$1"
    /usr/bin/python3 - "$@" <<'PY'
import json, struct, sys
count, step = int(sys.argv[2]), int(sys.argv[3])
text = json.dumps({f"model.layers.{i:06}.weight": {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]}
                   for i in range(count)[::step]}).encode()
with open(sys.argv[1] + "/model.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + bytes(count))
PY
}

# limited MIB NAME:VERSION DIR: within so much private memory.
limited() {
    prlimit --data=$(($1 << 20)) "$BUNDLEFS" pack "$STORE" "$2" "$3" --jobs 1 >"$OUT" 2>"$ERR"
}

write_model "$TMP/one" 1 1
write_model "$TMP/ordered" 100000 1
write_model "$TMP/reversed" 100000 -1

least=16
until limited "$least" acme/one:1 "$TMP/one"; do
    least=$((least + 16))
    [ "$least" -le 256 ] || fail "a model of one tensor does not pack: $(cat "$ERR")"
done
most=$((least + 98))
for order in ordered reversed; do
    limited "$most" "acme/$order:1" "$TMP/$order" || fail "$order: needs more than $most MiB: $(cat "$ERR")"
done
