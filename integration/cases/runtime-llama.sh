#!/usr/bin/env bash
# llama.cpp decodes the same greedy tokens from the mount as from the plain file, mapped and read.
# TIMEOUT: 120
# NOT-UNDER: thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command node npm
[ "$(uname -m)" = x86_64 ] || skip "the pinned llama.cpp binary is for x86_64"
"$INTEGRATION/runtimes/install" || skip "npm cannot install the runtimes"

make_gguf "$SRC/model.gguf"
pack acme/llama:1
mount_store
tokens() { node "$INTEGRATION/runtimes/llama.mjs" "$1" "$2" 32; }
want=$(tokens "$SRC/model.gguf" mmap)
for how in mmap read; do
    got=$(tokens "$MNT/acme/llama/1/model.gguf" "$how")
    [ "$got" = "$want" ] || fail "$how: $got instead of $want"
done
unmount
# Other weights give other tokens: the comparison can fail.
make_gguf "$TMP/other.gguf" --seed 2
[ "$(tokens "$TMP/other.gguf" mmap)" != "$want" ] || fail "tokens do not depend on the weights"
