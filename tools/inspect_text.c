/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/inspect.h"

#include "codec/store/view_size.h"
#include "tools/message.h"
#include "tools/standing.h"
#include "tools/text.h"
#include "tools/tree.h"
#include "tools/verb.h"
#include "verify/repository.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lister {
    struct bfs_bundle *bundle;
    struct bfs_table *table;
    bool failed;
};

static void print_word(const char *label, const char *word)
{
    if (*word)
        (void)printf("%-14s%s\n", label, word);
}

/* Where a registry keeps the model, when that is not its name. */
static void print_repository(const char *name)
{
    char repository[BFS_REPOSITORY_MAX + 1];
    struct bfs_error error = {0};
    if (bfs_repository_from_name(name, repository, &error))
        (void)printf("%-14snone: %s\n", "repository", error.what);
    else if (strcmp(repository, name) != 0)
        print_word("repository", repository);
}

static void print_summary(const struct bfs_opened *opened)
{
    const struct bfs_bundle_config *config = bfs_bundle_config(opened->bundle);
    char name[BFS_REFERENCE_MAX + 1], id[BFS_DIGEST_TEXT_SIZE];
    char size[BFS_SIZE_TEXT_SIZE], stored[BFS_SIZE_TEXT_SIZE], left[BFS_SIZE_TEXT_SIZE];
    uint64_t on_disk = bfs_bundle_stored_size(opened->bundle);
    print_word("name", bfs_reference_text(&opened->entry->reference, name));
    if (strcmp(config->reference.name, opened->entry->reference.name) != 0 ||
        strcmp(config->reference.version, opened->entry->reference.version) != 0)
        print_word("packed as", bfs_reference_text(&config->reference, name));
    print_repository(opened->entry->reference.name);
    print_word("id", bfs_digest_text(&opened->entry->manifest, id));
    print_word("created", config->created);
    print_word("architecture", config->architecture);
    print_word("format", config->format);
    print_word("parameters", config->param_size);
    print_word("precision", config->precision);
    print_word("quantization", config->quantization);
    (void)printf(
        "%-14s%" PRIu64 " files, %" PRIu64 " directories, %" PRIu64 " links, %" PRIu64 " tensors\n",
        "content", config->n_files, config->n_directories, config->n_symlinks, config->n_tensors);
    (void)printf("%-14s%s, stored in %s: %s left\n", "size",
                 bfs_text_size(config->content_size, size), bfs_text_size(on_disk, stored),
                 bfs_text_left(on_disk, config->content_size, left));
    (void)printf("%-14s%" PRIu64 " bytes\n", "chunk size", config->chunk_size);
    print_word("packed by", config->packer_version);
}

static void print_standing(struct lister *lister, const struct bfs_opened *opened)
{
    bfs_autostanding struct bfs_standing standing = {0};
    struct bfs_error error = {0};
    if (bfs_standing_find(opened, opened->entry, &standing, &error)) {
        (void)bfs_message_error(&error);
        lister->failed = true;
        return;
    }
    print_word("aliases", standing.aliases);
    if (standing.is_deprecated)
        print_word("deprecated", "yes");
    if (standing.is_revoked)
        print_word("revoked", "yes");
}

static void print_trace(struct lister *lister)
{
    struct bfs_inspect_trace trace;
    struct bfs_error error = {0};
    char size[BFS_SIZE_TEXT_SIZE];
    if (!bfs_bundle_config(lister->bundle)->has_trace)
        return;
    if (bfs_inspect_trace(lister->bundle, &trace, &error)) {
        (void)bfs_message_error(&error);
        lister->failed = true;
        return;
    }
    bfs_autofree char *first = bfs_text_printable(trace.first, strlen(trace.first));
    if (!first) {
        bfs_message("out of memory");
        lister->failed = true;
        free(trace.first);
        return;
    }
    (void)printf("%-14s%" PRIu32 " steps through %s of %" PRIu32 " files, from %s\n", "trace",
                 trace.n_steps, bfs_text_size(trace.size, size), trace.n_files, first);
    free(trace.first);
}

