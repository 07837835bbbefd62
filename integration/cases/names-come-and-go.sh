#!/usr/bin/env bash
# Versions come and go under one mount, and catalogues of new names: what is loaded is what is alive,
# and memory and descriptors stay. The short form of integration/soak/versions.
# TIMEOUT: 240
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

"$INTEGRATION/soak/versions" --versions 600 --batch 50 --names 12000 --rewrites 6 --folder "$TMP" ||
    fail "names that are gone are kept"
