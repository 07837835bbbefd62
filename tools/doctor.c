/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/doctor_private.h"

#include "fs/mounts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STORE_TIMEOUT_MS = 2000 };

static int read_json(const char *folder, const char *name, struct json_object **ret,
                     struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    int r = bfs_doctor_read_text(folder, name, &text);
    if (r)
        return bfs_fail(error, r, "%s/%s: %s", folder, name, strerror(-r));
    return bfs_json_parse(text.bytes, text.size, name, ret, error);
}

static void look_at_kernel(struct bfs_diagnosis *diagnosis)
{
    struct json_object *flags = bfs_json_member(diagnosis->session, "flags");
    char folder[96];
    uint64_t request = bfs_doctor_said(diagnosis, "max_request_bytes");
    (void)snprintf(folder, sizeof(folder), "/sys/class/bdi/%s", diagnosis->device);
    uint64_t ahead = bfs_doctor_read_number(folder, "read_ahead_kb", 0);
    bfs_doctor_add(diagnosis, "kernel", BFS_FINDING_NOTE, NULL, NULL,
                   "%s, FUSE %" PRIu64 ".%" PRIu64 ", libfuse %s",
                   bfs_json_string(diagnosis->session, "kernel"),
                   bfs_doctor_said(diagnosis, "protocol_major"),
                   bfs_doctor_said(diagnosis, "protocol_minor"),
                   bfs_json_string(diagnosis->session, "libfuse"));
    bfs_doctor_add(diagnosis, "kernel read-ahead", bfs_doctor_missing_unless(ahead >= 1024),
                   "sequential reads come in pieces of this size: about a quarter slower",
                   "mount as root, or as root write 1024 to /sys/class/bdi/DEVICE/read_ahead_kb",
                   "%" PRIu64 " KiB for device %s", ahead, diagnosis->device);
    bfs_doctor_add(diagnosis, "large requests", bfs_doctor_missing_unless(request >= 1 << 20),
                   "more requests for the same bytes", "Linux 4.20 or later",
                   "%" PRIu64 " KiB, %" PRIu64 " pages", request >> 10,
                   request / (uint64_t)sysconf(_SC_PAGESIZE));
    bfs_doctor_add(
        diagnosis, "requests in the background",
        bfs_doctor_missing_unless(bfs_doctor_said(diagnosis, "max_background") >= 64),
        "the kernel's read-ahead waits for its turn",
        "as root, write 64 to /sys/fs/fuse/connections/*/max_background (mount -t fusectl)",
        "%" PRIu64 ", congested at %" PRIu64 "%s", bfs_doctor_said(diagnosis, "max_background"),
        bfs_doctor_said(diagnosis, "congestion_threshold"),
        bfs_doctor_said_true(diagnosis->session, "background_in_force")
            ? ""
            : ", as asked; /sys/fs/fuse/connections would tell what is in force");
    bfs_doctor_add(diagnosis, "a queue for each thread",
                   bfs_doctor_missing_unless(bfs_doctor_said_true(diagnosis->session, "clone_fd")),
                   "request threads wait for one descriptor",
                   "let the daemon's user open /dev/fuse",
                   "clone_fd %s, %" PRIu64 " request threads",
                   bfs_doctor_said_true(diagnosis->session, "clone_fd") ? "on" : "off",
                   bfs_doctor_said(diagnosis, "request_threads"));
    bfs_doctor_add(diagnosis, "parallel look-ups",
                   bfs_doctor_missing_unless(bfs_doctor_said_true(flags, "parallel_dirops")),
                   "look-ups in one directory wait for each other", "Linux 4.7 or later", "%s",
                   bfs_doctor_said_true(flags, "parallel_dirops") ? "on" : "off");
    bfs_doctor_add(diagnosis, "parallel reads",
                   bfs_doctor_missing_unless(bfs_doctor_said_true(flags, "async_read")),
                   "the kernel sends one read of a file after the other", "Linux 2.6.20 or later",
                   "%s", bfs_doctor_said_true(flags, "async_read") ? "on" : "off");
    bfs_doctor_add(diagnosis, "copies", BFS_FINDING_NOTE, NULL, NULL,
                   "one, from the chunk cache into the page cache; splice %s",
                   bfs_doctor_said_true(flags, "splice_write")
                       ? "on, unused: it would copy into pipes first"
                       : "off");
}

static void look_at_limits(struct bfs_diagnosis *diagnosis)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    char folder[64];
    (void)snprintf(folder, sizeof(folder), "/proc/%" PRIu64, bfs_doctor_said(diagnosis, "pid"));
    if (bfs_doctor_read_text(folder, "limits", &text))
        return; /* of another user, or in another namespace */
    bfs_buffer_put_u8(&text, '\0');
    const char *line =
        bfs_buffer_status(&text) ? NULL : strstr((const char *)text.bytes, "Max open files");
    if (!line)
        return;
    uint64_t files = strtoull(line + strlen("Max open files"), NULL, 10);
    bfs_doctor_add(diagnosis, "open files", bfs_doctor_missing_unless(files >= 4096),
                   "each open file holds its blobs open: opens fail with EMFILE",
                   "LimitNOFILE= or ulimit -n", "%" PRIu64 " descriptors", files);
}

