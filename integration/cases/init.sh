#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A starter contract packs and passes the check, for every template and container; it says what the
# directory says; nothing that is there is changed.
source "$(dirname "$0")/../lib.sh"

says() { # FILE EXPRESSION: a Python expression over the document `c`
    python3 -c 'import json, sys; c = json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' "$1" "$2" ||
        fail "not in $1: $2"
}

for template in server edge batch; do
    make_model "$TMP/st-$template"
    printf -- '---\nlanguage: en\nlicense: "apache-2.0" # ours\n---\nlicense: mit\n' >"$TMP/st-$template/README.md"
    mkdir "$TMP/gguf-$template"
    make_gguf "$TMP/gguf-$template/model.gguf"
    for kind in st gguf; do
        dir=$TMP/$kind-$template
        expect_exit 0 "$BUNDLEFS" init "$dir" --template "$template"
        [ "$(cat "$OUT")" = "$(printf '%s/contract.json\n%s/bundle.json' "$dir" "$dir")" ] || fail "init names $(cat "$OUT")"
        says "$dir/contract.json" '[one["name"] for one in c["inputs"]] == ["input_ids", "attention_mask"]'
        says "$dir/contract.json" 'c["outputs"][0]["shape"][:2] == [-1, -1] and len(c["outputs"][0]["shape"]) == 3'
        pack "acme/$kind-$template:1.0.0" "$dir"
        expect_exit 0 "$BUNDLEFS" check "$STORE" "acme/$kind-$template:1.0.0" --json
        says "$OUT" 'c["n_errors"] == 0 and {f["id"] for f in c["findings"]} <= {"fixture-none", "host-view", "licence-none"}'
    done
    says "$TMP/st-$template/contract.json" 'c["licenses"] == ["apache-2.0"]'
    says "$TMP/gguf-$template/contract.json" '"licenses" not in c and c["outputs"][0]["shape"][2] > 1'
done
says "$TMP/st-server/bundle.json" 'c["views"] == ["gpu-bf16", "gpu-fp8"]'
says "$TMP/st-edge/bundle.json" 'c["views"] == ["cpu-f32"]'
says "$TMP/gguf-server/bundle.json" 'c["views"] == ["cpu-q8_0"]'
says "$TMP/st-server/contract.json" '[one.get("view") for one in c["runtimes"]] == [None, "gpu-bf16", "gpu-fp8"]'

# nothing is overwritten
cp "$TMP/st-server/contract.json" "$TMP/before"
expect_refusal 1 "$BUNDLEFS" init "$TMP/st-server" --template batch
cmp "$TMP/before" "$TMP/st-server/contract.json"
make_model "$SRC"
echo '{"schema_version": "1.0", "views": []}' >"$SRC/bundle.json"
cp "$SRC/bundle.json" "$TMP/before"
printf 'MIT License\n\nPermission is hereby granted, free of charge, to any person\n' >"$SRC/LICENSE"
expect_exit 0 "$BUNDLEFS" init "$SRC"
cmp "$TMP/before" "$SRC/bundle.json"
says "$SRC/contract.json" 'c["licenses"] == ["MIT"] and len(c["runtimes"]) == 1'

# no tensors: no inputs, no views
mkdir "$TMP/plain"
echo text >"$TMP/plain/notes.txt"
expect_exit 0 "$BUNDLEFS" init "$TMP/plain" --template edge
[ ! -e "$TMP/plain/bundle.json" ] || fail "a list of views without tensors"
says "$TMP/plain/contract.json" '"inputs" not in c and "runtimes" not in c'
expect_refusal 2 "$BUNDLEFS" init "$TMP/plain" --template huge
expect_refusal 1 "$BUNDLEFS" init "$TMP/missing"
