#!/usr/bin/env bash
# verify=once remembers what was proved while the blob stands; verify=strict opens nothing that is
# damaged anywhere.
# TIMEOUT: 90
# ALLOW-LOG: .
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --seed 1 --size 64M # more than the cache holds
pack acme/one:1
blob=$(store_tool blob "$STORE" acme/one:1 data)
metric() { sed -n "s/^bundlefs_$1_total //p" "$MNT/.bundlefs/metrics"; }
# O_DIRECT asks the daemon each time; the smallest cache forgets between two passes.
pass() { checks never-wrong "$SRC/model.safetensors" "$MNT/acme/one/1/model.safetensors"; }
is_settled() { [ $(($(date +%s) - $(stat -c %Z "$blob"))) -ge 3 ]; }

wait_until 15 is_settled # nothing is remembered of a blob that has just been written
mount_foreground -o verify=once,cache_size=16M,passthrough=off # which would keep the damage from sight
[ "$(pass)" = 0 ] || fail "a sound file gives errors"
proved=$(metric chunks_proved)
[ "$proved" -gt 0 ] && [ "$(metric chunks_rechecked)" -lt "$proved" ] || fail "nothing was proved"
drop_caches || skip "needs root to drop caches"
[ "$(pass)" = 0 ] || fail "a sound file gives errors in the second pass"
[ "$(metric chunks_proved)" = "$proved" ] || fail "proved again: $proved, then $(metric chunks_proved)"
[ "$(metric chunks_rechecked)" -gt 0 ] || fail "nothing was checked in the second pass"
store_tool flip "$blob" 2000000
drop_caches
bad=$(pass)
[ "$bad" -ge 1 ] && [ "$bad" -le 16 ] || fail "$bad of 1024 reads fail for one flipped byte"
unmount

mount_foreground -o verify=strict,passthrough=off
expect_errno EIO open "$MNT/acme/one/1/model.safetensors"
cmp "$SRC/config.json" "$MNT/acme/one/1/config.json"
stat "$MNT/acme/one/1/model.safetensors" >/dev/null
store_tool flip "$blob" 2000000 # mended
cmp "$SRC/model.safetensors" "$MNT/acme/one/1/model.safetensors"
[ "$(metric files_proved)" -ge 2 ] || fail "$(metric files_proved) files proved"
unmount
