#!/usr/bin/env bash
# views/auto follows the host: by its description, by the options of the mount; what does not fit
# can be hidden; opaque views are taken as they are, and refused when their view.json is wrong.
# TIMEOUT: 120
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model "$SRC" --dtype bf16
mkdir -p "$SRC/views/engine"
echo '{"hardware": "gpu", "vendor": "nvidia", "arch": "sm_90", "runtime": "tensorrt"}' \
    >"$SRC/views/engine/view.json"
head -c 5000 /dev/urandom >"$SRC/views/engine/rank0.engine"
pack acme/t:1 "$SRC" --view cpu-f32 --view gpu-fp8 --view amx-bf16 --view npu-int8
pack acme/bare:1 "$SRC" --view amx-bf16 --view amx-int8 --view gpu-fp8
VIEWS=$MNT/acme/t/1/views

# describe FILE FEATURES [DEVICE]: a host for view selection.
describe() {
    cat >"$1" <<END
{
  "schema_version": "1.0",
  "arch": "x86_64",
  "cpu": {"vendor": "intel", "usable": 8, "features": [$2]},
  "memory_bytes": 68719476736,
  "devices": [${3:-}]
}
END
}
gpu() { # ARCH CAPABILITY
    echo '{"hardware": "gpu", "vendor": "nvidia", "arch": "'"$1"'", "compute_capability": "'"$2"'",
  "driver": "nvidia", "driver_version": "550.54.15", "memory_bytes": 84825604096, "usable": true, "integrated": false}'
}
npu() { # MEMBERS
    echo '{"hardware": "accelerator", '"$1"', "usable": true}'
}
describe "$TMP/old.json" '"avx2"'
describe "$TMP/npu.json" '"avx2"' "$(npu '"vendor": "intel", "arch": "npu40xx"')"
describe "$TMP/fpga.json" '"avx2"' "$(npu '"name": "Accelerator 10ee:5000", "driver": "xocl"')"
describe "$TMP/amx.json" '"avx2", "amx_tile", "amx_bf16"'
describe "$TMP/a100.json" '"avx2"' "$(gpu sm_80 8.0)"
describe "$TMP/l40.json" '"avx2"' "$(gpu sm_89 8.9)"
describe "$TMP/h100.json" '"avx2", "amx_tile", "amx_bf16"' "$(gpu sm_90 9.0)"

# auto_is VIEW MOUNT-OPTION...: and what it points to is a whole directory.
auto_is() {
    local want=$1
    shift
    mount_store "${@/#/-o}"
    [ "$(readlink "$VIEWS/auto")" = "$want" ] || fail "$*: auto is $(readlink "$VIEWS/auto"), not $want"
    [ "$(cd -P "$VIEWS/auto" && pwd)" = "$VIEWS/$want" ] || fail "auto leads elsewhere"
    (cd "$MNT/acme/t/1" && sha256sum --quiet -c SHA256SUMS)
    unmount
}
auto_is cpu-f32 "host=$TMP/old.json"
# What a runtime opens comes before weights.bin, however wide the instructions.
auto_is cpu-f32 "host=$TMP/amx.json"
auto_is amx-bf16 "host=$TMP/amx.json" view=amx-bf16
auto_is npu-int8 "host=$TMP/npu.json"
auto_is cpu-f32 "host=$TMP/fpga.json"
auto_is cpu-f32 "host=$TMP/a100.json"
auto_is gpu-fp8 "host=$TMP/l40.json"
auto_is engine "host=$TMP/h100.json"
auto_is gpu-fp8 "host=$TMP/old.json" "view=gpu-fp8"
BUNDLEFS_HOST=$TMP/l40.json auto_is gpu-fp8
auto_is cpu-f32 "host=$TMP/old.json" hide_unfit

mount_store -o "host=$TMP/amx.json"
[ "$(readlink "$MNT/acme/bare/1/views/auto")" = amx-bf16 ] || fail "tiled views alone have no auto"
unmount
mount_store -o "host=$TMP/a100.json" -o hide_unfit
[ "$(ls "$VIEWS")" = $'auto\ncpu-f32' ] || fail "hide_unfit shows $(ls "$VIEWS")"
expect_errno ENOENT stat "$VIEWS/gpu-fp8"
expect_exit 1 grep views/gpu-fp8 "$MNT/acme/t/1/SHA256SUMS"
unmount

