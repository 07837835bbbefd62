/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/safetensors.h"

#include "accel/view/json_text.h"
#include "codec/store/files.h"
#include "verify/array.h"
#include "verify/checked.h"
#include "verify/cursor.h"
#include "verify/json.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum {
    LENGTH_SIZE = 8,        /* the u64 before the header */
    HEADER_MAX = 100000000, /* what readers accept */
};

static int add(struct bfs_draft_list *list, struct bfs_draft *draft)
{
    uint64_t elements;
    if (bfs_tensor_measure(bfs_dtype_info(draft->dtype), draft->shape, draft->n_dims, &elements,
                           &draft->size) ||
        draft->size > INT64_MAX) {
        free(draft->name);
        return -E2BIG;
    }
    draft->number = list->n_drafts;
    if (!draft->name || bfs_array_grow(&list->drafts, list->n_drafts, sizeof(*list->drafts))) {
        free(draft->name);
        return -ENOMEM;
    }
    list->drafts[list->n_drafts++] = *draft;
    return 0;
}

int bfs_draft_add(struct bfs_draft_list *list, const struct bfs_tensor *source,
                  const struct bfs_draft *draft)
{
    struct bfs_draft own = *draft;
    own.name = strdup(source->name);
    own.source = source;
    own.n_dims = source->n_dims;
    memcpy(own.shape, source->shape, sizeof(own.shape));
    return add(list, &own);
}

int bfs_draft_add_scales(struct bfs_draft_list *list, const char *name, uint32_t n_dims,
                         const uint64_t *shape)
{
    struct bfs_draft own = {
        .name = strdup(name),
        .kind = BFS_DRAFT_SCALES,
        .dtype = BFS_DTYPE_F32,
        .n_dims = n_dims,
        .of = list->n_drafts - 1,
    };
    memcpy(own.shape, shape, n_dims * sizeof(*shape));
    return add(list, &own);
}

void bfs_draft_list_done(struct bfs_draft_list *list)
{
    for (size_t i = 0; i < list->n_drafts; i++)
        free(list->drafts[i].name);
    free(list->drafts);
    *list = (struct bfs_draft_list){0};
}

static int by_place(const void *left, const void *right)
{
    const struct bfs_draft *a = left, *b = right;
    bool a_pages = a->size % BFS_SAFETENSORS_ALIGNMENT == 0;
    bool b_pages = b->size % BFS_SAFETENSORS_ALIGNMENT == 0;
    uint32_t a_align = bfs_dtype_info(a->dtype)->block_bytes;
    uint32_t b_align = bfs_dtype_info(b->dtype)->block_bytes;
    if (a_pages != b_pages)
        return a_pages ? -1 : 1;
    if (!a_pages && a_align != b_align)
        return a_align > b_align ? -1 : 1;
    return strcmp(a->name, b->name);
}

void bfs_draft_order(struct bfs_draft_list *list)
{
    if (list->n_drafts > 1)
        qsort(list->drafts, list->n_drafts, sizeof(*list->drafts), by_place);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int check_names(const struct bfs_view_plan *plan, const struct bfs_view_input *input,
                       const struct bfs_draft_list *list, struct bfs_error *error)
{
    bfs_autofree const char **names = calloc(list->n_drafts + 1, sizeof(*names));
    if (!names)
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < list->n_drafts; i++)
        names[i] = list->drafts[i].name;
    qsort(names, list->n_drafts, sizeof(*names), by_name);
    for (size_t i = 1; i < list->n_drafts; i++) {
        const struct bfs_tensor twice = {.name = (char *)(uintptr_t)names[i]};
        if (strcmp(names[i - 1], names[i]) == 0)
            return bfs_view_plan_refuse(plan, error, -EINVAL, input, &twice,
                                        "the view would have this tensor twice");
    }
    return 0;
}

