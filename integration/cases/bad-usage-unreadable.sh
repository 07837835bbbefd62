#!/usr/bin/env bash
# A file that the packer may not read is named, and nothing is packed.
# TIMEOUT: 30
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

printf '{}' >"$SRC/config.json"
printf secret >"$SRC/secret.bin"
chmod 000 "$SRC/secret.bin"
packer=("$BUNDLEFS")
if [ "$(id -u)" = 0 ]; then
    need_command setpriv
    cp "$BUNDLEFS" "$TMP/bundlefs"
    chown 65534:65534 "$STORE" "$LOGS" "$TMP"
    packer=(run_as_nobody "$TMP/bundlefs")
fi
expect_refusal 1 "${packer[@]}" pack "$STORE/new" acme/x:1 "$SRC"
grep -q secret.bin "$ERR" || fail "the line does not name the file: $(cat "$ERR")"
chmod 644 "$SRC/secret.bin"
expect_exit 0 "${packer[@]}" pack "$STORE/new" acme/x:1 "$SRC"
expect_exit 0 "${packer[@]}" verify "$STORE/new"
