#!/usr/bin/env bash
# Beyond a file size limit, verbs say so and leave nothing half done.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_safetensors "$TMP/small" --size 20K
make_safetensors "$TMP/big" --size 2M --seed 2
pack acme/small:1 "$TMP/small"

# expect_limit FILE-KIBIBYTES COMMAND...: exit 1, and a line that names the limit.
expect_limit() {
    local limit=$1 status=0 text
    shift
    # Through a pipe, because the limit holds for a file on stderr too.
    text=$( (ulimit -f "$limit" && exec "$@") 2>&1 >/dev/null) || status=$?
    [ "$status" = 1 ] || fail "exit $status instead of 1: $* : $text"
    [[ $text == *"ulimit -f"* ]] || fail "the line does not name the limit: $text"
}

before=$(sha256sum "$STORE/index.json")
expect_limit 200 "$BUNDLEFS" pack "$STORE" acme/big:1 "$TMP/big"
expect_limit 0 "$BUNDLEFS" rm "$STORE" acme/small:1
expect_limit 0 "$BUNDLEFS" keygen --no-password --out "$TMP/limited"
[ ! -e "$TMP/limited.key" ] || fail "keygen leaves a part of a key"
"$BUNDLEFS" keygen --no-password --out "$TMP/good" >/dev/null
expect_limit 0 "$BUNDLEFS" sign "$STORE" acme/small:1 --key "$TMP/good.key"
[ "$(sha256sum "$STORE/index.json")" = "$before" ] || fail "index.json was changed"
[ -z "$(ls "$STORE/.bundlefs/tmp")" ] || fail "temporary files are left: $(ls "$STORE/.bundlefs/tmp")"
expect_exit 0 "$BUNDLEFS" verify "$STORE"

pack acme/big:1 "$TMP/big"
expect_limit 200 "$BUNDLEFS" unpack "$STORE" acme/big:1 "$TMP/out"
[ -z "$(find "$TMP" -maxdepth 1 -name 'out*')" ] || fail "unpack leaves a part"
"$BUNDLEFS" unpack "$STORE" acme/big:1 "$TMP/out" 2>>"$LOGS/unpack.log"
checks same-tree "$TMP/big" "$TMP/out"
