#!/usr/bin/env bash
# Keys go both ways between bundlefs and minisign, with and without a passphrase; keygen never
# replaces a file.
# TIMEOUT: 180
# NOT-UNDER: thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command minisign jq

filter=$(dirname "$BUNDLEFS")/../integration/support/trust-filter
digest=$(printf 'a bundle' | sha256sum | cut -c 1-64)
mkdir "$TMP/keys"
cd "$TMP/keys"
printf 'hello\n' >message

# Ours, without a passphrase, in theirs.
expect_exit 0 "$BUNDLEFS" keygen --out ours --no-password
[ "$(stat -c %a ours.key)" = 600 ] || fail "the secret key has mode $(stat -c %a ours.key)"
grep -qF "$(sed -n 2p ours.pub)" "$OUT" || fail "keygen does not show the public key: $(cat "$OUT")"
minisign -S -s ours.key -m message >/dev/null
minisign -V -q -p ours.pub -m message
minisign -V -q -P "$(sed -n 2p ours.pub)" -m message

# Ours, with one: from the standard input, and from a file.
expect_exit 0 "$BUNDLEFS" keygen --json -o sealed <<<'open sesame'
jq -e '.encrypted and .public_file == "sealed.pub" and .secret_file == "sealed.key"' "$OUT" >/dev/null ||
    fail "keygen --json prints: $(cat "$OUT")"
[ "$(jq -r .public_key "$OUT")" = "$(sed -n 2p sealed.pub)" ] || fail "another public key in --json"
grep -qF "$(jq -r .key_id "$OUT")" sealed.pub || fail "another key id in --json"
minisign -S -s sealed.key -x sealed.minisig -m message <<<'open sesame' >/dev/null
minisign -V -q -p sealed.pub -x sealed.minisig -m message
printf 'from a file\r\nand more\n' >password
expect_exit 0 "$BUNDLEFS" keygen --password-file password --out filed
"$filter" sign filed.key 'from a file' acme/tiny:1 "$digest" '' >/dev/null

# Theirs in ours.
minisign -G -W -p plain.pub -s plain.key >/dev/null
printf 'pw\npw\n' | minisign -G -p secret.pub -s secret.key >/dev/null 2>&1
"$filter" sign plain.key '' acme/tiny:1 "$digest" why >plain.json
"$filter" verify plain.pub <plain.json >payload
[ "$(jq -r '.subject[0].digest.sha256' payload)" = "$digest" ] || fail "another subject: $(cat payload)"
"$filter" sign secret.key pw acme/tiny:1 "$digest" '' >secret.json
"$filter" verify secret.pub <secret.json >/dev/null

refused() { # WORD COMMAND...: exit 1, and the errno's word
    local status=0
    "${@:2}" >out 2>err || status=$?
    [ $status = 1 ] && [ ! -s out ] || fail "'${*:2}' exits $status: $(cat err)"
    grep -q "^$1: " err || fail "'${*:2}' says: $(cat err)"
}
refused unsigned "$filter" sign secret.key '' acme/tiny:1 "$digest" ''
refused untrusted "$filter" verify secret.pub <plain.json

# Nothing is replaced, nothing is half done.
before=$(tree_state .)
for name in ours.pub ours.key; do
    mkdir one
    cp "$name" "one/new.${name#*.}"
    ln -s nowhere "one/link.${name#*.}"
    for out in one/new one/link; do
        expect_refusal 1 "$BUNDLEFS" keygen --no-password --out "$out"
        grep -qF 'never replaced' "$ERR" || fail "keygen says: $(cat "$ERR")"
    done
    cmp "$name" "one/new.${name#*.}"
    [ "$(find one -mindepth 1 | wc -l)" = 2 ] || fail "keygen left: $(ls one)"
    rm -r one
done
expect_refusal 1 "$BUNDLEFS" keygen --out none/key --no-password
expect_refusal 1 "$BUNDLEFS" keygen --out empty </dev/null
expect_refusal 1 "$BUNDLEFS" keygen --out nul <<<"$(head -c 2000 /dev/zero | tr '\0' x)"
expect_refusal 1 "$BUNDLEFS" keygen --out missing --password-file nothing
expect_refusal 2 "$BUNDLEFS" keygen --no-password
expect_refusal 2 "$BUNDLEFS" keygen --no-password --password-file password --out both
[ "$before" = "$(tree_state .)" ] || fail "a refused keygen changed something"
