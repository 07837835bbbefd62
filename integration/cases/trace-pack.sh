#!/usr/bin/env bash
# A load in a random order is traced, and the next version brings that order to every mount of it.
# TIMEOUT: 120
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_safetensors "$SRC" --size 24M --seed 1
size=$(stat -c %s "$SRC/model.safetensors")
pack acme/one:1
metric() { sed -n "s/^bundlefs_$1_total //p" "$MNT/.bundlefs/metrics"; }
ORDER=(17 3 11 22 6 0 19 9 14 1 20 5 12 23 8 2 16 10 21 4 13 7 18 15 24)
blocks() { for i in "${ORDER[@]}"; do dd if="$1" bs=1M skip="$i" count=1 status=none; done; }

mount_foreground -o "trace=$TMP/trace,passthrough=off"
cmp <(blocks "$SRC/model.safetensors") <(blocks "$MNT/acme/one/1/model.safetensors")
unmount
wait_until 15 not kill -0 "$DAEMON"
expect_exit 0 "$BUNDLEFS" pack --trace "$TMP/trace" "$STORE" acme/one:2 "$SRC"
[ ! -s "$ERR" ] || fail "pack has something to say: $(cat "$ERR")"
"$BUNDLEFS" verify "$STORE" acme/one:2
"$BUNDLEFS" inspect "$STORE" acme/one:2 | grep -q '^trace  .* of 1 files, from model.safetensors$' ||
    fail "inspect does not show it: $("$BUNDLEFS" inspect "$STORE" acme/one:2)"
"$BUNDLEFS" inspect --json "$STORE" acme/one:2 |
    python3 -c 'import json, sys; t = json.load(sys.stdin)["trace"]; assert t["size"] == int(sys.argv[1]), t' "$size"

# Opening it is enough: a quarter of the cache is decoded in that order, and nothing else.
mount_foreground -o cache_size=32M,passthrough=off
file=$MNT/acme/one/2/model.safetensors
exec 7<"$file"
quarter_there() { [ "$(metric decoded_bytes)" -ge $((8 << 20)) ]; }
wait_until 15 quarter_there
[ "$(metric read_requests)" = 0 ] || fail "somebody has read"
before=$(metric decoded_bytes)
[ "$before" -le $((9 << 20)) ] || fail "$before bytes were decoded ahead"
for i in "${ORDER[@]:0:3}"; do
    cmp <(dd if="$SRC/model.safetensors" bs=1M skip="$i" count=1 status=none) \
        <(dd if="$file" bs=1M skip="$i" count=1 status=none)
done
[ "$(metric cache_misses)" = 0 ] || fail "$(metric cache_misses) chunks of the order were not there"
cmp <(blocks "$SRC/model.safetensors") <(blocks "$file")
[ "$(metric decoded_bytes)" = "$size" ] || fail "$(metric decoded_bytes) of $size bytes were decoded"
exec 7<&-
unmount
wait_until 15 not kill -0 "$DAEMON"

# Switched off; and the version without it does nothing of the kind.
mount_foreground -o replay=off,passthrough=off
cmp <(blocks "$SRC/model.safetensors") <(blocks "$MNT/acme/one/2/model.safetensors")
[ "$(metric replay_chunks)" = 0 ] || fail "replay=off replays"
unmount
wait_until 15 not kill -0 "$DAEMON"
mount_foreground -o passthrough=off
cmp <(blocks "$SRC/model.safetensors") <(blocks "$MNT/acme/one/1/model.safetensors")
[ "$(metric replay_chunks)" = 0 ] || fail "there is nothing to replay"
unmount

# The same trace again is the same bundle; another one is not; one of something else is refused.
id() { "$BUNDLEFS" inspect --json "$STORE" "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])'; }
was=$(id acme/one:2)
expect_exit 0 "$BUNDLEFS" pack --trace "$TMP/trace" "$STORE" acme/one:2 "$SRC"
[ "$(id acme/one:2)" = "$was" ] || fail "another id"
head -n 1 "$TMP/trace" >"$TMP/short"
expect_refusal 1 "$BUNDLEFS" pack --trace "$TMP/short" "$STORE" acme/one:2 "$SRC"
sed 's/model.safetensors/other.safetensors/' "$TMP/trace" >"$TMP/foreign"
expect_refusal 1 "$BUNDLEFS" pack --trace "$TMP/foreign" "$STORE" acme/one:3 "$SRC"
echo '{"ms":0}' >"$TMP/bad"
expect_refusal 1 "$BUNDLEFS" pack --trace "$TMP/bad" "$STORE" acme/one:3 "$SRC"
grep -q 'line 1' "$ERR" || fail "no line is named: $(cat "$ERR")"
cat "$TMP/trace" "$TMP/foreign" >"$TMP/partly"
expect_exit 0 "$BUNDLEFS" pack --trace "$TMP/partly" "$STORE" acme/one:3 "$SRC"
grep -q 'lines are left out' "$ERR" || fail "not told: $(cat "$ERR")"
expect_not_mounted
