/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/catalog.h"

#include "codec/store/catalog_statements.h"
#include "codec/store/files.h"
#include "codec/store/statement_name.h"

#include <stdio.h>
#include <string.h>

static const struct bfs_json_field index_fields[] = {
    {"schemaVersion", BFS_JSON_INTEGER, true},
    {"mediaType", BFS_JSON_STRING, false},
    {"manifests", BFS_JSON_ARRAY, true},
    {0},
};

struct bfs_catalog *bfs_catalog_free(struct bfs_catalog *catalog)
{
    if (catalog) {
        free(catalog->entries);
        free(catalog->refusals);
        bfs_catalog_statements_done(catalog);
        free(catalog);
    }
    return NULL;
}

static int parse_index(const void *text, size_t size, struct json_object **ret,
                       struct bfs_error *error)
{
    bfs_autojson struct json_object *root = NULL;
    int r;
    if ((r = bfs_json_parse(text, size, "index.json", &root, error)) ||
        (r = bfs_json_check(root, index_fields, true, "index.json", error)))
        return r;
    *ret = bfs_steal(&root);
    return 0;
}

/* NULL when the descriptor carries none. */
static const char *reference_of(struct json_object *descriptor)
{
    struct json_object *annotations = bfs_json_member(descriptor, "annotations");
    struct json_object *name = json_object_is_type(annotations, json_type_object)
                                   ? bfs_json_member(annotations, BFS_OCI_REF_NAME)
                                   : NULL;
    return json_object_is_type(name, json_type_string) ? json_object_get_string(name) : NULL;
}

static void refuse(struct bfs_catalog *catalog, const char *name, const char *reason)
{
    struct bfs_catalog_refusal *refusal = &catalog->refusals[catalog->n_refusals++];
    (void)snprintf(refusal->name, sizeof(refusal->name), "%s", name);
    (void)snprintf(refusal->reason, sizeof(refusal->reason), "%s", reason);
}

/* A tool that copies by name keeps the name alone, so that tells as well as the type. */
static bool is_statement(const char *artifact, const char *name)
{
    return artifact ? strcmp(artifact, BFS_MEDIA_STATEMENT) == 0
                    : name && bfs_statement_name_is(name);
}

/* Registries keep the list of what refers to a manifest under such a name. */
static bool is_referrers_list(const struct bfs_descriptor *descriptor, const char *name)
{
    const char *colon = name ? strrchr(name, ':') : NULL;
    return colon && bfs_version_is_reserved(colon + 1) &&
           strcmp(descriptor->media_type, BFS_MEDIA_OCI_INDEX) == 0;
}

static int read_statement(struct bfs_catalog *catalog, const struct bfs_descriptor *descriptor,
                          const char *name)
{
    char digest[BFS_DIGEST_TEXT_SIZE];
    struct bfs_error error = {0};
    int r = name ? bfs_catalog_statement_add(catalog, name, descriptor, &error)
                 : bfs_fail(&error, -EINVAL, "a statement without " BFS_OCI_REF_NAME " annotation");
    if (r && r != -ENOMEM)
        refuse(catalog, name ? name : bfs_digest_text(&descriptor->digest, digest), error.what);
    return r == -ENOMEM ? r : 0;
}

static int read_entry(struct bfs_catalog *catalog, struct json_object *object, size_t i)
{
    char what[64];
    (void)snprintf(what, sizeof(what), "index.json: manifest %zu", i);
    struct bfs_error error = {0};
    struct bfs_descriptor descriptor;
    if (bfs_descriptor_read(object, what, &descriptor, &error)) {
        refuse(catalog, what, error.what);
        return 0;
    }
    struct json_object *artifact = bfs_json_member(object, "artifactType");
    const char *type = artifact ? json_object_get_string(artifact) : NULL;
    const char *name = reference_of(object);
    if (is_statement(type, name))
        return read_statement(catalog, &descriptor, name);
    if ((type && strcmp(type, BFS_MEDIA_BUNDLE) != 0) || is_referrers_list(&descriptor, name))
        return 0; /* somebody else's artifact, rightly in an image layout */
    char digest[BFS_DIGEST_TEXT_SIZE];
    (void)bfs_digest_text(&descriptor.digest, digest);
    struct bfs_catalog_entry *entry = &catalog->entries[catalog->n_entries];
    if (!name)
        refuse(catalog, digest, "it has no " BFS_OCI_REF_NAME " annotation");
    else if (bfs_reference_parse(name, &entry->reference, &error))
        refuse(catalog, name, error.what);
    else if (descriptor.size > BFS_OCI_MANIFEST_MAX)
        refuse(catalog, name, "its manifest is larger than 4 MiB");
    else if (strcmp(descriptor.media_type, BFS_MEDIA_OCI_MANIFEST) != 0)
        refuse(catalog, name, "it is not an OCI manifest");
    else {
        entry->manifest = descriptor.digest;
        entry->manifest_size = descriptor.size;
        catalog->n_entries++;
    }
    return 0;
}

