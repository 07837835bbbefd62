#!/usr/bin/env bash
# A load is traced once, and decoded ahead in that order the next time.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --seed 1
pack acme/one:1
metric() { sed -n "s/^bundlefs_$1_total //p" "$MNT/.bundlefs/metrics"; }
file=$MNT/acme/one/1/model.safetensors
blocks() { for i in 7 3 5 1 6 0 2 4; do dd if="$1" bs=1M skip=$i count=1 status=none; done; }

# What the kernel reads by itself would not be in it.
mount_foreground -o "trace=$TMP/trace"
grep -q '"passthrough": "off"' "$MNT/.bundlefs/health.json" || fail "the kernel may read by itself"
[ "$(id -u)" != 0 ] || grep -q '"passthrough_reason": "-o trace' "$MNT/.bundlefs/health.json" || fail "it is not said why"
cmp <(blocks "$SRC/model.safetensors") <(blocks "$file")
unmount
wait_until 15 not kill -0 "$DAEMON"
first=$(head -n 1 "$TMP/trace")
[[ $first == *'"path":"model.safetensors"'* ]] || fail "the trace begins with $first"
while read -r line; do python3 -m json.tool <<<"$line" >/dev/null; done <"$TMP/trace"

# The file that the trace begins with is opened, and all of it is decoded before anybody reads.
mount_foreground -o "replay=$TMP/trace,cache_size=64M"
exec 7<"$file"
all_there() { [ "$(metric decoded_bytes)" = "$(stat -c %s "$SRC/model.safetensors")" ]; }
wait_until 15 all_there
[ "$(metric read_requests)" = 0 ] || fail "somebody has read"
cmp <(blocks "$SRC/model.safetensors") <(blocks "$file")
cmp "$SRC/model.safetensors" "$file"
[ "$(metric chunks_decoded)" -le "$(metric replay_chunks)" ] || fail "decoded more than was replayed"
exec 7<&-
unmount

# Recorded and replayed in one file: a mount that fails leaves it alone, and so does one that reads nothing.
# A daemon that was killed while it wrote leaves half a line, and the rest is replayed.
cp "$TMP/trace" "$TMP/both"
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$TMP/trace" -o "replay=$TMP/both,trace=$TMP/both"
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$MNT" -o "replay=$TMP/both,trace=$TMP/both,warm=acme/none:1"
cmp "$TMP/trace" "$TMP/both"
printf '{"ms":99,"bundle":"sha2' >>"$TMP/both"
cp "$TMP/both" "$TMP/half"
mount_foreground -o "replay=$TMP/both,trace=$TMP/both,cache_size=64M"
cmp "$TMP/half" "$TMP/both"
exec 7<"$file"
wait_until 15 all_there
exec 7<&-
cmp "$TMP/half" "$TMP/both"
cmp <(blocks "$SRC/model.safetensors") <(blocks "$file")
unmount
wait_until 15 not kill -0 "$DAEMON"
head -c 8 "$TMP/both" | grep -q '{"ms":' || fail "it begins with $(head -c 80 "$TMP/both")"
while read -r line; do python3 -m json.tool <<<"$line" >/dev/null; done <"$TMP/both"
expect_exit 1 grep -q '"ms":99,' "$TMP/both"

# A trace that is none is refused before anything is mounted; so is a place that cannot be written.
echo '{"ms":0}' >"$TMP/bad"
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$MNT" -o "replay=$TMP/bad"
grep -q 'line 1' "$ERR" || fail "no line is named: $(cat "$ERR")"
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$MNT" -o "trace=$TMP/no/such/folder"
expect_not_mounted
