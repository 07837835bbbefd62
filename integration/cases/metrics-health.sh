#!/usr/bin/env bash
# .bundlefs/metrics is Prometheus' classic text that moves, metrics.openmetrics says the same; health.json says that
# all is well; copies of them are whole, whoever makes them.
# TIMEOUT: 90
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"

make_model
pack acme/metrics:1
mount_store
cat "$MNT/.bundlefs/metrics" >"$TMP/before"
cat "$MNT/acme/metrics/1/model.safetensors" >/dev/null
cat "$MNT/.bundlefs/metrics" >"$TMP/after"
checks metrics "$TMP/before"
checks metrics "$TMP/after"
checks counters-grow "$TMP/before" "$TMP/after"
cat "$MNT/.bundlefs/health.json" >"$TMP/health"
checks json-value "$TMP/health" 'it["status"]' ok
cat "$MNT/.bundlefs/refused.json" >"$TMP/refused"
checks json-value "$TMP/refused" 'str(it).find("acme")' -1
if command -v promtool >/dev/null; then
    promtool check metrics <"$TMP/after" || fail "promtool does not take the metrics"
fi
cat "$MNT/.bundlefs/metrics.openmetrics" >"$TMP/open"
checks metrics "$TMP/open"
tail -n 1 "$TMP/open" | grep -qx '# EOF' || fail "metrics.openmetrics does not end with # EOF"
[ "$(grep -c '^bundlefs_' "$TMP/open")" = "$(grep -c '^bundlefs_' "$TMP/after")" ] || fail "the two differ"

# Whoever goes by the size of a file gets all of it. health.json tells how old it is, so copies are not compared.
ends_well() { [ "$(tail -c 1 "$1" | wc -l)" = 1 ] && checks json-value "$1" 'it["schema_version"]' 1.0; }
control=$MNT/.bundlefs
for name in health.json host.json refused.json session.json; do
    cp "$control/$name" "$TMP/cp"
    ends_well "$TMP/cp" || fail "cp of $name"
    python3 -c 'import shutil, sys; shutil.copyfile(*sys.argv[1:])' "$control/$name" "$TMP/copyfile"
    ends_well "$TMP/copyfile" || fail "copyfile of $name"
    tar -C "$control" -cf "$TMP/tar" "$name"
    tar -xOf "$TMP/tar" "$name" >"$TMP/untarred"
    ends_well "$TMP/untarred" || fail "tar of $name"
    python3 -c 'import os, sys
size = os.stat(sys.argv[1]).st_size
with open(sys.argv[1], "rb", buffering=0) as file:
    assert os.fstat(file.fileno()).st_size == size, "fstat"
    text = file.read(size)
    assert len(text) == size and file.read(1) == b"", "not all in st_size"
with open(sys.argv[1], "rb") as file, open(sys.argv[2], "wb") as to:
    while os.sendfile(to.fileno(), file.fileno(), None, os.fstat(file.fileno()).st_size):
        pass' "$control/$name" "$TMP/sent"
    ends_well "$TMP/sent" || fail "sendfile of $name"
done
unmount