/* Appends `"__metadata__":{...}` of the input, when it has one. */
static int put_metadata(const struct bfs_view_input *input, struct bfs_buffer *text,
                        struct bfs_error *error)
{
    bfs_autojson struct json_object *root = NULL;
    bfs_autofree uint8_t *header = NULL;
    bfs_autoclose int fd = -1;
    uint8_t prefix[LENGTH_SIZE];
    uint64_t size;
    int r = bfs_source_file_open(input->file, &fd, error);
    if (r)
        return r;
    struct bfs_cursor cursor = bfs_cursor_over(prefix, sizeof(prefix));
    if ((r = bfs_pread_exact(fd, prefix, sizeof(prefix), 0)) == 0 &&
        (r = bfs_cursor_u64(&cursor, &size)) == 0 && size > HEADER_MAX)
        r = -ESTALE;
    if (r == 0 && !(header = malloc((size_t)size + 1)))
        r = -ENOMEM;
    if (r == 0)
        r = bfs_pread_exact(fd, header, (size_t)size, LENGTH_SIZE);
    if (r)
        return bfs_fail(error, r == -ENODATA ? -ESTALE : r, "%.400s: cannot read its header",
                        input->path);
    /* Its parser accepted it, so this fails only when the file changed. */
    if ((r = bfs_json_parse(header, (size_t)size, input->path, &root, error)))
        return r;
    struct json_object *metadata = bfs_json_member(root, "__metadata__");
    if (!metadata)
        return 0;
    bfs_buffer_put_text(text, "\"__metadata__\":{");
    bool is_first = true;
    json_object_object_foreach(metadata, key, value)
    {
        bfs_buffer_put_text(text, is_first ? "" : ",");
        bfs_json_text_put(text, key);
        bfs_buffer_put_text(text, ":");
        bfs_json_text_put(text, json_object_get_string(value));
        is_first = false;
    }
    bfs_buffer_put_text(text, "}");
    return 0;
}

/* The length, the JSON and its padding. */
static int put_header(const struct bfs_view_input *input, const struct bfs_draft_list *list,
                      struct bfs_buffer *ret, struct bfs_error *error)
{
    uint64_t offset = 0;
    bfs_buffer_put_u64(ret, 0);
    bfs_buffer_put_text(ret, "{");
    int r = put_metadata(input, ret, error);
    if (r)
        return r;
    bool is_first = ret->size == LENGTH_SIZE + 1;
    for (size_t i = 0; i < list->n_drafts; i++) {
        const struct bfs_draft *draft = &list->drafts[i];
        bfs_buffer_put_text(ret, is_first ? "" : ",");
        bfs_json_text_put(ret, draft->name);
        bfs_buffer_printf(
            ret, ":{\"dtype\":\"%s\",\"shape\":", bfs_dtype_info(draft->dtype)->safetensors_name);
        bfs_json_text_put_shape(ret, draft->shape, draft->n_dims);
        bfs_buffer_printf(ret, ",\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", offset,
                          offset + draft->size);
        if (!bfs_add_u64(offset, draft->size, &offset) || offset > BFS_JSON_INTEGER_MAX)
            return bfs_fail(error, -E2BIG, "%.400s: too large as a view", input->path);
        is_first = false;
    }
    bfs_buffer_put_text(ret, "}");
    while (ret->size % BFS_SAFETENSORS_ALIGNMENT != 0 && bfs_buffer_status(ret) == 0)
        bfs_buffer_put_u8(ret, ' ');
    if (bfs_buffer_status(ret))
        return bfs_fail(error, -ENOMEM, "out of memory");
    if (ret->size - LENGTH_SIZE > HEADER_MAX)
        return bfs_fail(error, -E2BIG, "%.400s: the view's header would have over %d bytes",
                        input->path, HEADER_MAX);
    uint64_t length = ret->size - LENGTH_SIZE;
    for (unsigned i = 0; i < LENGTH_SIZE; i++)
        ret->bytes[i] = (uint8_t)(length >> (8 * i));
    return 0;
}

