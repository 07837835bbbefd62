#!/usr/bin/env bash
# What packing leaves of trained-looking weights, the whole store with its metadata counted.
# TIMEOUT: 120
# NOT-UNDER: address thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

for row in bf16:670 f32:840 f16:860; do
    dtype=${row%:*} most=${row#*:}
    rm -rf "$TMP/model" "$TMP/store"
    make_safetensors "$TMP/model" --size 64M --dtype "$dtype"
    "$BUNDLEFS" pack "$TMP/store" "acme/$dtype:1" "$TMP/model" 2>>"$LOGS/pack.log"
    raw=$(disk_usage "$TMP/model")
    left=$(($(disk_usage "$TMP/store") * 10000 / raw))
    echo "$dtype: $left / 10000 of the size are left"
    [ "$left" -le $((most * 10)) ] || fail "$dtype: $left / 10000 left, above $most / 1000"
    expect_exit 0 "$BUNDLEFS" verify "$TMP/store"
done
