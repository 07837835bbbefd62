#!/usr/bin/env bash
# Names that break naive programs survive, in the tree and in SHA256SUMS.
# TIMEOUT: 30
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

long=$(printf 'n%.0s' {1..255})
names=('with space' '-dash' 'quote"and'"'"'quote' 'back\slash' $'new\nline' $'tab\tname' 'naïve-模型'
    '.hidden' '...' 'a=b&c;d|e' '*?[x]' "$long")
for name in "${names[@]}"; do
    printf '%s' "$name" >"$SRC/$name"
done
mkdir "$SRC/dir with space"
printf deep >"$SRC/dir with space/  "

pack odd/names:1
mount_store
checks same-tree "$SRC" "$MNT/odd/names/1" mount
(cd "$MNT/odd/names/1" && sha256sum -c --quiet --strict SHA256SUMS)
unmount
"$BUNDLEFS" unpack "$STORE" odd/names:1 "$TMP/out" 2>>"$LOGS/unpack.log"
checks same-tree "$SRC" "$TMP/out"

# A name that is not UTF-8 cannot be written in JSON: refused in one line, or kept bit for bit.
printf x >"$SRC/"$'latin-\xe9'
if "$BUNDLEFS" pack "$STORE" odd/names:2 "$SRC" >"$OUT" 2>"$ERR"; then
    "$BUNDLEFS" unpack "$STORE" odd/names:2 "$TMP/out2" 2>>"$LOGS/unpack.log"
    checks same-tree "$SRC" "$TMP/out2"
else
    expect_refusal 1 "$BUNDLEFS" pack "$STORE" odd/names:2 "$SRC"
fi
