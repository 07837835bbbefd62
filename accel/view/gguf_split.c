/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/gguf_split.h"

#include "verify/checked.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SUFFIX_SIZE = 32 }; /* "-00001-of-00002.gguf" */

static int refuse(struct bfs_error *error, const char *path, const char *why)
{
    return bfs_fail(error, -EBADMSG, "%.300s: %s", path, why);
}

/* llama.cpp takes each of these keys in one type only. */
static int read_number(const struct bfs_gguf_header *header, const char *path, const char *key,
                       enum bfs_gguf_type type, uint64_t *ret, struct bfs_error *error)
{
    const struct bfs_gguf_value *value = bfs_gguf_find(header, key);
    *ret = 0;
    if (!value)
        return 0;
    if (value->type != type || !bfs_gguf_number(value, ret))
        return bfs_fail(error, -EBADMSG, "%.300s: %s is not %s", path, key,
                        type == BFS_GGUF_U16 ? "a u16" : "an i32 of at least 0");
    return 0;
}

static void write_suffix(uint64_t no, uint64_t count, char ret[static SUFFIX_SIZE])
{
    (void)snprintf(ret, SUFFIX_SIZE, "-%05u-of-%05u.gguf", (unsigned)no + 1, (unsigned)count);
}

int bfs_gguf_split_read(const struct bfs_gguf_header *header, const char *path,
                        struct bfs_gguf_split *ret, struct bfs_error *error)
{
    struct bfs_gguf_split split = {.path = path, .n_tensors = header->map.n_tensors};
    char suffix[SUFFIX_SIZE];
    int r;
    if ((r = read_number(header, path, "split.no", BFS_GGUF_U16, &split.no, error)) ||
        (r = read_number(header, path, "split.count", BFS_GGUF_U16, &split.count, error)) ||
        (r = read_number(header, path, "split.tensors.count", BFS_GGUF_I32, &split.n_all, error)))
        return r;
    /* A file that was merged again says 0, one that was never divided may say 1. */
    if (split.count <= 1) {
        *ret = (struct bfs_gguf_split){.path = path, .n_tensors = split.n_tensors};
        return 0;
    }
    if (split.no >= split.count)
        return refuse(error, path, "split.no is not below split.count");
    write_suffix(split.no, split.count, suffix);
    size_t length = strlen(path), suffix_length = strlen(suffix);
    if (length <= suffix_length || strcmp(path + length - suffix_length, suffix) != 0)
        return bfs_fail(error, -EBADMSG,
                        "%.300s: split.no and split.count want a name that ends in %s", path,
                        suffix);
    *ret = split;
    return 0;
}

static int compare_paths(const void *left, const void *right)
{
    return strcmp(((const struct bfs_gguf_split *)left)->path,
                  ((const struct bfs_gguf_split *)right)->path);
}

/* All files of the set that `one` belongs to, or only the first of them, whose own check is of all.
 */
static int check_set(const struct bfs_gguf_split *splits, size_t n,
                     const struct bfs_gguf_split *one, struct bfs_error *error)
{
    char suffix[SUFFIX_SIZE];
    uint64_t n_tensors = 0, n_wanted = one->no == 0 ? one->count : 1;
    write_suffix(one->no, one->count, suffix);
    size_t length = strlen(one->path), stem = length - strlen(suffix);
    bfs_autofree char *path = malloc(length + SUFFIX_SIZE);
    if (!path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    memcpy(path, one->path, stem);
    for (uint64_t no = 0; no < n_wanted; no++) {
        write_suffix(no, one->count, suffix);
        memcpy(path + stem, suffix, strlen(suffix) + 1);
        const struct bfs_gguf_split wanted = {.path = path};
        const struct bfs_gguf_split *found =
            bsearch(&wanted, splits, n, sizeof(*splits), compare_paths);
        if (!found || found->count != one->count)
            return bfs_fail(error, -EBADMSG, "%.200s: no file %.200s of the same model", one->path,
                            path);
        if (found->n_all != one->n_all || !bfs_add_u64(n_tensors, found->n_tensors, &n_tensors))
            return refuse(error, path, "split.tensors.count differs within one model");
    }
    if (one->no > 0 || n_tensors == one->n_all)
        return 0;
    (void)refuse(error, one->path, "split.tensors.count is not the number of tensors in all files");
    char expected[32], found[32];
    (void)snprintf(expected, sizeof(expected), "%llu", (unsigned long long)one->n_all);
    (void)snprintf(found, sizeof(found), "%llu", (unsigned long long)n_tensors);
    bfs_fail_values(error, expected, found);
    return -EBADMSG;
}

int bfs_gguf_split_check(struct bfs_gguf_split *splits, size_t n, struct bfs_error *error)
{
    int r = 0;
    if (n > 1)
        qsort(splits, n, sizeof(*splits), compare_paths);
    for (size_t i = 0; i < n && r == 0; i++)
        if (splits[i].count > 1)
            r = check_set(splits, n, &splits[i], error);
    return r;
}
