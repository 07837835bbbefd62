/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/part.h"

#include "codec/store/files.h"
#include "verify/array.h"
#include "verify/checked.h"

#include <errno.h>
#include <string.h>

void *bfs_part_scratch_get(struct bfs_part_scratch *scratch, unsigned which, size_t size)
{
    if (scratch->sizes[which] < size || !scratch->bytes[which]) {
        /* What was in it is not wanted any more. */
        free(scratch->bytes[which]);
        scratch->bytes[which] = malloc(size ? size : 1);
        scratch->sizes[which] = scratch->bytes[which] ? size : 0;
    }
    return scratch->bytes[which];
}

void bfs_part_scratch_done(struct bfs_part_scratch *scratch)
{
    for (unsigned i = 0; i < BFS_SCRATCHES; i++)
        free(scratch->bytes[i]);
    *scratch = (struct bfs_part_scratch){0};
}

static void part_done(struct bfs_part *part)
{
    free(part->bytes);
    free(part->scales);
}

int bfs_part_list_add(struct bfs_part_list *list, const struct bfs_part *part)
{
    struct bfs_part copy = *part;
    uint64_t size;
    int r = 0;
    if (!bfs_add_u64(list->size, part->size, &size) || size > INT64_MAX)
        r = -E2BIG;
    if (r == 0)
        r = bfs_array_grow(&list->parts, list->n_parts, sizeof(*list->parts));
    if (r) {
        part_done(&copy);
        return r;
    }
    list->parts[list->n_parts++] = copy;
    list->size = size;
    return 0;
}

int bfs_part_list_add_bytes(struct bfs_part_list *list, uint8_t *bytes, uint64_t size)
{
    return bfs_part_list_add(list, &(struct bfs_part){.size = size,
                                                      .band_size = BFS_BAND_SIZE,
                                                      .bytes = bytes,
                                                      .scales_from = BFS_PART_NONE});
}

int bfs_part_list_add_zeros(struct bfs_part_list *list, uint64_t size)
{
    return size ? bfs_part_list_add_bytes(list, NULL, size) : 0;
}

static int copy_make(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                     uint64_t offset, size_t size, uint8_t *to, struct bfs_measure *measure,
                     struct bfs_error *error)
{
    (void)scratch;
    (void)measure;
    return bfs_part_read(part, fd, offset, to, size, error);
}

static const struct bfs_part_ops copy_ops = {.name = "copy", .make = copy_make};

int bfs_part_list_add_copy(struct bfs_part_list *list, struct bfs_part_source source)
{
    return bfs_part_list_add(list, &(struct bfs_part){.ops = &copy_ops,
                                                      .size = source.size,
                                                      .band_size = BFS_BAND_SIZE,
                                                      .scales_from = BFS_PART_NONE,
                                                      .source = source});
}

int bfs_part_list_add_scales(struct bfs_part_list *list, size_t of, uint64_t n_scales)
{
    uint64_t size;
    if (!bfs_mul_u64(n_scales, sizeof(float), &size))
        return -E2BIG;
    return bfs_part_list_add(
        list, &(struct bfs_part){.size = size, .band_size = BFS_BAND_SIZE, .scales_from = of});
}

int bfs_part_list_align(struct bfs_part_list *list, uint64_t alignment)
{
    uint64_t end;
    if (!bfs_align_u64(list->size, alignment, &end))
        return -E2BIG;
    return bfs_part_list_add_zeros(list, end - list->size);
}

void bfs_part_list_done(struct bfs_part_list *list)
{
    for (size_t i = 0; i < list->n_parts; i++)
        part_done(&list->parts[i]);
    free(list->parts);
    *list = (struct bfs_part_list){0};
}

int bfs_part_read(const struct bfs_part *part, int fd, uint64_t offset, void *to, size_t size,
                  struct bfs_error *error)
{
    const struct bfs_part_source *source = &part->source;
    if (!bfs_range_fits(offset, size, source->size))
        return bfs_fail_at(error, -EINVAL, offset, "%.400s: a read outside of the tensor",
                           source->file->path);
    int r = bfs_pread_exact(fd, to, size, source->offset + offset);
    if (r == -ENODATA)
        return bfs_fail(error, -ESTALE,
                        "%.400s: became shorter while it was being packed; pack again",
                        source->file->path);
    return r ? bfs_fail(error, r, "%.400s: %s", source->file->path, strerror(-r)) : 0;
}
