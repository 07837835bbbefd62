/* SPDX-License-Identifier: Apache-2.0
 * What the schema cannot say: names that stand once, views that are there, members that agree. */
#include "accel/review/rules.h"

#include "verify/contract/decimal.h"
#include "verify/hardware_key.h"

#include <stdio.h>
#include <string.h>

static size_t length_of(struct json_object *list)
{
    return list ? json_object_array_length(list) : 0;
}

static void check_unique(struct json_object *list, const char *key, const char *place,
                         struct bfs_findings *findings)
{
    for (size_t i = 1; i < length_of(list); i++) {
        const char *name = bfs_json_string(json_object_array_get_idx(list, i), key);
        for (size_t k = 0; k < i; k++)
            if (strcmp(name, bfs_json_string(json_object_array_get_idx(list, k), key)) == 0) {
                bfs_finding_add(findings, BFS_FINDING_CONTRACT_DUPLICATE,
                                "%s/%zu/%s is \"%s\", as that of element %zu", place, i, key, name,
                                k);
                break;
            }
    }
}

static void check_names(struct json_object *root, struct bfs_findings *findings)
{
    static const struct {
        const char *list, *key;
    } lists[] = {{"inputs", "name"},
                 {"outputs", "name"},
                 {"parameters", "name"},
                 {"errors", "code"},
                 {"fixtures", "name"}};
    char place[64];
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        (void)snprintf(place, sizeof(place), "/%s", lists[i].list);
        check_unique(bfs_json_member(root, lists[i].list), lists[i].key, place, findings);
    }
    struct json_object *requires = bfs_json_member(root, "requires");
    if (requires)
        check_unique(bfs_json_member(requires, "bundles"), "name", "/requires/bundles", findings);
    struct json_object *fixtures = bfs_json_member(root, "fixtures");
    for (size_t i = 0; i < length_of(fixtures); i++) {
        struct json_object *fixture = json_object_array_get_idx(fixtures, i);
        (void)snprintf(place, sizeof(place), "/fixtures/%zu/inputs", i);
        check_unique(bfs_json_member(fixture, "inputs"), "name", place, findings);
        (void)snprintf(place, sizeof(place), "/fixtures/%zu/outputs", i);
        check_unique(bfs_json_member(fixture, "outputs"), "name", place, findings);
    }
}

static void check_bounds(const char *list_name, struct json_object *list,
                         struct bfs_findings *findings)
{
    for (size_t i = 0; i < length_of(list); i++) {
        struct json_object *object = json_object_array_get_idx(list, i);
        const char *low = bfs_json_string(object, "minimum");
        const char *high = bfs_json_string(object, "maximum");
        double least, most;
        if (low && high && bfs_decimal_parse(low, &least) == 0 &&
            bfs_decimal_parse(high, &most) == 0 && least > most)
            bfs_finding_add(findings, BFS_FINDING_CONTRACT_CONTRADICTION,
                            "%s/%zu: the minimum %s is above the maximum %s", list_name, i, low,
                            high);
    }
}

static void check_view(const struct bfs_subject *subject, const char *view, const char *place,
                       size_t i, struct bfs_findings *findings)
{
    if (view && !bfs_subject_has_view(subject, view))
        bfs_finding_add(findings, BFS_FINDING_VIEW_UNKNOWN,
                        "/%s/%zu/view: the bundle has no view \"%s\"", place, i, view);
}

static void check_views(const struct bfs_subject *subject, struct bfs_findings *findings)
{
    static const char *const lists[] = {"runtimes", "benchmarks"};
    for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
        struct json_object *list = bfs_json_member(subject->contract.root, lists[k]);
        for (size_t i = 0; i < length_of(list); i++)
            check_view(subject, bfs_json_string(json_object_array_get_idx(list, i), "view"),
                       lists[k], i, findings);
    }
}

static void check_fallback(const struct bfs_subject *subject, struct json_object *fallback,
                           struct bfs_findings *findings)
{
    const char *bundle = bfs_json_string(fallback, "bundle");
    const char *view = bfs_json_string(fallback, "view");
    bool is_self = !bundle || (strcmp(bundle, subject->reference.name) == 0 &&
                               !bfs_json_string(fallback, "version"));
    if (is_self && !view)
        bfs_finding_add(findings, BFS_FINDING_CONTRACT_CONTRADICTION,
                        "/health/fallback: names neither another bundle nor a view of this one");
    else if (is_self && !bfs_subject_has_view(subject, view))
        bfs_finding_add(findings, BFS_FINDING_VIEW_UNKNOWN,
                        "/health/fallback/view: the bundle has no view \"%s\"", view);
}

void bfs_rules_contract(const struct bfs_subject *subject, struct bfs_findings *findings)
{
    struct json_object *root = subject->contract.root;
    struct json_object *health = bfs_json_member(root, "health");
    struct json_object *fallback = health ? bfs_json_member(health, "fallback") : NULL;
    struct json_object *lifecycle = bfs_json_member(root, "lifecycle");
    struct bfs_hardware_key key;
    struct bfs_error why = {0};
    check_names(root, findings);
    check_bounds("/parameters", bfs_json_member(root, "parameters"), findings);
    if (lifecycle)
        check_bounds("/lifecycle/acceptance", bfs_json_member(lifecycle, "acceptance"), findings);
    check_views(subject, findings);
    if (fallback)
        check_fallback(subject, fallback, findings);
    if (subject->contract.accelerator &&
        bfs_hardware_key_read(subject->contract.accelerator, "/resources/accelerator", &key, &why))
        bfs_finding_add_error(findings, BFS_FINDING_CONTRACT_CONTRADICTION, NULL, &why);
}
