/* SPDX-License-Identifier: Apache-2.0
 * What changed between two versions, and whether the version number says so. docs/contract.md has
 * the rules. */
#include "accel/review/review.h"

#include "verify/array.h"
#include "verify/contract/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TENSORS_TOLD_MAX = 16 }; /* changes of one kind; of more only the number is told */

const char *bfs_change_class_name(enum bfs_change_class value)
{
    static const char *const names[] = {"none", "patch", "minor", "major"};
    return names[value];
}

__attribute__((format(printf, 3, 4))) static void
change(struct bfs_changes *changes, enum bfs_change_class value, const char *format, ...)
{
    char sentence[BFS_FINDING_SENTENCE_MAX + 1];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    char *copy = strdup(sentence);
    if (!copy || bfs_array_grow(&changes->items, changes->n, sizeof(*changes->items))) {
        free(copy);
        changes->status = -ENOMEM;
        return;
    }
    changes->items[changes->n++] = (struct bfs_change){.value = value, .sentence = copy};
    if (value > changes->largest)
        changes->largest = value;
}

static const struct bfs_contract_tensor *find(const struct bfs_contract_tensor *tensors, size_t n,
                                              const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(tensors[i].name, name) == 0)
            return &tensors[i];
    return NULL;
}

/* Does every shape of `inner` also fit `outer`? */
static bool includes(const struct bfs_contract_tensor *outer,
                     const struct bfs_contract_tensor *inner)
{
    bool fits = outer->n_dims == inner->n_dims;
    for (size_t i = 0; fits && i < outer->n_dims; i++)
        fits = outer->shape[i] < 0 || outer->shape[i] == inner->shape[i];
    return fits;
}

/* Callers give inputs, so those may ask for less; they take outputs, so those may promise more. */
static void compare_tensor(const char *what, bool is_input,
                           const struct bfs_contract_tensor *before,
                           const struct bfs_contract_tensor *after, struct bfs_changes *changes)
{
    bool same = includes(after, before) && includes(before, after);
    bool kind = is_input ? includes(after, before) : includes(before, after);
    if (before->datatype != after->datatype)
        change(changes, BFS_CHANGE_MAJOR, "%s \"%s\" is %s instead of %s", what, before->name,
               bfs_datatype_info(after->datatype)->name, bfs_datatype_info(before->datatype)->name);
    if (!same)
        change(changes, kind ? BFS_CHANGE_MINOR : BFS_CHANGE_MAJOR,
               "%s \"%s\" has another shape, that %s", what, before->name,
               kind ? "callers of before can use" : "callers of before cannot use");
    if (before->is_optional != after->is_optional)
        change(changes, after->is_optional == is_input ? BFS_CHANGE_MINOR : BFS_CHANGE_MAJOR,
               "%s \"%s\" is %s", what, before->name,
               after->is_optional ? "optional now" : "no longer optional");
}

static void compare_side(const char *what, bool is_input, const struct bfs_contract_tensor *before,
                         size_t n_before, const struct bfs_contract_tensor *after, size_t n_after,
                         struct bfs_changes *changes)
{
    for (size_t i = 0; i < n_before; i++) {
        const struct bfs_contract_tensor *now = find(after, n_after, before[i].name);
        if (now)
            compare_tensor(what, is_input, &before[i], now, changes);
        else
            change(changes, BFS_CHANGE_MAJOR, "%s \"%s\" is gone", what, before[i].name);
    }
    for (size_t i = 0; i < n_after; i++)
        if (!find(before, n_before, after[i].name))
            change(changes, is_input && !after[i].is_optional ? BFS_CHANGE_MAJOR : BFS_CHANGE_MINOR,
                   "%s \"%s\" is new%s", what, after[i].name,
                   is_input && !after[i].is_optional ? " and must be given" : "");
}

static void compare_tolerance(const struct bfs_contract *before, const struct bfs_contract *after,
                              struct bfs_changes *changes)
{
    if (before->has_tolerance && !after->has_tolerance)
        change(changes, BFS_CHANGE_MAJOR, "a tolerance is no longer promised");
    else if (!before->has_tolerance && after->has_tolerance)
        change(changes, BFS_CHANGE_MINOR, "a tolerance is promised: rtol %g, atol %g", after->rtol,
               after->atol);
    else if (after->rtol > before->rtol || after->atol > before->atol)
        change(changes, BFS_CHANGE_MAJOR, "the tolerance is wider: rtol %g, atol %g", after->rtol,
               after->atol);
    else if (after->rtol < before->rtol || after->atol < before->atol)
        change(changes, BFS_CHANGE_PATCH, "the tolerance is narrower: rtol %g, atol %g",
               after->rtol, after->atol);
}

/* The model's tensors by name. */
struct tensor_list {
    const struct bfs_tensor **items;
    size_t n;
};

static int by_name(const void *a, const void *b)
{
    const struct bfs_tensor *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static int list_tensors(const struct bfs_subject *subject, struct tensor_list *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < subject->n_files; i++)
        n += subject->files[i].map.n_tensors;
    ret->items = calloc(n + 1, sizeof(*ret->items));
    if (!ret->items)
        return -ENOMEM;
    for (size_t i = 0; i < subject->n_files; i++)
        for (size_t k = 0; k < subject->files[i].map.n_tensors; k++)
            ret->items[ret->n++] = &subject->files[i].map.tensors[k];
    qsort(ret->items, ret->n, sizeof(*ret->items), by_name);
    return 0;
}

