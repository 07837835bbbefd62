#!/usr/bin/env bash
# Two packers and a gc at once lose nothing; content that they share survives.
# TIMEOUT: 120
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

rounds=6
make_safetensors "$TMP/common" --size 6M --seed 9 --bare
for who in a b; do
    for round in $(seq $rounds); do
        make_safetensors "$TMP/$who$round" --size 2M --seed "$round$(printf '%d' "'$who")"
        cp "$TMP/common/model.safetensors" "$TMP/$who$round/common.safetensors"
    done
done
pack base:1 "$TMP/common"

packer() {
    local round
    for round in $(seq $rounds); do
        "$BUNDLEFS" pack "$STORE" "$1:$round" "$TMP/$1$round"
    done
}
collector() {
    while [ ! -e "$TMP/done" ]; do
        # Packers go first: a gc may give up with "busy", and with nothing else.
        "$BUNDLEFS" gc "$STORE" 2>"$TMP/gc-error" || grep -qi busy "$TMP/gc-error"
        printf . >>"$TMP/collected"
    done
}
packer a >>"$LOGS/a.log" 2>&1 &
a=$!
packer b >>"$LOGS/b.log" 2>&1 &
b=$!
collector >>"$LOGS/gc.log" 2>&1 &
c=$!
wait $a || fail "packer a: $(tail -n 2 "$LOGS/a.log")"
wait $b || fail "packer b: $(tail -n 2 "$LOGS/b.log")"
touch "$TMP/done"
wait $c || fail "gc: $(tail -n 2 "$LOGS/gc.log")"
[ -s "$TMP/collected" ] || fail "gc never ran"

# The same name from two packers at once: one content wins, whole.
"$BUNDLEFS" pack "$STORE" race:1 "$TMP/a1" >>"$LOGS/a.log" 2>&1 &
a=$!
"$BUNDLEFS" pack "$STORE" race:1 "$TMP/b1" >>"$LOGS/b.log" 2>&1 &
b=$!
won=0
wait $a && won=$((won + 1)) || true
wait $b && won=$((won + 1)) || true
[ "$won" = 1 ] || fail "$won packers of one name succeeded"

"$BUNDLEFS" gc "$STORE" >>"$LOGS/gc.log" 2>&1
expect_exit 0 "$BUNDLEFS" verify "$STORE"
[ "$(store_tool list "$STORE" | wc -l)" = $((2 * rounds + 2)) ] || fail "lost: $(store_tool list "$STORE")"
mount_store
for who in a b; do
    for round in $(seq $rounds); do
        checks same-tree "$TMP/$who$round" "$MNT/$who/$round" mount
    done
done
unmount
