/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/slab.h"

#include "fs/area.h"

#include <stdlib.h>
#include <string.h>

/* Beside the memory it describes: a link in a free buffer would cost a page. */
struct bfs_slab_buffer {
    struct bfs_slab_area *area;
    struct bfs_slab_buffer *next, **at; /* in a list, while free */
};

struct bfs_slab_area {
    uint8_t *bytes;
    unsigned class;
    unsigned n_buffers, n_used, n_kept;
    bool is_whole; /* may have huge pages, so all of its buffers have pages */
    struct bfs_slab_buffer buffers[];
};

/* The chunk sizes that the packer knows and a quarter more, which is what a last chunk may have;
 * twice that after a transform. */
static const size_t class_sizes[BFS_SLAB_N_CLASSES] = {
    4 << 10,    16 << 10,   32 << 10,   64 << 10,   80 << 10,    128 << 10,  160 << 10,
    256 << 10,  320 << 10,  512 << 10,  640 << 10,  1024 << 10,  1280 << 10, 2048 << 10,
    2560 << 10, 4096 << 10, 5120 << 10, 8192 << 10, 10240 << 10,
};

/* BFS_SLAB_N_CLASSES when none fits. */
static unsigned class_of(size_t size)
{
    unsigned i = 0;
    while (i < BFS_SLAB_N_CLASSES && class_sizes[i] < size)
        i++;
    return i;
}

size_t bfs_slab_round(size_t size)
{
    unsigned i = class_of(size);
    return i < BFS_SLAB_N_CLASSES ? class_sizes[i] : 0;
}

/* Bytes of an area of that class: as many buffers as fit, or one when much would be left over. */
static size_t area_size(unsigned class)
{
    size_t left_over = BFS_AREA_SIZE % class_sizes[class];
    return left_over <= BFS_AREA_SIZE / 8 ? BFS_AREA_SIZE - left_over : class_sizes[class];
}

static void list_add(struct bfs_slab_buffer **list, struct bfs_slab_buffer *buffer)
{
    buffer->next = *list;
    buffer->at = list;
    if (buffer->next)
        buffer->next->at = &buffer->next;
    *list = buffer;
}

static void list_remove(struct bfs_slab_buffer *buffer)
{
    *buffer->at = buffer->next;
    if (buffer->next)
        buffer->next->at = buffer->at;
}

static uint8_t *bytes_of(const struct bfs_slab_buffer *buffer)
{
    const struct bfs_slab_area *area = buffer->area;
    return area->bytes + (size_t)(buffer - area->buffers) * class_sizes[area->class];
}

/* How many areas begin at `bytes` or before. */
static size_t areas_up_to(const struct bfs_slab *slab, const uint8_t *bytes)
{
    size_t low = 0, high = slab->n_areas;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uintptr_t)slab->areas[middle]->bytes <= (uintptr_t)bytes)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int insert(struct bfs_slab *slab, struct bfs_slab_area *area)
{
    if (slab->n_areas == slab->capacity) {
        size_t capacity = slab->capacity ? 2 * slab->capacity : 64;
        void *grown = reallocarray(slab->areas, capacity, sizeof(struct bfs_slab_area *));
        if (!grown)
            return -1;
        slab->areas = grown;
        slab->capacity = capacity;
    }
    size_t i = areas_up_to(slab, area->bytes);
    memmove(slab->areas + i + 1, slab->areas + i, (slab->n_areas - i) * sizeof(slab->areas[0]));
    slab->areas[i] = area;
    slab->n_areas++;
    return 0;
}

/* Takes an empty area away. */
static void unmap(struct bfs_slab *slab, size_t i)
{
    struct bfs_slab_area *area = slab->areas[i];
    for (unsigned k = 0; k < area->n_buffers; k++)
        list_remove(&area->buffers[k]);
    slab->mapped -= area->n_kept * class_sizes[area->class];
    slab->n_empty--;
    slab->n_areas--;
    memmove(slab->areas + i, slab->areas + i + 1, (slab->n_areas - i) * sizeof(slab->areas[0]));
    bfs_area_unmap(area->bytes, area_size(area->class));
    free(area);
}

/* Takes the pages of a kept buffer away; its area has others in use. */
static void make_bare(struct bfs_slab *slab, struct bfs_slab_buffer *buffer)
{
    struct bfs_slab_area *area = buffer->area;
    if (area->is_whole)
        bfs_area_forbid_huge(area->bytes, area_size(area->class));
    area->is_whole = false;
    bfs_area_give_back(bytes_of(buffer), class_sizes[area->class]);
    list_remove(buffer);
    list_add(&slab->bare[area->class], buffer);
    area->n_kept--;
    slab->mapped -= class_sizes[area->class];
}

static void free_spare(struct bfs_slab *slab)
{
    if (!slab->spare)
        return;
    bfs_area_unmap(slab->spare, BFS_AREA_SIZE);
    slab->spare = NULL;
    slab->mapped -= BFS_AREA_SIZE;
}

