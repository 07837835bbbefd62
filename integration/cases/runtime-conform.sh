#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One bundle, the same fixtures: ONNX Runtime answers them on one view, llama.cpp on another of 8-bit
# weights and on the bundle itself; a model with other weights does not.
# TIMEOUT: 180
# NOT-UNDER: thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command node npm
[ "$(uname -m)" = x86_64 ] || skip "the pinned llama.cpp binary is for x86_64"
"$INTEGRATION/runtimes/install" || skip "npm cannot install the runtimes"

export TMPDIR=$TMP/run
mkdir "$TMPDIR"
ask() { "$BUNDLEFS" conform "$STORE" "$@" -- node "$INTEGRATION/runtimes/conform.mjs"; }

"$INTEGRATION/models/make_one_token.py" "$SRC"
pack acme/one-token:1.0.0 "$SRC" --view cpu-q8_0
expect_exit 0 "$BUNDLEFS" check "$STORE" acme/one-token:1.0.0
expect_exit 0 ask acme/one-token:1.0.0 --all
for view in bundle cpu-q8_0 ort-cpu; do
    [ "$(grep -c "^passed $view token-[0-9]*: 1 values, largest difference 0$" "$OUT")" = 3 ] || fail "$view: $(cat "$OUT")"
done
[ "$(grep -c '^ONNX Runtime: ' "$ERR")" = 3 ] || fail "ONNX Runtime did not run: $(cat "$ERR")"
[ "$(grep -c '^llama.cpp: ' "$ERR")" = 6 ] || fail "llama.cpp did not run: $(cat "$ERR")"

# The same expectations of other weights fail, in both runtimes.
"$INTEGRATION/models/make_one_token.py" "$TMP/other" --seed 2
cp "$SRC/contract.json" "$TMP/other/"
cp "$SRC"/fixtures/* "$TMP/other/fixtures/"
pack acme/one-token:1.0.1 "$TMP/other" --view cpu-q8_0
expect_exit 1 ask acme/one-token:1.0.1 --view cpu-q8_0 --view ort-cpu
for view in cpu-q8_0 ort-cpu; do
    grep -q "^differs $view token-[0-9]*: next_token: 1 of 1 values" "$OUT" || fail "$view: $(cat "$OUT")"
done
[ -z "$(ls -A "$TMPDIR")" ] || fail "something is left in $TMPDIR"
