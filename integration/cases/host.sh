#!/usr/bin/env bash
# host: what it shows of descriptions of other hosts, and what it says of bad ones.
# TIMEOUT: 30
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

# told FILE: host and host --json with that description; the JSON is the description again.
told() {
    BUNDLEFS_HOST=$1 expect_exit 0 "$BUNDLEFS" host --json
    [ ! -s "$ERR" ] || fail "host writes to stderr: $(cat "$ERR")"
    diff "$1" "$OUT" || fail "host --json does not give the description again"
    BUNDLEFS_HOST=$1 expect_exit 0 "$BUNDLEFS" host
}

# refused FILE SENTENCE
refused() {
    BUNDLEFS_HOST=$1 expect_exit 1 "$BUNDLEFS" host
    [ ! -s "$OUT" ] || fail "a refused description is shown: $(cat "$OUT")"
    [ "$(cat "$ERR")" = "bundlefs: $2" ] || fail "the message is: $(cat "$ERR")"
}

cat >"$TMP/h100.json" <<'END'
{
  "schema_version": "1.0",
  "arch": "x86_64",
  "cpu": {
    "vendor": "intel",
    "model": "Intel(R) Xeon(R) Platinum 8480+",
    "usable": 112,
    "features": [
      "fpu",
      "sse4_2",
      "avx",
      "avx2",
      "avx512f",
      "avx512bw",
      "avx512_vnni",
      "avx512_bf16",
      "amx_bf16",
      "amx_tile",
      "amx_int8",
      "erms",
      "fma"
    ]
  },
  "memory_bytes": 1081344000000,
  "plane_kernels": "avx512",
  "devices": [
    {
      "hardware": "gpu",
      "vendor": "intel",
      "name": "GPU 8086:a780",
      "driver": "i915",
      "pci_address": "0000:00:02.0",
      "pci_id": "8086:a780",
      "usable": true,
      "integrated": true
    },
    {
      "hardware": "gpu",
      "vendor": "nvidia",
      "arch": "sm_90",
      "name": "NVIDIA H100 80GB HBM3",
      "compute_capability": "9.0",
      "driver": "nvidia",
      "driver_version": "550.54.15",
      "memory_bytes": 84825604096,
      "pci_address": "0000:5d:00.0",
      "pci_id": "10de:2330",
      "usable": true,
      "integrated": false
    },
    {
      "hardware": "accelerator",
      "vendor": "google",
      "arch": "v5e",
      "name": "Google TPU v5e",
      "pci_address": "0000:60:00.0",
      "pci_id": "1ae0:0063",
      "usable": false,
      "integrated": false
    }
  ]
}
END
told "$TMP/h100.json"
diff - "$OUT" <<'END' || fail "host shows the above"
cpu       Intel(R) Xeon(R) Platinum 8480+
          vendor intel, arch x86_64, 112 usable
features  sse4_2 avx avx2 avx512f avx512bw avx512_vnni avx512_bf16 amx_bf16
          amx_tile amx_int8 fma
memory    1.1 TB

PCI           CLASS        VENDOR  ARCH   COMPUTE   MEMORY  DRIVER            NAME
0000:00:02.0  gpu in cpu   intel   -            -        -  i915              GPU 8086:a780
0000:5d:00.0  gpu          nvidia  sm_90      9.0  84.8 GB  nvidia 550.54.15  NVIDIA H100 80GB HBM3
0000:60:00.0  accelerator  google  v5e          -        -  - (unusable)      Google TPU v5e
END

cat >"$TMP/least.json" <<'END'
{
  "schema_version": "1.0",
  "cpu": {
    "usable": 1
  }
}
END
told "$TMP/least.json"
diff - "$OUT" <<'END' || fail "host shows the above"
cpu       unknown
          vendor -, arch -, 1 usable
features  none that matters here
memory    unknown
devices   none
END

# This machine, whatever it is: its own description describes it.
unset BUNDLEFS_HOST
expect_exit 0 "$BUNDLEFS" host --json
cp "$OUT" "$TMP/this.json"
told "$TMP/this.json"
grep -qF "\"arch\": \"$(uname -m)\"" "$TMP/this.json" || fail "not this machine: $(cat "$TMP/this.json")"

refused "$TMP/none.json" "the description of the host, $TMP/none.json: No such file or directory"
refused "$TMP" "the description of the host, $TMP: not a file"
echo '{"schema_version": "1.0", "gpus": 1}' >"$TMP/bad.json"
refused "$TMP/bad.json" "$TMP/bad.json: unknown field \"gpus\""
head -c 100 "$TMP/h100.json" >"$TMP/cut.json"
BUNDLEFS_HOST=$TMP/cut.json expect_exit 1 "$BUNDLEFS" host
