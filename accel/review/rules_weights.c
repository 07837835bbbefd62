/* SPDX-License-Identifier: Apache-2.0
 * Files that are named as weights and hold none: what a clone without Git LFS, a download that was
 * answered by a login page, or a failed copy leaves behind. */
#include "accel/review/rules.h"

#include "codec/container/container.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum {
    POINTER_SIZE_MAX = 1024,   /* by the specification of Git LFS */
    PAGE_SIZE_MAX = 256 << 10, /* larger web pages are rare, larger weights are not */
    READS_MAX = 64,            /* a daemon makes this check too */
};

static bool has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text), wanted = strlen(suffix);
    return length >= wanted && strcmp(text + length - wanted, suffix) == 0;
}

static bool is_named_as_weights(const char *path)
{
    static const char *const suffixes[] = {
        ".safetensors", ".gguf", ".bin",       ".pt",  ".pth",   ".ckpt",          ".h5",
        ".msgpack",     ".onnx", ".onnx_data", ".npz", ".model", "tokenizer.json",
    };
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
        if (has_suffix(path, suffixes[i]))
            return true;
    return false;
}

static bool is_pointer(const char *text, size_t size)
{
    static const char head[] = "version https://git-lfs.github.com/spec/";
    return size <= POINTER_SIZE_MAX && size > strlen(head) && memcmp(text, head, strlen(head)) == 0;
}

/* `text` ends with a NUL. */
static bool is_page(const char *text)
{
    text += strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    text += strspn(text, " \t\r\n");
    return strncasecmp(text, "<!doctype html", 14) == 0 || strncasecmp(text, "<html", 5) == 0;
}

/* NULL: it may be what its name says. */
static int look(const struct bfs_subject *subject, const struct bfs_subject_file *file,
                const char **ret, struct bfs_error *error)
{
    bfs_autofree uint8_t *bytes = NULL;
    size_t size;
    int r = bfs_subject_read(subject, file, PAGE_SIZE_MAX, &bytes, &size, error);
    if (r)
        return r;
    bfs_autofree char *text = strndup((const char *)bytes, size);
    if (!text)
        return bfs_fail(error, -ENOMEM, "out of memory");
    *ret = is_pointer(text, strlen(text)) ? "is a Git LFS pointer, not the file itself"
           : is_page(text)                ? "is a web page"
                                          : NULL;
    return 0;
}

int bfs_rules_weights(const struct bfs_subject *subject, struct bfs_findings *findings,
                      struct bfs_error *error)
{
    unsigned n_reads = 0;
    for (size_t i = 0; i < subject->n_files; i++) {
        const struct bfs_subject_file *file = &subject->files[i];
        const char *fault = NULL;
        if (file->map.container != BFS_CONTAINER_OPAQUE || !is_named_as_weights(file->path))
            continue;
        if (file->size == 0)
            fault = "is empty";
        else if (file->size <= PAGE_SIZE_MAX && n_reads++ < READS_MAX) {
            int r = look(subject, file, &fault, error);
            if (r)
                return r;
        }
        if (!fault && bfs_container_is_named(file->path))
            fault = "has no header of safetensors or GGUF that can be read";
        if (fault)
            bfs_finding_add(findings, BFS_FINDING_WEIGHTS_UNREADABLE, "%.400s: %s", file->path,
                            fault);
    }
    return 0;
}
