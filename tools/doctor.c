/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/doctor.h"

#include "fs/mounts.h"
#include "verify/digest.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

enum { CONTROL_MAX = 1 << 20 };

/* Files of /sys and of the control directory have no size before they are read. */
static int read_text(const char *folder, const char *name, struct bfs_buffer *ret)
{
    bfs_autofree char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return -ENOMEM;
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    char piece[4096];
    for (ssize_t n; (n = read(fd, piece, sizeof(piece))) != 0;) {
        if (n < 0)
            return -errno;
        bfs_buffer_put(ret, piece, (size_t)n);
        if (ret->size > CONTROL_MAX)
            return -E2BIG;
    }
    return bfs_buffer_status(ret);
}

static int read_json(const char *folder, const char *name, struct json_object **ret,
                     struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    int r = read_text(folder, name, &text);
    if (r)
        return bfs_fail(error, r, "%s/%s: %s", folder, name, strerror(-r));
    return bfs_json_parse(text.bytes, text.size, name, ret, error);
}

/* The first line, as a number; `otherwise` when there is none. */
static uint64_t read_number(const char *folder, const char *name, uint64_t otherwise)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    if (read_text(folder, name, &text))
        return otherwise;
    bfs_buffer_put_u8(&text, '\0');
    char *end;
    if (bfs_buffer_status(&text))
        return otherwise;
    unsigned long long number = strtoull((const char *)text.bytes, &end, 10);
    return end == (const char *)text.bytes ? otherwise : number;
}

__attribute__((format(printf, 6, 7))) static void
add(struct bfs_diagnosis *diagnosis, const char *name, enum bfs_finding_state state,
    const char *cost, const char *how, const char *format, ...)
{
    if (diagnosis->n == BFS_FINDINGS_MAX)
        return;
    struct bfs_finding *finding = &diagnosis->findings[diagnosis->n++];
    bool is_missing = state == BFS_FINDING_MISSING;
    *finding = (struct bfs_finding){.name = name,
                                    .state = state,
                                    .cost = is_missing ? cost : NULL,
                                    .how = is_missing ? how : NULL};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(finding->found, sizeof(finding->found), format, args);
    va_end(args);
}

static enum bfs_finding_state missing_unless(bool ok)
{
    return ok ? BFS_FINDING_OK : BFS_FINDING_MISSING;
}

static uint64_t said(const struct bfs_diagnosis *diagnosis, const char *name)
{
    return bfs_json_integer(diagnosis->session, name);
}

static bool said_true(struct json_object *object, const char *name)
{
    struct json_object *member = object ? bfs_json_member(object, name) : NULL;
    return member && json_object_get_boolean(member);
}

static uint64_t metric(const struct bfs_diagnosis *diagnosis, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = diagnosis->metrics; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return strtoull(line + length, NULL, 10);
    }
    return 0;
}

static void look_at_kernel(struct bfs_diagnosis *diagnosis)
{
    struct json_object *flags = bfs_json_member(diagnosis->session, "flags");
    char folder[96];
    uint64_t request = said(diagnosis, "max_request_bytes");
    (void)snprintf(folder, sizeof(folder), "/sys/class/bdi/%s", diagnosis->device);
    uint64_t ahead = read_number(folder, "read_ahead_kb", 0);
    add(diagnosis, "kernel", BFS_FINDING_NOTE, NULL, NULL,
        "%s, FUSE %" PRIu64 ".%" PRIu64 ", libfuse %s",
        bfs_json_string(diagnosis->session, "kernel"), said(diagnosis, "protocol_major"),
        said(diagnosis, "protocol_minor"), bfs_json_string(diagnosis->session, "libfuse"));
    add(diagnosis, "kernel read-ahead", missing_unless(ahead >= 1024),
        "sequential reads come in pieces of this size: about a fifth slower",
        "mount as root, or as root write 1024 to /sys/class/bdi/DEVICE/read_ahead_kb",
        "%" PRIu64 " KiB for device %s", ahead, diagnosis->device);
    add(diagnosis, "large requests", missing_unless(request >= 1 << 20),
        "more requests for the same bytes", "Linux 4.20 or later",
        "%" PRIu64 " KiB, %" PRIu64 " pages", request >> 10,
        request / (uint64_t)sysconf(_SC_PAGESIZE));
    add(diagnosis, "requests in the background",
        missing_unless(said(diagnosis, "max_background") >= 64),
        "the kernel's read-ahead waits for its turn",
        "as root, write 64 to /sys/fs/fuse/connections/*/max_background",
        "%" PRIu64 ", congested at %" PRIu64, said(diagnosis, "max_background"),
        said(diagnosis, "congestion_threshold"));
    add(diagnosis, "a queue for each thread",
        missing_unless(said_true(diagnosis->session, "clone_fd")),
        "request threads wait for one descriptor", "let the daemon's user open /dev/fuse",
        "clone_fd %s, %" PRIu64 " request threads",
        said_true(diagnosis->session, "clone_fd") ? "on" : "off",
        said(diagnosis, "request_threads"));
    add(diagnosis, "parallel look-ups", missing_unless(said_true(flags, "parallel_dirops")),
        "look-ups in one directory wait for each other", "Linux 4.7 or later", "%s",
        said_true(flags, "parallel_dirops") ? "on" : "off");
    add(diagnosis, "parallel reads", missing_unless(said_true(flags, "async_read")),
        "the kernel sends one read of a file after the other", "Linux 2.6.20 or later", "%s",
        said_true(flags, "async_read") ? "on" : "off");
    add(diagnosis, "copies", BFS_FINDING_NOTE, NULL, NULL,
        "one, from the chunk cache into the page cache; splice %s",
        said_true(flags, "splice_write") ? "on, unused: it would copy into pipes first" : "off");
}

