/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/index/index_builder.h"

#include "codec/index/format.h"
#include "verify/array.h"

#include <string.h>

struct node {
    struct bfs_inode inode;
    char *name;   /* owned; "" for the root */
    char *target; /* owned; links only */
    uint32_t number;
    const struct bfs_tensor_map *map; /* borrowed; files with tensors only */
};

struct bfs_index_builder {
    struct node *nodes;
    uint32_t n_nodes;
    uint32_t n_tensors;
    uint32_t n_dims;
};

struct bfs_index_builder *bfs_index_builder_free(struct bfs_index_builder *builder)
{
    if (!builder)
        return NULL;
    for (uint32_t i = 0; i < builder->n_nodes; i++) {
        free(builder->nodes[i].name);
        free(builder->nodes[i].target);
    }
    free(builder->nodes);
    free(builder);
    return NULL;
}

static int add_node(struct bfs_index_builder *builder, const struct bfs_inode *inode,
                    uint32_t parent, const char *name, const char *target)
{
    int r = bfs_array_grow(&builder->nodes, builder->n_nodes, sizeof(*builder->nodes));
    if (r)
        return r;
    bfs_autofree char *own_name = strdup(name);
    bfs_autofree char *own_target = target ? strdup(target) : NULL;
    if (!own_name || (target && !own_target))
        return -ENOMEM;
    struct node *node = &builder->nodes[builder->n_nodes];
    *node = (struct node){.inode = *inode,
                          .name = bfs_steal(&own_name),
                          .target = bfs_steal(&own_target),
                          .number = builder->n_nodes};
    node->inode.parent = parent;
    node->inode.first_tensor = 0;
    node->inode.n_tensors = 0;
    if (target)
        node->inode.size = strlen(target);
    builder->n_nodes++;
    return 0;
}

int bfs_index_builder_new(const struct bfs_inode *root, struct bfs_index_builder **ret)
{
    BFS_CLEANUP(bfs_index_builder_cleanup)
    struct bfs_index_builder *builder = calloc(1, sizeof(*builder));
    if (!builder)
        return -ENOMEM;
    int r = add_node(builder, root, 0, "", NULL);
    if (r)
        return r;
    *ret = bfs_steal(&builder);
    return 0;
}

int bfs_index_builder_add(struct bfs_index_builder *builder, uint32_t parent, const char *name,
                          const struct bfs_inode *inode, const char *target, uint32_t *ret)
{
    if (builder->n_nodes >= BFS_INODES_MAX)
        return -E2BIG;
    uint32_t number = builder->n_nodes;
    int r = add_node(builder, inode, parent, name, target);
    if (r == 0)
        *ret = number;
    return r;
}

int bfs_index_builder_tensors(struct bfs_index_builder *builder, uint32_t file,
                              const struct bfs_tensor_map *map)
{
    struct node *node = &builder->nodes[file];
    if (map->n_tensors > UINT32_MAX / BFS_TENSOR_DIMS_MAX - builder->n_tensors)
        return -E2BIG;
    node->inode.container = (uint8_t)map->container;
    node->map = map;
    for (size_t i = 0; i < map->n_tensors; i++)
        builder->n_dims += map->tensors[i].n_dims;
    builder->n_tensors += (uint32_t)map->n_tensors;
    node->inode.n_tensors = (uint32_t)map->n_tensors;
    return 0;
}

static int by_directory(const void *a, const void *b)
{
    const struct node *left = *(const struct node *const *)a;
    const struct node *right = *(const struct node *const *)b;
    if (left->inode.parent != right->inode.parent)
        return left->inode.parent < right->inode.parent ? -1 : 1;
    return strcmp(left->name, right->name);
}

static void write_inode(const struct bfs_inode *inode, struct bfs_buffer *out)
{
    uint64_t payload = S_ISDIR(inode->mode)   ? inode->first_dirent
                       : S_ISLNK(inode->mode) ? inode->target_off
                                              : 0;
    bfs_buffer_put_u32(out, inode->mode);
    bfs_buffer_put_u32(out, inode->flags);
    bfs_buffer_put_u64(out, inode->size);
    bfs_buffer_put_u64(out, (uint64_t)inode->mtime_sec);
    bfs_buffer_put_u32(out, inode->mtime_nsec);
    bfs_buffer_put_u32(out, inode->table_layer);
    bfs_buffer_put_u64(out, inode->table_off);
    bfs_buffer_put_u32(out, inode->table_size);
    bfs_buffer_put_u32(out, inode->n_dirents);
    bfs_buffer_put_u64(out, payload);
    bfs_buffer_put_u32(out, inode->parent);
    bfs_buffer_put_u32(out, inode->first_tensor);
    bfs_buffer_put_u64(out, inode->stored_size);
    bfs_buffer_put_u32(out, inode->n_tensors);
    bfs_buffer_put_u8(out, inode->container);
    bfs_buffer_put(out, "\0\0", 3);
    bfs_buffer_put(out, inode->digest.bytes, BFS_DIGEST_SIZE);
    bfs_buffer_put(out, inode->table_digest.bytes, BFS_DIGEST_SIZE);
}

static void write_dirent(const struct node *node, uint32_t name_off, struct bfs_buffer *out)
{
    bfs_buffer_put_u32(out, name_off);
    bfs_buffer_put_u16(out, (uint16_t)strlen(node->name));
    bfs_buffer_put_u16(out, 0);
    bfs_buffer_put_u32(out, node->number);
    bfs_buffer_put_u32(out, 0);
}

