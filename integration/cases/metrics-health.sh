#!/usr/bin/env bash
# .bundlefs/metrics is OpenMetrics text that moves; health.json says that all is well.
# TIMEOUT: 30
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
unmount
