#!/usr/bin/env bash
# The audit log: continued by the next mount, recovered after kill -9 tore its last line, proved by
# "audit verify", which names the line that somebody changed; and what refuses a mount.
# TIMEOUT: 90
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model
pack acme/audited:1
LOG=$TMP/audit.log
lines() { wc -l <"$LOG"; }
verify_log() { "$BUNDLEFS" audit verify "$LOG" --json >"$OUT"; }

mount_store -o "audit=$LOG"
[ "$(stat -c %a "$LOG")" = 600 ] || fail "others can read the log"
cat "$MNT/acme/audited/1/config.json" >/dev/null
cat "$MNT/acme/audited/1/config.json" >/dev/null
wait_until 5 grep -q '"event":"open"' "$LOG"
# One log, one mount.
mkdir "$TMP/second"
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$TMP/second" -o "audit=$LOG"
grep -q "another mount writes this log" "$ERR" || fail "$(cat "$ERR")"
unmount
wait_until 5 grep -q '"event":"unmount"' "$LOG"
verify_log
checks json-value "$OUT" 'it["intact"]' True
grep -q "\"uid\":$(id -u)" "$LOG" || fail "nobody opened it"

# The next mount continues; a killed one leaves half a line, which the third recovers.
before=$(lines)
mount_store -o "audit=$LOG"
grew() { [ "$(lines)" -gt "$before" ]; }
wait_until 5 grew
verify_log
daemon=$(daemon_pid)
kill -KILL "$daemon"
wait_until 5 not kill -0 "$daemon"
printf '{"sequence":99,"time":"2026' >>"$LOG"
expect_exit 1 "$BUNDLEFS" audit verify "$LOG"
grep -q "has no end" "$OUT" || fail "$(cat "$OUT")"
mount_store -o "audit=$LOG"
unmount
ended() { tail -n 1 "$LOG" | grep -q unmount; }
wait_until 5 ended
verify_log
checks json-value "$OUT" 'it["n_fragments"]' 1
[ "$(grep -c '"event":"recovered"' "$LOG")" = 1 ] || fail "not recovered once"

# Somebody changes a line in the middle, takes one away, adds one.
cp "$LOG" "$TMP/good"
sed -i '4s/"event":"open"/"event":"openx"/; 4s/"event":"unmount"/"event":"umount"/' "$LOG"
not cmp -s "$LOG" "$TMP/good" || fail "the line was not changed"
expect_exit 1 "$BUNDLEFS" audit verify "$LOG"
grep -q "line 4 is broken" "$OUT" || fail "$(cat "$OUT")"
sed 3d "$TMP/good" >"$LOG"
expect_exit 1 "$BUNDLEFS" audit verify "$LOG"
grep -q "line 3 is broken" "$OUT" || fail "$(cat "$OUT")"
sed 3p "$TMP/good" >"$LOG"
expect_exit 1 "$BUNDLEFS" audit verify "$LOG"
grep -q "line 4 is broken" "$OUT" || fail "$(cat "$OUT")"

# What is no audit log is left alone.
echo "dear diary" >"$LOG"
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$MNT" -o "audit=$LOG"
grep -q "not an audit log" "$ERR" || fail "$(cat "$ERR")"
[ "$(cat "$LOG")" = "dear diary" ] || fail "it was written"
expect_refusal 1 "$BUNDLEFS" audit verify "$TMP/nowhere"
expect_exit 2 "$BUNDLEFS" audit prove "$LOG"
expect_not_mounted
