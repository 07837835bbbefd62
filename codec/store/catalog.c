/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/catalog.h"

#include "codec/store/catalog_statements.h"
#include "codec/store/files.h"
#include "codec/store/statement_name.h"
#include "verify/array.h"

#include <stdio.h>
#include <string.h>

/* Of what stands where a name should, to read and to show; legal ones are shorter. */
enum { NAME_TEXT_SIZE = BFS_REFERENCE_MAX + 64 };

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

/* A refusal takes many times the bytes of the shortest entry, so most of many are only counted. */
static void count_refusal(struct bfs_catalog *catalog)
{
    struct bfs_catalog_refusal *last = &catalog->refusals[catalog->n_refusals - 1];
    (void)snprintf(last->name, sizeof(last->name), "index.json");
    (void)snprintf(last->reason, sizeof(last->reason), "%zu more entries are refused",
                   catalog->n_refused - (catalog->n_refusals - 1));
}

static int refuse(struct bfs_catalog *catalog, const char *name, const char *reason)
{
    catalog->n_refused++;
    if (catalog->n_refusals == BFS_CATALOG_REFUSALS_MAX) {
        count_refusal(catalog);
        return 0;
    }
    if (bfs_array_grow(&catalog->refusals, catalog->n_refusals, sizeof(*catalog->refusals)))
        return -ENOMEM;
    struct bfs_catalog_refusal *refusal = &catalog->refusals[catalog->n_refusals++];
    (void)snprintf(refusal->name, sizeof(refusal->name), "%s", name);
    (void)snprintf(refusal->reason, sizeof(refusal->reason), "%s", reason);
    return 0;
}

/* A tool that copies by name keeps the name alone, so that tells as well as the type. */
static bool is_statement(struct bfs_json_value artifact_type, const char *name)
{
    return artifact_type.text ? bfs_json_value_is(artifact_type, BFS_MEDIA_STATEMENT)
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
        r = refuse(catalog, name ? name : bfs_digest_text(&descriptor->digest, digest), error.what);
    return r;
}

static int read_bundle(struct bfs_catalog *catalog, const struct bfs_descriptor *descriptor,
                       const char *name, bool is_hidden)
{
    char digest[BFS_DIGEST_TEXT_SIZE];
    struct bfs_error error = {0};
    if (bfs_array_grow(&catalog->entries, catalog->n_entries, sizeof(*catalog->entries)))
        return -ENOMEM;
    struct bfs_catalog_entry *entry = &catalog->entries[catalog->n_entries];
    if (!name)
        return refuse(catalog, bfs_digest_text(&descriptor->digest, digest),
                      "it has no " BFS_OCI_REF_NAME " annotation");
    if (bfs_reference_parse(name, &entry->reference, &error))
        return refuse(catalog, name, error.what);
    if (descriptor->size > BFS_OCI_MANIFEST_MAX)
        return refuse(catalog, name, "its manifest is larger than 4 MiB");
    if (strcmp(descriptor->media_type, BFS_MEDIA_OCI_MANIFEST) != 0)
        return refuse(catalog, name, "it is not an OCI manifest");
    entry->manifest = descriptor->digest;
    entry->manifest_size = descriptor->size;
    entry->is_hidden = is_hidden;
    catalog->n_entries++;
    return 0;
}

static int read_entry(struct bfs_catalog *catalog, struct bfs_json_value object, size_t i)
{
    char what[64], text[NAME_TEXT_SIZE];
    (void)snprintf(what, sizeof(what), "index.json: manifest %zu", i);
    struct bfs_error error;
    struct bfs_descriptor descriptor;
    struct bfs_entry_members members;
    if (bfs_descriptor_take_entry(object, what, &descriptor, &members, &error))
        return refuse(catalog, what, error.what);
    struct bfs_json_value type = members.artifact_type;
    bool is_hidden = bfs_json_value_is(type, BFS_MEDIA_HIDDEN);
    if (type.text && !is_hidden && !bfs_json_value_is(type, BFS_MEDIA_BUNDLE) &&
        !bfs_json_value_is(type, BFS_MEDIA_STATEMENT))
        return 0; /* somebody else's artifact, rightly in an image layout */
    struct bfs_json_value found =
        bfs_json_value_member(members.annotations, BFS_OCI_REF_NAME, BFS_JSON_STRING);
    if (bfs_json_value_text(found, text, sizeof(text)))
        return refuse(catalog, text, "its name is too long");
    const char *name = found.text ? text : NULL;
    if (is_statement(type, name))
        return read_statement(catalog, &descriptor, name);
    if (is_referrers_list(&descriptor, name))
        return 0;
    return read_bundle(catalog, &descriptor, name, is_hidden);
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
    if (order == 0)
        order = (int)left->is_hidden - (int)right->is_hidden;
    return order ? order : bfs_digest_compare(&left->manifest, &right->manifest);
}

