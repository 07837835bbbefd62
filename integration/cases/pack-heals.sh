#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packing over damage: the same version again makes damaged and missing blobs again, and a new version
# names nothing that is damaged.
# TIMEOUT: 120
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_safetensors "$SRC" --size 2M
head -c 1300000 /dev/urandom >"$SRC/a.bin"
cp "$SRC/a.bin" "$SRC/b.bin"
head -c 1100000 /dev/urandom >"$SRC/sub.bin"
largest() { find "$STORE/blobs/sha256" -type f -printf '%s %p\n' | sort -n | tail -n "$1" | head -n 1 | cut -d' ' -f2; }
damage() { # FILE OFFSET
    local old
    old=$(dd if="$1" bs=1 skip="$2" count=1 status=none | od -An -tu1)
    # shellcheck disable=SC2059
    printf "\\x$(printf %02x $((old ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
pack_again() { # ARGUMENT...
    expect_exit 0 "$BUNDLEFS" pack "$STORE" acme/m:1 "$SRC" "$@"
}
proves() { expect_exit 0 "$BUNDLEFS" verify "$STORE"; }
bundle_id() { "$BUNDLEFS" ls "$STORE" acme/m:1 --json | grep -o 'sha256:[0-9a-f]*' | head -n 1; }

"$BUNDLEFS" pack "$STORE" acme/m:1 "$SRC" --chunk-size 128K >/dev/null
id=$(bundle_id)
pristine=$TMP/pristine
cp -a "$STORE" "$pristine"
pack_again
grep -q ' 0 B new' "$OUT" || fail "packed again: $(cat "$OUT")"

# Every blob in turn: a bit in the first byte, in the middle and in the last one; cut; empty; gone.
n=0
for blob in "$pristine"/blobs/sha256/*; do
    name=$(basename "$blob")
    size=$(stat -c %s "$blob")
    for how in 0 $((size / 2)) $((size - 1)) cut empty gone; do
        rm -rf "$STORE"
        cp -a "$pristine" "$STORE"
        file=$STORE/blobs/sha256/$name
        chmod u+w "$file"
        case $how in
        cut) truncate -s $((size / 2)) "$file" ;;
        empty) truncate -s 0 "$file" ;;
        gone) rm "$file" ;;
        *) damage "$file" "$how" ;;
        esac
        expect_exit 1 "$BUNDLEFS" verify "$STORE"
        pack_again --chunk-size 128K
        proves
        cmp "$blob" "$file" || fail "$name is not what it was ($how)"
        [ "$(bundle_id)" = "$id" ] || fail "another bundle has the name ($how in $name)"
        n=$((n + 1))
    done
done
[ "$n" -ge 30 ] || fail "only $n kinds of damage"

# The size of chunks is that of the damaged bundle, whatever is asked for; stderr names the blob.
file=$(largest 1)
chmod u+w "$file"
damage "$file" 1000
pack_again
grep -q "blob $(basename "$file") is damaged or missing; it is made again" "$ERR" || fail "stderr: $(cat "$ERR")"
proves

# A new version beside the damage: all that it names proves, two files of the damaged content included.
chmod u+w "$file"
damage "$file" 1000
expect_exit 0 "$BUNDLEFS" pack "$STORE" acme/m:2 "$SRC" --chunk-size 128K
expect_exit 1 "$BUNDLEFS" verify "$STORE"
not grep -qE '^acme/m:2: [a-z]+[.]bin' "$OUT" "$ERR" || fail "version 2 has damaged files: $(cat "$OUT" "$ERR")"
mount_store
checks same-tree "$SRC" "$MNT/acme/m/2" mount
unmount
# Version 1 again heals the blob that both name.
pack_again
proves

# A blob that another bundle brought is made by packing that one again; until then nothing is claimed.
rm -rf "$STORE"
mkdir "$TMP/first"
cp "$SRC/a.bin" "$TMP/first/"
pack acme/first:1 "$TMP/first"
file=$(largest 1)
rm "$SRC/b.bin"
echo more >>"$SRC/a.bin"
pack acme/m:1
chmod u+w "$file"
damage "$file" 1000
expect_exit 1 "$BUNDLEFS" pack "$STORE" acme/m:1 "$SRC"
grep -q 'if another bundle brought the blob, pack that one again' "$ERR" || fail "stderr: $(cat "$ERR")"
expect_exit 0 "$BUNDLEFS" pack "$STORE" acme/first:1 "$TMP/first"
proves