static int put_map(const struct bfs_draft_list *list, uint64_t data_start,
                   struct bfs_tensor_map *ret)
{
    ret->container = BFS_CONTAINER_SAFETENSORS;
    ret->tensors = calloc(list->n_drafts + 1, sizeof(*ret->tensors));
    if (!ret->tensors)
        return -ENOMEM;
    for (size_t i = 0; i < list->n_drafts; i++) {
        const struct bfs_draft *draft = &list->drafts[i];
        struct bfs_tensor *tensor = &ret->tensors[i];
        uint64_t elements, size;
        *tensor = (struct bfs_tensor){
            .name = strdup(draft->name),
            .dtype = draft->dtype,
            .n_dims = draft->n_dims,
            .offset = data_start,
            .size = draft->size,
        };
        if (!tensor->name)
            return -ENOMEM;
        ret->n_tensors++;
        memcpy(tensor->shape, draft->shape, sizeof(tensor->shape));
        (void)bfs_tensor_measure(bfs_dtype_info(draft->dtype), draft->shape, draft->n_dims,
                                 &elements, &size); /* it fitted before */
        ret->n_elements += elements;
        data_start += draft->size;
    }
    return 0;
}

static int put_part(const struct bfs_view_input *input, const struct bfs_draft *draft,
                    const size_t *positions, struct bfs_part_list *parts)
{
    if (draft->kind == BFS_DRAFT_SCALES)
        return bfs_part_list_add_scales(parts, positions[draft->of], draft->size / sizeof(float));
    const struct bfs_tensor *source = draft->source;
    const struct bfs_convert_tensor tensor = {
        .source = {.file = input->file, .offset = source->offset, .size = source->size},
        .from = source->dtype,
        .n_matrices = 1,
        .rows = source->n_dims == 2 ? source->shape[0] : 1,
        .cols = source->n_dims == 2 ? source->shape[1] : 0,
        .tensor_class = draft->tensor_class,
    };
    switch (draft->kind) {
    case BFS_DRAFT_CAST:
        return bfs_convert_cast(parts, &tensor, draft->dtype);
    case BFS_DRAFT_SCALED:
        return bfs_convert_scaled(parts, &tensor, draft->scaling);
    case BFS_DRAFT_COPY:
    case BFS_DRAFT_SCALES:
        break;
    }
    return bfs_part_list_add_copy(parts, tensor.source);
}

static int put_parts(const struct bfs_view_input *input, const struct bfs_draft_list *list,
                     struct bfs_part_list *parts)
{
    /* Where each draft's part will be; the header is part 0. */
    bfs_autofree size_t *positions = calloc(list->n_drafts + 1, sizeof(*positions));
    if (!positions)
        return -ENOMEM;
    for (size_t i = 0; i < list->n_drafts; i++)
        positions[list->drafts[i].number] = i + 1;
    int r = 0;
    for (size_t i = 0; r == 0 && i < list->n_drafts; i++)
        r = put_part(input, &list->drafts[i], positions, parts);
    return r;
}

int bfs_safetensors_draft(const struct bfs_view_plan *plan, const struct bfs_view_input *input,
                          const struct bfs_draft_list *list, bool want_parts,
                          struct bfs_view_output *ret, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer header = BFS_BUFFER_INIT;
    int r = check_names(plan, input, list, error);
    if (r)
        return r;
    if ((r = put_header(input, list, &header, error)))
        return bfs_fail_context(error, r, "%s", bfs_view_plan_profile(plan)->id);
    uint64_t start = header.size;
    ret->path = input->path;
    ret->size = start;
    for (size_t i = 0; i < list->n_drafts; i++)
        ret->size += list->drafts[i].size; /* below 2^53, as the header has found */
    if ((r = put_map(list, start, &ret->map)) ||
        (r = bfs_part_list_add_bytes(&ret->parts, bfs_buffer_steal(&header), start)) ||
        (want_parts && (r = put_parts(input, list, &ret->parts))))
        return bfs_view_plan_refuse(plan, error, r, input, NULL,
                                    r == -ENOMEM ? "out of memory" : "too large");
    return 0;
}
