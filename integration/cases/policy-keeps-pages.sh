#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A policy that changes who may read takes effect at once, and what the kernel holds of a model that
# is served before and after stays: nothing is read, or decoded, again.
# TIMEOUT: 120
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "a policy that names users"

make_model
head -c 8000000 /dev/urandom >"$SRC/noise.bin"
pack acme/m:1
chmod 755 "$WORK" "$TMP"
write_policy() { # ACCESS
    printf '{"schema_version": "1.0", "keys": [], "rules": [{"match": "**", "access": %s}]}' "$1" >"$TMP/policy.new"
    mv "$TMP/policy.new" "$TMP/policy.json"
}
write_policy '{"users": ["65534"], "mode": "0500"}'
mount_store -o "policy=$TMP/policy.json,passthrough=off"
model=$MNT/acme/m/1
read_all() { cat "$model/model.safetensors" "$model/noise.bin" "$model/manifest.json" >/dev/null; }
metric() { sed -nE "s/^$1 ([0-9]+)$/\1/p" "$MNT/.bundlefs/metrics"; }
owner_is() { [ "$(stat -c %u "$model")" = "$1" ] && [ "$(stat -c %u "$model/noise.bin")" = "$1" ]; }

read_all
owner_is 65534 || fail "the owner is $(stat -c %u "$model")"
before=$(metric bundlefs_read_requests_total)
[ "$before" -gt 0 ] || fail "no reads were counted"
read_all
[ "$(metric bundlefs_read_requests_total)" = "$before" ] || fail "the kernel does not keep what it read"

for user in 65533 65534 65532; do
    write_policy "{\"users\": [\"$user\"], \"mode\": \"0500\"}"
    wait_until 30 owner_is "$user"
    read_all
done
# The kernel is told twice; a change that takes access away all the same says that both have passed.
not run_as_nobody cat "$model/noise.bin" 2>/dev/null || fail "nobody reads what is another's now"
after=$(metric bundlefs_read_requests_total)
[ "$after" = "$before" ] || fail "$((after - before)) reads again after changes of the policy"
unmount
