#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The man page describes every verb and every option that the program has, under the verb's own
# heading, and no option that it has not.
set -u
program=$1
page=$2
failures=0

complain() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# The text of a verb's section.
section() {
    awk -v verb="$1" '/^\.S[hs] / { inside = $1 == ".Ss" && $2 == verb } inside' "$page"
}

verbs=$("$program" help | sed -n 's/^  \([a-z]\+\) .*/\1/p')
[ -n "$verbs" ] || complain "the program lists no verbs"
for verb in $verbs; do
    text=$(section "$verb")
    [ -n "$text" ] || complain "the page has no section \"$verb\""
    options=$("$program" "$verb" --help |
        sed -n 's/^  \(-[a-zA-Z], \)\?--\([a-z][-a-z]*\).*/\2/p' | grep -vx help)
    for option in $options; do
        grep -q "^\.It.* Fl -$option\( \|\$\)" <<<"$text" ||
            complain "\"$verb\" does not describe --$option"
    done
    for option in $(sed -n 's/^\.It.* Fl -\([a-z][-a-z]*\).*/\1/p' <<<"$text"); do
        grep -qx -- "$option" <<<"$options" ||
            complain "\"$verb\" describes --$option, which the program does not have"
    done
done
for heading in 'EXIT STATUS' ENVIRONMENT FILES EXAMPLES; do
    grep -qx "\.Sh $heading" "$page" || complain "the page has no section $heading"
done
[ "$failures" = 0 ]
