#!/usr/bin/env bash
# A user who is not root packs, mounts through fusermount3, reads and unmounts.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "becomes another user"
need_command setpriv fusermount3
run_as_nobody test -w /dev/fuse || skip "/dev/fuse is closed to other users: $(stat -c %A /dev/fuse)"
[ -u "$(command -v fusermount3)" ] || skip "fusermount3 is not setuid root"

make_model
cp -r "$BUNDLEFS" "$INTEGRATION/checks.py" "$INTEGRATION/support" "$TMP"
chown -R 65534:65534 "$SRC" "$MNT" "$STORE" "$TMP" "$LOGS"
program=$TMP/bundlefs
run_as_nobody "$program" pack "$STORE" acme/one:1 "$SRC" 2>>"$LOGS/pack.log"
run_as_nobody "$program" mount "$STORE" "$MNT" -o cache_size=32M >>"$LOGS/daemon.log" 2>&1
is_mounted
[ "$(checks mount-type "$MNT")" = fuse.bundlefs ] || fail "type $(checks mount-type "$MNT")"
run_as_nobody "$TMP/checks.py" same-tree "$SRC" "$MNT/acme/one/1" mount
run_as_nobody "$TMP/checks.py" writes-refused \
    "$MNT/acme/one/1" "$MNT/acme/one/1/config.json" "$MNT/acme/one/latest"

# Without allow_other in fuse.conf it is refused in one line, not silently left out.
run_as_nobody "$program" umount "$MNT"
expect_not_mounted
if ! grep -qs '^user_allow_other' /etc/fuse.conf; then
    expect_exit 1 run_as_nobody "$program" mount "$STORE" "$MNT" -o allow_other
    grep -q allow_other "$ERR" || fail "the message does not name allow_other: $(cat "$ERR")"
    expect_not_mounted
fi

# A command that conform runs may close its folders; nothing is left all the same.
mkdir "$TMP/fixed" "$TMP/conform"
cat >"$TMP/fixed/contract.json" <<'END'
{"schema_version": "1.0", "licenses": ["MIT"],
 "outputs": [{"name": "y", "datatype": "INT64", "shape": [1]}],
 "fixtures": [{"name": "f", "inputs": [], "outputs": [{"name": "y", "file": "y.json"}]}]}
END
echo "[1]" >"$TMP/fixed/y.json"
chown -R 65534:65534 "$TMP/fixed" "$TMP/conform"
run_as_nobody "$program" pack "$STORE" acme/fixed:1 "$TMP/fixed" 2>>"$LOGS/pack.log"
# shellcheck disable=SC2016
run_as_nobody env TMPDIR="$TMP/conform" "$program" conform "$STORE" acme/fixed:1 -- sh -c '
    cd "$BUNDLEFS_OUTPUTS" && cp "$BUNDLEFS_BUNDLE/y.json" . && mkdir -p a/b/c d && touch a/b/c/f d/f &&
        chmod 0 a/b/c a/b a && chmod 400 d' >"$OUT" 2>"$ERR" || fail "conform: $(cat "$OUT" "$ERR")"
[ -z "$(ls "$TMP/conform")" ] || fail "conform left $(find "$TMP/conform"): $(cat "$ERR")"

# root with allow_other: others may read.
"$BUNDLEFS" mount "$STORE" "$MNT" -o allow_other >>"$LOGS/daemon.log" 2>&1
run_as_nobody cmp "$SRC/model.safetensors" "$MNT/acme/one/1/model.safetensors"
unmount
