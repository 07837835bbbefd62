#!/usr/bin/env bash
# A pack takes no more memory for a file of 98 thousand chunks than for a small one, and none for the
# tables that the store holds of it; a limit on memory changes nothing in what is packed.
# TIMEOUT: 300
# NOT-UNDER: address thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command prlimit

# limited MIB STORE NAME:VERSION DIR: within so much private memory.
limited() {
    prlimit --data=$(($1 << 20)) "$BUNDLEFS" pack "$2" "$3" "$4" --chunk-size 64K --jobs 1 >"$OUT" 2>"$ERR"
}

mkdir "$TMP/small" "$TMP/large"
truncate -s 64M "$TMP/small/hole.bin"
truncate -s 6G "$TMP/large/hole.bin"
printf 'end' | dd of="$TMP/large/hole.bin" bs=1 seek=$((5 << 30)) conv=notrunc status=none

least=16
until limited "$least" "$TMP/first" acme/small:1 "$TMP/small"; do
    least=$((least + 8))
    [ "$least" -le 256 ] || fail "a small model does not pack: $(cat "$ERR")"
done
# The table alone is 8 MB, and was there several times when it was made in memory.
most=$((least + 16))
export SOURCE_DATE_EPOCH=1700000000
limited "$most" "$STORE" acme/large:1 "$TMP/large" || fail "needs more than $most MiB: $(cat "$ERR")"
# Without a limit it is the same bundle.
"$BUNDLEFS" pack "$TMP/free" acme/large:1 "$TMP/large" --chunk-size 64K 2>>"$LOGS/pack.log"
[ "$(store_tool digest "$TMP/free" acme/large:1)" = "$(store_tool digest "$STORE" acme/large:1)" ] ||
    fail "another bundle without a limit"
# Another version learns the table that the store has now.
echo more >"$TMP/large/more.txt"
limited "$most" "$STORE" acme/large:2 "$TMP/large" || fail "with a store, needs more than $most MiB: $(cat "$ERR")"
[ -z "$(ls -A "$STORE/.bundlefs/tmp")" ] || fail "left: $(ls -A "$STORE/.bundlefs/tmp")"

