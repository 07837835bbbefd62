#!/usr/bin/env bash
# config.json and the index of shards in the dialect of Python's json module: Infinity, NaN, huge integers, keys that
# occur twice. The files are packed as they are, the contract knows the architecture, and a view keeps every literal.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --dtype bf16 --shards 2
python3 - "$SRC" <<'EOF2'
import json, sys
folder = sys.argv[1]
config = {"model_type": "nemotron_h", "time_step_limit": [0.0, float("inf")], "floor": float("-inf"), "unset": float("nan"),
          "seed": 1 << 80, "odd": "\ud800", "torch_dtype": "float32", "text_config": {"dtype": "float32", "limit": float("inf")}}
text = json.dumps(config, indent=2)
open(folder + "/config.json", "w").write(text.replace("{", '{\n  "model_type": "first",', 1))
index = json.load(open(folder + "/model.safetensors.index.json"))
index["metadata"]["scale"] = float("inf")
json.dump(index, open(folder + "/model.safetensors.index.json", "w"))
EOF2

expect_exit 0 "$BUNDLEFS" init "$SRC" --template edge
rm "$SRC/contract.json" "$SRC/bundle.json"
pack acme/python:1 "$SRC" --view gpu-bf16 --view gpu-fp8 --view gpu-fp8-block
expect_exit 0 "$BUNDLEFS" verify "$STORE"
expect_exit 0 "$BUNDLEFS" check "$STORE" acme/python:1
expect_exit 0 "$BUNDLEFS" unpack --metadata "$STORE" acme/python:1 "$TMP/out"
cmp "$SRC/config.json" "$TMP/out/config.json"
checks json-value "$TMP/out/contract.json" 'it["model"]["architecture"]' nemotron_h
for view in gpu-bf16 gpu-fp8 gpu-fp8-block; do
    python3 - "$SRC" "$TMP/out/views/$view" <<'EOF2'
import json, sys
def read(path):
    return json.load(open(path), object_pairs_hook=lambda pairs: [(name, repr(value)) if not isinstance(value, list) else (name, value) for name, value in pairs])
source, view = sys.argv[1:]
quantized = "fp8" in view
want = json.loads(open(source + "/config.json").read())
got = json.loads(open(view + "/config.json").read())
quantization = got.pop("quantization_config", None)
assert (quantization is not None) == quantized, quantization
if quantized:
    ignored = quantization.get("ignore") or quantization["modules_to_not_convert"]
    assert "lm_head" in ignored, ignored
assert got.pop("torch_dtype") == "bfloat16" and want.pop("torch_dtype") == "float32"
assert got["text_config"].pop("dtype") == "bfloat16" and want["text_config"].pop("dtype") == "float32"
assert repr(got) == repr(want), (got, want)  # NaN differs from itself, its text does not
text = open(view + "/config.json").read()
for literal in ("Infinity", "-Infinity", "NaN", str(1 << 80), '"\\ud800"', '"first"'):
    assert literal in text, literal
index = json.load(open(view + "/model.safetensors.index.json"))
assert index["metadata"]["scale"] == float("inf") and index["metadata"]["total_size"] > 0, index["metadata"]
assert set(index["weight_map"].values()) == {f"model-0000{i}-of-00002.safetensors" for i in (1, 2)}
EOF2
done

# What Python refuses is refused, and named.
echo '{"model_type": "llama", "x": nan}' >"$SRC/config.json"
expect_refusal 1 "$BUNDLEFS" pack "$STORE" acme/python:2 "$SRC" --view gpu-bf16
grep -q 'config.json' "$ERR" || fail "$(cat "$ERR")"
