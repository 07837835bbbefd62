#!/usr/bin/env bash
# latest points to the highest release by version precedence, not by text or by time.
# TIMEOUT: 30
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

printf x >"$SRC/config.json"
for version in 1.10.0 1.9.0 2.0.0-rc.1 1.2.0; do
    pack "acme/tiny:$version"
done
pack other:0.1
mount_store
[ "$(readlink "$MNT/acme/tiny/latest")" = 1.10.0 ] || fail "latest -> $(readlink "$MNT/acme/tiny/latest")"
[ "$(readlink "$MNT/other/latest")" = 0.1 ] || fail "other/latest -> $(readlink "$MNT/other/latest")"
cmp "$MNT/acme/tiny/latest/config.json" "$SRC/config.json"

is_latest() { [ "$(readlink "$MNT/acme/tiny/latest")" = "$1" ]; }
pack acme/tiny:2.0.0
wait_until 2 is_latest 2.0.0
"$BUNDLEFS" rm "$STORE" acme/tiny:2.0.0 2>>"$LOGS/rm.log"
wait_until 2 is_latest 1.10.0
unmount