static int visit_file(void *context, const char *path, uint32_t number,
                      const struct bfs_inode *inode)
{
    struct lister *lister = context;
    char size[24], left[BFS_SIZE_TEXT_SIZE];
    (void)number;
    if (!S_ISREG(inode->mode))
        return 0;
    (void)snprintf(size, sizeof(size), "%" PRIu64, inode->size);
    bfs_table_row(lister->table, size, bfs_text_left(inode->stored_size, inode->size, left),
                  bfs_container_name(inode->container), path, NULL);
    return 0;
}

static void print_shape(const struct bfs_index_tensor *tensor, char *ret, size_t size)
{
    size_t used = (size_t)snprintf(ret, size, "[");
    for (uint32_t i = 0; i < tensor->n_dims && used < size; i++)
        used += (size_t)snprintf(ret + used, size - used, "%s%" PRIu64, i ? ", " : "",
                                 tensor->shape[i]);
    if (used < size)
        (void)snprintf(ret + used, size - used, "]");
}

static int visit_tensors(void *context, const char *path, uint32_t number,
                         const struct bfs_inode *inode)
{
    struct lister *lister = context;
    const struct bfs_index *index = bfs_bundle_index(lister->bundle);
    (void)number;
    for (uint32_t i = 0; i < inode->n_tensors; i++) {
        struct bfs_index_tensor tensor = bfs_index_tensor(index, inode, i);
        char shape[24 * BFS_TENSOR_DIMS_MAX], size[24];
        bfs_autofree char *name = strndup(tensor.name, tensor.name_length);
        if (!name)
            return -ENOMEM;
        print_shape(&tensor, shape, sizeof(shape));
        (void)snprintf(size, sizeof(size), "%" PRIu64, tensor.size);
        bfs_table_row(lister->table, bfs_dtype_info(tensor.dtype)->name, shape, size, path, name,
                      NULL);
    }
    return 0;
}

static int visit_chunks(void *context, const char *path, uint32_t number,
                        const struct bfs_inode *inode)
{
    struct lister *lister = context;
    struct bfs_codec_count codecs[BFS_INSPECT_ENCODINGS_MAX];
    struct bfs_error error = {0};
    if (!S_ISREG(inode->mode))
        return 0;
    int r = bfs_inspect_codecs(lister->bundle, number, codecs, &error);
    if (r) {
        (void)bfs_fail_context(&error, r, "%s", path);
        (void)bfs_message_error(&error);
        lister->failed = true;
        return 0;
    }
    for (unsigned i = 0; i < BFS_INSPECT_ENCODINGS_MAX; i++) {
        char name[BFS_INSPECT_NAME_SIZE], n[24], raw[24], stored[24];
        if (codecs[i].n == 0)
            continue;
        (void)snprintf(n, sizeof(n), "%" PRIu64, codecs[i].n);
        (void)snprintf(raw, sizeof(raw), "%" PRIu64, codecs[i].raw_size);
        (void)snprintf(stored, sizeof(stored), "%" PRIu64, codecs[i].stored_size);
        bfs_table_row(lister->table, bfs_inspect_codec_name(i, name), n, raw, stored, path, NULL);
    }
    return 0;
}

/* Prints a titled table with what `visit` adds to it. */
static int print_list(struct lister *lister, const char *alignment, const char *const titles[5],
                      bfs_tree_visit *visit)
{
    lister->table = bfs_table_new(alignment);
    if (!lister->table)
        return -ENOMEM;
    bfs_table_row(lister->table, titles[0], titles[1], titles[2], titles[3], titles[4], NULL);
    int r = bfs_tree_walk(bfs_bundle_index(lister->bundle), visit, lister);
    (void)putchar('\n');
    int printed = bfs_table_print(lister->table, stdout);
    return r ? r : printed;
}

