/* SPDX-License-Identifier: Apache-2.0
 * Files that are named: by the contract, and by indexes of shards, whose weight_map says in which
 * file each tensor lies (Hugging Face's *.safetensors.index.json). */
#include "accel/review/rules.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    INDEX_SIZE_MAX = 64 << 20, /* of a million tensors */
    FINDINGS_MAX = 16,         /* about one index; more of the same help nobody */
};

static const char index_suffix[] = ".safetensors.index.json";

static bool has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text), wanted = strlen(suffix);
    return length >= wanted && strcmp(text + length - wanted, suffix) == 0;
}

/* One index of shards. */
struct shards {
    const struct bfs_subject *subject;
    const char *path;
    size_t folder; /* bytes of the path up to and with its last slash */
    struct json_object *map;
    struct bfs_findings *findings;
    size_t n; /* findings about it */
};

__attribute__((format(printf, 3, 4))) static void
found(struct shards *shards, enum bfs_finding_id id, const char *format, ...)
{
    char text[768];
    va_list args;
    if (shards->n++ >= FINDINGS_MAX)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    bfs_finding_add(shards->findings, id, "%.200s: %s", shards->path, text);
}

static const struct bfs_subject_file *find_shard(const struct shards *shards, const char *name)
{
    bfs_autofree char *path = malloc(shards->folder + strlen(name) + 1);
    if (!path) {
        shards->findings->status = -ENOMEM;
        return NULL;
    }
    memcpy(path, shards->path, shards->folder);
    memcpy(path + shards->folder, name, strlen(name) + 1);
    return bfs_subject_find(shards->subject, path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All tensor names of a shard, sorted: a shard may have a hundred thousand. */
struct shard {
    const char *name; /* as the index has it */
    const struct bfs_subject_file *file;
    const char **tensors;
    size_t n;
};

static bool shard_has(const struct shard *shard, const char *tensor)
{
    return bsearch(&tensor, shard->tensors, shard->n, sizeof(*shard->tensors), by_name) != NULL;
}

enum { SHARDS_MAX = 4096 };
struct shard_list {
    struct shard *items;
    size_t n;
    struct json_object *numbers; /* of the items, by name */
};

static void shard_list_done(struct shard_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i].tensors);
    free(list->items);
    (void)json_object_put(list->numbers);
}

/* NULL: no memory, or too many. */
static struct shard *shard_of(struct shards *shards, struct shard_list *list, const char *name)
{
    if (bfs_json_member(list->numbers, name))
        return &list->items[bfs_json_integer(list->numbers, name)];
    if (list->n == SHARDS_MAX)
        return NULL;
    struct shard *shard = &list->items[list->n];
    bfs_json_add_integer(list->numbers, name, list->n, &shards->findings->status);
    *shard = (struct shard){.name = name, .file = find_shard(shards, name)};
    list->n++;
    if (!shard->file) {
        found(shards, BFS_FINDING_FILE_MISSING, "names the file %.200s, which is not there", name);
        return shard;
    }
    const struct bfs_tensor_map *map = &shard->file->map;
    shard->tensors = calloc(map->n_tensors + 1, sizeof(*shard->tensors));
    if (!shard->tensors) {
        shards->findings->status = -ENOMEM;
        return shard;
    }
    for (; shard->n < map->n_tensors; shard->n++)
        shard->tensors[shard->n] = map->tensors[shard->n].name;
    qsort(shard->tensors, shard->n, sizeof(*shard->tensors), by_name);
    return shard;
}

static void check_unlisted(struct shards *shards, const struct shard *shard)
{
    for (size_t i = 0; i < shard->n; i++) {
        const char *where = bfs_json_string(shards->map, shard->tensors[i]);
        bool is_other = where && strcmp(where, shard->name) != 0;
        const struct bfs_subject_file *file = is_other ? find_shard(shards, where) : NULL;
        if (!where)
            found(shards, BFS_FINDING_WEIGHT_MAP_UNLISTED, "lacks the tensor %.200s of %.200s",
                  shard->tensors[i], shard->name);
        else if (file && file != shard->file)
            found(shards, BFS_FINDING_WEIGHT_MAP_COPY,
                  "places %.200s in %.200s, but %.200s has a tensor of that name too",
                  shard->tensors[i], where, shard->name);
    }
}

