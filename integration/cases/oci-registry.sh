#!/usr/bin/env bash
# A bundle and the statements about it go through a real registry on loopback and come back with the same digests; the
# copy mounts.
# TIMEOUT: 90
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_command skopeo docker-registry

make_model "$SRC" --dtype mixed
pack acme/tiny:1.0.0
pack acme/tiny:1.0.1
"$BUNDLEFS" keygen --out "$TMP/k" --no-password >>"$LOGS/keys.txt"
for verb in "sign STORE acme/tiny:1.0.0 --reason tested" "approve STORE acme/tiny:1.0.0 --role release" \
    "promote STORE acme/tiny:1.0.0 --to production" "deprecate STORE acme/tiny:1.0.1"; do
    # shellcheck disable=SC2086 # words
    "$BUNDLEFS" ${verb/STORE/"$STORE"} --key "$TMP/k.key" >>"$LOGS/keys.txt"
done
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
store_tool statements "$STORE" >"$TMP/statements"
[ "$(wc -l <"$TMP/statements")" = 4 ] || fail "not four statements: $(cat "$TMP/statements")"
while read -r name; do
    copy "oci:$STORE:$name" "docker://$registry/$name"
done <"$TMP/statements"
# what the registry has of a bundle, by its tags alone
tags=$(skopeo list-tags --tls-verify=false "docker://$registry/acme/tiny" |
    python3 -c 'import json, sys; print(*[t for t in json.load(sys.stdin)["Tags"] if t.startswith(sys.argv[1])], sep="\n")' \
        "${id/:/-}.")
[ "$(wc -l <<<"$tags")" = 3 ] || fail "the registry has not three statements about 1.0.0: $tags"
for tag in $tags; do
    copy "docker://$registry/acme/tiny:$tag" "oci:$TMP/back:acme/tiny:$tag"
    [ "$(store_tool digest "$TMP/back" "acme/tiny:$tag")" = "$(store_tool digest "$STORE" "acme/tiny:$tag")" ] ||
        fail "$tag came back with another digest"
done
# A name with capitals has a repository of its own; the name comes back with the bundle.
pack Acme/Tiny:1.0.0
repository=$("$BUNDLEFS" inspect "$STORE" Acme/Tiny:1.0.0 --json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["repository"])')
[ "$repository" = acme--1/tiny--1 ] || fail "the repository of Acme/Tiny is $repository"
copy "oci:$STORE:Acme/Tiny:1.0.0" "docker://$registry/$repository:1.0.0"
copy "docker://$registry/$repository:1.0.0" "oci:$TMP/back:Acme/Tiny:1.0.0"
[ "$(store_tool digest "$TMP/back" Acme/Tiny:1.0.0)" = "$(store_tool digest "$STORE" Acme/Tiny:1.0.0)" ] ||
    fail "Acme/Tiny came back with another digest"
kill "$registry_pid"
[ "$(store_tool digest "$TMP/back" acme/tiny:1.0.0)" = "$id" ] || fail "another digest came back"

expect_exit 0 "$BUNDLEFS" verify "$TMP/back"
mount_at "$TMP/back" "$MNT"
checks same-tree "$SRC" "$MNT/acme/tiny/1.0.0" mount
[ "$(readlink "$MNT/acme/tiny/production")" = 1.0.0 ] || fail "the alias did not come back"
[ "$(find "$MNT/acme/tiny/1.0.0/signatures" -type f | wc -l)" = 3 ] || fail "not all statements came back"
"$BUNDLEFS" history "$TMP/back" acme/tiny:1.0.0 --json >"$TMP/there"
"$BUNDLEFS" history "$STORE" acme/tiny:1.0.0 --json | cmp - "$TMP/there" || fail "history tells something else"
(cd "$MNT/acme/tiny/1.0.0" && sha256sum -c --quiet --strict SHA256SUMS)
checks same-tree "$SRC" "$MNT/Acme/Tiny/1.0.0" mount
unmount
# A store that another tool made can be packed into as well.
"$BUNDLEFS" pack "$TMP/back" acme/tiny:1.0.2 "$SRC" 2>>"$LOGS/pack.log"
expect_exit 0 "$BUNDLEFS" verify "$TMP/back"