static int compare_references(const struct bfs_reference *a, const struct bfs_reference *b)
{
    int order = strcmp(a->name, b->name);
    return order ? order : strcmp(a->version, b->version);
}

static int by_reference(const void *a, const void *b)
{
    const struct bfs_catalog_entry *left = a, *right = b;
    int order = compare_references(&left->reference, &right->reference);
    return order ? order : bfs_digest_compare(&left->manifest, &right->manifest);
}

/* Keeps one entry of each name; which of two different bundles was meant cannot be known, so
 * neither is served. */
static void refuse_duplicates(struct bfs_catalog *catalog)
{
    size_t kept = 0;
    for (size_t i = 0; i < catalog->n_entries;) {
        struct bfs_catalog_entry *first = &catalog->entries[i];
        bool same = true;
        size_t next = i + 1;
        for (; next < catalog->n_entries &&
               compare_references(&first->reference, &catalog->entries[next].reference) == 0;
             next++)
            same = same && bfs_digest_equal(&first->manifest, &catalog->entries[next].manifest);
        if (same) {
            catalog->entries[kept++] = *first;
        } else {
            char name[BFS_REFERENCE_MAX + 1];
            refuse(catalog, bfs_reference_text(&first->reference, name),
                   "index.json names two different bundles so");
        }
        i = next;
    }
    catalog->n_entries = kept;
}

/* Is there a bundle whose directory is `path` or above it? `path` is a model name, whose last
 * component a bundle would own as its version. */
static const struct bfs_catalog_entry *bundle_above(const struct bfs_catalog *catalog,
                                                    const char *path)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct bfs_reference outer = {0};
        size_t version_length = strcspn(slash + 1, "/");
        if (version_length > BFS_VERSION_MAX)
            continue;
        memcpy(outer.name, path, (size_t)(slash - path));
        memcpy(outer.version, slash + 1, version_length);
        const struct bfs_catalog_entry *entry = bfs_catalog_find(catalog, &outer);
        if (entry)
            return entry;
    }
    return NULL;
}

static int refuse_nested(struct bfs_catalog *catalog)
{
    bfs_autofree bool *nested = calloc(catalog->n_entries + 1, sizeof(*nested));
    if (!nested)
        return -ENOMEM;
    for (size_t i = 0; i < catalog->n_entries; i++)
        nested[i] = bundle_above(catalog, catalog->entries[i].reference.name) != NULL;
    size_t kept = 0;
    for (size_t i = 0; i < catalog->n_entries; i++) {
        if (!nested[i]) {
            catalog->entries[kept++] = catalog->entries[i];
            continue;
        }
        char name[BFS_REFERENCE_MAX + 1];
        refuse(catalog, bfs_reference_text(&catalog->entries[i].reference, name),
               "it lies inside the directory of another bundle");
    }
    catalog->n_entries = kept;
    return 0;
}

