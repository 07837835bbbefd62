#!/usr/bin/env bash
# A signing key is rotated as docs/trust.md says, under a mount with a reader. The reader never loses
# "production". A key that ends soon is announced. The old key alone then no longer counts.
# TIMEOUT: 90
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command getfattr python3

make_model
for version in 1.0.0 1.1.0; do
    echo "$version" >"$SRC/notes.txt"
    pack "acme/flow:$version"
done
for name in old new qa; do
    "$BUNDLEFS" keygen --out "$TMP/$name" --no-password >/dev/null
done
in_days() { date -u -d "+$1 days" +%Y-%m-%dT%H:%M:%SZ; }
key() { # NAME ROLE [NOT_AFTER]
    printf '{"name": "%s", "public_key": "%s", "roles": ["%s"]%s}' "$1" \
        "$(tail -n 1 "$TMP/$1.pub")" "$2" "${3:+, \"not_after\": \"$3\"}"
}
policy_of() { # RELEASE_KEY[,RELEASE_KEY]
    cat <<END
{"schema_version": "1.0",
 "keys": [$1, $(key qa qa)],
 "rules": [
  {"match": "acme/*", "unpromoted": "refuse",
   "require": [{"statement": "signature", "role": "release"}],
   "aliases": {"production": {"move": ["release"],
                              "require": [{"statement": "approval", "role": "qa"}]}}}]}
END
}
write_policy() {
    policy_of "$@" >"$TMP/policy.new"
    mv "$TMP/policy.new" "$TMP/policy.json"
}
say() { "$BUNDLEFS" "$1" "$STORE" "$2" --key "$TMP/$3.key" "${@:4}" >/dev/null; }
strictly() { say "$@" --policy "$TMP/policy.json"; } # publishes only what counts
explain() { "$BUNDLEFS" doctor --explain "$STORE" "$1" --policy "$2"; }
health() { tr -d ' \n' <"$MNT/.bundlefs/health.json" | grep -qF "$1"; } # TEXT without spaces
in_force() { health "$(sha256sum <"$TMP/policy.json" | cut -d ' ' -f 1)"; }
finds() { "$BUNDLEFS" doctor "$MNT" | grep "keys ending soon" | grep -q "$1"; }
n_warnings() { grep -c "policy: .*: key $1 ends at $2" "$LOGS/daemon.log" || true; }
change_policy() { # as write_policy, until the mount goes by it
    write_policy "$@"
    wait_until 5 in_force
}
served() { cat "$MNT/acme/flow/production/notes.txt"; }

# The old key ends in 29 days, which the mount says.
soon=$(in_days 29)
write_policy "$(key old release "$soon")"
strictly sign acme/flow:1.0.0 old
say approve acme/flow:1.0.0 qa --role qa
strictly promote acme/flow:1.0.0 old --to production
mount_store -o "policy=$TMP/policy.json"
[ "$(served)" = 1.0.0 ] || fail "production is not served"
health '"keys_expiring":[{"name":"old","not_after":"'"$soon"'"}]' ||
    fail "health.json says $(cat "$MNT/.bundlefs/health.json")"
health '"status":"ok"' || fail "a key that still counts degrades the mount"
finds "old ends at $soon" || fail "doctor says $("$BUNDLEFS" doctor "$MNT")"
[ "$(n_warnings old "$soon")" = 1 ] || fail "the log says $(cat "$LOGS/daemon.log")"

# From here to the end a reader opens and reads "production" all the time.
rounds() { [ "$(stat -c %s "$TMP/rounds")" -gt "$1" ]; }
: >"$TMP/rounds"
: >"$TMP/lost"
python3 - "$MNT/acme/flow/production" "$TMP" <<'END' &
import os, sys, time
folder, place = sys.argv[1:]
rounds, lost = open(place + "/rounds", "ab", 0), open(place + "/lost", "a")
while not os.path.exists(place + "/stop"):
    try:
        if os.readlink(folder) != "1.0.0" or open(folder + "/notes.txt").read() != "1.0.0\n":
            raise OSError("another version")
        with open(folder + "/model.safetensors", "rb") as file:
            file.read(4096)
    except OSError as error:
        print(error, file=lost, flush=True)
    rounds.write(b".")
    time.sleep(0.001)  # the daemon needs a CPU too
END
reader=$!
wait_until 10 rounds 10
lost_nothing() { # STEP: two whole rounds after it, the reader has not lost anything
    wait_until 10 rounds $(($(stat -c %s "$TMP/rounds") + 2))
    [ ! -s "$TMP/lost" ] || fail "$1: the reader lost production: $(head -n 3 "$TMP/lost")"
}

# The new key beside the old one. Without the old key, nothing would hold yet.
policy_of "$(key new release)" >"$TMP/after.json"
change_policy "$(key old release "$soon"), $(key new release)"
lost_nothing "the new key is added"
expect_exit 1 explain acme/flow:1.0.0 "$TMP/after.json"
strictly sign acme/flow:1.0.0 new
strictly promote acme/flow:1.0.0 new --to production
has_moves() { [ "$(find "$MNT/acme/flow/1.0.0/signatures" -name "alias-*" | wc -l)" = "$1" ]; }
wait_until 5 has_moves 2
lost_nothing "the new key signs and promotes"

# The old key is no longer needed: asked before it goes.
expect_exit 0 explain acme/flow:1.0.0 "$TMP/after.json"
expect_exit 0 "$BUNDLEFS" history "$STORE" acme/flow --policy "$TMP/after.json"
grep -q "alias  *1.0.0  *production #2 (now)  *new" "$OUT" || fail "history says $(cat "$OUT")"

# The old key ends by its not_after, then it is taken out.
ended=$(in_days -1)
change_policy "$(key old release "$ended"), $(key new release)"
lost_nothing "the old key ended"
health '"keys_expiring":[]' || fail "an ended key is announced"
change_policy "$(key new release)"
lost_nothing "the old key is taken out"
touch "$TMP/stop"
wait "$reader"
[ ! -s "$TMP/lost" ] || fail "the reader lost production: $(head -n 3 "$TMP/lost")"
"$BUNDLEFS" doctor "$MNT" >"$OUT" || true
not grep "keys ending soon" "$OUT" || fail "doctor announces a key that is gone"

# The old key alone no longer counts, neither taken out nor ended.
expect_exit 1 strictly sign acme/flow:1.1.0 old
expect_exit 1 strictly promote acme/flow:1.1.0 old --to production
for verb in "sign" "promote --to production"; do
    # shellcheck disable=SC2086 # a verb and its option
    set -- $verb
    say "$1" acme/flow:1.1.0 old "${@:2}" --policy none
done
say approve acme/flow:1.1.0 qa --role qa
refuses() { # TEXT
    ! cat "$MNT/acme/flow/1.1.0/notes.txt" 2>/dev/null &&
        getfattr --only-values -n user.bundlefs.refused "$MNT/acme/flow/1.1.0" 2>/dev/null | grep -q "$1"
}
wait_until 5 refuses "a key that the policy does not know"
[ "$(served)" = 1.0.0 ] || fail "the old key moved production"
change_policy "$(key old release "$ended"), $(key new release)"
wait_until 5 refuses "old expired at $ended"
[ "$(served)" = 1.0.0 ] || fail "the ended key moved production"
change_policy "$(key old release "$ended")"
wait_until 5 not served
unmount
