#!/usr/bin/env bash
# The commands of docs/trust.md, as they stand there, accept our envelope with OpenSSL alone, and
# refuse it when a byte or the key is another.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command openssl jq

filter=$(dirname "$BUNDLEFS")/../integration/support/trust-filter
digest=$(printf 'a bundle' | sha256sum | cut -c 1-64)
cd "$TMP"
awk '/^## / { inside = $0 == "## Verifying by hand" }
     inside && /^```$/ { exit }
     found { print }
     inside && /^```sh$/ { found = 1 }' "$INTEGRATION/../docs/trust.md" >commands
grep -q 'openssl pkeyutl -verify -rawin' commands || fail "no commands found in docs/trust.md"

by_hand() { # ENVELOPE PUBFILE: exits as the commands do
    rm -f payload signature message key.der key.pem
    envelope=$1 key=$2 bash -euo pipefail commands >out 2>err
}
refused() {
    not by_hand "$@" || fail "'$*' passes"
    grep -q '^Signature Verification Failure' out || fail "'$*' is refused for: $(cat out err)"
}

expect_exit 0 "$BUNDLEFS" keygen --out good --no-password
expect_exit 0 "$BUNDLEFS" keygen --out other --no-password
"$filter" sign good.key '' acme/tiny:1.0.0 "$digest" 'gründlich geprüft' >envelope.json
by_hand envelope.json good.pub || fail "OpenSSL refuses: $(cat out err)"
diff out - <<END || fail "the commands print the above"
Signature Verified Successfully
https://bundlefs/signature/v1
acme/tiny:1.0.0
$digest
END

refused envelope.json other.pub
jq -c '.payload |= (@base64d | sub("tiny:1.0.0"; "tiny:1.0.1") | @base64)' envelope.json >changed.json
refused changed.json good.pub
jq -c '.payloadType = "text/plain"' envelope.json >typed.json
not by_hand typed.json good.pub || fail "another type passes"
