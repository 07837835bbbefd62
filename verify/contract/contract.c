/* SPDX-License-Identifier: Apache-2.0
 * The schema judges; what is read after that has the right type and form. */
#include "verify/contract/contract.h"

#include "verify/contract/decimal.h"
#include "verify/contract/schema.h"

#include <errno.h>
#include <string.h>

static size_t length_of(struct json_object *list)
{
    return list ? json_object_array_length(list) : 0;
}

/* Room for the elements of a member that is an array; 0 elements: NULL. */
static int make_room(struct json_object *list, size_t element, void *ret, size_t *ret_n)
{
    size_t n = length_of(list);
    void *room = n ? calloc(n, element) : NULL;
    if (n && !room)
        return -ENOMEM;
    *(void **)ret = room;
    *ret_n = n;
    return 0;
}

static int read_strings(struct json_object *list, const char ***ret, size_t *ret_n)
{
    int r = make_room(list, sizeof(**ret), ret, ret_n);
    for (size_t i = 0; r == 0 && i < *ret_n; i++)
        (*ret)[i] = json_object_get_string(json_object_array_get_idx(list, i));
    return r;
}

static int read_tensors(struct json_object *list, struct bfs_contract_tensor **ret, size_t *ret_n)
{
    int r = make_room(list, sizeof(**ret), ret, ret_n);
    for (size_t i = 0; r == 0 && i < *ret_n; i++) {
        struct json_object *object = json_object_array_get_idx(list, i);
        struct bfs_contract_tensor *tensor = &(*ret)[i];
        struct json_object *shape = bfs_json_member(object, "shape");
        tensor->name = bfs_json_string(object, "name");
        tensor->is_optional = json_object_get_boolean(bfs_json_member(object, "optional"));
        tensor->n_dims = length_of(shape);
        for (size_t d = 0; d < tensor->n_dims; d++)
            tensor->shape[d] = json_object_get_int64(json_object_array_get_idx(shape, d));
        r = bfs_datatype_find(bfs_json_string(object, "datatype"), &tensor->datatype);
    }
    return r;
}

static int read_bindings(struct json_object *list, struct bfs_contract_binding **ret, size_t *ret_n)
{
    int r = make_room(list, sizeof(**ret), ret, ret_n);
    for (size_t i = 0; r == 0 && i < *ret_n; i++) {
        struct json_object *object = json_object_array_get_idx(list, i);
        (*ret)[i] = (struct bfs_contract_binding){.name = bfs_json_string(object, "name"),
                                                  .file = bfs_json_string(object, "file")};
    }
    return r;
}

/* Leaves *ret alone when there is no such member. */
static int read_decimal(struct json_object *object, const char *name, double *ret)
{
    const char *text = object ? bfs_json_string(object, name) : NULL;
    return text ? bfs_decimal_parse(text, ret) : 0;
}

static int read_fixtures(struct json_object *list, struct bfs_contract *contract)
{
    int r =
        make_room(list, sizeof(*contract->fixtures), &contract->fixtures, &contract->n_fixtures);
    for (size_t i = 0; r == 0 && i < contract->n_fixtures; i++) {
        struct json_object *object = json_object_array_get_idx(list, i);
        struct bfs_contract_fixture *fixture = &contract->fixtures[i];
        fixture->name = bfs_json_string(object, "name");
        fixture->rtol = contract->rtol;
        fixture->atol = contract->atol;
        if ((r = read_decimal(object, "rtol", &fixture->rtol)) == 0 &&
            (r = read_decimal(object, "atol", &fixture->atol)) == 0 &&
            (r = read_bindings(bfs_json_member(object, "inputs"), &fixture->inputs,
                               &fixture->n_inputs)) == 0)
            r = read_bindings(bfs_json_member(object, "outputs"), &fixture->outputs,
                              &fixture->n_outputs);
    }
    return r;
}

static int read_resources(struct json_object *object, struct bfs_contract *contract)
{
    if (!object)
        return 0;
    contract->has_disk_bytes = bfs_json_member(object, "disk_bytes") != NULL;
    contract->memory_bytes = bfs_json_integer(object, "memory_bytes");
    contract->has_memory_bytes = contract->memory_bytes > 0; /* 0: some packers knew no better */
    contract->disk_bytes = bfs_json_integer(object, "disk_bytes");
    contract->accelerator = bfs_json_member(object, "accelerator");
    return 0;
}

