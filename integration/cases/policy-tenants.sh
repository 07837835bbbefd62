#!/usr/bin/env bash
# Two users with different groups on one mount: each opens only its own bundles, by every path to an
# inode, with cold caches, and with caches that the other one, or root, has warmed.
# TIMEOUT: 120
# shellcheck source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_root "useradd, and files of other users"
need_command setpriv useradd groupadd getfacl python3

A=bfs-a-$$ B=bfs-b-$$ C=bfs-c-$$
remove_users() {
    for name in "$A" "$B" "$C"; do
        userdel "$name" >/dev/null 2>&1 || true
        groupdel "$name" >/dev/null 2>&1 || true
    done
}
trap remove_users EXIT
for name in "$A" "$B" "$C"; do
    groupadd "$name"
    useradd --no-create-home --gid "$name" --shell /bin/false "$name"
done
chmod 755 "$WORK"

# as USER COMMAND...
as() {
    setpriv --reuid="$1" --regid="$(id -g "$1")" --clear-groups env HOME=/ "${@:2}"
}
# as_member USER GROUP COMMAND...: of that group as well.
as_member() {
    setpriv --reuid="$1" --regid="$(id -g "$1")" --groups "$(getent group "$2" | cut -d: -f3)" \
        env HOME=/ "${@:3}"
}
opens() { as "$1" cat "$2" >/dev/null || fail "$1 cannot open $2"; }
refused() {
    local got=0
    as "$1" cat "$2" >/dev/null 2>"$ERR" || got=$?
    [ "$got" = 1 ] || fail "$1 opens $2 ($got)"
    grep -q "Permission denied" "$ERR" || fail "$2: $(cat "$ERR")"
}

make_model
"$BUNDLEFS" pack "$STORE" a/model:1.0.0 "$SRC" --view cpu-f32 2>>"$LOGS/pack.log"
"$BUNDLEFS" pack "$STORE" b/model:1.0.0 "$SRC" 2>>"$LOGS/pack.log"
"$BUNDLEFS" pack "$STORE" open/model:1.0.0 "$SRC" 2>>"$LOGS/pack.log"
"$BUNDLEFS" keygen --out "$TMP/k" --no-password >/dev/null
"$BUNDLEFS" promote "$STORE" a/model:1.0.0 --to production --key "$TMP/k.key" >/dev/null
key=$(tail -n 1 "$TMP/k.pub")

# write_policy A-ACCESS B-ACCESS
write_policy() {
    cat >"$TMP/policy.new" <<END
{"schema_version": "1.0",
 "keys": [{"name": "k", "public_key": "$key", "roles": ["release"]}],
 "rules": [
  {"match": "a/*", "aliases": {"production": {"move": ["release"]}}, "access": $1},
  {"match": "b/*", "access": $2},
  {"match": "**"}]}
END
    mv "$TMP/policy.new" "$TMP/policy.json"
}
write_policy "{\"users\": [\"$A\"], \"groups\": [\"$A\"], \"mode\": \"0550\"}" \
    "{\"users\": [\"$B\"], \"mode\": \"0500\"}"
mount_store -o "policy=$TMP/policy.json,audit=$TMP/audit.log"

# What ls shows.
[ "$(stat -c '%A %U %G' "$MNT/a/model/1.0.0")" = "dr-xr-x--- $A $A" ] ||
    fail "$(stat -c '%A %U %G' "$MNT/a/model/1.0.0")"
[ "$(stat -c '%A %U %G' "$MNT/b/model/1.0.0/config.json")" = "-r-------- $B root" ] ||
    fail "$(stat -c '%A %U %G' "$MNT/b/model/1.0.0/config.json")"
[ "$(stat -c '%A %U' "$MNT/open/model/1.0.0")" = "drwxr-xr-x root" ] || fail "$(stat -c "%A %U" "$MNT/open/model/1.0.0")"

paths=(a/model/1.0.0/config.json a/model/latest/config.json a/model/production/config.json
    a/model/1.0.0/views/cpu-f32/config.json a/model/1.0.0/views/auto/config.json
    a/model/1.0.0/manifest.json a/model/1.0.0/SHA256SUMS)
all_paths() { # each path: A opens, B does not
    for path in "${paths[@]}"; do
        "$1" "$A" "$B" "$MNT/$path"
    done
    "$1" "$B" "$A" "$MNT/b/model/1.0.0/config.json"
    "$1" "$B" "$A" "$MNT/b/model/latest/config.json"
}
stranger_first() { refused "$2" "$3" && opens "$1" "$3" && refused "$2" "$3"; }
owner_first() { opens "$1" "$3" && refused "$2" "$3" && opens "$1" "$3"; }

drop_caches
all_paths stranger_first # cold, then warmed by the owner
drop_caches
all_paths owner_first
cat "$MNT/a/model/1.0.0/config.json" "$MNT/b/model/1.0.0/config.json" >/dev/null # warmed by root
ls -lR "$MNT" >/dev/null
all_paths stranger_first
for user in "$A" "$B"; do
    opens "$user" "$MNT/open/model/1.0.0/config.json"
    as "$user" ls "$MNT/a/model" "$MNT/b/model" >/dev/null || fail "names are hidden"
done

# Links of their own, and of one into the other's.
ln -s "$MNT/a/model/1.0.0" "$TMP/link"
refused "$B" "$TMP/link/config.json"

