/* SPDX-License-Identifier: Apache-2.0
 * The predicate of SLSA provenance v1 as JSON. */
#include "verify/rfc3339.h"
#include "verify/trust/provenance.h"

#include <errno.h>
#include <string.h>

/* Sections of the predicate that were checked. Borrowed; NULL when absent. */
struct sections {
    struct json_object *definition;
    struct json_object *dependencies;
    struct json_object *builder;
    struct json_object *version;
    struct json_object *metadata;
};

static int check_sections(struct json_object *predicate, const char *what, struct sections *ret,
                          struct bfs_error *error)
{
    static const struct bfs_json_field top[] = {
        {"buildDefinition", BFS_JSON_OBJECT, true}, {"runDetails", BFS_JSON_OBJECT, true}, {0}};
    static const struct bfs_json_field definition[] = {
        {"buildType", BFS_JSON_STRING, true},
        {"externalParameters", BFS_JSON_OBJECT, true},
        {"resolvedDependencies", BFS_JSON_ARRAY, false},
        {0}};
    static const struct bfs_json_field details[] = {
        {"builder", BFS_JSON_OBJECT, true}, {"metadata", BFS_JSON_OBJECT, true}, {0}};
    static const struct bfs_json_field builder[] = {
        {"id", BFS_JSON_STRING, true}, {"version", BFS_JSON_OBJECT, false}, {0}};
    static const struct bfs_json_field version[] = {{"bundlefs", BFS_JSON_STRING, false}, {0}};
    static const struct bfs_json_field metadata[] = {{"invocationId", BFS_JSON_STRING, false},
                                                     {"startedOn", BFS_JSON_STRING, false},
                                                     {"finishedOn", BFS_JSON_STRING, true},
                                                     {0}};
    struct sections found = {0};
    int r = bfs_json_check(predicate, top, true, what, error);
    if (r)
        return r;
    found.definition = bfs_json_member(predicate, "buildDefinition");
    struct json_object *run = bfs_json_member(predicate, "runDetails");
    if ((r = bfs_json_check(found.definition, definition, true, what, error)) ||
        (r = bfs_json_check(run, details, true, what, error)))
        return r;
    found.dependencies = bfs_json_member(found.definition, "resolvedDependencies");
    found.builder = bfs_json_member(run, "builder");
    found.metadata = bfs_json_member(run, "metadata");
    if ((r = bfs_json_check(found.builder, builder, true, what, error)) ||
        (r = bfs_json_check(found.metadata, metadata, true, what, error)))
        return r;
    found.version = bfs_json_member(found.builder, "version");
    if (found.version && (r = bfs_json_check(found.version, version, true, what, error)))
        return r;
    *ret = found;
    return 0;
}

