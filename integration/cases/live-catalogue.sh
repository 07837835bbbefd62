#!/usr/bin/env bash
# Bundles packed or removed while mounted come and go within 2 seconds; open handles go on.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --seed 1
make_model "$TMP/second" --seed 2
pack acme/one:1
mount_store -o cache_size=16M
[ ! -e "$MNT/acme/two" ] || fail "a bundle that was never packed"
ls "$MNT" >/dev/null

pack acme/two:1 "$TMP/second"
wait_until 2 test -f "$MNT/acme/two/1/model.safetensors"
checks same-tree "$TMP/second" "$MNT/acme/two/1" mount
pack new-top:1 "$TMP/second"
wait_until 2 test -d "$MNT/new-top/1"
find "$MNT" -maxdepth 1 -name new-top | grep -q . || fail "a new name is not listed"

# A reader that opened a file before its bundle went away keeps its bytes, after gc too.
exec 7<"$MNT/acme/one/1/model.safetensors"
head -c 1000 <&7 >"$TMP/head"
"$BUNDLEFS" rm "$STORE" acme/one:1 2>>"$LOGS/rm.log"
wait_until 2 not test -e "$MNT/acme/one/1"
"$BUNDLEFS" gc "$STORE" >>"$LOGS/gc.log" 2>&1
cat <&7 >"$TMP/tail"
exec 7<&-
cat "$TMP/head" "$TMP/tail" | cmp - "$SRC/model.safetensors"
[ ! -e "$MNT/acme/one/1/config.json" ] || fail "a removed bundle can still be opened"

# What the kernel keeps of a directory's listing is dropped when it changes: a new name, one that
# went, and another target of a link.
lists() {
  local folder=$1
  shift
  [ "$(cd "$MNT/$folder" && echo *)" = "$*" ]
}
lists acme/two 1 latest || fail "not all is listed"
pack acme/two:2 "$TMP/second"
wait_until 2 lists acme/two 1 2 latest
[ "$(readlink "$MNT/acme/two/latest")" = 2 ] || fail "latest stays behind"
"$BUNDLEFS" rm "$STORE" acme/two:1 2>>"$LOGS/rm.log"
wait_until 2 lists acme/two 2 latest
"$BUNDLEFS" rm "$STORE" acme/two:2 2>>"$LOGS/rm.log"
wait_until 2 not test -e "$MNT/acme/two"

# A version that is packed anew under the same name shows its new content.
pack acme/one:1 "$TMP/second"
wait_until 2 cmp -s "$MNT/acme/one/1/config.json" "$TMP/second/config.json"
checks same-tree "$TMP/second" "$MNT/acme/one/1" mount
unmount
