/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/view_config.h"

#include <errno.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

bool bfs_view_id_is_valid(const char *id)
{
    size_t length = strlen(id);
    return length > 0 && length <= BFS_VIEW_ID_MAX && strspn(id, LOWER "._-") == length &&
           strspn(id, LOWER) > 0 && strcmp(id, "auto") != 0;
}

static bool is_word(const char *text)
{
    return *text && strspn(text, LOWER UPPER "._+-") == strlen(text);
}

/* printf's %.6e of what is not negative. */
static bool is_number(const char *text)
{
    if (strcmp(text, "inf") == 0 || strcmp(text, "nan") == 0)
        return true;
    if (strspn(text, DIGITS) != 1 || text[1] != '.' || strspn(text + 2, DIGITS) != 6)
        return false;
    const char *exponent = text + 8;
    if (exponent[0] != 'e' || (exponent[1] != '+' && exponent[1] != '-'))
        return false;
    size_t n = strspn(exponent + 2, DIGITS);
    return (n == 2 || n == 3) && exponent[2 + n] == '\0';
}

static int check_error(const struct bfs_view_config *view, unsigned i, struct bfs_error *error)
{
    const struct bfs_view_error *measured = &view->errors[i];
    const char *const numbers[] = {measured->max_abs, measured->mean_abs, measured->relative_rms};
    if (!is_word(measured->tensor_class))
        return bfs_fail(error, -EINVAL, "view \"%s\": error %u has no legal class", view->id, i);
    for (unsigned k = 0; k < i; k++)
        if (strcmp(view->errors[k].tensor_class, measured->tensor_class) == 0)
            return bfs_fail(error, -EINVAL, "view \"%s\": the class \"%s\" occurs twice", view->id,
                            measured->tensor_class);
    if (measured->n_tensors > BFS_JSON_INTEGER_MAX)
        return bfs_fail(error, -EINVAL, "view \"%s\": too many tensors", view->id);
    for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
        if (*numbers[k] && !is_number(numbers[k]))
            return bfs_fail(error, -EINVAL, "view \"%s\": class \"%s\": \"%s\" is no number",
                            view->id, measured->tensor_class, numbers[k]);
    return 0;
}

static int check_words(const struct bfs_view_config *view, struct bfs_error *error)
{
    if (!is_word(view->container))
        return bfs_fail(error, -EINVAL, "view \"%s\": no legal container", view->id);
    if (*view->dtype && !is_word(view->dtype))
        return bfs_fail(error, -EINVAL, "view \"%s\": no legal dtype", view->id);
    if (view->is_opaque ? *view->tool || *view->tool_version
                        : !is_word(view->tool) || !is_word(view->tool_version))
        return bfs_fail(error, -EINVAL,
                        "view \"%s\": a view has a tool exactly when it was made by one", view->id);
    return 0;
}

int bfs_view_config_check(const struct bfs_view_config *view, struct bfs_error *error)
{
    if (!bfs_view_id_is_valid(view->id))
        return bfs_fail(error, -EINVAL, "\"%.63s\" is no id of a view", view->id);
    int r = check_words(view, error);
    if (r)
        return r;
    if (view->key.n_features > BFS_KEY_FEATURES_MAX ||
        view->key.memory_bytes > BFS_JSON_INTEGER_MAX)
        return bfs_fail(error, -EINVAL, "view \"%s\": no legal hardware key", view->id);
    if (view->n_errors > BFS_VIEW_CLASSES_MAX ||
        (view->n_errors && (view->is_opaque || view->is_lossless)))
        return bfs_fail(error, -EINVAL, "view \"%s\": has errors that it cannot have", view->id);
    if (view->is_opaque && view->is_lossless)
        return bfs_fail(error, -EINVAL, "view \"%s\": nobody knows whether it is lossless",
                        view->id);
    for (unsigned i = 0; r == 0 && i < view->n_errors; i++)
        r = check_error(view, i, error);
    return r;
}