void bfs_slab_trim(struct bfs_slab *slab, size_t limit)
{
    if (slab->mapped > limit)
        free_spare(slab);
    for (size_t i = slab->n_areas; i > 0 && slab->n_empty > 0 && slab->mapped > limit; i--)
        if (slab->areas[i - 1]->n_used == 0)
            unmap(slab, i - 1);
    for (unsigned i = 0; i < BFS_SLAB_N_CLASSES; i++)
        while (slab->kept[i] && slab->mapped > limit)
            make_bare(slab, slab->kept[i]);
    if (slab->n_areas == 0) {
        free(slab->areas);
        slab->areas = NULL;
        slab->capacity = 0;
    }
}

/* An area whose buffers are all free: kept ones when it is whole. */
static int add_area(struct bfs_slab *slab, unsigned class, bool is_whole)
{
    size_t size = area_size(class);
    unsigned n = (unsigned)(size / class_sizes[class]);
    struct bfs_slab_area *area = calloc(1, sizeof(*area) + n * sizeof(area->buffers[0]));
    bool is_shared = size == BFS_AREA_SIZE, takes_spare = is_whole && is_shared && slab->spare;
    void *bytes = !area ? NULL : takes_spare ? slab->spare : bfs_area_map(size, is_whole);
    if (!bytes) {
        free(area);
        return -1;
    }
    *area = (struct bfs_slab_area){
        .bytes = bytes, .class = class, .n_buffers = n, .is_whole = is_whole};
    if (insert(slab, area)) {
        if (!takes_spare)
            bfs_area_unmap(bytes, size);
        free(area);
        return -1;
    }
    if (takes_spare) {
        slab->spare = NULL;
        slab->mapped -= BFS_AREA_SIZE;
    }
    area->n_kept = is_whole ? n : 0;
    for (unsigned i = n; i > 0; i--) { /* the lowest address is taken first */
        area->buffers[i - 1].area = area;
        list_add(is_whole ? &slab->kept[class] : &slab->bare[class], &area->buffers[i - 1]);
    }
    slab->mapped += area->n_kept * class_sizes[class];
    slab->n_empty++;
    slab->has_grown = slab->has_grown || is_shared;
    return 0;
}

static void *use(struct bfs_slab *slab, struct bfs_slab_buffer *buffer, bool is_kept)
{
    struct bfs_slab_area *area = buffer->area;
    list_remove(buffer);
    if (is_kept)
        area->n_kept--;
    else
        slab->mapped += class_sizes[area->class];
    slab->n_empty -= area->n_used++ == 0;
    slab->in_use += class_sizes[area->class];
    return bytes_of(buffer);
}

void *bfs_slab_alloc(struct bfs_slab *slab, size_t size, size_t limit)
{
    unsigned class = class_of(size);
    if (class == BFS_SLAB_N_CLASSES)
        return NULL;
    if (slab->kept[class])
        return use(slab, slab->kept[class], true);
    size_t area = area_size(class), wanted = class_sizes[class];
    bool has_spare = area == BFS_AREA_SIZE && slab->spare && slab->mapped <= limit;
    if (!has_spare && wanted <= limit)
        bfs_slab_trim(slab, limit - wanted);
    if (!has_spare && (wanted > limit || slab->mapped > limit - wanted))
        return NULL;
    bool is_whole = has_spare || (area >= BFS_AREA_SIZE && slab->mapped + area <= limit);
    if ((has_spare || !slab->bare[class]) && add_area(slab, class, is_whole))
        return NULL;
    if (slab->kept[class])
        return use(slab, slab->kept[class], true);
    return use(slab, slab->bare[class], false);
}

void bfs_slab_release(struct bfs_slab *slab, void *bytes, size_t size)
{
    struct bfs_slab_area *area = slab->areas[areas_up_to(slab, bytes) - 1];
    size_t i = (size_t)((uint8_t *)bytes - area->bytes) / bfs_slab_round(size);
    list_add(&slab->kept[area->class], &area->buffers[i]);
    area->n_kept++;
    slab->n_empty += --area->n_used == 0;
    slab->in_use -= class_sizes[area->class];
}

bool bfs_slab_wants_spare(const struct bfs_slab *slab, size_t limit)
{
    return slab->has_grown && !slab->spare && !slab->spare_reserved &&
           slab->mapped - slab->in_use <= BFS_AREA_SIZE && slab->mapped + BFS_AREA_SIZE <= limit;
}

void bfs_slab_reserve_spare(struct bfs_slab *slab)
{
    slab->spare_reserved = true;
    slab->has_grown = false;
    slab->mapped += BFS_AREA_SIZE;
}

void bfs_slab_set_spare(struct bfs_slab *slab, void *area)
{
    slab->spare_reserved = false;
    slab->spare = area;
    if (!area)
        slab->mapped -= BFS_AREA_SIZE;
}