/* Keeps one entry of each name; which of two different bundles was meant cannot be known, so
 * neither is served. A hidden one gives way to one that is not: programs that do not know hidden
 * ones see that alone. */
static int refuse_duplicates(struct bfs_catalog *catalog)
{
    size_t kept = 0;
    for (size_t i = 0; i < catalog->n_entries;) {
        struct bfs_catalog_entry *first = &catalog->entries[i];
        bool same = true, differs = false;
        size_t next = i + 1;
        for (; next < catalog->n_entries &&
               compare_references(&first->reference, &catalog->entries[next].reference) == 0;
             next++) {
            const struct bfs_catalog_entry *entry = &catalog->entries[next];
            bool equal = bfs_digest_equal(&first->manifest, &entry->manifest);
            if (entry->is_hidden == first->is_hidden)
                same = same && equal;
            else
                differs = differs || !equal;
        }
        if (differs) {
            char name[BFS_REFERENCE_MAX + 1];
            int r = refuse(catalog, bfs_reference_text(&first->reference, name),
                           "a hidden bundle has the name of another one");
            if (r)
                return r;
        }
        if (same) {
            catalog->entries[kept++] = *first;
        } else {
            char name[BFS_REFERENCE_MAX + 1];
            int r = refuse(catalog, bfs_reference_text(&first->reference, name),
                           "index.json names two different bundles so");
            if (r)
                return r;
        }
        i = next;
    }
    catalog->n_entries = kept;
    return 0;
}

/* Is there a bundle whose directory is `path` or above it? `path` is a model name, whose last
 * component a bundle would own as its version. A hidden bundle is in the way of hidden ones only.
 */
static const struct bfs_catalog_entry *bundle_above(const struct bfs_catalog *catalog,
                                                    const char *path, bool is_hidden)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct bfs_reference outer = {0};
        size_t version_length = strcspn(slash + 1, "/");
        if (version_length > BFS_VERSION_MAX)
            continue;
        memcpy(outer.name, path, (size_t)(slash - path));
        memcpy(outer.version, slash + 1, version_length);
        const struct bfs_catalog_entry *entry = bfs_catalog_find(catalog, &outer);
        if (entry && (is_hidden || !entry->is_hidden))
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
        nested[i] = bundle_above(catalog, catalog->entries[i].reference.name,
                                 catalog->entries[i].is_hidden) != NULL;
    size_t kept = 0;
    for (size_t i = 0; i < catalog->n_entries; i++) {
        if (!nested[i]) {
            catalog->entries[kept++] = catalog->entries[i];
            continue;
        }
        char name[BFS_REFERENCE_MAX + 1];
        int r = refuse(catalog, bfs_reference_text(&catalog->entries[i].reference, name),
                       "it lies inside the directory of another bundle");
        if (r)
            return r;
    }
    catalog->n_entries = kept;
    return 0;
}

static int read_entries(struct bfs_json_value manifests, struct bfs_catalog *ret)
{
    struct bfs_json_elements elements = {0};
    struct bfs_json_value manifest;
    int r = 0;
    for (size_t i = 0; r == 0 && bfs_json_value_next(manifests, &elements, &manifest); i++)
        r = read_entry(ret, manifest, i);
    if (ret->n_entries)
        qsort(ret->entries, ret->n_entries, sizeof(ret->entries[0]), by_reference);
    if (r || (r = refuse_duplicates(ret)) || (r = refuse_nested(ret)) ||
        (r = bfs_catalog_statements_finish(ret)))
        return r;
    return 0;
}

