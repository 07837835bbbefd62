/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/plan_private.h"

#include "accel/view/stream.h"
#include "codec/store/files.h"
#include "verify/array.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void bfs_view_plan_init(struct bfs_view_plan *plan, const struct bfs_profile *profile,
                        const struct bfs_view_directory *directory)
{
    *plan = (struct bfs_view_plan){.profile = profile, .directory = directory};
}

void bfs_view_output_done(struct bfs_view_output *output)
{
    bfs_part_list_done(&output->parts);
    bfs_tensor_map_done(&output->map);
    bfs_plan_done(&output->cut);
}

void bfs_view_plan_done(struct bfs_view_plan *plan)
{
    for (size_t i = 0; i < plan->n_files; i++) {
        bfs_view_output_done(&plan->files[i].output);
        bfs_buffer_done(&plan->files[i].bytes);
        free(plan->files[i].path);
    }
    free(plan->files);
    plan->files = NULL;
    plan->n_files = 0;
}

const struct bfs_profile *bfs_view_plan_profile(const struct bfs_view_plan *plan)
{
    return plan->profile;
}

uint32_t bfs_view_plan_chunk_size(const struct bfs_view_plan *plan)
{
    return plan->directory->chunk_size;
}

const struct bfs_view_input *bfs_view_plan_input(const struct bfs_view_plan *plan, size_t i)
{
    return i < plan->directory->n_inputs ? &plan->directory->inputs[i] : NULL;
}

int bfs_view_plan_refuse(const struct bfs_view_plan *plan, struct bfs_error *error, int code,
                         const struct bfs_view_input *input, const struct bfs_tensor *tensor,
                         const char *why)
{
    return bfs_fail(error, code, "%s: %.160s%s%s%.120s%s%.200s", plan->profile->id,
                    input ? input->path : "", input ? ": " : "", tensor ? "tensor \"" : "",
                    tensor ? tensor->name : "", tensor ? "\": " : "", why);
}

int bfs_view_plan_read(const struct bfs_view_plan *plan, const char *path, uint64_t limit,
                       uint8_t **ret, size_t *ret_size, struct bfs_error *error)
{
    const struct bfs_scan *scan = plan->directory->scan;
    struct bfs_source_file file;
    bfs_autoclose int fd = -1;
    uint32_t number;
    if (!bfs_scan_find(scan, path, &number))
        return -ENOENT;
    if (S_ISLNK(scan->entries[number].mode))
        number = scan->entries[number].leads_to;
    if (!S_ISREG(scan->entries[number].mode))
        return -ENOENT;
    const struct bfs_scan_entry *entry = &scan->entries[number];
    if (entry->size > limit)
        return bfs_fail(error, -E2BIG, "%.255s: %llu bytes are more than %llu", path,
                        (unsigned long long)entry->size, (unsigned long long)limit);
    bfs_autofree uint8_t *bytes = malloc((size_t)entry->size + 1);
    if (!bytes ||
        bfs_source_file_make(plan->directory->path, plan->directory->dereference, entry, &file))
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = bfs_source_file_open(&file, &fd, error);
    if (r == 0 && (r = bfs_pread_exact(fd, bytes, (size_t)entry->size, 0)))
        r = bfs_fail(error, r == -ENODATA ? -ESTALE : r, "%.255s: %s", path,
                     r == -ENODATA ? "became shorter while it was being read" : strerror(-r));
    bfs_source_file_done(&file);
    if (r)
        return r;
    bytes[entry->size] = '\0';
    *ret = bfs_steal(&bytes);
    *ret_size = (size_t)entry->size;
    return 0;
}

int bfs_view_plan_class(struct bfs_view_plan *plan, const char *name, unsigned *ret,
                        struct bfs_error *error)
{
    unsigned i = 0;
    while (i < plan->n_classes && strcmp(plan->classes[i].name, name) != 0)
        i++;
    if (i == BFS_VIEW_CLASSES_MAX)
        return bfs_fail(error, -E2BIG, "%s: more than %d classes of tensors", plan->profile->id,
                        BFS_VIEW_CLASSES_MAX);
    if (i == plan->n_classes) {
        (void)snprintf(plan->classes[i].name, sizeof(plan->classes[i].name), "%s", name);
        plan->n_classes++;
    }
    plan->classes[i].n_tensors++;
    *ret = i;
    return 0;
}

