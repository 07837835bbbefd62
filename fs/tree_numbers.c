/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/tree_numbers.h"

#include "fs/names.h"
#include "fs/node.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between a link's path and its target; in no name. */
#define LINK_MARK ">"

struct bfs_tree_numbers {
    pthread_mutex_t mutex;
    struct bfs_names *names; /* of paths; protected by mutex */
    void (*gone)(void *context, uint64_t node);
    void *context;
};

int bfs_tree_numbers_new(struct bfs_tree_numbers **ret)
{
    const struct bfs_names_setup setup = {.first_id = BFS_NODE_FIRST_CATALOG,
                                          .end_id = BFS_NODE_FIRST_BUNDLE,
                                          .first_ino = BFS_INO_FIRST_CATALOG,
                                          .block = 1,
                                          .n_blocks = BFS_INO_N_CATALOG};
    bfs_autofree struct bfs_tree_numbers *numbers = calloc(1, sizeof(*numbers));
    if (!numbers)
        return -ENOMEM;
    int r = bfs_names_new(&setup, &numbers->names);
    if (r)
        return r;
    (void)pthread_mutex_init(&numbers->mutex, NULL);
    *ret = bfs_steal(&numbers);
    return 0;
}

struct bfs_tree_numbers *bfs_tree_numbers_free(struct bfs_tree_numbers *numbers)
{
    if (numbers) {
        (void)bfs_names_free(numbers->names);
        (void)pthread_mutex_destroy(&numbers->mutex);
        free(numbers);
    }
    return NULL;
}

void bfs_tree_numbers_on_gone(struct bfs_tree_numbers *numbers,
                              void (*gone)(void *context, uint64_t node), void *context)
{
    numbers->gone = gone;
    numbers->context = context;
}

uint64_t bfs_tree_numbers_directory(struct bfs_tree_numbers *numbers, const char *path)
{
    struct bfs_name *name;
    (void)pthread_mutex_lock(&numbers->mutex);
    uint64_t node =
        bfs_names_intern(numbers->names, path, strlen(path) + 1, &name) == 0 ? name->id : 0;
    (void)pthread_mutex_unlock(&numbers->mutex);
    return node;
}

uint64_t bfs_tree_numbers_link(struct bfs_tree_numbers *numbers, const char *model,
                               const char *name, const char *target)
{
    char path[BFS_NAME_MAX + 2 * BFS_VERSION_MAX + 3];
    _Static_assert(sizeof(path) <= BFS_NAME_KEY_MAX, "every path fits");
    (void)snprintf(path, sizeof(path), "%s/%s" LINK_MARK "%s", model, name, target);
    return bfs_tree_numbers_directory(numbers, path);
}

bool bfs_tree_numbers_ref(struct bfs_tree_numbers *numbers, uint64_t node)
{
    (void)pthread_mutex_lock(&numbers->mutex);
    struct bfs_name *name = bfs_names_find(numbers->names, node);
    if (name)
        name->references++;
    (void)pthread_mutex_unlock(&numbers->mutex);
    return name != NULL;
}

void bfs_tree_numbers_unref(struct bfs_tree_numbers *numbers, uint64_t node, uint64_t n)
{
    bool gone = false;
    (void)pthread_mutex_lock(&numbers->mutex);
    struct bfs_name *name = bfs_names_find(numbers->names, node);
    if (name) {
        bfs_names_unref(numbers->names, name, n);
        gone = name->references == 0;
    }
    (void)pthread_mutex_unlock(&numbers->mutex);
    if (gone && numbers->gone)
        numbers->gone(numbers->context, node);
}

/* The path of a number, copied; empty: there is none. */
static void copy_path(struct bfs_tree_numbers *numbers, uint64_t node,
                      char ret[static BFS_NAME_KEY_MAX])
{
    (void)pthread_mutex_lock(&numbers->mutex);
    const struct bfs_name *name = bfs_names_find(numbers->names, node);
    ret[0] = '\0';
    if (name)
        memcpy(ret, name->key, name->size);
    (void)pthread_mutex_unlock(&numbers->mutex);
}

bool bfs_tree_numbers_is_live(struct bfs_tree_numbers *numbers, uint64_t node)
{
    (void)pthread_mutex_lock(&numbers->mutex);
    const struct bfs_name *name = bfs_names_find(numbers->names, node);
    bool is_live = name && name->references > 0;
    (void)pthread_mutex_unlock(&numbers->mutex);
    return is_live;
}

bool bfs_tree_numbers_name(struct bfs_tree_numbers *numbers, uint64_t node,
                           char ret[static BFS_COMPONENT_MAX + 1])
{
    char path[BFS_NAME_KEY_MAX];
    copy_path(numbers, node, path);
    if (!path[0])
        return false;
    path[strcspn(path, LINK_MARK)] = '\0';
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    memcpy(ret, name, strlen(name) + 1);
    return true;
}

bool bfs_tree_numbers_path(struct bfs_tree_numbers *numbers, uint64_t node, char *ret, size_t size)
{
    char path[BFS_NAME_KEY_MAX];
    copy_path(numbers, node, path);
    if (!path[0] || strpbrk(path, LINK_MARK) || strlen(path) >= size)
        return false;
    memcpy(ret, path, strlen(path) + 1);
    return true;
}

bool bfs_tree_numbers_target(struct bfs_tree_numbers *numbers, uint64_t node,
                             char ret[static BFS_VERSION_MAX + 1])
{
    char path[BFS_NAME_KEY_MAX];
    copy_path(numbers, node, path);
    const char *mark = strpbrk(path, LINK_MARK);
    if (mark)
        (void)snprintf(ret, BFS_VERSION_MAX + 1, "%s", mark + 1);
    return mark != NULL;
}

uint64_t bfs_tree_numbers_ino(struct bfs_tree_numbers *numbers, uint64_t node)
{
    (void)pthread_mutex_lock(&numbers->mutex);
    const struct bfs_name *name = bfs_names_find(numbers->names, node);
    uint64_t ino = name ? name->ino : node;
    (void)pthread_mutex_unlock(&numbers->mutex);
    return ino;
}

size_t bfs_tree_numbers_count(struct bfs_tree_numbers *numbers)
{
    (void)pthread_mutex_lock(&numbers->mutex);
    size_t n = bfs_names_count(numbers->names);
    (void)pthread_mutex_unlock(&numbers->mutex);
    return n;
}
