/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backing_file.h"

#include "codec/store/files.h"
#include "fs/memory.h"
#include "verify/cleanup.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum {
    SHARE = 4,        /* of what is free, when no size is named: the default limit */
    WINDOW = 2 << 20, /* a huge page */
    PIECE = 8 << 20,  /* what the disk is given at once, while the rest is still being decoded */
};
_Static_assert(PIECE % WINDOW == 0, "a window belongs to one piece");

struct bfs_backing_file {
    atomic_uint references;
    int fd;
    bool is_memory;
    uint64_t size;
    uint32_t n_chunks;
    pthread_mutex_t mutex;
    uint8_t *windows;         /* protected by mutex: 1 where a window has its pages */
    _Atomic uint32_t *pieces; /* bytes of chunks that were written into each */
    uint64_t *claims;         /* a bit for each chunk */
    atomic_uint n_present;
    _Atomic uint64_t present; /* bytes */
    _Atomic uint64_t map[];   /* a bit for each chunk */
};

static uint64_t free_memory(void)
{
    struct sysinfo info;
    uint64_t available = bfs_memory_available("/proc", "/sys/fs/cgroup");
    if (available != UINT64_MAX)
        return available;
    return sysinfo(&info) == 0 ? (uint64_t)info.freeram * info.mem_unit : 0;
}

int bfs_backing_place_find(const char *backing, uint64_t size, struct bfs_backing_place *ret,
                           struct bfs_error *error)
{
    struct statvfs fs;
    if (backing && strcmp(backing, BFS_BACKING_MEMORY) == 0) {
        *ret = (struct bfs_backing_place){.limit = size ? size : free_memory() / SHARE};
        return 0;
    }
    const char *folder = backing ? backing : BFS_BACKING_FOLDER;
    if (!backing && mkdir(folder, 0700) != 0 && errno != EEXIST)
        return bfs_fail(error, -errno, "%s: %s", folder, strerror(errno));
    if (statvfs(folder, &fs) != 0)
        return bfs_fail(error, -errno, "%s: %s", folder, strerror(errno));
    *ret = (struct bfs_backing_place){
        .folder = folder, .limit = size ? size : (uint64_t)fs.f_bavail * fs.f_frsize / SHARE};
    return 0;
}

