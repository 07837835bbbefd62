/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/prefix.h"

#include "verify/cleanup.h"

#include <string.h>

#define PREFIX_MIN (UINT64_C(1) << 20) /* holds the header of most models at once */
#define PREFIX_MAX                                                                                 \
    (UINT64_C(256) << 20) /* safetensors allows 100 MB; GGUF headers are below 20                  \
                           */

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

int bfs_prefix_read(int fd, uint64_t file_size, const char *file_name, bfs_prefix_parser *parse,
                    void *context, uint8_t **ret, struct bfs_error *error)
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
            r = parse(context, prefix, (size_t)have, file_size, &detail);
        if (r == 0) {
            if (ret)
                *ret = bfs_steal(&prefix);
            return 0;
        }
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
