#!/usr/bin/env bash
# --json is one JSON document on stdout that agrees with the store; text goes the same way.
# TIMEOUT: 30
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model
pack acme/tiny:1.0.0
pack acme/tiny:1.1.0
id=$(store_tool digest "$STORE" acme/tiny:1.0.0)
for command in "ls $STORE" "inspect $STORE acme/tiny:1.0.0" "verify $STORE" "verify $STORE --quick" \
    "verify $STORE acme/tiny:1.0.0"; do
    # shellcheck disable=SC2086 # words on purpose
    expect_exit 0 "$BUNDLEFS" $command --json
    python3 -m json.tool "$OUT" >/dev/null || fail "$command --json is not JSON"
    [ "${command%% *}" = verify ] || grep -qF "${id#sha256:}" "$OUT" || fail "$command does not name $id"
    # shellcheck disable=SC2086
    expect_exit 0 "$BUNDLEFS" $command
    grep -q 'acme/tiny' "$OUT" || fail "$command does not name the bundle"
done
expect_exit 0 "$BUNDLEFS" ls "$STORE"
[ "$(grep -c 'acme/tiny' "$OUT")" = 2 ] || fail "ls does not show one line a bundle"
expect_exit 0 "$BUNDLEFS" rm "$STORE" acme/tiny:1.0.0
expect_exit 0 "$BUNDLEFS" ls "$STORE"
[ "$(grep -c 'acme/tiny' "$OUT")" = 1 ] || fail "rm did not remove exactly one"
