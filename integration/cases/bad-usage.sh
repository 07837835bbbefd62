#!/usr/bin/env bash
# Bad usage gets one line that says what to do, exit 1 or 2, and nothing half-done.
# TIMEOUT: 60
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model
pack acme/good:1
before=$(tree_state "$STORE")

refused() { # CODE COMMAND...: as expect_refusal, and the store is untouched
    expect_refusal "$@"
    [ "$before" = "$(tree_state "$STORE")" ] || fail "the store changed: ${*:2}"
}
says() { # WORD...: the line on stderr has one of them
    local word
    for word; do
        ! grep -qiF -- "$word" "$ERR" || return 0
    done
    fail "the line says none of '$*': $(cat "$ERR")"
}

# Wrong usage: 2.
refused 2 "$BUNDLEFS" frobnicate && says frobnicate
refused 2 "$BUNDLEFS" pack && says STORE usage
refused 2 "$BUNDLEFS" pack "$STORE" acme/x:1
refused 2 "$BUNDLEFS" pack "$STORE" acme/x:1 "$SRC" extra
refused 2 "$BUNDLEFS" pack --no-such-option "$STORE" acme/x:1 "$SRC" && says no-such-option
refused 2 "$BUNDLEFS" pack "$STORE" acme/x:1 "$SRC" --chunk-size 1 && says chunk-size
refused 2 "$BUNDLEFS" pack "$STORE" acme/x:1 "$SRC" --chunk-size 100K && says chunk-size
refused 2 "$BUNDLEFS" pack "$STORE" acme/x:1 "$SRC" --jobs 0 && says jobs
refused 2 "$BUNDLEFS" pack "$STORE" acme/x:1 "$SRC" --jobs many && says jobs
for name in acme/x acme/x: :1 ../x:1 /abs:1 acme//x:1 acme/./x:1 .bundlefs:1 acme/x:latest 'a b:1' 'acme/x:a b' ''; do
    refused 2 "$BUNDLEFS" pack "$STORE" "$name" "$SRC"
done
refused 2 "$BUNDLEFS" pack "$STORE" acme/x "$SRC" && says version NAME:VERSION
refused 2 "$BUNDLEFS" inspect "$STORE" acme/good && says version NAME:VERSION
refused 2 "$BUNDLEFS" mount "$STORE" && says MOUNTPOINT usage
refused 2 "$BUNDLEFS" mount "$STORE" "$MNT" -o cache_size=lots && says cache_size
refused 2 "$BUNDLEFS" mount "$STORE" "$MNT" -o no_such_option=1 && says no_such_option
refused 2 "$BUNDLEFS" mount "$STORE" "$MNT" -o workers=0 && says workers
expect_not_mounted

# The store.
for verb in ls verify gc; do
    refused 1 "$BUNDLEFS" "$verb" "$TMP/missing" && says "$TMP/missing"
    [ ! -e "$TMP/missing" ] || fail "$verb created a store"
done
mkdir "$TMP/other"
printf 'hello' >"$TMP/other/file"
for verb in ls verify gc; do
    refused 1 "$BUNDLEFS" "$verb" "$TMP/other" && says "$TMP/other"
done
refused 1 "$BUNDLEFS" pack "$TMP/other" acme/x:1 "$SRC" && says "$TMP/other"
refused 1 "$BUNDLEFS" pack "$TMP/other/file" acme/x:1 "$SRC" && says "$TMP/other/file"
[ "$(ls -A "$TMP/other")" = file ] || fail "pack put something into a folder that is no store"
refused 1 "$BUNDLEFS" mount "$TMP/other" "$MNT" && says "$TMP/other"
refused 1 "$BUNDLEFS" mount "$TMP/missing" "$MNT" && says "$TMP/missing"

# The bundle.
for verb in inspect verify rm; do
    refused 1 "$BUNDLEFS" "$verb" "$STORE" acme/nothing:1 && says acme/nothing