static void look_at_passthrough(struct bfs_diagnosis *diagnosis)
{
    struct json_object *word = bfs_json_member(diagnosis->health, "passthrough");
    struct json_object *reason = bfs_json_member(diagnosis->health, "passthrough_reason");
    bool is_on = word && strcmp(json_object_get_string(word), "on") == 0;
    add(diagnosis, "passthrough", missing_unless(is_on),
        "what was read before is copied by FUSE again when the page cache lost it, and mapped in "
        "small pages",
        "Linux 6.9 or later, and a daemon with CAP_SYS_ADMIN", "%s%s%s", is_on ? "on" : "off",
        reason ? ": " : "",
        reason          ? json_object_get_string(reason)
        : word || is_on ? ""
                        : ": this build has none");
}

static void look_at_store(struct bfs_diagnosis *diagnosis)
{
    static const struct {
        unsigned long magic;
        const char *name;
        bool is_remote;
    } kinds[] = {
        {EXT4_SUPER_MAGIC, "ext4", false},
        {XFS_SUPER_MAGIC, "xfs", false},
        {BTRFS_SUPER_MAGIC, "btrfs", false},
        {TMPFS_MAGIC, "tmpfs", false},
        {OVERLAYFS_SUPER_MAGIC, "overlay", false},
        {F2FS_SUPER_MAGIC, "f2fs", false},
        {NFS_SUPER_MAGIC, "nfs", true},
        {CIFS_SUPER_MAGIC, "cifs", true},
        {SMB2_SUPER_MAGIC, "smb", true},
        {CEPH_SUPER_MAGIC, "ceph", true},
        {FUSE_SUPER_MAGIC, "fuse", true},
        {V9FS_MAGIC, "9p", true},
    };
    const char *path = bfs_json_string(diagnosis->health, "store");
    struct statfs st;
    if (!path || statfs(path, &st) != 0) {
        add(diagnosis, "store", BFS_FINDING_MISSING, "nothing that is not in memory can be read",
            "see health.json and the log", "%s: %s", path ? path : "?", strerror(errno));
        return;
    }
    char name[32];
    bool is_remote = false;
    (void)snprintf(name, sizeof(name), "type 0x%lx", (unsigned long)st.f_type);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if ((unsigned long)st.f_type == kinds[i].magic) {
            (void)snprintf(name, sizeof(name), "%s", kinds[i].name);
            is_remote = kinds[i].is_remote;
        }
    add(diagnosis, "store", BFS_FINDING_NOTE, NULL, NULL, "%s on %s%s", path, name,
        is_remote ? ": changes by other hosts are seen by polling (poll_ms)" : "");
}