# A name that nothing has is said: in the log, and in health.json.
view_found() { sed -nE 's/.*"view_found": ([a-z]+).*/\1/p' "$MNT/.bundlefs/health.json"; }
mount_store -o "host=$TMP/old.json,view=cpu-f32,log=$TMP/view.log"
[ -e "$VIEWS/auto" ] && [ "$(view_found)" = true ] || fail "view=cpu-f32: $(cat "$MNT/.bundlefs/health.json")"
unmount
not grep -q "no profile has this name" "$TMP/view.log" || fail "a known view is warned of"
mount_store -o "host=$TMP/old.json,view=none-such,log=$TMP/view.log"
grep -q "view=none-such: no profile has this name" "$TMP/view.log" || fail "log: $(cat "$TMP/view.log")"
[ ! -e "$VIEWS/auto" ] || fail "auto points to what is not there"
grep -q '"view": "none-such"' "$MNT/.bundlefs/health.json" && [ "$(view_found)" = false ] ||
    fail "view=none-such: $(cat "$MNT/.bundlefs/health.json")"
[ "$(ls "$VIEWS")" = $'amx-bf16\ncpu-f32\nengine\ngpu-fp8\nnpu-int8' ] || fail "views are $(ls "$VIEWS")"
cmp "$SRC/views/engine/rank0.engine" "$VIEWS/engine/rank0.engine"
[ "$(getfattr --absolute-names --only-values -n user.bundlefs.view "$VIEWS/gpu-fp8/model.safetensors")" = gpu-fp8 ]
expect_exit 1 touch "$VIEWS/new"
grep -q "Read-only file system" "$ERR" || fail "not read-only: $(cat "$ERR")"
unmount
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$MNT" -o "host=$TMP/none.json"
expect_not_mounted
expect_exit 2 "$BUNDLEFS" mount "$STORE" "$MNT" -o "view=a/b"

# The same judgement, and its reasons, without a mount.
BUNDLEFS_HOST=$TMP/a100.json expect_exit 0 "$BUNDLEFS" views "$STORE" acme/t:1
grep -q '^gpu-fp8 .* no .*8\.9.*8\.0' "$OUT" || fail "no reason: $(cat "$OUT")"
BUNDLEFS_HOST=$TMP/fpga.json expect_exit 0 "$BUNDLEFS" views "$STORE" acme/t:1
grep -q '^npu-int8 .* no .*a known arch' "$OUT" || fail "no reason: $(cat "$OUT")"
grep -q '^cpu-f32 .* auto ' "$OUT" || fail "no choice: $(cat "$OUT")"

# Nothing is packed of what is wrong.
before=$(tree_state "$STORE")
bad() { # SENTENCE-PART VIEW.JSON
    echo "$2" >"$SRC/views/engine/view.json"
    expect_refusal 1 "$BUNDLEFS" pack "$STORE" acme/t:2 "$SRC"
    grep -qF "$1" "$ERR" || fail "the message is: $(cat "$ERR")"
}
bad '"color"' '{"hardware": "gpu", "color": "red"}'
bad 'hardware' '{"vendor": "nvidia"}'
bad 'view.json' '{"hardware": "gpu"'
rm "$SRC/views/engine/view.json"
expect_refusal 1 "$BUNDLEFS" pack "$STORE" acme/t:2 "$SRC"
grep -q 'view\.json' "$ERR" || fail "the message is: $(cat "$ERR")"
rm -r "$SRC/views"
expect_exit 2 "$BUNDLEFS" pack "$STORE" acme/t:2 "$SRC" --view gpu-fp7
grep -q 'gpu-fp8' "$ERR" || fail "the profiles are not listed: $(cat "$ERR")"
expect_refusal 1 "$BUNDLEFS" pack "$STORE" acme/t:2 "$SRC" --view cpu-q8_0
[ "$(tree_state "$STORE")" = "$before" ] || fail "a refused pack changed the store"