static int take_time(struct json_object *object, const char *name, const char *what, int64_t *ret,
                     struct bfs_error *error)
{
    const char *text = bfs_json_string(object, name);
    if (!bfs_rfc3339_parse(text, ret))
        return 0;
    (void)bfs_fail(error, -EBADMSG, "%s: \"%s\" is not a time", what, name);
    bfs_fail_values(error, "a time such as 2026-01-31T12:00:00Z", text);
    return -EBADMSG;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static int take_dependency(struct json_object *object, const char *what,
                           struct bfs_provenance *provenance, struct bfs_error *error)
{
    static const struct bfs_json_field fields[] = {{"uri", BFS_JSON_STRING, false},
                                                   {"name", BFS_JSON_STRING, false},
                                                   {"digest", BFS_JSON_OBJECT, false},
                                                   {0}};
    static const struct bfs_json_field digests[] = {{"sha256", BFS_JSON_STRING, false}, {0}};
    struct bfs_digest digest;
    int r = bfs_json_check(object, fields, true, what, error);
    if (r)
        return r;
    struct json_object *set = bfs_json_member(object, "digest");
    if (set && (r = bfs_json_check(set, digests, true, what, error)))
        return r;
    const char *hex = set ? bfs_json_string(set, "sha256") : NULL;
    if (hex && bfs_digest_parse_hex(hex, &digest))
        return bfs_fail(error, -EBADMSG, "%s: the digest of a dependency is not SHA-256", what);
    return bfs_provenance_add(provenance, or_empty(bfs_json_string(object, "uri")),
                              bfs_json_string(object, "name"), hex ? &digest : NULL, error);
}

static int take_details(const struct sections *sections, const char *what,
                        struct bfs_provenance *ret, struct bfs_error *error)
{
    const char *invocation = bfs_json_string(sections->metadata, "invocationId");
    size_t n = sections->dependencies ? json_object_array_length(sections->dependencies) : 0;
    int r = 0;
    if (bfs_json_member(sections->metadata, "startedOn")) {
        ret->has_started_on = true;
        r = take_time(sections->metadata, "startedOn", what, &ret->started_on, error);
    }
    if (r == 0 && invocation) {
        if (strlen(invocation) > BFS_PROVENANCE_TEXT_MAX)
            return bfs_fail(error, -E2BIG, "%s: \"invocationId\" is too long", what);
        free(ret->invocation_id);
        ret->invocation_id = strdup(invocation);
        if (!ret->invocation_id)
            return bfs_fail(error, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; r == 0 && i < n; i++)
        r = take_dependency(json_object_array_get_idx(sections->dependencies, i), what, ret, error);
    return r;
}

int bfs_provenance_read(struct json_object *predicate, const char *what, struct bfs_provenance *ret,
                        struct bfs_error *error)
{
    struct sections sections;
    struct bfs_provenance provenance = {0};
    int64_t finished_on;
    int r;
    if ((r = check_sections(predicate, what, &sections, error)) ||
        (r = take_time(sections.metadata, "finishedOn", what, &finished_on, error)))
        return r;
    bfs_autobuffer struct bfs_buffer parameters = BFS_BUFFER_INIT;
    bfs_json_write_line(bfs_json_member(sections.definition, "externalParameters"), &parameters);
    if (bfs_buffer_status(&parameters))
        return bfs_fail(error, -ENOMEM, "out of memory");
    parameters.bytes[parameters.size - 1] = '\0'; /* where the newline was */
    if ((r = bfs_provenance_new(
             bfs_json_string(sections.definition, "buildType"), (const char *)parameters.bytes,
             bfs_json_string(sections.builder, "id"),
             or_empty(sections.version ? bfs_json_string(sections.version, "bundlefs") : NULL),
             finished_on, &provenance, error)))
        return bfs_fail_context(error, r, "%s", what);
    if ((r = take_details(&sections, what, &provenance, error))) {
        bfs_provenance_done(&provenance);
        return r;
    }
    *ret = provenance;
    return 0;
}

static void add_text(struct json_object *object, const char *name, const char *text, int *status)
{
    if (*text)
        bfs_json_add_string(object, name, text, status);
}

static void add_time(struct json_object *object, const char *name, int64_t seconds, int *status)
{
    char text[BFS_RFC3339_SIZE];
    if (bfs_rfc3339_format(seconds, text))
        *status = -EINVAL;
    else
        bfs_json_add_string(object, name, text, status);
}

static struct json_object *dependency_list(const struct bfs_provenance *provenance, int *status)
{
    struct json_object *list = bfs_json_new_array(status);
    char hex[BFS_DIGEST_HEX_SIZE];
    for (size_t i = 0; i < provenance->n_dependencies; i++) {
        const struct bfs_dependency *dependency = &provenance->dependencies[i];
        struct json_object *object = bfs_json_new_object(status);
        add_text(object, "uri", dependency->uri, status);
        add_text(object, "name", dependency->name, status);
        if (dependency->has_digest) {
            struct json_object *set = bfs_json_new_object(status);
            bfs_json_add_string(set, "sha256", bfs_digest_hex(&dependency->digest, hex), status);
            bfs_json_add(object, "digest", set, status);
        }
        bfs_json_append(list, object, status);
    }
    return list;
}

static struct json_object *definition_json(const struct bfs_provenance *provenance, int *status)
{
    struct json_object *definition = bfs_json_new_object(status), *parameters = NULL;
    bfs_json_add_string(definition, "buildType", provenance->build_type, status);
    int r = bfs_json_parse(provenance->parameters, strlen(provenance->parameters), "parameters",
                           &parameters, NULL);
    bfs_json_add(definition, "externalParameters", parameters, status);
    if (r)
        *status = r;
    if (provenance->n_dependencies > 0)
        bfs_json_add(definition, "resolvedDependencies", dependency_list(provenance, status),
                     status);
    return definition;
}

static struct json_object *details_json(const struct bfs_provenance *provenance, int *status)
{
    struct json_object *details = bfs_json_new_object(status),
                       *builder = bfs_json_new_object(status),
                       *metadata = bfs_json_new_object(status);
    bfs_json_add_string(builder, "id", provenance->builder_id, status);
    if (*provenance->builder_version) {
        struct json_object *version = bfs_json_new_object(status);
        bfs_json_add_string(version, "bundlefs", provenance->builder_version, status);
        bfs_json_add(builder, "version", version, status);
    }
    bfs_json_add(details, "builder", builder, status);
    add_text(metadata, "invocationId", provenance->invocation_id, status);
    if (provenance->has_started_on)
        add_time(metadata, "startedOn", provenance->started_on, status);
    add_time(metadata, "finishedOn", provenance->finished_on, status);
    bfs_json_add(details, "metadata", metadata, status);
    return details;
}

struct json_object *bfs_provenance_json(const struct bfs_provenance *provenance, int *status)
{
    struct json_object *root = bfs_json_new_object(status);
    bfs_json_add(root, "buildDefinition", definition_json(provenance, status), status);
    bfs_json_add(root, "runDetails", details_json(provenance, status), status);
    return root;
}