static int catalog_from(struct json_object *root, struct bfs_catalog **ret, struct bfs_error *error)
{
    struct json_object *manifests = bfs_json_member(root, "manifests");
    size_t n = json_object_array_length(manifests);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = calloc(1, sizeof(*catalog));
    if (!catalog)
        return bfs_fail(error, -ENOMEM, "index.json: out of memory");
    /* Each element becomes at most one entry, and at most one refusal at any later step. */
    catalog->entries = calloc(n + 1, sizeof(*catalog->entries));
    catalog->refusals = calloc(n + 1, sizeof(*catalog->refusals));
    if (!catalog->entries || !catalog->refusals)
        return bfs_fail(error, -ENOMEM, "index.json: out of memory");
    for (size_t i = 0; i < n; i++)
        if (read_entry(catalog, json_object_array_get_idx(manifests, i), i))
            return bfs_fail(error, -ENOMEM, "index.json: out of memory");
    qsort(catalog->entries, catalog->n_entries, sizeof(catalog->entries[0]), by_reference);
    refuse_duplicates(catalog);
    if (refuse_nested(catalog) || bfs_catalog_statements_finish(catalog))
        return bfs_fail(error, -ENOMEM, "index.json: out of memory");
    *ret = bfs_steal(&catalog);
    return 0;
}

int bfs_catalog_parse(const void *text, size_t size, struct bfs_catalog **ret,
                      struct bfs_error *error)
{
    bfs_autojson struct json_object *root = NULL;
    int r = parse_index(text, size, &root, error);
    return r ? r : catalog_from(root, ret, error);
}

int bfs_catalog_load(const struct bfs_store *store, struct bfs_catalog **ret,
                     struct bfs_error *error)
{
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    int r = bfs_read_file(bfs_store_index_path(store), BFS_CATALOG_SIZE_MAX, &text, &size, error);
    return r ? r : bfs_catalog_parse(text, size, ret, error);
}

const struct bfs_catalog_entry *bfs_catalog_find(const struct bfs_catalog *catalog,
                                                 const struct bfs_reference *reference)
{
    size_t low = 0, high = catalog->n_entries;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_references(&catalog->entries[middle].reference, reference);
        if (order == 0)
            return &catalog->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct bfs_catalog_entry *bfs_catalog_latest(const struct bfs_catalog *catalog,
                                                   const char *name)
{
    struct bfs_reference first = {0};
    (void)snprintf(first.name, sizeof(first.name), "%s", name);
    size_t low = 0, high = catalog->n_entries;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_references(&catalog->entries[middle].reference, &first) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const struct bfs_catalog_entry *latest = NULL;
    for (; low < catalog->n_entries && strcmp(catalog->entries[low].reference.name, name) == 0;
         low++) {
        const struct bfs_catalog_entry *entry = &catalog->entries[low];
        int order = 0;
        if (!bfs_version_is_release(entry->reference.version))
            continue;
        if (!latest ||
            (bfs_version_compare(entry->reference.version, latest->reference.version, &order) &&
             order > 0))
            latest = entry;
    }
    return latest;
}

int bfs_catalog_check_new(const struct bfs_catalog *catalog, const struct bfs_reference *reference,
                          const struct bfs_digest *manifest, struct bfs_error *error)
{
    char text[BFS_REFERENCE_MAX + 1];
    const struct bfs_catalog_entry *taken = bfs_catalog_find(catalog, reference);
    if (taken && (!manifest || !bfs_digest_equal(&taken->manifest, manifest)))
        return bfs_fail(error, -EEXIST,
                        "%s is in the store with other content; choose another version, or remove "
                        "it first (bundlefs rm)",
                        bfs_reference_text(reference, text));
    char inside[BFS_REFERENCE_MAX + 2];
    size_t length =
        (size_t)snprintf(inside, sizeof(inside), "%s/%s", reference->name, reference->version);
    const struct bfs_catalog_entry *outer = bundle_above(catalog, reference->name);
    for (size_t i = 0; !outer && i < catalog->n_entries; i++) {
        const char *name = catalog->entries[i].reference.name;
        if (strncmp(name, inside, length) == 0 && (name[length] == '/' || name[length] == '\0'))
            outer = &catalog->entries[i];
    }
    if (outer) {
        char other[BFS_REFERENCE_MAX + 1];
        return bfs_fail(error, -EEXIST, "%s and %s cannot both be: one's directory is in the other",
                        bfs_reference_text(reference, text),
                        bfs_reference_text(&outer->reference, other));
    }
    return 0;
}
