#!/usr/bin/env bash
# What eight readers of a file want is decoded exactly once, with passthrough and without, however its
# backing file comes to be: from what readers want, from what the kernel has of it, or by itself.
# TIMEOUT: 120
# EXCLUSIVE
# NOT-UNDER: address thread
# ALLOW-LOG: no passthrough
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

# More than the chunk cache holds, so what was decoded is soon let go.
make_safetensors "$SRC" --size 64M --tensor-size 4M
pack acme/once:1 "$SRC" --chunk-size 256K
source=$SRC/model.safetensors file=$MNT/acme/once/1/model.safetensors
size=$(stat -c %s "$source") DISTURBED=99
backing=$TMP/backing
mkdir "$backing"

metric() { sed -n "s/^bundlefs_$1 //p" "$MNT/.bundlefs/metrics"; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }
passthrough_is_on() { grep -q '"passthrough": "on"' "$MNT/.bundlefs/health.json"; }
# decoded_is N WHAT: N times the file, for as many times that it was read. Nothing can be said when the
# kernel has forgotten pages by itself: it has asked for more than that, or descriptor 7 has too few.
decoded_is() {
    local got least=$(($1 * size))
    got=$(metric decoded_bytes_total)
    # Of what was read before, the chunk cache may have some still.
    [ "$1" = 1 ] || least=$((least - (32 << 20)))
    [ "$got" -gt $(($1 * size)) ] || [ "$got" -lt $least ] || return 0
    [ "$(metric read_bytes_total)" = $(($1 * size)) ] || exit "$DISTURBED"
    ! is_open || checks all-pages-cached <&7 || exit "$DISTURBED"
    fail "$2: $got bytes decoded instead of $1 times $size"
}
is_open() { [ -e /proc/self/fd/7 ]; }
# The kernel forgets the pages of what is open as descriptor 7.
forget_pages() { dd iflag=nocache count=0 status=none <&7; }
read_by_eight() { checks parallel-readers "$file" "$source" 8; }

# undisturbed SCENARIO ARGUMENT...: again when it was disturbed.
undisturbed() {
    local status=$DISTURBED
    until [ "$status" = 0 ]; do
        status=0
        ("$@") >"$OUT" 2>"$ERR" || status=$?
        [ "$status" = 0 ] || [ "$status" = "$DISTURBED" ] || fail "$*: $(cat "$ERR")"
        ! is_mounted 2>/dev/null || unmount
    done
}

without() {
    mount_store -o cache_size=32M,passthrough=off
    exec 7<"$file"
    read_by_eight
    decoded_is 1 "8 readers"
    read_by_eight
    decoded_is 1 "8 readers of what the kernel has"
}
# All of it is in the page cache when its backing file is wanted.
opened_again() {
    mount_store -o "$1"
    checks sequential "$source" "$file" 131072
    decoded_is 1 "read once"
    exec 7<"$file"
    checks sequential "$source" "$file" 131072
    wait_until 20 metric_is backing_files 1
    decoded_is 1 "opened again"
    checks sequential "$source" "$file" 131072
    decoded_is 1 "read by the kernel"
}
# Nothing of it is: it is decoded again, for the eight and for the backing file together; and a handle
# from before is served from that.
opened_again_cold() {
    mount_store -o "$1"
    exec 7<"$file"
    read_by_eight
    decoded_is 1 "8 readers"
    forget_pages
    read_by_eight
    wait_until 20 metric_is backing_files 1
    decoded_is 2 "8 readers again, cold"
    before=$(metric decoded_bytes_total)
    forget_pages
    cmp "$source" - <&7
    [ "$(metric decoded_bytes_total)" = "$before" ] || fail "chunks are decoded for an old handle"
    [ "$(metric backing_read_bytes_total)" -gt 0 ] || fail "nothing was read from the backing file"
}
filled_first() {
    mount_store -o "$1,backing_fill=first"
    exec 7<"$file"
    read_by_eight
    wait_until 20 metric_is backing_files 1
    decoded_is 1 "8 readers"
}

undisturbed without
mount_store -o "cache_size=32M,backing=$backing"
passthrough_is_on || skip "no passthrough here: $(grep passthrough "$MNT/.bundlefs/health.json")"
unmount
for place in "$backing" memory; do
    for workers in 1 2; do
        for scenario in opened_again opened_again_cold filled_first; do
            undisturbed $scenario "cache_size=32M,backing=$place,workers=$workers"
        done
    done
done