done
refused 1 "$BUNDLEFS" unpack "$STORE" acme/nothing:1 "$TMP/out" && says acme/nothing
[ ! -e "$TMP/out" ] || fail "unpack left something behind"
mkdir "$TMP/full"
printf x >"$TMP/full/mine"
refused 1 "$BUNDLEFS" unpack "$STORE" acme/good:1 "$TMP/full" && says "$TMP/full"
[ "$(ls -A "$TMP/full")" = mine ] || fail "unpack wrote into a folder that was not empty"

# The directory.
refused 1 "$BUNDLEFS" pack "$STORE" acme/x:1 "$TMP/missing" && says "$TMP/missing"
refused 1 "$BUNDLEFS" pack "$STORE" acme/x:1 "$SRC/config.json" && says config.json
mkdir "$TMP/empty"
refused 1 "$BUNDLEFS" pack "$STORE" acme/x:1 "$TMP/empty" && says empty
refused 1 "$BUNDLEFS" pack "$TMP/never" acme/x:1 "$TMP/empty" && says empty
[ ! -e "$TMP/never" ] || fail "a pack that was refused leaves a new store behind"

fresh() { # a small directory that is fine so far, at $TMP/bad
    rm -rf "$TMP/bad"
    mkdir -p "$TMP/bad/sub"
    printf '{}' >"$TMP/bad/config.json"
}
fresh && mkfifo "$TMP/bad/sub/pipe"
refused 1 "$BUNDLEFS" pack "$STORE" acme/x:1 "$TMP/bad" && says sub/pipe
fresh && (cd "$TMP/bad/sub" && python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")')
refused 1 "$BUNDLEFS" pack "$STORE" acme/x:1 "$TMP/bad" && says sub/sock
for target in /etc/passwd ../../outside ../../bad/../../outside; do
    fresh && ln -s "$target" "$TMP/bad/sub/escape"
    refused 1 "$BUNDLEFS" pack "$STORE" acme/x:1 "$TMP/bad" && says sub/escape
done
for name in manifest.json SHA256SUMS signatures views; do
    fresh && printf x >"$TMP/bad/$name"
    refused 1 "$BUNDLEFS" pack "$STORE" acme/x:1 "$TMP/bad" && says "$name"
done
if [ "$(id -u)" = 0 ]; then
    fresh && mknod "$TMP/bad/sub/device" c 1 3
    refused 1 "$BUNDLEFS" pack "$STORE" acme/x:1 "$TMP/bad" && says sub/device
fi

# A version is never replaced by other content, and no bundle lies inside another.
fresh
refused 1 "$BUNDLEFS" pack "$STORE" acme/good/1:1 "$TMP/bad" && says acme/good
refused 1 "$BUNDLEFS" pack "$STORE" acme/good:1 "$TMP/bad" && says acme/good

# A link that leads outside is followed only when asked for.
fresh && printf outside >"$TMP/outside" && ln -s ../../outside "$TMP/bad/sub/escape"
expect_exit 0 "$BUNDLEFS" pack "$STORE" acme/followed:1 "$TMP/bad" --dereference
expect_exit 0 "$BUNDLEFS" unpack "$STORE" acme/followed:1 "$TMP/followed"
[ "$(cat "$TMP/followed/sub/escape")" = outside ] && [ ! -L "$TMP/followed/sub/escape" ] ||
    fail "--dereference did not store the content"

# Every verb has help, on stdout, and it is no error.
expect_exit 0 "$BUNDLEFS" --help
for verb in pack ls inspect verify unpack rm gc mount umount; do
    grep -qw "$verb" "$OUT" || fail "--help does not name $verb"
done
for verb in pack ls inspect verify unpack rm gc mount umount; do
    expect_exit 0 "$BUNDLEFS" "$verb" --help
    [ -s "$OUT" ] && [ ! -s "$ERR" ] || fail "$verb --help is not on stdout"
done
expect_exit 0 "$BUNDLEFS" --version
