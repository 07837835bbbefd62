#!/usr/bin/env bash
# Memory for an index.json is a small multiple of its text, whatever is in it: many bundles, millions
# of entries that are none, millions of unknown members.
# TIMEOUT: 240
# NOT-UNDER: address thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command prlimit
mib=$((1 << 20)) size=$((8 << 20))

# index KIND: a text of `size` bytes.
index() {
    python3 - "$1" "$size" <<'EOF'
import sys
kind, size = sys.argv[1], int(sys.argv[2])
bundle = ('{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%064x","size":1,'
          '"annotations":{"org.opencontainers.image.ref.name":"a%d:1"}}')
extra = ''
if kind == 'bundles':
    entries = [bundle % (i, i) for i in range(size // 230)]
elif kind == 'nothing':
    entries = ['{}'] * (size // 3)
else:
    entries = []
    extra = ''.join(',"%x":0' % i for i in range(size // 11))
print('{"schemaVersion":2,"manifests":[' + ','.join(entries) + ']' + extra + '}')
EOF
}

mkdir "$TMP/tiny"
echo '{}' >"$TMP/tiny/config.json"
"$BUNDLEFS" pack "$STORE" acme/tiny:1 "$TMP/tiny" 2>>"$LOGS/pack.log"
for kind in bundles nothing members; do
    index "$kind" >"$TMP/index.json"
    cp "$TMP/index.json" "$STORE/index.json"
    for verb in "ls $STORE" "gc --dry-run $STORE" "verify $STORE" "rm $STORE none/such:1"; do
        case $kind:$verb in
        members:rm*) expected=1 ;;                  # no such bundle
        members:* | nothing:ls*) expected=0 ;;
        *) expected=1 ;; # blobs are missing; entries are none; what is in use is not known
        esac
        status=0
        # shellcheck disable=SC2086
        prlimit --data=$((6 * size + 32 * mib)) "$BUNDLEFS" $verb >"$OUT" 2>"$ERR" || status=$?
        [ "$status" = "$expected" ] || fail "$kind: $verb: exit $status: $(head -3 "$ERR")"
        ! grep -q 'out of memory' "$ERR" || fail "$kind: $verb: $(grep -m1 'out of memory' "$ERR")"
    done
    cmp -s "$TMP/index.json" "$STORE/index.json" || fail "$kind: index.json was changed"
done
