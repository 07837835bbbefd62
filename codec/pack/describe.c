/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/describe.h"

#include "codec/store/files.h"
#include "verify/contract/generate.h"
#include "verify/json_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    CONFIG_JSON_MAX = 16 << 20, /* larger ones are not the config of a model */
    DTYPES_MAX = 256,           /* more than the dtype list has rows */
};

static bool has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text), wanted = strlen(suffix);
    return length >= wanted && strcmp(text + length - wanted, suffix) == 0;
}

/* Sums by element type, in the order of the dtype list; returns how many. */
static size_t sum_dtypes(const struct bfs_scan *scan, const struct bfs_tensor_map *maps,
                         struct bfs_contract_dtype ret[static DTYPES_MAX])
{
    struct bfs_contract_dtype sums[DTYPES_MAX] = {0};
    for (uint32_t i = 0; i < scan->n_entries; i++) {
        for (size_t k = 0; scan->entries[i].section == 0 && k < maps[i].n_tensors; k++) {
            const struct bfs_tensor *tensor = &maps[i].tensors[k];
            struct bfs_contract_dtype *sum = &sums[(unsigned)tensor->dtype % DTYPES_MAX];
            uint64_t elements = 1;
            for (uint32_t d = 0; d < tensor->n_dims; d++)
                elements *= tensor->shape[d]; /* the parser has checked the product */
            sum->n_tensors++;
            sum->n_elements += elements;
            sum->size += tensor->size;
        }
    }
    size_t n = 0;
    for (unsigned i = 0; i < DTYPES_MAX; i++) {
        const struct bfs_dtype_info *info = bfs_dtype_info(i);
        if (!info || !sums[i].n_tensors)
            continue;
        ret[n] = sums[i];
        ret[n++].name = info->name;
    }
    return n;
}

static void set_word(char *ret, const char *text)
{
    (void)snprintf(ret, BFS_CONFIG_WORD_MAX + 1, "%s", text);
}

/* "model_type" of a Hugging Face config.json, when there is one and it is plain text. Python's json
 * module writes it. Errors: -ENOMEM. */
static int read_model_type(const char *directory, char *ret)
{
    bfs_autofree char *path = bfs_join(directory, "config.json");
    bfs_autofree uint8_t *text = NULL;
    char word[BFS_CONFIG_WORD_MAX + 1];
    struct bfs_json_value root, type;
    size_t size;
    int r = path ? bfs_read_file(path, CONFIG_JSON_MAX, &text, &size, NULL) : -ENOMEM;
    if (r == 0)
        r = bfs_json_value_open_python(text, size, "config.json", &root, NULL);
    if (r)
        return r == -ENOMEM ? r : 0;
    type = bfs_json_value_member(root, "model_type", BFS_JSON_STRING);
    if (bfs_json_value_text(type, word, sizeof(word)) == 0 &&
        strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
            strlen(word))
        set_word(ret, word);
    return 0;
}

static void describe_files(const struct bfs_scan *scan, const struct bfs_tensor_map *maps,
                           struct bfs_bundle_config *ret)
{
    for (uint32_t i = 0; i < scan->n_entries; i++) {
        if (scan->entries[i].section)
            continue;
        if (!ret->format[0] && maps[i].container != BFS_CONTAINER_OPAQUE)
            set_word(ret->format, bfs_container_name(maps[i].container));
        if (!ret->architecture[0])
            set_word(ret->architecture, maps[i].architecture);
        if (!ret->quantization[0])
            set_word(ret->quantization, maps[i].quantization);
    }
    for (uint32_t i = 0; i < scan->n_entries && !ret->format[0]; i++)
        if (scan->entries[i].section == 0 && has_suffix(scan->entries[i].path, ".onnx"))
            set_word(ret->format, "onnx");
}

int bfs_describe_config(const struct bfs_scan *scan, const struct bfs_tensor_map *maps,
                        const char *directory, struct bfs_bundle_config *ret)
{
    struct bfs_contract_dtype sums[DTYPES_MAX];
    size_t n = sum_dtypes(scan, maps, sums);
    uint64_t elements = 0, largest = 0;
    describe_files(scan, maps, ret);
    for (size_t i = 0; i < n; i++) {
        elements += sums[i].n_elements;
        if (sums[i].size > largest) {
            largest = sums[i].size;
            set_word(ret->precision, sums[i].name);
        }
    }
    if (n)
        (void)snprintf(ret->param_size, sizeof(ret->param_size), "%" PRIu64, elements);
    return ret->architecture[0] ? 0 : read_model_type(directory, ret->architecture);
}

void bfs_describe_counts(const struct bfs_scan *scan, const struct bfs_tensor_map *maps,
                         struct bfs_bundle_config *ret)
{
    for (uint32_t i = 0; i < scan->n_entries; i++) {
        const struct bfs_scan_entry *entry = &scan->entries[i];
        ret->n_files += S_ISREG(entry->mode);
        ret->n_directories += S_ISDIR(entry->mode);
        ret->n_symlinks += S_ISLNK(entry->mode);
        ret->n_tensors += bfs_scan_map(scan, maps, i)->n_tensors;
    }
}

int bfs_describe_contract(const struct bfs_scan *scan, const struct bfs_tensor_map *maps,
                          const struct bfs_bundle_config *config, struct bfs_buffer *ret)
{
    struct bfs_contract_dtype sums[DTYPES_MAX];
    bfs_autofree struct bfs_contract_file *files = calloc(scan->n_entries, sizeof(*files));
    if (!files)
        return -ENOMEM;
    struct bfs_contract_facts facts = {.architecture = config->architecture,
                                       .format = config->format,
                                       .precision = config->precision,
                                       .quantization = config->quantization,
                                       .files = files,
                                       .dtypes = sums,
                                       .n_dtypes = sum_dtypes(scan, maps, sums)};
    for (uint32_t i = 0; i < scan->n_entries; i++) {
        const struct bfs_scan_entry *entry = &scan->entries[i];
        if (!S_ISREG(entry->mode) || entry->section)
            continue;
        facts.content_size += entry->size;
        files[facts.n_files++] =
            (struct bfs_contract_file){.path = entry->path,
                                       .size = entry->size,
                                       .format = maps[i].container == BFS_CONTAINER_OPAQUE
                                                     ? NULL
                                                     : bfs_container_name(maps[i].container),
                                       .n_tensors = maps[i].n_tensors};
    }
    return bfs_contract_generate(&facts, ret);
}
