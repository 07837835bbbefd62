#!/usr/bin/env bash
# ONNX Runtime loads a model with external data, which starts at multiples of 4096, from the mount and
# computes the same bits; also from an opaque view.
# TIMEOUT: 60
# NOT-UNDER: thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command node npm
"$INTEGRATION/runtimes/install" || skip "npm cannot install the runtimes"

make_onnx "$SRC"
pack acme/onnx:1
mount_store
output() { node "$INTEGRATION/runtimes/onnxruntime.mjs" "$1"; }
want=$(output "$SRC/model.onnx")
got=$(output "$MNT/acme/onnx/1/model.onnx")
[ "$got" = "$want" ] || fail "$got instead of $want"
unmount

mkdir -p "$TMP/with-view/views/ort-cpu"
cp "$SRC"/* "$TMP/with-view/views/ort-cpu"
echo '{"hardware": "cpu", "runtime": "onnxruntime"}' >"$TMP/with-view/views/ort-cpu/view.json"
echo '# a card' >"$TMP/with-view/README.md"
pack acme/onnx:2 "$TMP/with-view"
mount_store
got=$(output "$MNT/acme/onnx/2/views/auto/model.onnx")
[ "$got" = "$want" ] || fail "view: $got instead of $want"
unmount
make_onnx "$TMP/other" --seed 2
[ "$(output "$TMP/other/model.onnx")" != "$want" ] || fail "outputs do not depend on the weights"
