#!/usr/bin/env bash
# ONNX Runtime loads a model with external data from the mount and computes the same bits.
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
make_onnx "$TMP/other" --seed 2
[ "$(output "$TMP/other/model.onnx")" != "$want" ] || fail "outputs do not depend on the weights"
