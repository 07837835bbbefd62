/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/trust/provenance.h"

#include "verify/utf8.h"

#include <errno.h>
#include <string.h>

void bfs_provenance_done(struct bfs_provenance *provenance)
{
    for (size_t i = 0; i < provenance->n_dependencies; i++) {
        free(provenance->dependencies[i].uri);
        free(provenance->dependencies[i].name);
    }
    free(provenance->dependencies);
    free(provenance->build_type);
    free(provenance->parameters);
    free(provenance->builder_id);
    free(provenance->builder_version);
    free(provenance->invocation_id);
    *provenance = (struct bfs_provenance){0};
}

static int copy_text(const char *text, size_t limit, char **ret, struct bfs_error *error)
{
    size_t size = strlen(text);
    if (size > limit)
        return bfs_fail(error, -E2BIG, "a text of a provenance has %zu bytes, more than %zu", size,
                        limit);
    if (!bfs_utf8_is_valid(text, size))
        return bfs_fail(error, -EINVAL, "a text of a provenance is not UTF-8");
    *ret = strdup(text);
    return *ret ? 0 : bfs_fail(error, -ENOMEM, "out of memory");
}

static int check_parameters(const char *parameters, struct bfs_error *error)
{
    bfs_autojson struct json_object *object = NULL;
    int r = bfs_json_parse(parameters, strlen(parameters), "parameters", &object, error);
    if (r == 0 && !json_object_is_type(object, json_type_object))
        r = bfs_fail(error, -EBADMSG, "parameters: not a JSON object");
    /* The caller made them, nobody sent them. */
    if (r == -EBADMSG && error)
        error->code = -EINVAL;
    return r == -EBADMSG ? -EINVAL : r;
}

int bfs_provenance_new(const char *build_type, const char *parameters, const char *builder_id,
                       const char *builder_version, int64_t finished_on, struct bfs_provenance *ret,
                       struct bfs_error *error)
{
    struct bfs_provenance made = {.finished_on = finished_on};
    int r;
    if ((r = check_parameters(parameters, error)) ||
        (r = copy_text(build_type, BFS_PROVENANCE_TEXT_MAX, &made.build_type, error)) ||
        (r = copy_text(parameters, BFS_PROVENANCE_PARAMETERS_MAX, &made.parameters, error)) ||
        (r = copy_text(builder_id, BFS_PROVENANCE_TEXT_MAX, &made.builder_id, error)) ||
        (r = copy_text(builder_version, BFS_PROVENANCE_TEXT_MAX, &made.builder_version, error)) ||
        (r = copy_text("", 0, &made.invocation_id, error))) {
        bfs_provenance_done(&made);
        return r;
    }
    *ret = made;
    return 0;
}

int bfs_provenance_add(struct bfs_provenance *provenance, const char *uri, const char *name,
                       const struct bfs_digest *digest, struct bfs_error *error)
{
    struct bfs_dependency made = {.has_digest = digest != NULL};
    size_t n = provenance->n_dependencies;
    int r;
    if (n >= BFS_PROVENANCE_DEPENDENCIES_MAX)
        return bfs_fail(error, -E2BIG, "a provenance has at most %d dependencies",
                        BFS_PROVENANCE_DEPENDENCIES_MAX);
    struct bfs_dependency *grown =
        realloc(provenance->dependencies, (n + 1) * sizeof(*provenance->dependencies));
    if (!grown)
        return bfs_fail(error, -ENOMEM, "out of memory");
    provenance->dependencies = grown;
    if ((r = copy_text(uri, BFS_PROVENANCE_TEXT_MAX, &made.uri, error)) ||
        (r = copy_text(name ? name : "", BFS_PROVENANCE_TEXT_MAX, &made.name, error))) {
        free(made.uri);
        return r;
    }
    if (digest)
        made.digest = *digest;
    grown[n] = made;
    provenance->n_dependencies = n + 1;
    return 0;
}
