/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/trace/trace_text.h"

#include "codec/store/files.h"
#include "verify/array.h"
#include "verify/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct bfs_json_field fields[] = {
    {"ms", BFS_JSON_INTEGER, true},   {"bundle", BFS_JSON_STRING, true},
    {"path", BFS_JSON_STRING, true},  {"offset", BFS_JSON_INTEGER, true},
    {"size", BFS_JSON_INTEGER, true}, {"tensor", BFS_JSON_STRING, false},
    {NULL, BFS_JSON_OBJECT, false},
};

void bfs_trace_steps_done(struct bfs_trace_steps *steps)
{
    for (size_t i = 0; i < steps->n_files; i++)
        free(steps->files[i].path);
    free(steps->files);
    free(steps->steps);
    bfs_buffer_done(&steps->tensors);
    *steps = (struct bfs_trace_steps){0};
}

const char *bfs_trace_tensor(const struct bfs_trace_steps *steps, const struct bfs_trace_step *step)
{
    return step->tensor ? (const char *)steps->tensors.bytes + step->tensor : NULL;
}

/* Neighbours name the same tensor often. Place 0 stands for no name. */
static int put_tensor(struct bfs_trace_steps *steps, const char *name, size_t *ret)
{
    const struct bfs_trace_step *before = steps->n_steps ? &steps->steps[steps->n_steps - 1] : NULL;
    *ret = 0;
    if (!name)
        return 0;
    if (before && before->tensor && strcmp(bfs_trace_tensor(steps, before), name) == 0) {
        *ret = before->tensor;
        return 0;
    }
    if (steps->tensors.size == 0)
        bfs_buffer_put_u8(&steps->tensors, 0);
    *ret = steps->tensors.size;
    bfs_buffer_put(&steps->tensors, name, strlen(name) + 1);
    return bfs_buffer_status(&steps->tensors);
}

/* Traces go through few files, and mostly on in the same one. */
static int file_of(struct bfs_trace_steps *steps, const struct bfs_digest *bundle, const char *path,
                   uint32_t *ret, struct bfs_error *error)
{
    for (size_t i = steps->n_files; i-- > 0;)
        if (bfs_digest_equal(&steps->files[i].bundle, bundle) &&
            strcmp(steps->files[i].path, path) == 0) {
            *ret = (uint32_t)i;
            return 0;
        }
    if (steps->n_files == BFS_TRACE_FILES_MAX)
        return bfs_fail(error, -E2BIG, "more than %d files", BFS_TRACE_FILES_MAX);
    bfs_autofree char *copy = strdup(path);
    if (!copy || bfs_array_grow(&steps->files, steps->n_files, sizeof(*steps->files)))
        return bfs_fail(error, -ENOMEM, "out of memory");
    *ret = (uint32_t)steps->n_files;
    steps->files[steps->n_files++] = (struct bfs_trace_file){
        .bundle = *bundle, .path = bfs_steal(&copy), .first = (uint32_t)steps->n_steps};
    return 0;
}

/* A writer that was killed, or found no room, leaves the beginning of a line. */
static bool is_cut_off(const char *text, size_t size)
{
    bfs_autojson struct json_object *line = NULL;
    return *text == '{' && size <= BFS_TRACE_LINE_MAX &&
           bfs_json_parse(text, size, "trace", &line, NULL) == -EBADMSG;
}

static int parse_line(const char *text, size_t size, struct bfs_trace_steps *steps,
                      struct bfs_error *error)
{
    bfs_autojson struct json_object *line = NULL;
    struct bfs_trace_step step;
    struct bfs_digest bundle;
    int r;
    if (size > BFS_TRACE_LINE_MAX)
        return bfs_fail(error, -E2BIG, "more than %d bytes", BFS_TRACE_LINE_MAX);
    if (steps->n_steps == BFS_TRACE_STEPS_MAX)
        return bfs_fail(error, -E2BIG, "more than %d lines", BFS_TRACE_STEPS_MAX);
    if ((r = bfs_json_parse(text, size, "trace", &line, error)) ||
        (r = bfs_json_check(line, fields, false, "trace", error)))
        return r;
    if (bfs_digest_parse_text(bfs_json_string(line, "bundle"), &bundle))
        return bfs_fail(error, -EBADMSG, "\"bundle\" is no digest");
    step.offset = bfs_json_integer(line, "offset");
    step.size = bfs_json_integer(line, "size"); /* both below 2^53 */
    if (step.size == 0)
        return bfs_fail(error, -EBADMSG, "\"size\" is 0");
    r = file_of(steps, &bundle, bfs_json_string(line, "path"), &step.file, error);
    if (r)
        return r;
    if (put_tensor(steps, bfs_json_string(line, "tensor"), &step.tensor) ||
        bfs_array_grow(&steps->steps, steps->n_steps, sizeof(*steps->steps)))
        return bfs_fail(error, -ENOMEM, "out of memory");
    steps->steps[steps->n_steps++] = step;
    return 0;
}

int bfs_trace_parse(const void *text, size_t size, struct bfs_trace_steps *ret,
                    struct bfs_error *error)
{
    bfs_autotrace struct bfs_trace_steps steps = {0};
    const char *at = text, *end = at + size;
    for (unsigned number = 1; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((newline ? newline : end) - at);
        if (!newline && is_cut_off(at, length))
            break;
        int r = parse_line(at, length, &steps, error);
        if (r)
            return bfs_fail_context(error, r, "line %u", number);
        at += length + 1;
        if (!newline)
            break;
    }
    *ret = steps;
    steps = (struct bfs_trace_steps){0};
    return 0;
}

int bfs_trace_read(const char *path, struct bfs_trace_steps *ret, struct bfs_error *error)
{
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    int r = bfs_read_file(path, BFS_TRACE_SIZE_MAX, &text, &size, error);
    if (r)
        return r;
    r = bfs_trace_parse(text, size, ret, error);
    return r ? bfs_fail_context(error, r, "%s", path) : 0;
}