# Descriptors that somebody else opened: /proc, openat(2), and file handles.
cat >"$TMP/descriptors.py" <<'END'
import errno, ctypes, os, sys
uid, gid, root = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
target = os.path.join(root, "config.json")
paths = [os.open(p, os.O_PATH) for p in (target, root)]
listed = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
libc = ctypes.CDLL(None, use_errno=True)
handle = ctypes.create_string_buffer(8 + 128)
handle[0:4] = (128).to_bytes(4, sys.byteorder)
mount_id = ctypes.c_int()
has_handle = libc.name_to_handle_at(-100, target.encode(), handle, ctypes.byref(mount_id), 0) == 0
mount_fd = os.open(os.path.dirname(root), os.O_RDONLY)
os.setgroups([]); os.setresgid(gid, gid, gid); os.setresuid(uid, uid, uid)
def refused(what, call):
    try:
        call()
    except OSError as e:
        assert e.errno == errno.EACCES, (what, e)
        return
    sys.exit(f"{what}: opened")
refused("/proc of a file", lambda: os.open(f"/proc/self/fd/{paths[0]}", os.O_RDONLY))
refused("/proc of a directory", lambda: os.open(f"/proc/self/fd/{paths[1]}", os.O_RDONLY))
refused("below /proc", lambda: os.open(f"/proc/self/fd/{paths[1]}/config.json", os.O_RDONLY))
for fd in paths[1], listed:
    refused("openat", lambda: os.open("config.json", os.O_RDONLY, dir_fd=fd))
    refused("fchdir", lambda: os.fchdir(fd))
if has_handle:
    assert libc.open_by_handle_at(mount_fd, handle, os.O_RDONLY) < 0
    assert ctypes.get_errno() in (errno.EPERM, errno.EACCES), ctypes.get_errno()
END
python3 "$TMP/descriptors.py" "$(id -u "$B")" "$(id -g "$B")" "$MNT/a/model/1.0.0"
python3 "$TMP/descriptors.py" "$(id -u "$A")" "$(id -g "$A")" "$MNT/b/model/1.0.0"

# A third one comes in by the group; then the policy changes while A has a file and a directory open.
as_member "$C" "$A" cat "$MNT/a/model/1.0.0/config.json" >/dev/null || fail "the group is not let in"
refused "$C" "$MNT/a/model/1.0.0/config.json"
size=$(stat -c %s "$MNT/a/model/1.0.0/model.safetensors")
mkfifo "$TMP/go"
as "$A" python3 - "$MNT/a/model/1.0.0" "$size" <<'END' 3<>"$TMP/go" >"$TMP/ready" &
import errno, os, sys, time
root, size = sys.argv[1], int(sys.argv[2])
file = open(root + "/model.safetensors", "rb")
folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
file.read(10)
print("ready", flush=True)
os.read(3, 1)
assert 10 + len(file.read()) == size  # an open handle goes on
for what in "config.json", "manifest.json":
    try:
        os.open(what, os.O_RDONLY, dir_fd=folder)
        sys.exit("a directory that was open still leads in")
    except PermissionError:
        pass
END
reader=$!
wait_until 10 grep -q ready "$TMP/ready"
write_policy "{\"users\": [\"$B\", \"$C\"], \"groups\": [\"$B\", \"$C\"], \"mode\": \"0550\"}" \
    "{\"groups\": [\"$A\"], \"mode\": \"0050\"}"
# A first: the kernel asks anew for what it would refuse, so somebody who is let in now would hide
# that it was not told.
wait_until 2 not as "$A" cat "$MNT/a/model/1.0.0/config.json" >/dev/null
wait_until 2 as "$B" cat "$MNT/a/model/1.0.0/config.json" >/dev/null
echo >"$TMP/go"
wait "$reader" || fail "the reader that was there before"
opens "$C" "$MNT/a/model/1.0.0/config.json"
opens "$A" "$MNT/b/model/1.0.0/config.json"
refused "$B" "$MNT/b/model/1.0.0/config.json"
getfacl --absolute-names --omit-header "$MNT/a/model/1.0.0/config.json" >"$TMP/acl"
printf '%s\n' 'user::r--' "user:$C:r--" 'group::r--' "group:$C:r--" 'mask::r--' 'other::---' '' |
    diff - "$TMP/acl" || fail "getfacl"
all_other_way() { owner_first "$2" "$1" "$3"; }
for path in "${paths[@]}"; do all_other_way "$A" "$B" "$MNT/$path"; done

# A broken policy changes nothing, and is told.
echo '{"schema_version": "1.0"}' >"$TMP/policy.json"
wait_until 2 grep -q '"policy_trouble"' "$MNT/.bundlefs/health.json"
opens "$B" "$MNT/a/model/1.0.0/config.json"
refused "$A" "$MNT/a/model/1.0.0/config.json"
unmount
expect_refusal 1 "$BUNDLEFS" mount "$STORE" "$MNT" -o "policy=$TMP/policy.json"
grep -q 'policy.json: field "rules" is missing' "$ERR" || fail "$(cat "$ERR")"
expect_not_mounted
wait_until 5 grep -q '"event":"unmount"' "$TMP/audit.log"
"$BUNDLEFS" audit verify "$TMP/audit.log" >/dev/null
for uid in "$A" "$B" "$C"; do
    grep -q "\"event\":\"open\".*\"uid\":$(id -u "$uid")" "$TMP/audit.log" || fail "$uid is not in the log"
done
grep -q '"view":"cpu-f32"' "$TMP/audit.log" || fail "no view is in the log"