static void look_at_health(struct bfs_diagnosis *diagnosis)
{
    struct json_object *reason = bfs_json_member(diagnosis->health, "reason");
    uint64_t corrupt = bfs_json_integer(diagnosis->health, "corrupt_chunks");
    uint64_t refused = bfs_json_integer(diagnosis->health, "refused");
    bfs_doctor_add(diagnosis, "health", reason || corrupt > 0 ? BFS_FINDING_FAULT : BFS_FINDING_OK,
                   "reads that give EIO", "the log, bundlefs verify", "%s%s%s",
                   bfs_json_string(diagnosis->health, "status"), reason ? ": " : "",
                   reason ? json_object_get_string(reason) : "");
    if (refused > 0)
        bfs_doctor_add(diagnosis, "refused bundles", BFS_FINDING_MISSING, "nobody can read these",
                       "the reasons in .bundlefs/refused.json", "%" PRIu64 " of %" PRIu64, refused,
                       bfs_json_integer(diagnosis->health, "bundles"));
}

/* What the findings rest on; another version of the daemon may say more. */
static int check_documents(const struct bfs_diagnosis *diagnosis, struct bfs_error *error)
{
    static const struct bfs_json_field session[] = {
        {"kernel", BFS_JSON_STRING, true},
        {"libfuse", BFS_JSON_STRING, true},
        {"verify", BFS_JSON_STRING, true},
        {"flags", BFS_JSON_OBJECT, true},
        {"protocol_major", BFS_JSON_INTEGER, true},
        {"workers", BFS_JSON_INTEGER, true},
        {NULL, BFS_JSON_OBJECT, false},
    };
    static const struct bfs_json_field health[] = {
        {"status", BFS_JSON_STRING, true},
        {"store", BFS_JSON_STRING, true},
        {"reason", BFS_JSON_STRING, false},
        {"passthrough", BFS_JSON_STRING, false},
        {"passthrough_reason", BFS_JSON_STRING, false},
        {"keys_expiring", BFS_JSON_ARRAY, false},
        {NULL, BFS_JSON_OBJECT, false},
    };
    static const struct bfs_json_field key[] = {
        {"name", BFS_JSON_STRING, true},
        {"not_after", BFS_JSON_STRING, true},
        {NULL, BFS_JSON_OBJECT, false},
    };
    int r = bfs_json_check(diagnosis->session, session, true, "session.json", error);
    if (r == 0)
        r = bfs_json_check(diagnosis->health, health, true, "health.json", error);
    struct json_object *keys = r ? NULL : bfs_json_member(diagnosis->health, "keys_expiring");
    size_t n = keys ? json_object_array_length(keys) : 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = bfs_json_check(json_object_array_get_idx(keys, i), key, true, "health.json", error);
    return r;
}

int bfs_diagnosis_make(const char *path, struct bfs_diagnosis *ret, struct bfs_error *error)
{
    bfs_autodiagnosis struct bfs_diagnosis diagnosis = {0};
    bfs_autobuffer struct bfs_buffer metrics = BFS_BUFFER_INIT;
    bfs_autofree char *absolute = NULL, *control = NULL;
    struct bfs_mount_entry entry;
    int r = bfs_mount_path(path, &absolute, error);
    if (r)
        return r;
    if (!bfs_mount_find(absolute, &entry) || strcmp(entry.type, BFS_FUSE_TYPE) != 0)
        return bfs_fail(error, -EINVAL, "%s: no bundle store is mounted there", absolute);
    if (bfs_mount_is_stale(absolute))
        return bfs_fail(error, -ENOTCONN, "%s: its daemon is dead; mount it again", absolute);
    memcpy(diagnosis.device, entry.device, sizeof(diagnosis.device));
    if (asprintf(&control, "%s/.bundlefs", absolute) < 0)
        return bfs_fail(error, -ENOMEM, "out of memory");
    if ((r = read_json(control, "session.json", &diagnosis.session, error)) ||
        (r = read_json(control, "health.json", &diagnosis.health, error)) ||
        (r = check_documents(&diagnosis, error)))
        return r;
    r = bfs_doctor_read_text(control, "metrics", &metrics);
    bfs_buffer_put_u8(&metrics, '\0');
    if (r || bfs_buffer_status(&metrics))
        return bfs_fail(error, r ? r : -ENOMEM, "%s/metrics: cannot read", control);
    diagnosis.metrics = (char *)bfs_buffer_steal(&metrics);
    look_at_health(&diagnosis);
    bfs_doctor_look_at_keys(&diagnosis);
    bfs_doctor_look_at_trouble(&diagnosis);
    bfs_doctor_look_at_store(&diagnosis, STORE_TIMEOUT_MS);
    look_at_kernel(&diagnosis);
    bfs_doctor_look_at_passthrough(&diagnosis);
    bfs_doctor_look_at_work(&diagnosis);
    bfs_doctor_look_at_idle(&diagnosis, "");
    look_at_limits(&diagnosis);
    *ret = diagnosis;
    diagnosis = (struct bfs_diagnosis){0};
    return 0;
}
