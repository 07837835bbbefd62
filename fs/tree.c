/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/tree.h"

#include "fs/links.h"
#include "fs/node.h"
#include "verify/array.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct bfs_tree {
    atomic_uint references;
    struct bfs_catalog *catalog;
    struct bfs_tree_node *nodes; /* by parent and name */
    size_t n_nodes;
    const struct bfs_tree_node **by_number;
    uint32_t *slots; /* of the catalogue's entries; a reference to each */
    size_t n_slots;
    struct bfs_bundles *bundles;
    struct bfs_tree_numbers *numbers;
};

struct builder {
    struct bfs_tree *tree;
    bool has_policy;
    size_t capacity;
};

static void clear_node(struct bfs_tree *tree, struct bfs_tree_node *node)
{
    if (node->kind != BFS_TREE_BUNDLE)
        bfs_tree_numbers_unref(tree->numbers, node->node, 1);
    free((void *)(uintptr_t)node->name);
    free(node->target);
}

static int add(struct builder *builder, const struct bfs_tree_node *node, const char *name,
               size_t name_length)
{
    struct bfs_tree *tree = builder->tree;
    if (tree->n_nodes == builder->capacity) {
        size_t larger = builder->capacity ? builder->capacity * 2 : 64;
        struct bfs_tree_node *nodes = reallocarray(tree->nodes, larger, sizeof(*nodes));
        if (!nodes)
            return -ENOMEM;
        tree->nodes = nodes;
        builder->capacity = larger;
    }
    char *own = strndup(name, name_length);
    if (!own)
        return -ENOMEM;
    tree->nodes[tree->n_nodes] = *node;
    tree->nodes[tree->n_nodes++].name = own;
    return 0;
}

/* The node's number is a reference, which this takes over. 0: no memory. */
static int add_numbered(struct builder *builder, const struct bfs_tree_node *node, const char *name,
                        size_t name_length)
{
    int r = node->node ? add(builder, node, name, name_length) : -ENOMEM;
    if (r && node->node)
        bfs_tree_numbers_unref(builder->tree->numbers, node->node, 1);
    return r;
}

/* The directories of a model's name; the same ones come again with the next model and are removed
 * after sorting. */
static int add_directories(struct builder *builder, const char *name, uint64_t *ret)
{
    uint64_t parent = BFS_NODE_ROOT;
    char path[BFS_NAME_MAX + 1];
    for (const char *at = name;;) {
        size_t length = strcspn(at, "/");
        size_t end = (size_t)(at - name) + length;
        memcpy(path, name, end);
        path[end] = '\0';
        struct bfs_tree_node node = {.parent = parent,
                                     .kind = BFS_TREE_DIRECTORY,
                                     .node =
                                         bfs_tree_numbers_directory(builder->tree->numbers, path)};
        int r = add_numbered(builder, &node, at, length);
        if (r)
            return r;
        parent = node.node;
        if (!at[length])
            break;
        at += length + 1;
    }
    *ret = parent;
    return 0;
}

static int add_latest(struct builder *builder, uint64_t directory, const char *model)
{
    const struct bfs_catalog_entry *latest = bfs_catalog_latest(builder->tree->catalog, model);
    if (!latest)
        return 0;
    struct bfs_tree_node node = {.parent = directory,
                                 .kind = BFS_TREE_LINK,
                                 .node = bfs_tree_numbers_link(builder->tree->numbers, model,
                                                               "latest", latest->reference.version),
                                 .target = strdup(latest->reference.version)};
    if (!node.target && node.node)
        bfs_tree_numbers_unref(builder->tree->numbers, node.node, 1);
    if (!node.target)
        return -ENOMEM;
    int r = add_numbered(builder, &node, "latest", strlen("latest"));
    if (r)
        free(node.target);
    return r;
}

static int add_entry(struct builder *builder, size_t i)
{
    const struct bfs_catalog *catalog = builder->tree->catalog;
    const struct bfs_catalog_entry *entry = &catalog->entries[i];
    uint64_t directory;
    int r = add_directories(builder, entry->reference.name, &directory);
    if (r)
        return r;
    bool first = i == 0 || strcmp(catalog->entries[i - 1].reference.name, entry->reference.name);
    bool has_links =
        first && (builder->has_policy || bfs_links_needed(catalog, entry->reference.name));
    if (has_links)
        builder->tree->nodes[builder->tree->n_nodes - 1].has_links = true; /* the directory's */
    struct bfs_tree_node node = {
        .parent = directory, .kind = BFS_TREE_BUNDLE, .position = (uint32_t)i};
    r = bfs_bundles_slot(builder->tree->bundles, entry, &node.slot);
    if (r)
        return r;
    builder->tree->slots[builder->tree->n_slots++] = node.slot;
    node.node = bfs_node_of(node.slot, BFS_INODE_ROOT);
    const char *version = entry->reference.version;
    r = add(builder, &node, version, strlen(version));
    return r || !first || has_links ? r : add_latest(builder, directory, entry->reference.name);
}

static int compare_place(uint64_t a_parent, const char *a_name, uint64_t b_parent,
                         const char *b_name)
{
    if (a_parent != b_parent)
        return a_parent < b_parent ? -1 : 1;
    return strcmp(a_name, b_name);
}

static int by_place(const void *a, const void *b)
{
    const struct bfs_tree_node *left = a, *right = b;
    int order = compare_place(left->parent, left->name, right->parent, right->name);
    /* A model's directory before a link or bundle of the same name, which cannot be then. */
    return order ? order : (int)left->kind - (int)right->kind;
}

