#!/usr/bin/env bash
# A bundle goes through a real registry on loopback and comes back with the same digest; the copy mounts.
# TIMEOUT: 90
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command skopeo docker-registry

make_model "$SRC" --dtype mixed
pack acme/tiny:1.0.0
pack acme/tiny:1.0.1
id=$(store_tool digest "$STORE" acme/tiny:1.0.0)
config=$TMP/registry.yml

start_registry() { # on a free port; a port taken meanwhile is tried again
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    registry=127.0.0.1:$port
    printf 'version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: %s\nhttp:\n  addr: %s\n' \
        "$TMP/registry" "$registry" >"$config"
    docker-registry serve "$config" >>"$LOGS/registry.txt" 2>&1 &
    registry_pid=$!
    local tries
    for tries in {1..200}; do
        kill -0 "$registry_pid" 2>/dev/null || return 1
        ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
        sleep 0.05
    done
    fail "the registry does not answer after $tries tries"
}
start_registry || start_registry || fail "the registry does not start: $(tail -n 3 "$LOGS/registry.txt")"

copy() { skopeo --insecure-policy copy --quiet --src-tls-verify=false --dest-tls-verify=false "$@"; }
export XDG_RUNTIME_DIR=$TMP HOME=$TMP
copy --src-tls-verify=false "oci:$STORE:acme/tiny:1.0.0" "docker://$registry/acme/tiny:1.0.0"
copy "docker://$registry/acme/tiny:1.0.0" "oci:$TMP/back:acme/tiny:1.0.0"
kill "$registry_pid"
[ "$(store_tool digest "$TMP/back" acme/tiny:1.0.0)" = "$id" ] || fail "another digest came back"

expect_exit 0 "$BUNDLEFS" verify "$TMP/back"
mount_at "$TMP/back" "$MNT"
checks same-tree "$SRC" "$MNT/acme/tiny/1.0.0" mount
(cd "$MNT/acme/tiny/1.0.0" && sha256sum -c --quiet --strict SHA256SUMS)
unmount
# A store that another tool made can be packed into as well.
"$BUNDLEFS" pack "$TMP/back" acme/tiny:1.0.2 "$SRC" 2>>"$LOGS/pack.log"
expect_exit 0 "$BUNDLEFS" verify "$TMP/back"
