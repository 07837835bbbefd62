# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What cases share. The runner sets WORK and BUNDLEFS; a case sources this file first.
# Shell does the sequence; whatever compares bytes or errno values is a subcommand of checks.py.
set -euo pipefail

: "${WORK:?run cases through integration/run}" "${BUNDLEFS:?}"
# shellcheck disable=SC2034 # for the cases
SRC=$WORK/src MNT=$WORK/mnt STORE=$WORK/store TMP=$WORK/tmp LOGS=$WORK/logs
INTEGRATION=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
OUT=$TMP/stdout ERR=$TMP/stderr # of the last expect_exit
SKIPPED=77

trap 'echo "FAILED: line $LINENO of ${BASH_SOURCE[0]##*/}: $BASH_COMMAND" >&2' ERR
set -E

fail() {
    echo "FAILED: $*" >&2
    trap - ERR
    exit 1
}

skip() {
    echo "SKIP: $*"
    trap - ERR
    exit "$SKIPPED"
}

need_root() {
    [ "$(id -u)" = 0 ] || skip "needs root: $*"
}

need_command() {
    local name
    for name; do
        command -v "$name" >/dev/null || skip "needs the program $name"
    done
}

checks() { "$INTEGRATION/checks.py" "$@"; }
store_tool() { "$INTEGRATION/store_tool.py" "$@"; }
make_safetensors() { "$INTEGRATION/models/make_safetensors.py" "$@"; }
make_gguf() { "$INTEGRATION/models/make_gguf_llama.py" "$@"; }
make_onnx() { "$INTEGRATION/models/make_onnx.py" "$@"; }

# make_model [DIR [OPTION...]]: a small safetensors model, in $SRC unless told.
make_model() {
    local dir=${1:-$SRC}
    make_safetensors "$dir" --size 8M "${@:2}"
}

# pack NAME:VERSION [DIR [OPTION...]]: into $STORE.
pack() {
    "$BUNDLEFS" pack "$STORE" "$1" "${2:-$SRC}" "${@:3}" 2>>"$LOGS/pack.log"
}

is_mounted() { checks is-mounted "${1:-$MNT}"; }

# Not `! is_mounted`: a negated command never ends a script, whatever it gives.
expect_not_mounted() {
    ! is_mounted "$@" 2>/dev/null || fail "${1:-$MNT} is still mounted"
}

# mount_store [OPTION...]: $STORE at $MNT, by the verb that returns when the mount is ready.
mount_store() { mount_at "$STORE" "$MNT" "$@"; }

mount_at() {
    "$BUNDLEFS" mount "$1" "$2" -o "log=$LOGS/daemon.log" "${@:3}" >>"$LOGS/daemon.log" 2>&1 ||
        fail "mount exits with $?: $(tail -n 3 "$LOGS/daemon.log")"
    is_mounted "$2" || fail "mount returned before $2 was mounted"
}

# mount_foreground [OPTION...]: sets DAEMON; its stderr, hence its log, is in $LOGS/daemon.log.
mount_foreground() {
    # A shell lets its background jobs ignore SIGINT, and a daemon leaves ignored signals alone.
    env --default-signal=INT "$BUNDLEFS" mount "$STORE" "$MNT" --foreground "$@" \
        >>"$LOGS/daemon.log" 2>&1 &
    # shellcheck disable=SC2034 # for the case
    DAEMON=$!
    wait_until 15 is_mounted
}

unmount() {
    "$BUNDLEFS" umount "${1:-$MNT}"
    expect_not_mounted "$@"
}

daemon_pid() { checks daemon-pid "${1:-$MNT}"; }

# wait_until SECONDS COMMAND...: polls, fails when the deadline passes.
wait_until() {
    local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
    shift
    until "$@" 2>/dev/null; do
        [ "${EPOCHREALTIME/./}" -lt "$deadline" ] || fail "not in time: $*"
        sleep 0.05
    done
}

not() { ! "$@"; }

# expect_exit CODE COMMAND...: exactly that code; stdout and stderr are left in $OUT and $ERR.
expect_exit() {
    local want=$1 got=0
    shift
    "$@" >"$OUT" 2>"$ERR" || got=$?
    [ "$got" = "$want" ] || fail "exit $got instead of $want: $* ($(head -c 500 "$ERR"))"
}

# expect_refusal CODE COMMAND...: that code, nothing on stdout, one line on stderr.
expect_refusal() {
    expect_exit "$@"
    [ ! -s "$OUT" ] || fail "a refusal prints on stdout: ${*:2}"
    [ "$(wc -l <"$ERR")" = 1 ] || fail "stderr is not one line: ${*:2}: $(cat "$ERR")"
}

# expect_errno NAME CALL ARGUMENT...: the system call fails with exactly that errno.
expect_errno() { checks expect "$@"; }

# run_as_nobody COMMAND...
run_as_nobody() {
    setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$TMP" "$@"
}

# Forgets what the kernel holds of files, so that reads reach the daemon again.
drop_caches() {
    sync
    echo 3 >/proc/sys/vm/drop_caches
}

# tree_state DIR: one line per entry with a digest, to compare before and after.
tree_state() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum); }

disk_usage() { checks disk-usage "$1"; }