enum { REMOVED, ADDED, RESHAPED, RETYPED, N_KINDS };
static const struct {
    enum bfs_change_class value;
    const char *what;
} kinds[N_KINDS] = {
    [REMOVED] = {BFS_CHANGE_MAJOR, "is gone"},
    [ADDED] = {BFS_CHANGE_MINOR, "is new"},
    [RESHAPED] = {BFS_CHANGE_MAJOR, "has another shape"},
    [RETYPED] = {BFS_CHANGE_MINOR, "has another element type"},
};

static void tell(struct bfs_changes *changes, size_t counts[static N_KINDS], unsigned kind,
                 const char *name)
{
    if (counts[kind]++ < TENSORS_TOLD_MAX)
        change(changes, kinds[kind].value, "tensor \"%.255s\" %s", name, kinds[kind].what);
}

static void compare_lists(const struct tensor_list *before, const struct tensor_list *after,
                          struct bfs_changes *changes)
{
    size_t counts[N_KINDS] = {0}, i = 0, k = 0;
    while (i < before->n || k < after->n) {
        int order = i == before->n  ? 1
                    : k == after->n ? -1
                                    : strcmp(before->items[i]->name, after->items[k]->name);
        if (order < 0) {
            tell(changes, counts, REMOVED, before->items[i++]->name);
        } else if (order > 0) {
            tell(changes, counts, ADDED, after->items[k++]->name);
        } else {
            const struct bfs_tensor *old = before->items[i++], *now = after->items[k++];
            if (old->n_dims != now->n_dims ||
                memcmp(old->shape, now->shape, old->n_dims * sizeof(old->shape[0])) != 0)
                tell(changes, counts, RESHAPED, now->name);
            if (old->dtype != now->dtype)
                tell(changes, counts, RETYPED, now->name);
        }
    }
    for (unsigned kind = 0; kind < N_KINDS; kind++)
        if (counts[kind] > TENSORS_TOLD_MAX)
            change(changes, kinds[kind].value, "and %zu more tensors: each %s",
                   counts[kind] - TENSORS_TOLD_MAX, kinds[kind].what);
}

static bool content_differs(const struct bfs_subject *before, const struct bfs_subject *after)
{
    if (!before->bundle || !after->bundle || before->n_files != after->n_files)
        return true;
    for (size_t i = 0; i < before->n_files; i++) {
        const struct bfs_subject_file *file = bfs_subject_find(after, before->files[i].path);
        if (!file)
            return true;
        struct bfs_inode old =
            bfs_index_inode(bfs_bundle_index(before->bundle), before->files[i].number);
        struct bfs_inode now = bfs_index_inode(bfs_bundle_index(after->bundle), file->number);
        if (!bfs_digest_equal(&old.digest, &now.digest))
            return true;
    }
    return false;
}

/* What the step from one version to the next announces. Below 1.0.0 the second number is what the
 * first is otherwise; a pre-release of a version promises nothing about it yet. */
static enum bfs_change_class announced(const struct bfs_semver *before,
                                       const struct bfs_semver *after)
{
    if (before->numbers[0] != after->numbers[0])
        return BFS_CHANGE_MAJOR;
    if (before->numbers[1] != after->numbers[1])
        return after->numbers[0] == 0 ? BFS_CHANGE_MAJOR : BFS_CHANGE_MINOR;
    if (before->numbers[2] != after->numbers[2])
        return after->numbers[0] == 0 ? BFS_CHANGE_MINOR : BFS_CHANGE_PATCH;
    return BFS_CHANGE_MAJOR;
}

static void judge_version(const struct bfs_subject *before, const struct bfs_subject *after,
                          enum bfs_change_class largest, struct bfs_findings *findings)
{
    const char *old = before->reference.version, *now = after->reference.version;
    struct bfs_semver from, to;
    if (bfs_semver_parse(old, &from) || bfs_semver_parse(now, &to)) {
        bfs_finding_add(findings, BFS_FINDING_VERSION_UNKNOWN,
                        "%s and %s cannot be compared; the change is %s", old, now,
                        bfs_change_class_name(largest));
        return;
    }
    if (bfs_semver_compare(&to, &from) <= 0) {
        bfs_finding_add(findings, BFS_FINDING_VERSION_ORDER, "%s is not higher than %s", now, old);
        return;
    }
    if (announced(&from, &to) < largest)
        bfs_finding_add(
            findings, BFS_FINDING_VERSION_CLASS, "from %s to %s is a %s step, and the change is %s",
            old, now, bfs_change_class_name(announced(&from, &to)), bfs_change_class_name(largest));
}

int bfs_review_changes(const struct bfs_subject *before, const struct bfs_subject *after,
                       struct bfs_changes *changes, struct bfs_findings *findings)
{
    const struct bfs_contract *old = &before->contract, *now = &after->contract;
    struct tensor_list left = {0}, right = {0};
    compare_side("input", true, old->inputs, old->n_inputs, now->inputs, now->n_inputs, changes);
    compare_side("output", false, old->outputs, old->n_outputs, now->outputs, now->n_outputs,
                 changes);
    compare_tolerance(old, now, changes);
    int r = list_tensors(before, &left);
    if (r == 0)
        r = list_tensors(after, &right);
    if (r == 0)
        compare_lists(&left, &right, changes);
    free(left.items);
    free(right.items);
    if (r == 0 && changes->n == 0 && content_differs(before, after))
        change(changes, BFS_CHANGE_PATCH, "files have other content");
    if (r || (r = changes->status))
        return r;
    judge_version(before, after, changes->largest, findings);
    return findings->status;
}

void bfs_changes_done(struct bfs_changes *changes)
{
    for (size_t i = 0; i < changes->n; i++)
        free(changes->items[i].sentence);
    free(changes->items);
    memset(changes, 0, sizeof(*changes));
}
