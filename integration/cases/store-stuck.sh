#!/usr/bin/env bash
# A store that hangs: readers get EIO after the timeout, what needs no store goes on, and all is well
# again when the store answers. The store lies on another mount, whose daemon is stopped.
# TIMEOUT: 90
# ALLOW-LOG: .
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --seed 1
pack acme/one:1
mkdir "$TMP/inner"
"$BUNDLEFS" pack "$TMP/outer" nest/store:1 "$STORE" 2>>"$LOGS/pack.log"
"$BUNDLEFS" mount "$TMP/outer" "$TMP/inner" --foreground >>"$LOGS/inner.log" 2>&1 &
inner=$!
trap 'kill -CONT "$inner" 2>/dev/null || :' EXIT
wait_until 15 is_mounted "$TMP/inner"

STORE=$TMP/inner/nest/store/1
mount_foreground -o "timeout=2,poll_ms=200,audit=$TMP/audit,trace=$TMP/trace"
cmp "$SRC/config.json" "$MNT/acme/one/1/config.json"
exec 7<"$MNT/acme/one/1/config.json"
stat "$MNT/acme/one/1/model.safetensors" >/dev/null

kill -STOP "$inner"
started=$SECONDS
expect_errno EIO read "$MNT/acme/one/1/model.safetensors"
[ $((SECONDS - started)) -le 8 ] || fail "EIO only after $((SECONDS - started)) s"
cmp "$SRC/config.json" - <&7
ls -l "$MNT/acme/one/1" >/dev/null
grep -q '^bundlefs_timeouts_total [1-9]' "$MNT/.bundlefs/metrics" || fail "no timeout was counted"
wait_until 15 grep -q '"degraded"' "$MNT/.bundlefs/health.json"
exec 7<&-

# What the daemon knows is told all the same, and that the store is silent.
expect_exit 1 timeout 20 "$BUNDLEFS" doctor "$MNT"
grep -q "^fault *store: $STORE does not answer" "$OUT" || fail "doctor says $(cat "$OUT")"
grep -q '^missing *deadlines: [1-9]' "$OUT" || fail "doctor says $(cat "$OUT")"

kill -CONT "$inner"
wait_until 15 cmp -s "$SRC/model.safetensors" "$MNT/acme/one/1/model.safetensors"
wait_until 15 grep -q '"ok"' "$MNT/.bundlefs/health.json"

# A daemon that is told to end gives the mount point up at once, although the store hangs. Itself it
# may have to wait: the kernel does not let go of a request that another file system has taken.
kill -STOP "$inner"
echo 2 >/proc/sys/vm/drop_caches 2>/dev/null || :
kill -TERM "$DAEMON"
wait_until 10 not is_mounted
# What it had to say is written down before it waits.
wait_until 10 grep -q '"unmount"' "$TMP/audit"
grep -q '"path":"config.json"' "$TMP/trace" || fail "the trace has $(head -c 200 "$TMP/trace")"
kill -CONT "$inner"
wait_until 20 not kill -0 "$DAEMON"
wait "$DAEMON" || fail "the daemon ended with $?"
"$BUNDLEFS" audit verify "$TMP/audit" >/dev/null

# The same while only readers have met the hanging store: the daemon ends without an alarm clock, as
# far as the kernel lets its threads go.
mount_foreground -o "timeout=2,poll_ms=100000"
stat "$MNT/acme/one/1/model.safetensors" >/dev/null
kill -STOP "$inner"
expect_errno EIO read "$MNT/acme/one/1/model.safetensors"
kill -TERM "$DAEMON"
wait_until 10 not is_mounted
has_ended() { ! kill -0 "$DAEMON" 2>/dev/null || grep -qE '^State:[[:space:]]Z' "/proc/$DAEMON/task/$DAEMON/status"; }
wait_until 12 has_ended
kill -CONT "$inner"
wait_until 20 not kill -0 "$DAEMON"
wait "$DAEMON" || fail "the daemon ended with $?"
unmount "$TMP/inner"