static void write_tensor(const struct bfs_tensor *tensor, uint32_t name_off, uint32_t first_dim,
                         struct bfs_buffer *out)
{
    bfs_buffer_put_u64(out, tensor->offset);
    bfs_buffer_put_u64(out, tensor->size);
    bfs_buffer_put_u32(out, name_off);
    bfs_buffer_put_u16(out, (uint16_t)strlen(tensor->name));
    bfs_buffer_put_u16(out, (uint16_t)tensor->dtype);
    bfs_buffer_put_u32(out, first_dim);
    bfs_buffer_put_u8(out, (uint8_t)tensor->n_dims);
    bfs_buffer_put(out, "\0\0", 3);
}

/* The sections after the header, each written on its own because later ones fix earlier fields. */
struct sections {
    struct bfs_buffer inodes, dirents, tensors, dims, strings;
    uint64_t content_size;
};

static void sections_done(struct sections *sections)
{
    bfs_buffer_done(&sections->inodes);
    bfs_buffer_done(&sections->dirents);
    bfs_buffer_done(&sections->tensors);
    bfs_buffer_done(&sections->dims);
    bfs_buffer_done(&sections->strings);
}

static int write_dirents(struct bfs_index_builder *builder, struct sections *sections)
{
    uint32_t n = builder->n_nodes - 1;
    bfs_autofree const struct node **sorted = calloc(builder->n_nodes, sizeof(struct node *));
    if (!sorted)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        sorted[i] = &builder->nodes[i + 1];
    qsort(sorted, n, sizeof(sorted[0]), by_directory);
    for (uint32_t i = 0; i < n; i++) {
        builder->nodes[sorted[i]->inode.parent].inode.n_dirents++;
        write_dirent(sorted[i], (uint32_t)sections->strings.size, &sections->dirents);
        bfs_buffer_put_text(&sections->strings, sorted[i]->name);
    }
    uint32_t next = 0;
    for (uint32_t i = 0; i < builder->n_nodes; i++) {
        struct bfs_inode *inode = &builder->nodes[i].inode;
        if (S_ISDIR(inode->mode))
            inode->first_dirent = next;
        next += inode->n_dirents;
    }
    return 0;
}

static void write_tensors(struct bfs_index_builder *builder, struct sections *sections)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < builder->n_nodes; i++) {
        struct node *node = &builder->nodes[i];
        node->inode.first_tensor = node->inode.n_tensors ? next : 0;
        next += node->inode.n_tensors;
        for (uint32_t k = 0; k < node->inode.n_tensors; k++) {
            const struct bfs_tensor *tensor = &node->map->tensors[k];
            write_tensor(tensor, (uint32_t)sections->strings.size,
                         (uint32_t)(sections->dims.size / sizeof(uint64_t)), &sections->tensors);
            bfs_buffer_put_text(&sections->strings, tensor->name);
            for (uint32_t d = 0; d < tensor->n_dims; d++)
                bfs_buffer_put_u64(&sections->dims, tensor->shape[d]);
        }
    }
}

static int write_sections(struct bfs_index_builder *builder, struct sections *sections)
{
    for (uint32_t i = 0; i < builder->n_nodes; i++)
        builder->nodes[i].inode.n_dirents = 0;
    int r = write_dirents(builder, sections);
    if (r)
        return r;
    for (uint32_t i = 0; i < builder->n_nodes; i++) {
        struct node *node = &builder->nodes[i];
        if (S_ISLNK(node->inode.mode)) {
            node->inode.target_off = (uint32_t)sections->strings.size;
            bfs_buffer_put_text(&sections->strings, node->target);
        }
    }
    write_tensors(builder, sections);
    for (uint32_t i = 0; i < builder->n_nodes; i++) {
        write_inode(&builder->nodes[i].inode, &sections->inodes);
        if (S_ISREG(builder->nodes[i].inode.mode))
            sections->content_size += builder->nodes[i].inode.size;
    }
    return sections->strings.size > UINT32_MAX ? -E2BIG : bfs_buffer_status(&sections->strings);
}

int bfs_index_builder_write(struct bfs_index_builder *builder, struct bfs_buffer *ret)
{
    BFS_CLEANUP(sections_done) struct sections sections = {0};
    int r = write_sections(builder, &sections);
    if (r)
        return r;
    struct bfs_buffer *parts[] = {&sections.inodes, &sections.dirents, &sections.tensors,
                                  &sections.dims, &sections.strings};
    uint64_t size = BFS_INDEX_HEADER_SIZE;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (bfs_buffer_status(parts[i]))
            return bfs_buffer_status(parts[i]);
        size += parts[i]->size;
    }
    if (size > BFS_INDEX_SIZE_MAX)
        return -E2BIG;
    bfs_buffer_reserve(ret, (size_t)size);
    bfs_buffer_put(ret, BFS_INDEX_MAGIC, 8);
    bfs_buffer_put_u16(ret, BFS_FORMAT_MAJOR);
    bfs_buffer_put_u16(ret, BFS_FORMAT_MINOR);
    bfs_buffer_put_u32(ret, 0);
    bfs_buffer_put_u64(ret, size);
    bfs_buffer_put_u32(ret, builder->n_nodes);
    bfs_buffer_put_u32(ret, builder->n_nodes - 1);
    bfs_buffer_put_u32(ret, builder->n_tensors);
    bfs_buffer_put_u32(ret, builder->n_dims);
    bfs_buffer_put_u64(ret, sections.strings.size);
    bfs_buffer_put_u64(ret, sections.content_size);
    bfs_buffer_put_u64(ret, 0);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        bfs_buffer_put(ret, parts[i]->bytes, parts[i]->size);
        bfs_buffer_done(parts[i]);
    }
    return bfs_buffer_status(ret);
}
