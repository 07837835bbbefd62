#!/usr/bin/env bash
# The disk of backing files loses a byte while the kernel reads such a file by itself: who opens the file
# from then on gets what was packed, at any moment; who has it open keeps it, and nobody has it after that.
# TIMEOUT: 120
# ALLOW-LOG: backing file
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "passthrough needs CAP_SYS_ADMIN"

# More than the chunk cache holds, so that what is read comes from the backing file.
make_safetensors "$SRC" --size 64M --tensor-size 4M
pack acme/lost:1
source=$SRC/model.safetensors file=$MNT/acme/lost/1/model.safetensors
backing=$TMP/backing
mkdir "$backing"
metric() { sed -n "s/^bundlefs_$1 //p" "$MNT/.bundlefs/metrics"; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }
# The descriptor of the daemon that leads to its only backing file.
backing_fd() { find "/proc/$(daemon_pid)/fd" -lname "$backing/*"; }

mount_store -o "backing=$backing,backing_fill=warm,cache_size=32M"
grep -q '"passthrough": "on"' "$MNT/.bundlefs/health.json" || skip "no passthrough here"
exec 7<"$file" # which the daemon goes on to serve
"$BUNDLEFS" warm "$MNT" acme/lost:1 >/dev/null
opens=$(metric passthrough_opens_total)
exec 8<"$file"
metric_is passthrough_opens_total $((opens + 1)) || fail "the kernel does not read it by itself"

# Opened again and again, also between what the daemon finds and what the kernel is told of it.
(while [ ! -e "$TMP/stop" ]; do : <"$file" || exit 1; done) &
opener=$!
store_tool flip "$(backing_fd)" 2000000
cmp "$source" - <&7
metric_is backing_failures_total 1 || fail "$(metric backing_failures_total) failures"
metric_is backing_files 0 || fail "a damaged file is ready"
cmp "$source" "$file"
: >"$TMP/stop"
wait "$opener" || fail "an open failed meanwhile"
cmp -s "$source" - <&8 && fail "the byte was not lost"
expect_refusal 1 "$BUNDLEFS" warm "$MNT" acme/lost:1
wait_until 20 grep -q 'not what was written' "$LOGS/daemon.log"

# Closed, it is gone, and the file can be had from the kernel again.
exec 8<&-
wait_until 20 metric_is backing_bytes 0
[ -z "$(backing_fd)" ] || fail "the damaged file is still there"
"$BUNDLEFS" warm "$MNT" acme/lost:1 >/dev/null
opens=$(metric passthrough_opens_total)
cmp "$source" "$file"
[ "$(metric passthrough_opens_total)" = $((opens + 1)) ] || fail "not read by the kernel"
exec 7<&-
unmount
