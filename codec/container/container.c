/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/container.h"

#include "verify/checked.h"
#include "verify/cursor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PREFIX_MIN (UINT64_C(1) << 20)   /* holds the header of most models at once */
#define PREFIX_MAX (UINT64_C(256) << 20) /* safetensors allows 100 MB; GGUF headers are below 20   \
                                          */

static bool has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text), suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

enum bfs_container bfs_container_guess(const uint8_t *prefix, size_t prefix_size,
                                       uint64_t file_size, const char *file_name)
{
    struct bfs_cursor cursor = bfs_cursor_over(prefix, prefix_size);
    uint64_t length;
    uint8_t brace;
    if (prefix_size >= 4 && memcmp(prefix, "GGUF", 4) == 0)
        return BFS_CONTAINER_GGUF;
    if (!has_suffix(file_name, ".safetensors") || bfs_cursor_u64(&cursor, &length) ||
        bfs_cursor_u8(&cursor, &brace) || brace != '{' ||
        !bfs_range_fits(cursor.position - 1, length, file_size))
        return BFS_CONTAINER_OPAQUE;
    return BFS_CONTAINER_SAFETENSORS;
}

static int read_fully(int fd, uint8_t *bytes, uint64_t offset, uint64_t size,
                      struct bfs_error *error)
{
    while (size > 0) {
        ssize_t n = pread(fd, bytes, (size_t)size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int code = -errno;
            return bfs_fail_at(error, code, offset, "cannot read: %s", strerror(-code));
        }
        if (n == 0)
            return bfs_fail_at(error, -ESTALE, offset, "the file became shorter");
        bytes += n;
        offset += (uint64_t)n;
        size -= (uint64_t)n;
    }
    return 0;
}

static int parse(const uint8_t *prefix, uint64_t size, uint64_t file_size, const char *file_name,
                 struct bfs_tensor_map *ret, struct bfs_error *error)
{
    switch (bfs_container_guess(prefix, (size_t)size, file_size, file_name)) {
    case BFS_CONTAINER_SAFETENSORS:
        return bfs_safetensors_parse(prefix, (size_t)size, file_size, ret, error);
    case BFS_CONTAINER_GGUF:
        return bfs_gguf_parse(prefix, (size_t)size, file_size, ret, error);
    case BFS_CONTAINER_OPAQUE:
        break;
    }
    *ret = (struct bfs_tensor_map){.container = BFS_CONTAINER_OPAQUE};
    return 0;
}

int bfs_container_read(int fd, uint64_t file_size, const char *file_name,
                       struct bfs_tensor_map *ret, struct bfs_error *error)
{
    bfs_autofree uint8_t *prefix = NULL;
    uint64_t have = 0, want = PREFIX_MIN;
    for (;;) {
        /* A detail of its own: one that asks for more bytes must not outlive the call. */
        struct bfs_error detail = {0};
        if (want > file_size)
            want = file_size;
        uint8_t *longer = realloc(prefix, want ? (size_t)want : 1);
        if (!longer)
            return bfs_fail(error, -ENOMEM, "%s: out of memory", file_name);
        (void)bfs_steal(&prefix);
        prefix = longer;
        int r = read_fully(fd, prefix + have, have, want - have, &detail);
        have = want;
        if (r == 0)
            r = parse(prefix, have, file_size, file_name, ret, &detail);
        if (r == 0)
            return 0;
        if (r == -ENODATA && have >= PREFIX_MAX)
            r = bfs_fail(&detail, -E2BIG, "a header of more than 256 MiB");
        if (r != -ENODATA) {
            if (error)
                *error = detail;
            return bfs_fail_context(error, r, "%s", file_name);
        }
        want = have * 2;
    }
}