int bfs_catalog_parse(const void *text, size_t size, struct bfs_catalog **ret,
                      struct bfs_error *error)
{
    enum { SCHEMA, MEDIA, MANIFESTS, N };
    static const struct bfs_json_field fields[] = {
        {"schemaVersion", BFS_JSON_INTEGER, true},
        {"mediaType", BFS_JSON_STRING, false},
        {"manifests", BFS_JSON_ARRAY, true},
        {0},
    };
    struct bfs_json_value root, values[N];
    int r;
    if ((r = bfs_json_value_open(text, size, "index.json", &root, error)) ||
        (r = bfs_json_value_fields(root, fields, true, "index.json", values, error)))
        return r;
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = calloc(1, sizeof(*catalog));
    r = catalog ? read_entries(values[MANIFESTS], catalog) : -ENOMEM;
    if (r)
        return bfs_fail(error, r, "index.json: out of memory");
    *ret = bfs_steal(&catalog);
    return 0;
}

int bfs_catalog_load(const struct bfs_store *store, struct bfs_catalog **ret,
                     struct bfs_error *error)
{
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    int r = bfs_read_file(bfs_store_index_path(store), BFS_CATALOG_SIZE_MAX, &text, &size, error);
    return r ? r : bfs_catalog_parse(text, size, ret, error);
}

void bfs_catalog_drop_hidden(struct bfs_catalog *catalog)
{
    size_t kept = 0;
    for (size_t i = 0; i < catalog->n_entries; i++)
        if (!catalog->entries[i].is_hidden)
            catalog->entries[kept++] = catalog->entries[i];
    catalog->n_entries = kept;
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

const struct bfs_catalog_entry *bfs_catalog_model(const struct bfs_catalog *catalog,
                                                  const char *name, size_t *ret_n)
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
    size_t end = low;
    while (end < catalog->n_entries && strcmp(catalog->entries[end].reference.name, name) == 0)
        end++;
    *ret_n = end - low;
    return end > low ? &catalog->entries[low] : NULL;
}

const struct bfs_catalog_entry *bfs_catalog_latest_of(const struct bfs_catalog *catalog,
                                                      const char *name, bfs_catalog_skips skips,
                                                      void *context)
{
    const struct bfs_catalog_entry *latest = NULL;
    size_t n;
    const struct bfs_catalog_entry *entries = bfs_catalog_model(catalog, name, &n);
    /* From the end, where the higher versions mostly are: asking `skips` is dear. */
    while (n-- > 0) {
        const struct bfs_catalog_entry *entry = &entries[n];
        int order = 0;
        if (entry->is_hidden || !bfs_version_is_release(entry->reference.version) ||
            (latest &&
             !(bfs_version_compare(entry->reference.version, latest->reference.version, &order) &&
               order >= 0)))
            continue;
        if (!skips || !skips(context, entry))
            latest = entry;
    }
    return latest;
}

const struct bfs_catalog_entry *bfs_catalog_latest(const struct bfs_catalog *catalog,
                                                   const char *name)
{
    return bfs_catalog_latest_of(catalog, name, NULL, NULL);
}

/* A model's directory takes the place of a link of that name. */
static bool hides_latest(const char *name)
{
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/'))
        if (strcspn(slash + 1, "/") == strlen("latest") &&
            strncmp(slash + 1, "latest", strlen("latest")) == 0)
            return true;
    return false;
}

int bfs_catalog_check_new(const struct bfs_catalog *catalog, const struct bfs_reference *reference,
                          const struct bfs_digest *manifest, struct bfs_error *error)
{
    char text[BFS_REFERENCE_MAX + 1];
    const struct bfs_catalog_entry *taken = bfs_catalog_find(catalog, reference);
    if (!taken && hides_latest(reference->name))
        return bfs_fail(error, -EINVAL,
                        "%s: the directory \"latest\" would hide the link of that name, which the "
                        "mount makes in each model's directory; choose another name",
                        reference->name);
    if (taken && (!manifest || !bfs_digest_equal(&taken->manifest, manifest)))
        return bfs_fail(error, -EEXIST,
                        "%s is in the store with other content; choose another version, or remove "
                        "it first (bundlefs rm)",
                        bfs_reference_text(reference, text));
    char inside[BFS_REFERENCE_MAX + 2];
    size_t length =
        (size_t)snprintf(inside, sizeof(inside), "%s/%s", reference->name, reference->version);
    const struct bfs_catalog_entry *outer = bundle_above(catalog, reference->name, true);
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