static void print_dtypes(const struct bfs_index *index)
{
    struct bfs_dtype_count dtypes[BFS_INSPECT_DTYPES_MAX];
    char size[BFS_SIZE_TEXT_SIZE];
    bfs_inspect_dtypes(index, dtypes);
    if (bfs_index_n_tensors(index))
        (void)printf("\nTENSORS\n");
    for (unsigned i = 0; i < BFS_INSPECT_DTYPES_MAX; i++)
        if (dtypes[i].n)
            (void)printf("%-8s %8" PRIu64 "  %s\n", bfs_dtype_info(i)->name, dtypes[i].n,
                         bfs_text_size(dtypes[i].size, size));
}

static int print_views(struct lister *lister)
{
    const struct bfs_bundle_config *config = bfs_bundle_config(lister->bundle);
    struct bfs_view_size sizes[BFS_VIEWS_MAX];
    struct bfs_error error = {0};
    if (config->n_views == 0)
        return 0;
    if (bfs_bundle_view_sizes(lister->bundle, sizes, &error)) {
        (void)bfs_message_error(&error);
        lister->failed = true;
        return 0;
    }
    lister->table = bfs_table_new("lllrrl");
    if (!lister->table)
        return -ENOMEM;
    bfs_table_row(lister->table, "VIEW", "CONTAINER", "TYPE", "SIZE", "OWN", "KIND", NULL);
    for (uint32_t i = 0; i < config->n_views; i++) {
        const struct bfs_view_config *view = &config->views[i];
        char size[BFS_SIZE_TEXT_SIZE], own[BFS_SIZE_TEXT_SIZE];
        bfs_table_row(lister->table, view->id, view->container, *view->dtype ? view->dtype : "-",
                      bfs_text_size(sizes[i].content_size, size),
                      bfs_text_size(sizes[i].own_size, own),
                      view->is_opaque     ? "opaque"
                      : view->is_lossless ? "lossless"
                                          : "lossy",
                      NULL);
    }
    (void)putchar('\n');
    return bfs_table_print(lister->table, stdout);
}

static void print_layers(const struct bfs_bundle *bundle)
{
    (void)printf("\nLAYERS\n");
    for (uint32_t i = 0; i < bfs_bundle_n_layers(bundle); i++) {
        const struct bfs_descriptor *layer = bfs_bundle_layer(bundle, i);
        char digest[BFS_DIGEST_TEXT_SIZE];
        (void)printf("%s %14" PRIu64 "  %s\n", bfs_digest_text(&layer->digest, digest), layer->size,
                     strcmp(layer->media_type, BFS_MEDIA_INDEX) == 0   ? "index"
                     : strcmp(layer->media_type, BFS_MEDIA_TRACE) == 0 ? "trace"
                                                                       : "data");
    }
}

int bfs_inspect_text(const struct bfs_opened *opened, bool tensors, bool chunks)
{
    static const char *const files[5] = {"SIZE", "LEFT", "FORMAT", "FILE"};
    static const char *const each[5] = {"TYPE", "SHAPE", "SIZE", "FILE", "TENSOR"};
    static const char *const codecs[5] = {"CODEC", "CHUNKS", "RAW", "STORED", "FILE"};
    struct lister lister = {.bundle = opened->bundle};
    print_summary(opened);
    print_standing(&lister, opened);
    print_trace(&lister);
    int r = print_list(&lister, "rrll", files, visit_file);
    print_dtypes(bfs_bundle_index(opened->bundle));
    if (r == 0)
        r = print_views(&lister);
    print_layers(opened->bundle);
    if (r == 0 && tensors)
        r = print_list(&lister, "llrll", each, visit_tensors);
    if (r == 0 && chunks)
        r = print_list(&lister, "lrrrl", codecs, visit_chunks);
    if (r)
        bfs_message("out of memory");
    return r || lister.failed ? BFS_EXIT_FAILED : BFS_EXIT_OK;
}