static int add_file(struct bfs_view_plan *plan, struct bfs_view_file *file, const char *path,
                    struct bfs_error *error)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < plan->n_files; i++)
        if (strcmp(plan->files[i].path, path) == 0)
            r = bfs_fail(error, -EEXIST, "%s: %.255s would be made twice", plan->profile->id,
                         plan->files[i].path);
    if (r == 0 && (bfs_array_grow(&plan->files, plan->n_files, sizeof(*plan->files)) ||
                   !(file->path = strdup(path))))
        r = bfs_fail(error, -ENOMEM, "out of memory");
    if (r) {
        bfs_view_output_done(&file->output);
        bfs_buffer_done(&file->bytes);
        return r;
    }
    file->output.path = file->path;
    plan->files[plan->n_files++] = *file;
    return 0;
}

int bfs_view_plan_add(struct bfs_view_plan *plan, struct bfs_view_output *output,
                      struct bfs_error *error)
{
    const char *path = output->path;
    struct bfs_view_file file = {.output = *output};
    output->parts = (struct bfs_part_list){0};
    output->map = (struct bfs_tensor_map){0};
    output->cut = (struct bfs_plan){0};
    return add_file(plan, &file, path, error);
}

int bfs_view_plan_add_bytes(struct bfs_view_plan *plan, const char *path, struct bfs_buffer *bytes,
                            struct bfs_error *error)
{
    struct bfs_view_file file = {.is_bytes = true, .bytes = *bytes};
    *bytes = BFS_BUFFER_INIT;
    if (bfs_buffer_status(&file.bytes)) {
        bfs_buffer_done(&file.bytes);
        return bfs_fail(error, -ENOMEM, "out of memory");
    }
    return add_file(plan, &file, path, error);
}

static void set_word(char *ret, size_t size, const char *text)
{
    (void)snprintf(ret, size, "%s", text);
}

static void describe_error(const struct bfs_view_class *class, const struct bfs_measure *measure,
                           struct bfs_view_error *ret)
{
    *ret = (struct bfs_view_error){.n_tensors = class->n_tensors};
    set_word(ret->tensor_class, sizeof(ret->tensor_class), class->name);
    if (measure->n == 0)
        return;
    double n = (double)measure->n, squares = measure->sum_squares;
    (void)snprintf(ret->max_abs, sizeof(ret->max_abs), "%.6e", measure->max_abs);
    (void)snprintf(ret->mean_abs, sizeof(ret->mean_abs), "%.6e", measure->sum_abs / n);
    (void)snprintf(ret->relative_rms, sizeof(ret->relative_rms), "%.6e",
                   squares > 0 ? sqrt(measure->sum_squares_error / squares) : 0.0);
}

void bfs_view_plan_describe(const struct bfs_view_plan *plan, struct bfs_view_config *ret)
{
    const struct bfs_profile *profile = plan->profile;
    *ret = (struct bfs_view_config){
        .key = profile->key,
        .alignment = profile->alignment,
        .is_lossless = plan->n_classes == 0,
        .n_errors = plan->n_classes,
    };
    set_word(ret->id, sizeof(ret->id), profile->id);
    set_word(ret->container, sizeof(ret->container), profile->container);
    set_word(ret->dtype, sizeof(ret->dtype), profile->dtype->name);
    set_word(ret->tool, sizeof(ret->tool), "bundlefs");
    set_word(ret->tool_version, sizeof(ret->tool_version), BFS_VERSION);
    for (unsigned i = 0; i < plan->n_classes; i++)
        describe_error(&plan->classes[i], &plan->measures[i], &ret->errors[i]);
}