static void check_map(struct shards *shards)
{
    struct shard_list list __attribute__((cleanup(shard_list_done))) = {
        .items = calloc(SHARDS_MAX, sizeof(struct shard)),
        .numbers = bfs_json_new_object(&shards->findings->status)};
    if (!list.items || !list.numbers) {
        shards->findings->status = -ENOMEM;
        return;
    }
    json_object_object_foreach(shards->map, tensor, value)
    {
        if (!json_object_is_type(value, json_type_string)) {
            found(shards, BFS_FINDING_WEIGHT_MAP_INVALID, "weight_map of %.200s is no file name",
                  tensor);
            return;
        }
        const struct shard *shard = shard_of(shards, &list, json_object_get_string(value));
        if (!shard) {
            found(shards, BFS_FINDING_WEIGHT_MAP_INVALID, "names more than %d files", SHARDS_MAX);
            return;
        }
        if (shard->file && !shard_has(shard, tensor))
            found(shards, BFS_FINDING_WEIGHT_MAP_TENSOR,
                  "says that %.200s is in %.200s, which has no such tensor", tensor, shard->name);
    }
    for (size_t i = 0; i < list.n; i++)
        check_unlisted(shards, &list.items[i]);
}

/* `path` is where a loader opens the index: shards are named from there. */
static int check_index(const struct bfs_subject *subject, const char *path,
                       const struct bfs_subject_file *file, struct bfs_findings *findings,
                       struct bfs_error *error)
{
    bfs_autofree uint8_t *bytes = NULL;
    bfs_autojson struct json_object *root = NULL;
    struct bfs_error why = {0};
    size_t size;
    const char *slash = strrchr(path, '/');
    struct shards shards = {.subject = subject,
                            .path = path,
                            .folder = slash ? (size_t)(slash + 1 - path) : 0,
                            .findings = findings};
    int r = bfs_subject_read(subject, file, INDEX_SIZE_MAX, &bytes, &size, &why);
    if (r == 0)
        r = bfs_json_parse_python(bytes, size, path, &root, &why);
    if (r == -EBADMSG || r == -E2BIG) {
        bfs_finding_add_error(findings, BFS_FINDING_WEIGHT_MAP_INVALID, NULL, &why);
        return 0;
    }
    if (r) {
        if (error)
            *error = why;
        return r;
    }
    shards.map =
        json_object_is_type(root, json_type_object) ? bfs_json_member(root, "weight_map") : NULL;
    if (json_object_is_type(shards.map, json_type_object))
        check_map(&shards);
    else
        found(&shards, BFS_FINDING_WEIGHT_MAP_INVALID, "has no object weight_map");
    return 0;
}

static void check_named(const struct bfs_subject *subject, const char *path, const char *place,
                        struct bfs_findings *findings)
{
    if (!bfs_subject_find(subject, path))
        bfs_finding_add(findings, BFS_FINDING_FILE_MISSING, "%s: there is no file \"%.400s\"",
                        place, path);
}

int bfs_rules_files(const struct bfs_subject *subject, struct bfs_findings *findings,
                    struct bfs_error *error)
{
    int r = 0;
    for (size_t i = 0; subject->has_contract && i < subject->contract.n_files; i++) {
        char place[64];
        (void)snprintf(place, sizeof(place), "/requires/files/%zu", i);
        check_named(subject, subject->contract.files[i], place, findings);
    }
    for (size_t i = 0; r == 0 && i < subject->n_files; i++)
        if (has_suffix(subject->files[i].path, index_suffix))
            r = check_index(subject, subject->files[i].path, &subject->files[i], findings, error);
    for (size_t i = 0; r == 0 && i < subject->n_links; i++) {
        const char *path = subject->links[i].path;
        const struct bfs_subject_file *file =
            has_suffix(path, index_suffix) ? bfs_subject_find(subject, path) : NULL;
        if (file)
            r = check_index(subject, path, file, findings, error);
    }
    return r;
}
