/* SPDX-License-Identifier: Apache-2.0
 * Do the values of fixtures fit what the contract declares? */
#include "accel/review/rules.h"

#include "codec/fixture/array.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct bfs_contract_tensor *find_tensor(const struct bfs_contract_tensor *tensors,
                                                     size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(tensors[i].name, name) == 0)
            return &tensors[i];
    return NULL;
}

static int check_values(const struct bfs_subject *subject,
                        const struct bfs_contract_binding *binding,
                        const struct bfs_contract_tensor *tensor, const char *place,
                        struct bfs_findings *findings, struct bfs_error *error)
{
    const struct bfs_subject_file *file = bfs_subject_find(subject, binding->file);
    bfs_autofree uint8_t *bytes = NULL;
    bfs_autoarray struct bfs_array array = {0};
    struct bfs_error why = {0};
    size_t size;
    if (!file) {
        bfs_finding_add(findings, BFS_FINDING_FILE_MISSING, "%s: there is no file \"%.400s\"",
                        place, binding->file);
        return 0;
    }
    int r = bfs_subject_read(subject, file, BFS_ARRAY_SIZE_MAX, &bytes, &size, &why);
    if (r == 0)
        r = bfs_array_read(binding->file, bytes, size, binding->file, &array, &why);
    if (r == -EBADMSG || r == -E2BIG || r == -EPROTONOSUPPORT) {
        bfs_finding_add_error(findings, BFS_FINDING_FIXTURE_INVALID, place, &why);
        return 0;
    }
    if (r) {
        if (error)
            *error = why;
        return r;
    }
    if (tensor && bfs_array_fit(&array, tensor, binding->file, &why))
        bfs_finding_add_error(findings, BFS_FINDING_FIXTURE_MISFIT, place, &why);
    return 0;
}

/* Of inputs or outputs. */
struct side {
    const char *name;
    const struct bfs_contract_binding *bindings;
    size_t n_bindings;
    const struct bfs_contract_tensor *tensors;
    size_t n_tensors;
};

static int check_side(const struct bfs_subject *subject, size_t fixture, const struct side *side,
                      struct bfs_findings *findings, struct bfs_error *error)
{
    for (size_t i = 0; i < side->n_bindings; i++) {
        const struct bfs_contract_binding *binding = &side->bindings[i];
        const struct bfs_contract_tensor *tensor =
            find_tensor(side->tensors, side->n_tensors, binding->name);
        char place[96];
        (void)snprintf(place, sizeof(place), "/fixtures/%zu/%s/%zu", fixture, side->name, i);
        if (!tensor)
            bfs_finding_add(findings, BFS_FINDING_FIXTURE_NAME,
                            "%s: \"%s\" is none of the declared %s", place, binding->name,
                            side->name);
        int r = check_values(subject, binding, tensor, place, findings, error);
        if (r)
            return r;
    }
    return 0;
}

static void check_complete(const struct bfs_contract *contract, size_t number,
                           struct bfs_findings *findings)
{
    const struct bfs_contract_fixture *fixture = &contract->fixtures[number];
    for (size_t i = 0; i < contract->n_inputs; i++) {
        bool given = contract->inputs[i].is_optional;
        for (size_t k = 0; !given && k < fixture->n_inputs; k++)
            given = strcmp(fixture->inputs[k].name, contract->inputs[i].name) == 0;
        if (!given)
            bfs_finding_add(findings, BFS_FINDING_FIXTURE_INCOMPLETE,
                            "/fixtures/%zu: lacks the input \"%s\"", number,
                            contract->inputs[i].name);
    }
}

int bfs_rules_fixtures(const struct bfs_subject *subject, struct bfs_findings *findings,
                       struct bfs_error *error)
{
    const struct bfs_contract *contract = &subject->contract;
    if (contract->n_fixtures == 0 && !contract->is_generated)
        bfs_finding_add(findings, BFS_FINDING_FIXTURE_NONE, "/fixtures: there is none");
    for (size_t i = 0; i < contract->n_fixtures; i++) {
        const struct bfs_contract_fixture *fixture = &contract->fixtures[i];
        const struct side inputs = {"inputs", fixture->inputs, fixture->n_inputs, contract->inputs,
                                    contract->n_inputs};
        const struct side outputs = {"outputs", fixture->outputs, fixture->n_outputs,
                                     contract->outputs, contract->n_outputs};
        int r;
        check_complete(contract, i, findings);
        if ((r = check_side(subject, i, &inputs, findings, error)) ||
            (r = check_side(subject, i, &outputs, findings, error)))
            return r;
    }
    return 0;
}