static void remove_repeated(struct bfs_tree *tree)
{
    size_t kept = 0;
    for (size_t i = 0; i < tree->n_nodes; i++) {
        struct bfs_tree_node *node = &tree->nodes[i];
        if (kept > 0 && compare_place(tree->nodes[kept - 1].parent, tree->nodes[kept - 1].name,
                                      node->parent, node->name) == 0) {
            tree->nodes[kept - 1].has_links = tree->nodes[kept - 1].has_links || node->has_links;
            clear_node(tree, node);
        } else {
            tree->nodes[kept++] = *node;
        }
    }
    tree->n_nodes = kept;
}

static int by_number(const void *a, const void *b)
{
    const struct bfs_tree_node *left = *(const struct bfs_tree_node *const *)a;
    const struct bfs_tree_node *right = *(const struct bfs_tree_node *const *)b;
    return (left->node > right->node) - (left->node < right->node);
}

static int index_numbers(struct bfs_tree *tree)
{
    tree->by_number = calloc(tree->n_nodes + 1, sizeof(struct bfs_tree_node *));
    if (!tree->by_number)
        return -ENOMEM;
    for (size_t i = 0; i < tree->n_nodes; i++)
        tree->by_number[i] = &tree->nodes[i];
    qsort(tree->by_number, tree->n_nodes, sizeof(struct bfs_tree_node *), by_number);
    return 0;
}

int bfs_tree_new(struct bfs_catalog *catalog, struct bfs_bundles *bundles,
                 struct bfs_tree_numbers *numbers, bool has_policy, struct bfs_tree **ret)
{
    struct bfs_tree *tree = calloc(1, sizeof(*tree));
    if (!tree)
        return -ENOMEM;
    atomic_init(&tree->references, 1);
    tree->catalog = catalog;
    tree->bundles = bundles;
    tree->numbers = numbers;
    struct builder builder = {.tree = tree, .has_policy = has_policy};
    tree->slots = calloc(catalog->n_entries + 1, sizeof(*tree->slots));
    int r = tree->slots ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < catalog->n_entries; i++)
        r = add_entry(&builder, i);
    if (r == 0) {
        if (tree->n_nodes)
            qsort(tree->nodes, tree->n_nodes, sizeof(*tree->nodes), by_place);
        remove_repeated(tree);
        r = index_numbers(tree);
    }
    if (r) {
        tree->catalog = NULL; /* stays with the caller */
        (void)bfs_tree_unref(tree);
        return r;
    }
    *ret = tree;
    return 0;
}

struct bfs_tree *bfs_tree_ref(struct bfs_tree *tree)
{
    atomic_fetch_add(&tree->references, 1);
    return tree;
}

struct bfs_tree *bfs_tree_unref(struct bfs_tree *tree)
{
    if (tree && atomic_fetch_sub(&tree->references, 1) == 1) {
        for (size_t i = 0; i < tree->n_nodes; i++)
            clear_node(tree, &tree->nodes[i]);
        for (size_t i = 0; i < tree->n_slots; i++)
            bfs_bundles_unref(tree->bundles, tree->slots[i], 1);
        free(tree->nodes);
        free(tree->by_number);
        free(tree->slots);
        (void)bfs_catalog_free(tree->catalog);
        free(tree);
    }
    return NULL;
}

const struct bfs_catalog *bfs_tree_catalog(const struct bfs_tree *tree)
{
    return tree->catalog;
}

/* The first node not before (parent, name). */
static size_t lower_bound(const struct bfs_tree *tree, uint64_t parent, const char *name)
{
    size_t low = 0, high = tree->n_nodes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct bfs_tree_node *node = &tree->nodes[middle];
        if (compare_place(node->parent, node->name, parent, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct bfs_tree_node *bfs_tree_lookup(const struct bfs_tree *tree, uint64_t parent,
                                            const char *name)
{
    size_t i = lower_bound(tree, parent, name);
    if (i == tree->n_nodes || tree->nodes[i].parent != parent ||
        strcmp(tree->nodes[i].name, name) != 0)
        return NULL;
    return &tree->nodes[i];
}

static const struct bfs_tree_node *find_number(const struct bfs_tree *tree, uint64_t node)
{
    struct bfs_tree_node key = {.node = node};
    const struct bfs_tree_node *wanted = &key;
    const struct bfs_tree_node **found =
        bsearch(&wanted, tree->by_number, tree->n_nodes, sizeof(struct bfs_tree_node *), by_number);
    return found ? *found : NULL;
}

const struct bfs_tree_node *bfs_tree_find(const struct bfs_tree *tree, uint64_t node)
{
    return bfs_node_in_bundle(node) ? NULL : find_number(tree, node);
}

const struct bfs_tree_node *bfs_tree_bundle(const struct bfs_tree *tree, uint32_t slot)
{
    return find_number(tree, bfs_node_of(slot, BFS_INODE_ROOT));
}

const struct bfs_tree_node *bfs_tree_children(const struct bfs_tree *tree, uint64_t parent,
                                              const char *after, size_t *ret_n)
{
    size_t first = lower_bound(tree, parent, after), end = lower_bound(tree, parent + 1, "");
    if (first < end && strcmp(tree->nodes[first].name, after) == 0)
        first++;
    *ret_n = end - first;
    return end > first ? &tree->nodes[first] : NULL;
}

const struct bfs_tree_node *bfs_tree_all(const struct bfs_tree *tree, size_t *ret_n)
{
    *ret_n = tree->n_nodes;
    return tree->nodes;
}

const uint32_t *bfs_tree_slots(const struct bfs_tree *tree, size_t *ret_n)
{
    *ret_n = tree->catalog->n_entries;
    return tree->slots;
}
