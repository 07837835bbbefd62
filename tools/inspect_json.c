/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/inspect.h"

#include "codec/store/view_size.h"
#include "tools/message.h"
#include "tools/report_file.h"
#include "tools/standing.h"
#include "tools/tree.h"
#include "tools/verb.h"
#include "verify/errno_text.h"

#include <string.h>

enum { LIST_MAX = 100000 }; /* entries of one list: tens of MB of JSON */

struct lister {
    struct bfs_bundle *bundle;
    struct json_object *files; /* borrowed from the document, as is the next */
    struct json_object *tensors;
    uint64_t n_files; /* met so far */
    uint64_t n_tensors;
    int status;
    bool failed;
};

static void add_config(struct json_object *root, const struct bfs_bundle *bundle, int *status)
{
    const struct bfs_bundle_config *config = bfs_bundle_config(bundle);
    const struct {
        const char *name, *value;
    } words[] = {
        {"created", config->created},
        {"architecture", config->architecture},
        {"format", config->format},
        {"param_size", config->param_size},
        {"precision", config->precision},
        {"quantization", config->quantization},
        {"packer_version", config->packer_version},
    };
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"n_files", config->n_files},           {"n_directories", config->n_directories},
        {"n_symlinks", config->n_symlinks},     {"n_tensors", config->n_tensors},
        {"content_size", config->content_size}, {"stored_size", bfs_bundle_stored_size(bundle)},
        {"chunk_size", config->chunk_size},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (*words[i].value)
            bfs_json_add_string(root, words[i].name, words[i].value, status);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        bfs_json_add_integer(root, numbers[i].name, numbers[i].value, status);
}

static void add_dtypes(struct json_object *root, const struct bfs_index *index, int *status)
{
    struct bfs_dtype_count dtypes[BFS_INSPECT_DTYPES_MAX];
    struct json_object *object = bfs_json_new_object(status);
    bfs_inspect_dtypes(index, dtypes);
    for (unsigned i = 0; i < BFS_INSPECT_DTYPES_MAX; i++) {
        if (dtypes[i].n == 0)
            continue;
        struct json_object *count = bfs_json_new_object(status);
        bfs_json_add_integer(count, "n_tensors", dtypes[i].n, status);
        bfs_json_add_integer(count, "size", dtypes[i].size, status);
        bfs_json_add(object, bfs_dtype_info(i)->name, count, status);
    }
    bfs_json_add(root, "dtypes", object, status);
}

static void add_layers(struct json_object *root, const struct bfs_bundle *bundle, int *status)
{
    struct json_object *array = bfs_json_new_array(status);
    for (uint32_t i = 0; i < bfs_bundle_n_layers(bundle); i++)
        bfs_json_append(array, bfs_descriptor_write(bfs_bundle_layer(bundle, i), status), status);
    bfs_json_add(root, "layers", array, status);
}

static void add_trace(struct lister *lister, struct json_object *root,
                      const struct bfs_bundle *bundle)
{
    struct bfs_inspect_trace trace;
    struct bfs_error error = {0};
    int *status = &lister->status;
    if (!bfs_bundle_config(bundle)->has_trace)
        return;
    if (bfs_inspect_trace(bundle, &trace, &error)) {
        (void)bfs_message_error(&error);
        lister->failed = true;
        return;
    }
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_integer(object, "n_steps", trace.n_steps, status);
    bfs_json_add_integer(object, "n_files", trace.n_files, status);
    bfs_json_add_integer(object, "size", trace.size, status);
    bfs_report_text(object, "first", trace.first, strlen(trace.first), status);
    bfs_json_add(root, "trace", object, status);
    free(trace.first);
}

/* As manifest.json has it, and what it takes. */
static void add_views(struct lister *lister, struct json_object *root)
{
    const struct bfs_bundle_config *config = bfs_bundle_config(lister->bundle);
    struct bfs_view_size sizes[BFS_VIEWS_MAX];
    struct bfs_error error = {0};
    int *status = &lister->status;
    struct json_object *array = bfs_json_new_array(status);
    bool known = bfs_bundle_view_sizes(lister->bundle, sizes, &error) == 0;
    if (!known) {
        (void)bfs_message_error(&error);
        lister->failed = true;
    }
    for (uint32_t i = 0; i < config->n_views; i++) {
        struct json_object *object = bfs_view_config_json(&config->views[i], status);
        if (known) {
            bfs_json_add_integer(object, "n_files", sizes[i].n_files, status);
            bfs_json_add_integer(object, "size", sizes[i].content_size, status);
            bfs_json_add_integer(object, "own_size", sizes[i].own_size, status);
            bfs_json_add_integer(object, "stored_size", sizes[i].stored_size, status);
        }
        bfs_json_append(array, object, status);
    }
    bfs_json_add(root, "views", array, status);
}

