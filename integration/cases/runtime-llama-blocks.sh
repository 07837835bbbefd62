#!/usr/bin/env bash
# Quantized blocks are those of llama.cpp's own functions, byte for byte, and have the same values.
# TIMEOUT: 180
# NOT-UNDER: address thread
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command node npm
[ "$(uname -m)" = x86_64 ] || skip "the pinned llama.cpp binary is for x86_64"
/usr/bin/python3 -c 'import numpy' 2>/dev/null || skip "needs python3-numpy"
"$INTEGRATION/runtimes/install" || skip "npm cannot install the runtimes"

# Some thirty distributions: millions of values for every type and instruction set.
"$INTEGRATION/runtimes/ggml_blocks.py" "$([ -n "$BUNDLEFS_SANITIZER" ] && echo 32768 || echo 524288)"