static int open_unnamed(const struct bfs_backing_place *place, uint64_t size,
                        struct bfs_error *error)
{
    struct statvfs fs;
    int fd = place->folder ? open(place->folder, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600)
                           : memfd_create("bundlefs", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const char *name = place->folder ? place->folder : "memory";
    if (fd < 0)
        return bfs_fail(error, errno == EISDIR ? -EOPNOTSUPP : -errno, "%s: no unnamed file: %s",
                        name, strerror(errno));
    int r = fchmod(fd, 0600) == 0 && ftruncate(fd, (off_t)size) == 0 ? 0 : -errno;
    if (r == 0 && place->folder && fstatvfs(fd, &fs) == 0 &&
        (uint64_t)fs.f_bavail * fs.f_frsize < size)
        r = -ENOSPC;
    if (r) {
        (void)close(fd);
        return bfs_fail(error, r, "%s: no backing file of %llu bytes: %s", name,
                        (unsigned long long)size, strerror(-r));
    }
    return fd;
}

int bfs_backing_file_new(const struct bfs_backing_place *place, uint64_t size, uint32_t n_chunks,
                         struct bfs_backing_file **ret, struct bfs_error *error)
{
    size_t n_words = ((size_t)n_chunks + 63) / 64;
    BFS_CLEANUP(bfs_backing_file_cleanup)
    struct bfs_backing_file *file = calloc(1, sizeof(*file) + n_words * sizeof(file->map[0]));
    if (!file)
        return bfs_fail(error, -ENOMEM, "out of memory");
    (void)pthread_mutex_init(&file->mutex, NULL);
    atomic_init(&file->references, 1);
    file->is_memory = !place->folder;
    file->size = size;
    file->n_chunks = n_chunks;
    file->fd = -1;
    file->windows = calloc((size_t)(size / WINDOW + 1), 1);
    file->pieces = calloc((size_t)(size / PIECE + 1), sizeof(*file->pieces));
    file->claims = calloc(n_words + 1, sizeof(*file->claims));
    if (!file->windows || !file->pieces || !file->claims)
        return bfs_fail(error, -ENOMEM, "out of memory");
    file->fd = open_unnamed(place, size, error);
    if (file->fd < 0)
        return file->fd;
    *ret = bfs_steal(&file);
    return 0;
}

struct bfs_backing_file *bfs_backing_file_ref(struct bfs_backing_file *file)
{
    atomic_fetch_add(&file->references, 1);
    return file;
}

struct bfs_backing_file *bfs_backing_file_unref(struct bfs_backing_file *file)
{
    if (file && atomic_fetch_sub(&file->references, 1) == 1) {
        bfs_cleanup_close(&file->fd);
        (void)pthread_mutex_destroy(&file->mutex);
        free(file->windows);
        free(file->pieces);
        free(file->claims);
        free(file);
    }
    return NULL;
}

int bfs_backing_file_fd(const struct bfs_backing_file *file)
{
    return file->fd;
}

bool bfs_backing_file_has(const struct bfs_backing_file *file, uint32_t i)
{
    return i < file->n_chunks && atomic_load(&file->map[i / 64]) >> i % 64 & 1;
}

bool bfs_backing_file_is_claimed(const struct bfs_backing_file *file, uint32_t i)
{
    return i < file->n_chunks && file->claims[i / 64] >> i % 64 & 1;
}

bool bfs_backing_file_claim(struct bfs_backing_file *file, uint32_t i)
{
    if (i >= file->n_chunks || bfs_backing_file_is_claimed(file, i))
        return false;
    file->claims[i / 64] |= UINT64_C(1) << i % 64;
    return true;
}

uint64_t bfs_backing_file_present(const struct bfs_backing_file *file)
{
    return atomic_load(&file->present);
}

bool bfs_backing_file_is_full(const struct bfs_backing_file *file)
{
    return atomic_load(&file->n_present) == file->n_chunks &&
           atomic_load(&file->present) == file->size;
}

static int write_all(int fd, const uint8_t *bytes, size_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t n = pwrite(fd, bytes, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        bytes += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* A write takes page-cache memory in pieces as large as itself, and chunks begin anywhere: written
 * as they come, a mapping of the file would be one of many small pieces. So each window is written
 * once with zeros before anything is written into it, and what is written then finds its large
 * pages. That costs a tenth of the rate of a fill, and touching a mapping of 512 MiB takes 2 ms
 * instead of 60. Space that is allocated before would cost five times as much, in ext4. */
static int prepare_windows(struct bfs_backing_file *file, uint64_t offset, uint64_t size)
{
    static const uint8_t zeros[WINDOW];
    int r = 0;
    if (file->is_memory)
        return 0;
    (void)pthread_mutex_lock(&file->mutex);
    for (uint64_t i = offset / WINDOW; r == 0 && i * WINDOW < offset + size; i++) {
        uint64_t left = file->size - i * WINDOW;
        if (!file->windows[i])
            r = write_all(file->fd, zeros, left < WINDOW ? (size_t)left : WINDOW, i * WINDOW);
        file->windows[i] = r == 0;
    }
    (void)pthread_mutex_unlock(&file->mutex);
    return r;
}

/* The disk is given each piece when all of it was written, and so nothing twice, nor zeros: what is
 * left for the end is little. Errors are known when the file is sealed. */
static void note_written(struct bfs_backing_file *file, uint64_t offset, uint64_t size)
{
    for (uint64_t end = offset + size; offset < end;) {
        uint64_t begin = offset / PIECE * PIECE;
        uint64_t left = file->size - begin, full = left < PIECE ? left : PIECE;
        uint64_t part = end < begin + full ? end - offset : begin + full - offset;
        if (atomic_fetch_add(&file->pieces[begin / PIECE], (uint32_t)part) + part == full)
            (void)sync_file_range(file->fd, (off_t)begin, (off_t)full, SYNC_FILE_RANGE_WRITE);
        offset += part;
    }
}

int bfs_backing_file_write(struct bfs_backing_file *file, uint32_t i, const struct bfs_chunk *chunk,
                           const uint8_t *raw)
{
    int r = prepare_windows(file, chunk->raw_off, chunk->raw_size);
    if (r == 0)
        r = write_all(file->fd, raw, chunk->raw_size, chunk->raw_off);
    if (r)
        return r;
    uint64_t bit = UINT64_C(1) << i % 64;
    /* Two may have written the same bytes at once; one of them counts. */
    if (atomic_fetch_or(&file->map[i / 64], bit) & bit)
        return 0;
    atomic_fetch_add(&file->present, chunk->raw_size);
    if (!file->is_memory)
        note_written(file, chunk->raw_off, chunk->raw_size);
    atomic_fetch_add(&file->n_present, 1);
    return 0;
}

int bfs_backing_file_read(const struct bfs_backing_file *file, const struct bfs_chunk *chunk,
                          uint8_t *raw)
{
    int r = bfs_pread_exact(file->fd, raw, chunk->raw_size, chunk->raw_off);
    if (r)
        return r == -ENODATA ? -EIO : r;
    struct bfs_xxh128 check = bfs_xxh128(raw, chunk->raw_size);
    return bfs_xxh128_equal(&check, &chunk->check) ? 0 : -EIO;
}

int bfs_backing_file_seal(struct bfs_backing_file *file)
{
    struct stat st;
    if (!bfs_backing_file_is_full(file))
        return -EINVAL;
    if (fstat(file->fd, &st) != 0)
        return -errno;
    if ((uint64_t)st.st_size != file->size)
        return -EIO;
    if (file->is_memory)
        return fcntl(file->fd, F_ADD_SEALS,
                     F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0
                   ? 0
                   : -errno;
    /* A page that cannot be written would be forgotten, and read back as something else. */
    return fdatasync(file->fd) == 0 ? 0 : -errno;
}