static void add_chunks(struct lister *lister, struct json_object *object, uint32_t number)
{
    char name[BFS_INSPECT_NAME_SIZE];
    struct bfs_codec_count codecs[BFS_INSPECT_ENCODINGS_MAX];
    struct bfs_error error = {0};
    int *status = &lister->status;
    if (bfs_inspect_codecs(lister->bundle, number, codecs, &error)) {
        char text[BFS_ERROR_TEXT_SIZE];
        (void)bfs_error_text(&error, text);
        bfs_report_text(object, bfs_is_unreadable(error.code) ? "unreadable" : "damaged", text,
                        strlen(text), status);
        lister->failed = true;
        return;
    }
    struct json_object *chunks = bfs_json_new_object(status);
    for (unsigned i = 0; i < BFS_INSPECT_ENCODINGS_MAX; i++) {
        if (codecs[i].n == 0)
            continue;
        struct json_object *count = bfs_json_new_object(status);
        bfs_json_add_integer(count, "n_chunks", codecs[i].n, status);
        bfs_json_add_integer(count, "raw_size", codecs[i].raw_size, status);
        bfs_json_add_integer(count, "stored_size", codecs[i].stored_size, status);
        bfs_json_add(chunks, bfs_inspect_codec_name(i, name), count, status);
    }
    bfs_json_add(object, "chunks", chunks, status);
}

static void add_tensor(struct lister *lister, const char *path, const struct bfs_inode *inode,
                       uint32_t i)
{
    int *status = &lister->status;
    struct bfs_index_tensor tensor = bfs_index_tensor(bfs_bundle_index(lister->bundle), inode, i);
    struct json_object *object = bfs_json_new_object(status);
    struct json_object *shape = bfs_json_new_array(status);
    for (uint32_t k = 0; k < tensor.n_dims; k++)
        bfs_json_append(shape, json_object_new_int64((int64_t)tensor.shape[k]), status);
    bfs_report_text(object, "name", tensor.name, tensor.name_length, status);
    bfs_json_add_string(object, "dtype", bfs_dtype_info(tensor.dtype)->name, status);
    bfs_json_add(object, "shape", shape, status);
    bfs_report_text(object, "file", path, strlen(path), status);
    bfs_json_add_integer(object, "offset", tensor.offset, status);
    bfs_json_add_integer(object, "size", tensor.size, status);
    bfs_json_append(lister->tensors, object, status);
}

static int visit(void *context, const char *path, uint32_t number, const struct bfs_inode *inode)
{
    struct lister *lister = context;
    if (lister->n_files++ < LIST_MAX) {
        struct json_object *object =
            bfs_report_file(bfs_bundle_index(lister->bundle), path, inode, &lister->status);
        if (S_ISREG(inode->mode)) {
            bfs_json_add_string(object, "format", bfs_container_name(inode->container),
                                &lister->status);
            add_chunks(lister, object, number);
        }
        bfs_json_append(lister->files, object, &lister->status);
    }
    for (uint32_t i = 0; i < inode->n_tensors; i++)
        if (lister->n_tensors++ < LIST_MAX)
            add_tensor(lister, path, inode, i);
    return lister->status;
}

static void add_standing(struct lister *lister, struct json_object *root,
                         const struct bfs_opened *opened)
{
    bfs_autostanding struct bfs_standing standing = {0};
    struct bfs_error error = {0};
    if (bfs_standing_find(opened, opened->entry, &standing, &error)) {
        (void)bfs_message_error(&error);
        lister->failed = true;
    } else {
        bfs_standing_json(&standing, root, &lister->status);
    }
}

int bfs_inspect_json(const struct bfs_opened *opened)
{
    struct lister lister = {.bundle = opened->bundle};
    int *status = &lister.status;
    struct json_object *root = bfs_json_new_object(status);
    bfs_report_entry(root, opened->entry, status);
    bfs_report_repository(root, opened->entry, status);
    add_standing(&lister, root, opened);
    add_config(root, opened->bundle, status);
    add_dtypes(root, bfs_bundle_index(opened->bundle), status);
    add_views(&lister, root);
    add_trace(&lister, root, opened->bundle);
    add_layers(root, opened->bundle, status);
    lister.files = bfs_json_new_array(status);
    bfs_json_add(root, "files", lister.files, status);
    lister.tensors = bfs_json_new_array(status);
    bfs_json_add(root, "tensors", lister.tensors, status);
    if (*status == 0)
        *status = bfs_tree_walk(bfs_bundle_index(opened->bundle), visit, &lister);
    if (lister.n_files > LIST_MAX)
        bfs_json_add_integer(root, "files_left_out", lister.n_files - LIST_MAX, status);
    if (lister.n_tensors > LIST_MAX)
        bfs_json_add_integer(root, "tensors_left_out", lister.n_tensors - LIST_MAX, status);
    int printed = bfs_report_print(root, *status);
    return lister.failed ? BFS_EXIT_FAILED : printed;
}
