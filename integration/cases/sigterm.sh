#!/usr/bin/env bash
# SIGTERM and SIGINT unmount cleanly: exit 0, nothing mounted, even with a reader in the middle.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_safetensors "$SRC" --size 24M
pack acme/one:1
for signal in TERM INT; do
    mount_foreground
    cat "$MNT/acme/one/1/model.safetensors" >/dev/null
    kill -"$signal" "$DAEMON"
    code=0
    wait "$DAEMON" || code=$?
    [ "$code" = 0 ] || fail "SIG$signal: exit $code"
    expect_not_mounted
done

# The daemon that mount leaves behind ends so too, although a file is open.
mount_store
exec 7<"$MNT/acme/one/1/model.safetensors"
head -c 100000 <&7 >/dev/null
pid=$(daemon_pid)
kill -TERM "$pid"
wait_until 5 not is_mounted
exec 7<&-
wait_until 10 not kill -0 "$pid"
