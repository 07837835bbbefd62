#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Help is at most 80 columns wide, on stdout alone, and no error; bad usage is on stderr alone, in
# one line, and exits 2.
set -u
program=$1
failures=0
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

complain() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

good() {
    "$program" "$@" >"$folder/out" 2>"$folder/err" || complain "$* exits $?"
    [ -s "$folder/out" ] || complain "$* prints nothing"
    [ ! -s "$folder/err" ] || complain "$* writes to stderr"
    awk 'length > 80 { exit 1 }' "$folder/out" || complain "$* is wider than 80 columns"
}

bad() {
    "$program" "$@" >"$folder/out" 2>"$folder/err"
    local status=$?
    [ $status = 2 ] || complain "'$*' exits $status, not 2"
    [ ! -s "$folder/out" ] || complain "'$*' writes to stdout"
    [ "$(wc -l <"$folder/err")" = 1 ] || complain "'$*' does not print one line"
    grep -q '^bundlefs.*: ' "$folder/err" || complain "'$*' does not say who speaks"
}

good --help
good -h
good help
good --version
verbs=$("$program" help | sed -n 's/^  \([a-z]\+\) .*/\1/p')
[ "$(wc -w <<<"$verbs")" -ge 8 ] || complain "help lists only: $verbs"
for verb in $verbs; do
    good "$verb" --help
    good "$verb" -h
    good help "$verb"
    bad "$verb" --no-such-option
    grep -q -- "unknown option --no-such-option; see bundlefs $verb --help" "$folder/err" ||
        complain "$verb does not name the bad option"
    # Some have a report of their own that needs no store.
    case $verb in views | host) ;; *) bad "$verb" ;; esac
    bad "$verb" a b c d e f g
done
bad
bad no-such-verb
bad --no-such-option
bad help no-such-verb
bad pack --jobs
bad pack --jobs=0 store a:1 dir
bad pack --jobs=x store a:1 dir
bad pack --json=yes store a:1 dir
bad pack --chunk-size 100K store a:1 dir
bad pack --chunk-size 18446744073709551616 store a:1 dir
bad pack --chunk-size 256KB store a:1 dir
bad pack store a dir
bad pack --view no-such-profile store a:1 dir
bad pack --view= store a:1 dir
bad views store
bad pack -j store
bad unpack --view x --metadata store a:1 dir
bad unpack --view
SOURCE_DATE_EPOCH=-1 bad pack store a:1 dir
SOURCE_DATE_EPOCH= bad pack store a:1 dir
SOURCE_DATE_EPOCH=1e9 bad pack store a:1 dir
[ ! -e store ] || complain "wrong usage made a store"

"$program" completion bash >"$folder/completion" || complain "no completion"
bash -n "$folder/completion" || complain "the completion is no shell script"
if "$program" help >/dev/full 2>"$folder/err"; then
    complain "a full disk goes unnoticed"
fi
[ "$failures" = 0 ]
