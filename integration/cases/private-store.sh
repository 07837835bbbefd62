#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A private store stays private whatever is done with it, and a mount whose policy limits readers says
# when its store is not private.
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "files that another user may not read"

make_model
chmod 755 "$WORK" "$TMP"
mode_of() { stat -c %a "$1"; }
# Nothing in the store gives others a right.
is_private() { # STORE
    [ -z "$(find "$1" -perm /007)" ] || fail "open to others: $(find "$1" -perm /007 | head -n 3)"
}

# Every verb that writes keeps the mode of the store's folder, whatever the umask.
"$BUNDLEFS" keygen --out "$TMP/k" --no-password >/dev/null
umask 0000
expect_exit 0 "$BUNDLEFS" pack "$STORE" acme/m:1 "$SRC" --mode 0750
[ "$(mode_of "$STORE")" = 750 ] || fail "the store has the mode $(mode_of "$STORE")"
[ "$(mode_of "$STORE/index.json")" = 640 ] || fail "index.json has the mode $(mode_of "$STORE/index.json")"
for blob in "$STORE"/blobs/sha256/*; do
    [ "$(mode_of "$blob")" = 440 ] || fail "$blob has the mode $(mode_of "$blob")"
done
is_private "$STORE"
umask 0022
echo more >"$SRC/notes.txt"
expect_exit 0 "$BUNDLEFS" pack "$STORE" acme/m:2 "$SRC" --mode 750
with_key() { expect_exit 0 "$BUNDLEFS" "$1" "$STORE" acme/m:1 --key "$TMP/k.key" "${@:2}"; }
with_key sign
with_key promote --to production
with_key deprecate --sunset 2099-01-01
expect_exit 0 "$BUNDLEFS" rm "$STORE" acme/m:2
expect_exit 0 "$BUNDLEFS" gc "$STORE"
is_private "$STORE"
[ "$(mode_of "$STORE/index.json")" = 640 ] || fail "index.json has the mode $(mode_of "$STORE/index.json")"
not run_as_nobody cat "$STORE/index.json" 2>/dev/null || fail "nobody reads index.json"

# The umask and a folder that is there say it as well.
(umask 0077 && "$BUNDLEFS" pack "$TMP/masked" acme/m:1 "$SRC" >/dev/null)
[ "$(mode_of "$TMP/masked")" = 700 ] || fail "umask 077: $(mode_of "$TMP/masked")"
is_private "$TMP/masked"
mkdir -m 2770 "$TMP/team"
"$BUNDLEFS" pack "$TMP/team" acme/m:1 "$SRC" >/dev/null
[ "$(mode_of "$TMP/team/blobs/sha256")" = 2770 ] || fail "a team's store: $(mode_of "$TMP/team/blobs/sha256")"
[ "$(mode_of "$TMP/team/.bundlefs/catalog.lock")" = 660 ] || fail "the team cannot lock its store"
is_private "$TMP/team"

# What is wrong is refused, and changes nothing.
for mode in 0650 077 0777 0757 9 u=rwx 10750 ""; do
    expect_exit 2 "$BUNDLEFS" pack "$TMP/none" acme/m:1 "$SRC" --mode "$mode"
    [ ! -e "$TMP/none" ] || fail "--mode $mode makes a store"
done
expect_exit 1 "$BUNDLEFS" pack "$STORE" acme/m:3 "$SRC" --mode 0700
grep -q "expected 0700, found 0750" "$ERR" || fail "another mode: $(cat "$ERR")"
grep -q "chmod 0700" "$ERR" || fail "no cure: $(cat "$ERR")"

# A policy that limits readers, over a store that everybody reads.
cat >"$TMP/policy.json" <<END
{"schema_version": "1.0", "keys": [],
 "rules": [{"match": "acme/*", "access": {"users": ["root"], "mode": "0500"}}, {"match": "**"}]}
END
chmod 0755 "$STORE"
chmod 0755 "$STORE/blobs" "$STORE/blobs/sha256"
mount_store -o "policy=$TMP/policy.json,log=$TMP/daemon.log"
says() { checks json-value <(cat "$MNT/.bundlefs/health.json") 'it.get("store_readable_by_all")' "$1" 2>/dev/null; }
exposed() { says True; }
private() { says False; }
wait_until 15 exposed
grep -q "every user can read the store itself: \"chmod o= $STORE\"" "$TMP/daemon.log" || fail "the log: $(cat "$TMP/daemon.log")"
expect_exit 0 "$BUNDLEFS" doctor "$MNT" --json
grep -q '"private store"' "$OUT" || fail "doctor: $(cat "$OUT")"
chmod o= "$STORE"
wait_until 15 private
unmount