static void look_at_work(struct bfs_diagnosis *diagnosis)
{
    size_t lanes = bfs_sha256_many_best();
    uint64_t workers = said(diagnosis, "workers"), cpus = said(diagnosis, "usable_cpus");
    uint64_t hits = metric(diagnosis, "bundlefs_cache_hits_total");
    uint64_t misses = metric(diagnosis, "bundlefs_cache_misses_total");
    uint64_t decoded = metric(diagnosis, "bundlefs_decoded_bytes_total");
    uint64_t given = metric(diagnosis, "bundlefs_read_bytes_total");
    add(diagnosis, "proving", missing_unless(lanes > 1),
        "SHA-256 one message at a time, the dearest step of a cold read",
        "a CPU with SHA-NI or AVX-512; verify=once proves each chunk only once",
        "verify=%s, %zu at once by this CPU", bfs_json_string(diagnosis->session, "verify"), lanes);
    add(diagnosis, "workers", missing_unless(workers >= cpus),
        "CPUs that the daemon may use stay idle while it decodes", "-o workers=N",
        "%" PRIu64 " on %" PRIu64 " CPUs", workers, cpus);
    add(diagnosis, "chunk cache", BFS_FINDING_NOTE, NULL, NULL,
        "%" PRIu64 " MB of %" PRIu64 " MB; %" PRIu64 " chunks found, %" PRIu64
        " waited for (%.1f %% found)",
        metric(diagnosis, "bundlefs_cache_bytes") >> 20, said(diagnosis, "cache_size_bytes") >> 20,
        hits, misses, hits + misses ? 100.0 * (double)hits / (double)(hits + misses) : 0.0);
    add(diagnosis, "decoded twice", missing_unless(decoded <= given + given / 4 + (64 << 20)),
        "CPU time: chunks are decoded again after the cache let them go, or for nothing",
        "raise cache_size; record the load with trace=FILE, then replay=FILE or pack --trace",
        "%" PRIu64 " MB decoded for %" PRIu64 " MB read", decoded / 1000000, given / 1000000);
}

static void look_at_limits(struct bfs_diagnosis *diagnosis)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    char folder[64];
    (void)snprintf(folder, sizeof(folder), "/proc/%" PRIu64, said(diagnosis, "pid"));
    if (read_text(folder, "limits", &text))
        return; /* of another user, or in another namespace */
    bfs_buffer_put_u8(&text, '\0');
    const char *line =
        bfs_buffer_status(&text) ? NULL : strstr((const char *)text.bytes, "Max open files");
    if (!line)
        return;
    uint64_t files = strtoull(line + strlen("Max open files"), NULL, 10);
    add(diagnosis, "open files", missing_unless(files >= 4096),
        "each open file holds its blobs open: opens fail with EMFILE", "LimitNOFILE= or ulimit -n",
        "%" PRIu64 " descriptors", files);
}

static void look_at_health(struct bfs_diagnosis *diagnosis)
{
    struct json_object *reason = bfs_json_member(diagnosis->health, "reason");
    uint64_t corrupt = bfs_json_integer(diagnosis->health, "corrupt_chunks");
    uint64_t refused = bfs_json_integer(diagnosis->health, "refused");
    add(diagnosis, "health", missing_unless(!reason && corrupt == 0 && refused == 0),
        "reads that give EIO", "the log, .bundlefs/refused.json, bundlefs verify",
        "%s%s%s; %" PRIu64 " corrupt chunks, %" PRIu64 " bundles refused",
        bfs_json_string(diagnosis->health, "status"), reason ? ": " : "",
        reason ? json_object_get_string(reason) : "", corrupt, refused);
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
        {NULL, BFS_JSON_OBJECT, false},
    };
    int r = bfs_json_check(diagnosis->session, session, true, "session.json", error);
    return r ? r : bfs_json_check(diagnosis->health, health, true, "health.json", error);
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
    r = read_text(control, "metrics", &metrics);
    bfs_buffer_put_u8(&metrics, '\0');
    if (r || bfs_buffer_status(&metrics))
        return bfs_fail(error, r ? r : -ENOMEM, "%s/metrics: cannot read", control);
    diagnosis.metrics = (char *)bfs_buffer_steal(&metrics);
    look_at_health(&diagnosis);
    look_at_store(&diagnosis);
    look_at_kernel(&diagnosis);
    look_at_passthrough(&diagnosis);
    look_at_work(&diagnosis);
    look_at_limits(&diagnosis);
    *ret = diagnosis;
    diagnosis = (struct bfs_diagnosis){0};
    return 0;
}

void bfs_diagnosis_done(struct bfs_diagnosis *diagnosis)
{
    (void)json_object_put(diagnosis->session);
    (void)json_object_put(diagnosis->health);
    free(diagnosis->metrics);
    *diagnosis = (struct bfs_diagnosis){0};
}
