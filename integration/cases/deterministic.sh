#!/usr/bin/env bash
# Same input, same options: same digests, in any store, with any number of jobs.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --dtype mixed --shards 2 --tensor-size 1M
mkdir "$SRC/sub"
seq 1 9999 >"$SRC/sub/text"
export SOURCE_DATE_EPOCH=1700000000

# The copy's entries are created in another order, so that folder order cannot leak in.
mkdir "$TMP/copy"
(cd "$SRC" && find . -type f -print0 | sort -rz | xargs -0 cp -a --parents -t "$TMP/copy")
cp -a "$SRC/." "$TMP/copy"

"$BUNDLEFS" pack "$STORE" acme/same:1 "$SRC" --jobs 1 2>>"$LOGS/pack.log"
"$BUNDLEFS" pack "$TMP/other" acme/same:1 "$TMP/copy" --jobs 4 2>>"$LOGS/pack.log"
"$BUNDLEFS" pack "$TMP/third" acme/same:1 "$SRC" 2>>"$LOGS/pack.log"
want=$(store_tool digest "$STORE" acme/same:1)
for store in "$TMP/other" "$TMP/third"; do
    [ "$(store_tool digest "$store" acme/same:1)" = "$want" ] || fail "another digest in $store"
    diff -r "$STORE/blobs" "$store/blobs"
done

# An option that changes the bytes changes the digest: the comparison above can fail.
"$BUNDLEFS" pack "$TMP/fourth" acme/same:1 "$SRC" --chunk-size 64K 2>>"$LOGS/pack.log"
[ "$(store_tool digest "$TMP/fourth" acme/same:1)" != "$want" ] || fail "--chunk-size changes nothing"