static int read_requires(struct json_object *object, struct bfs_contract *contract)
{
    if (!object)
        return 0;
    struct json_object *list = bfs_json_member(object, "bundles");
    int r;
    if ((r = read_strings(bfs_json_member(object, "features"), &contract->features,
                          &contract->n_features)) ||
        (r = read_strings(bfs_json_member(object, "files"), &contract->files,
                          &contract->n_files)) ||
        (r = make_room(list, sizeof(*contract->bundles), &contract->bundles, &contract->n_bundles)))
        return r;
    for (size_t i = 0; i < contract->n_bundles; i++) {
        struct json_object *need = json_object_array_get_idx(list, i);
        contract->bundles[i] = (struct bfs_contract_need){
            .name = bfs_json_string(need, "name"), .range = bfs_json_string(need, "version")};
    }
    return 0;
}

static int read_all(struct bfs_contract *contract)
{
    struct json_object *root = contract->root, *api = bfs_json_member(root, "api");
    struct json_object *determinism = bfs_json_member(root, "determinism");
    struct json_object *tolerance = determinism ? bfs_json_member(determinism, "tolerance") : NULL;
    int r;
    contract->has_tolerance = tolerance != NULL;
    contract->is_generated = json_object_get_boolean(bfs_json_member(root, "generated"));
    contract->api_version = api ? bfs_json_string(api, "version") : NULL;
    if ((r = read_tensors(bfs_json_member(root, "inputs"), &contract->inputs,
                          &contract->n_inputs)) ||
        (r = read_tensors(bfs_json_member(root, "outputs"), &contract->outputs,
                          &contract->n_outputs)) ||
        (r = read_resources(bfs_json_member(root, "resources"), contract)) ||
        (r = read_requires(bfs_json_member(root, "requires"), contract)) ||
        (r = read_decimal(tolerance, "rtol", &contract->rtol)) ||
        (r = read_decimal(tolerance, "atol", &contract->atol)) ||
        (r = read_fixtures(bfs_json_member(root, "fixtures"), contract)))
        return r;
    return read_strings(bfs_json_member(root, "licenses"), &contract->licences,
                        &contract->n_licences);
}

/* Another major version may have another form altogether: said before anything else. */
static int check_version(struct json_object *root, const char *what, struct bfs_error *error)
{
    struct json_object *version = json_object_is_type(root, json_type_object)
                                      ? bfs_json_member(root, "schema_version")
                                      : NULL;
    const char *text =
        json_object_is_type(version, json_type_string) ? json_object_get_string(version) : "";
    size_t n = strspn(text, "0123456789");
    if (n == 0 || text[n] != '.' || (n == 1 && text[0] == '1'))
        return 0;
    (void)bfs_fail(error, -EPROTONOSUPPORT, "%.128s: /schema_version is not known", what);
    bfs_fail_values(error, "1.0", text);
    return -EPROTONOSUPPORT;
}

int bfs_contract_parse(const void *bytes, size_t size, const char *what, struct bfs_contract *ret,
                       struct bfs_error *error)
{
    bfs_autocontract struct bfs_contract contract = {0};
    int r;
    if (size > BFS_CONTRACT_SIZE_MAX)
        return bfs_fail(error, -E2BIG, "%.128s: is larger than %d bytes", what,
                        BFS_CONTRACT_SIZE_MAX);
    if ((r = bfs_json_parse(bytes, size, what, &contract.root, error)) ||
        (r = check_version(contract.root, what, error)) ||
        (r = bfs_schema_check(&bfs_contract_schema, contract.root, what, error)))
        return r;
    r = read_all(&contract);
    if (r)
        return bfs_fail(error, r, "%.128s: %s", what, strerror(-r));
    *ret = contract;
    contract = (struct bfs_contract){0}; /* transferred */
    return 0;
}

int bfs_contract_faults(const void *bytes, size_t size, const char *what,
                        void (*report)(void *context, const struct bfs_error *error), void *context)
{
    bfs_autojson struct json_object *root = NULL;
    int r = size > BFS_CONTRACT_SIZE_MAX ? -E2BIG : bfs_json_parse(bytes, size, what, &root, NULL);
    if (r == 0)
        r = bfs_schema_check_all(&bfs_contract_schema, root, what, report, context, NULL);
    return r == -ENOMEM ? r : 0;
}

int bfs_contract_write(struct json_object *root, struct bfs_buffer *ret, struct bfs_error *error)
{
    int r = bfs_schema_check(&bfs_contract_schema, root, "contract.json", error);
    if (r)
        return r;
    r = bfs_schema_write(&bfs_contract_schema, root, ret);
    return r ? bfs_fail(error, r, "out of memory") : 0;
}

void bfs_contract_done(struct bfs_contract *contract)
{
    for (size_t i = 0; i < contract->n_fixtures; i++) {
        free(contract->fixtures[i].inputs);
        free(contract->fixtures[i].outputs);
    }
    free(contract->fixtures);
    free(contract->inputs);
    free(contract->outputs);
    free(contract->features);
    free(contract->files);
    free(contract->bundles);
    free(contract->licences);
    (void)json_object_put(contract->root);
    memset(contract, 0, sizeof(*contract));
}
