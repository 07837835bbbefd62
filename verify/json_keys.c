/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/json_keys.h"

#include "verify/json_string.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_as_written(const struct bfs_json_key *key)
{
    return !memchr(key->text, '\\', key->size);
}

int bfs_json_key_compare(const struct bfs_json_key *a, const struct bfs_json_key *b)
{
    if (is_as_written(a) && is_as_written(b)) {
        size_t shorter = a->size < b->size ? a->size : b->size;
        int order = memcmp(a->text, b->text, shorter);
        return order ? order : (a->size > b->size) - (a->size < b->size);
    }
    struct bfs_json_string left = bfs_json_string_over(a->text, a->size);
    struct bfs_json_string right = bfs_json_string_over(b->text, b->size);
    for (;;) {
        int from_left = bfs_json_string_next(&left), from_right = bfs_json_string_next(&right);
        if (from_left != from_right)
            return from_left < from_right ? -1 : 1;
        if (from_left < 0)
            return 0;
    }
}

static int compare_keys(const void *a, const void *b)
{
    return bfs_json_key_compare(a, b);
}

static struct bfs_json_key *all(struct bfs_json_keys *keys)
{
    return keys->far ? keys->far : keys->near;
}

int bfs_json_keys_add(struct bfs_json_keys *keys, struct bfs_json_key key)
{
    if (keys->far || keys->n == BFS_JSON_KEYS_NEAR) {
        bool is_first = !keys->far;
        if (is_first || keys->n == keys->capacity) {
            size_t larger = is_first ? 2 * BFS_JSON_KEYS_NEAR : keys->capacity * 2;
            struct bfs_json_key *far = reallocarray(keys->far, larger, sizeof(*far));
            if (!far)
                return -ENOMEM;
            if (is_first)
                memcpy(far, keys->near, sizeof(keys->near));
            keys->far = far;
            keys->capacity = larger;
        }
    }
    all(keys)[keys->n++] = key;
    return 0;
}

/* Pairs are cheaper than sorting while they are few. */
static bool few_differ(const struct bfs_json_key *keys, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (bfs_json_key_compare(&keys[i], &keys[k]) == 0)
                return false;
    return true;
}

static bool many_differ(struct bfs_json_key *keys, size_t n)
{
    qsort(keys, n, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < n; i++)
        if (bfs_json_key_compare(&keys[i - 1], &keys[i]) == 0)
            return false;
    return true;
}

bool bfs_json_keys_close(struct bfs_json_keys *keys, size_t first)
{
    enum { FEW = 12 };
    struct bfs_json_key *own = all(keys) + first;
    size_t n = keys->n - first;
    keys->n = first;
    return n <= FEW ? few_differ(own, n) : many_differ(own, n);
}

void bfs_json_keys_done(struct bfs_json_keys *keys)
{
    free(keys->far);
    keys->far = NULL;
}
