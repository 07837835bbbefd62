#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The verbs together: pack, ls, inspect, verify, unpack, rm, gc on a small directory, with names
# that are awkward for shells and terminals.
set -eu
program=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
refused() { # COMMAND...: exit 1, one line on stderr
    local status=0
    "$program" "$@" >out 2>err || status=$?
    [ $status = 1 ] || fail "'$*' exits $status, not 1"
    [ "$(wc -l <err)" = 1 ] || fail "'$*' does not print one line: $(cat err)"
}

mkdir -p model/sub model/empty
seq 20000 >model/numbers
printf 'evil \033[31m' >"model/sub/"$'esc\033[31m'
printf x >model/$'latin\xe9'
printf x >model/--dash
ln -s numbers model/link
touch -d '2001-02-03 04:05:06.123456789' model/numbers model/sub

"$program" pack store acme/tiny:1.0.0 model >out 2>err
[ ! -s err ] || fail "pack writes to stderr: $(cat err)"
grep -q '^acme/tiny:1.0.0  sha256:[0-9a-f]\{64\}  5 files' out || fail "pack prints: $(cat out)"
"$program" pack --json --jobs=1 -- store acme/tiny:1.0.1 model >out
grep -q '"version": "1.0.1"' out || fail "pack --json prints: $(cat out)"

"$program" ls store >out
[ "$(wc -l <out)" = 3 ] || fail "ls prints: $(cat out)"
grep -q ' VIEWS$' out || fail "ls names no views: $(cat out)"
"$program" ls store --json >out
grep -q '"views"' out || fail "ls --json names no views: $(cat out)"
"$program" ls store acme/tiny:1.0.0 >out
! grep -q $'\033' out || fail "ls lets terminal controls through"
grep -q 'link -> numbers$' out || fail "ls does not show the link"
"$program" ls store acme/tiny:1.0.0 --json >out
grep -q $'latin\xef\xbf\xbd' out || fail "ls --json does not replace what is not UTF-8"
"$program" inspect store acme/tiny:1.0.0 --chunks --tensors >out
! grep -q '^VIEW' out || fail "inspect shows views of a bundle without"
grep -q zstd out || fail "inspect --chunks shows no encoding"
"$program" verify store >out || fail "verify: $(cat out)"
"$program" verify --quick store acme/tiny:1.0.0 >out || fail "verify --quick: $(cat out)"

"$program" unpack store acme/tiny:1.0.0 out-dir >out
diff -r model out-dir || fail "unpack gives other content"
list() { (cd "$1" && find . -printf '%p %m %T@ %y %l\n' | sort); }
[ "$(list model)" = "$(list out-dir)" ] || fail "unpack gives other permissions or times"
refused unpack store acme/tiny:1.0.0 out-dir
refused unpack store acme/none:1 elsewhere
refused unpack store acme/tiny:1.0.0 elsewhere --view none
grep -q 'no view "none"' err || fail "unpack --view says: $(cat err)"
[ ! -e elsewhere ] || fail "unpack --view leaves a directory"
refused inspect store acme/none:1
refused ls missing
refused rm store acme/none:1
refused pack store acme/tiny:1.0.0 out-dir/sub

blob=$(find store/blobs -type f -size +20k | head -n 1)
cp "$blob" sound
printf '\377' | dd of="$blob" bs=1 seek=20000 conv=notrunc status=none
if "$program" verify store >out; then
    fail "verify does not see a damaged chunk"
fi
grep -q '^acme/tiny:1.0.0: numbers: chunk 0' out || fail "verify prints: $(cat out)"
refused unpack store acme/tiny:1.0.0 elsewhere
[ ! -e elsewhere ] || fail "unpack leaves a damaged directory"
cp sound "$blob"

"$program" rm store acme/tiny:1.0.0 >out
"$program" rm store acme/tiny:1.0.1 >out
"$program" gc store --dry-run >out
[ "$(find store/blobs -type f | wc -l)" -gt 0 ] || fail "gc --dry-run removes"
"$program" gc store --json >out
[ "$(find store/blobs -type f | wc -l)" = 0 ] || fail "gc leaves: $(find store/blobs -type f)"
