/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/starter.h"

#include "accel/view/views.h"
#include "codec/pack/pack.h"
#include "tools/template_list.h"

#include <errno.h>
#include <string.h>

static const struct bfs_template templates[] = {
#define ROW(name, summary, memory, safetensors, gguf, contract)                                    \
    {name, summary, memory, safetensors, gguf, contract},
    BFS_TEMPLATE_LIST(ROW)
#undef ROW
};

const struct bfs_template *bfs_template_at(unsigned i)
{
    return i < sizeof(templates) / sizeof(templates[0]) ? &templates[i] : NULL;
}

const struct bfs_template *bfs_template_find(const char *name)
{
    for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
        if (strcmp(templates[i].name, name) == 0)
            return &templates[i];
    return NULL;
}

static bool has_container(const struct bfs_subject *subject, enum bfs_container container)
{
    for (size_t i = 0; i < subject->n_files; i++)
        if (subject->files[i].map.container == container)
            return true;
    return false;
}

/* Asks the planner of views: it knows what it can make. */
/* 0: the view can be made. Errors: why it cannot, -ENOMEM among it. */
static int try_view(const char *directory, const char *id)
{
    BFS_CLEANUP(bfs_views_cleanup) struct bfs_views *views = NULL;
    const struct bfs_views_options options = {.directory = directory,
                                              .chunk_size = BFS_CHUNK_SIZE_DEFAULT,
                                              .n_threads = 1,
                                              .ids = &id,
                                              .n_ids = 1};
    int r = bfs_views_new(&options, &views, NULL);
    if (r)
        return r;
    const struct bfs_pack_options pack = {.directory = directory,
                                          .chunk_size = BFS_CHUNK_SIZE_DEFAULT,
                                          .n_jobs = 1,
                                          .extension = bfs_views_extension(views)};
    return bfs_pack_check(NULL, &pack, NULL);
}

static int add_views(const char *ids, const char *directory, struct bfs_buffer *ret)
{
    bfs_autofree char *copy = strdup(ids);
    char *rest = copy;
    if (!copy)
        return -ENOMEM;
    for (const char *id; (id = strsep(&rest, " "));) {
        int r = try_view(directory, id);
        if (r == -ENOMEM)
            return r;
        if (r == 0)
            bfs_buffer_printf(ret, "%s%s", ret->size ? " " : "", id);
    }
    return 0;
}

int bfs_starter_views(const struct bfs_template *row, const char *directory,
                      const struct bfs_subject *subject, char **ret, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer views = BFS_BUFFER_INIT;
    int r = 0;
    if (has_container(subject, BFS_CONTAINER_SAFETENSORS))
        r = add_views(row->safetensors_views, directory, &views);
    if (r == 0 && has_container(subject, BFS_CONTAINER_GGUF))
        r = add_views(row->gguf_views, directory, &views);
    bfs_buffer_put_u8(&views, 0);
    if (r || bfs_buffer_status(&views))
        return bfs_fail(error, -ENOMEM, "out of memory");
    *ret = (char *)bfs_buffer_steal(&views);
    return 0;
}

int bfs_starter_list(const char *views, struct bfs_buffer *ret)
{
    bfs_autofree char *copy = strdup(views);
    char *rest = copy;
    int status = copy ? 0 : -ENOMEM;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    struct json_object *list = bfs_json_new_array(&status);
    bfs_json_add_string(root, "schema_version", "1.0", &status);
    for (const char *id; (id = strsep(&rest, " "));)
        bfs_json_append(list, bfs_json_new_string(id, &status), &status);
    bfs_json_add(root, "views", list, &status);
    if (status == 0)
        status = bfs_json_publish(root, ret);
    return status;
}

static void add_runtime(struct json_object *list, const char *name, const char *view, int *status)
{
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_string(object, "name", name, status);
    if (view)
        bfs_json_add_string(object, "view", view, status);
    bfs_json_append(list, object, status);
}

/* What opens the model as it is, then what opens each view. */
static int add_runtimes(const struct bfs_subject *subject, const char *views,
                        struct json_object *root)
{
    bfs_autofree char *copy = strdup(views);
    char *rest = copy;
    int status = copy ? 0 : -ENOMEM;
    struct json_object *list = bfs_json_new_array(&status);
    if (has_container(subject, BFS_CONTAINER_SAFETENSORS))
        add_runtime(list, "transformers", NULL, &status);
    if (has_container(subject, BFS_CONTAINER_GGUF))
        add_runtime(list, "llama.cpp", NULL, &status);
    for (const char *id; (id = strsep(&rest, " "));)
        if (*id)
            add_runtime(list,
                        strncmp(id, "cpu-q", 5) == 0 ? "llama.cpp"
                        : strncmp(id, "gpu", 3) == 0 ? "vllm"
                                                     : "transformers",
                        id, &status);
    bfs_json_add(root, "runtimes", list, &status);
    return status;
}

static int add_resources(const struct bfs_template *row, const struct bfs_subject *subject,
                         uint64_t disk, struct json_object *root)
{
    int status = 0;
    struct json_object *object = bfs_json_new_object(&status);
    if (subject->tensor_size > 0)
        bfs_json_add_integer(object, "memory_bytes",
                             subject->tensor_size / 100 * row->memory_percent +
                                 subject->tensor_size % 100 * row->memory_percent / 100,
                             &status);
    bfs_json_add_integer(object, "disk_bytes", disk, &status);
    bfs_json_add(root, "resources", object, &status);
    return status;
}

int bfs_starter_contract(const struct bfs_template *row, const struct bfs_subject *subject,
                         const char *views, uint64_t list_size, struct bfs_buffer *ret,
                         struct bfs_error *error)
{
    enum { CONTRACT_ROOM = 16384 }; /* the contract is one of the files that disk_bytes counts */
    bfs_autojson struct json_object *root = NULL;
    uint64_t disk = subject->content_size + list_size + CONTRACT_ROOM;
    int r = bfs_json_parse(row->contract, strlen(row->contract), row->name, &root, error);
    if (r)
        return r;
    if ((r = bfs_starter_add_tensors(subject, root)) || (r = add_runtimes(subject, views, root)) ||
        (r = add_resources(row, subject, disk, root)) ||
        (r = bfs_starter_add_licence(subject, root)))
        return bfs_fail(error, r, "out of memory");
    return bfs_contract_write(root, ret, error);
}
