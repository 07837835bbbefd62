/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/view_size.h"

#include "codec/store/file.h"

#include <string.h>

/* Bit i: view i uses the layer. Beside the views there is the model itself. */
struct use {
    uint64_t views;
    bool model;
};
_Static_assert(BFS_VIEWS_MAX <= 64, "a bit for each view");

struct measuring {
    struct bfs_bundle *bundle;
    const struct bfs_index *index;
    uint32_t views;   /* inode of the directory of views; 0: none */
    uint8_t *owner;   /* of each inode: 0 the model, i + 1 the view i */
    struct use *uses; /* of each layer */
};

static void measuring_done(struct measuring *measuring)
{
    free(measuring->owner);
    free(measuring->uses);
}

static void use_layer(struct measuring *measuring, uint32_t layer, unsigned owner)
{
    if (owner)
        measuring->uses[layer].views |= UINT64_C(1) << (owner - 1);
    else
        measuring->uses[layer].model = true;
}

/* The view of an inode whose parent's is known; views lie in the order of their names. */
static unsigned owner_of(const struct measuring *measuring, uint32_t number,
                         const struct bfs_inode *inode)
{
    if (number == BFS_INODE_ROOT || inode->parent == BFS_INODE_ROOT)
        return 0;
    if (inode->parent != measuring->views)
        return measuring->owner[inode->parent];
    struct bfs_inode views = bfs_index_inode(measuring->index, measuring->views);
    uint32_t i = 0;
    while (bfs_index_dirent(measuring->index, &views, i).inode != number)
        i++;
    return i + 1;
}

static int use_file(struct measuring *measuring, uint32_t number, const struct bfs_inode *inode,
                    struct bfs_error *error)
{
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = NULL;
    unsigned owner = measuring->owner[number];
    if (inode->size == 0)
        return 0;
    int r = bfs_file_open(measuring->bundle, number, &file, error);
    if (r)
        return r;
    const struct bfs_chunk_table *table = bfs_file_table(file);
    use_layer(measuring, inode->table_layer, owner);
    for (uint32_t k = 1; k <= bfs_chunk_table_n_blobs(table); k++) {
        struct bfs_table_blob blob = bfs_chunk_table_blob(table, k);
        uint32_t layer;
        if (bfs_bundle_find_blob(measuring->bundle, &blob.digest, blob.size, &layer))
            use_layer(measuring, layer, owner);
    }
    return 0;
}

static int measure_files(struct measuring *measuring, struct bfs_view_size *sizes,
                         struct bfs_error *error)
{
    for (uint32_t number = 0; number < bfs_index_n_inodes(measuring->index); number++) {
        struct bfs_inode inode = bfs_index_inode(measuring->index, number);
        unsigned owner = owner_of(measuring, number, &inode);
        measuring->owner[number] = (uint8_t)owner;
        if (!S_ISREG(inode.mode))
            continue;
        int r = use_file(measuring, number, &inode, error);
        if (r)
            return r;
        if (owner) {
            sizes[owner - 1].n_files++;
            sizes[owner - 1].content_size += inode.size;
        }
    }
    return 0;
}

static void add_layers(const struct measuring *measuring, uint32_t n_views,
                       struct bfs_view_size *sizes)
{
    for (uint32_t layer = 1; layer < bfs_bundle_n_layers(measuring->bundle); layer++) {
        const struct use *use = &measuring->uses[layer];
        uint64_t size = bfs_bundle_layer(measuring->bundle, layer)->size;
        for (uint32_t i = 0; i < n_views; i++) {
            uint64_t bit = UINT64_C(1) << i;
            if (use->views & bit)
                sizes[i].stored_size += size;
            if (use->views == bit && !use->model)
                sizes[i].own_size += size;
        }
    }
}

int bfs_bundle_view_sizes(struct bfs_bundle *bundle, struct bfs_view_size *ret,
                          struct bfs_error *error)
{
    BFS_CLEANUP(measuring_done)
    struct measuring measuring = {.bundle = bundle, .index = bfs_bundle_index(bundle)};
    struct bfs_view_size sizes[BFS_VIEWS_MAX] = {0};
    uint32_t n_views = bfs_bundle_config(bundle)->n_views;
    if (n_views == 0)
        return 0;
    measuring.owner = calloc(bfs_index_n_inodes(measuring.index), sizeof(*measuring.owner));
    measuring.uses = calloc(bfs_bundle_n_layers(bundle), sizeof(*measuring.uses));
    if (!measuring.owner || !measuring.uses)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = bfs_index_resolve(measuring.index, "views", &measuring.views);
    if (r)
        return bfs_fail(error, r, "views: %s", strerror(-r));
    r = measure_files(&measuring, sizes, error);
    if (r)
        return r;
    add_layers(&measuring, n_views, sizes);
    memcpy(ret, sizes, n_views * sizeof(*ret));
    return 0;
}
