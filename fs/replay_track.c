/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/replay_track.h"

#include "fs/clock.h"

#include <stdlib.h>

enum {
    STEPS_NEAR = 256, /* reads overtake each other: a read is looked for so far along the order */
    NO_FILE = UINT32_MAX,
};

struct bfs_track *bfs_track_free(struct bfs_track *track)
{
    if (track) {
        free(track->files);
        free(track->steps);
        free(track);
    }
    return NULL;
}

size_t bfs_track_memory(const struct bfs_track *track)
{
    return sizeof(*track) + track->n_files * sizeof(*track->files) +
           track->n_steps * sizeof(*track->steps);
}

static int by_inode(const void *a, const void *b)
{
    uint32_t left = ((const struct bfs_track_file *)a)->inode;
    uint32_t right = ((const struct bfs_track_file *)b)->inode;
    return (left > right) - (left < right);
}

static uint32_t find_file(const struct bfs_track *track, uint32_t inode)
{
    const struct bfs_track_file wanted = {.inode = inode};
    const struct bfs_track_file *file =
        bsearch(&wanted, track->files, track->n_files, sizeof(wanted), by_inode);
    return file ? (uint32_t)(file - track->files) : NO_FILE;
}

/* Each file of the steps once, sorted. */
static int list_files(struct bfs_track *track, const struct bfs_order *order)
{
    track->files = calloc(order->n_steps + (size_t)1, sizeof(*track->files));
    if (!track->files)
        return -ENOMEM;
    for (uint32_t i = 0; i < order->n_steps; i++)
        track->files[i].inode = order->steps[i].inode;
    qsort(track->files, order->n_steps, sizeof(*track->files), by_inode);
    for (uint32_t i = 0; i < order->n_steps; i++)
        if (track->n_files == 0 || track->files[track->n_files - 1].inode != track->files[i].inode)
            track->files[track->n_files++] = track->files[i];
    void *smaller = reallocarray(track->files, track->n_files + (size_t)1, sizeof(*track->files));
    if (smaller)
        track->files = smaller;
    return 0;
}

int bfs_track_new(uint32_t slot, bool is_bundles, const struct bfs_order *order,
                  struct bfs_track **ret)
{
    BFS_CLEANUP(bfs_track_cleanup) struct bfs_track *track = calloc(1, sizeof(*track));
    if (!track || list_files(track, order))
        return -ENOMEM;
    track->slot = slot;
    track->is_bundles = is_bundles;
    track->n_steps = order->n_steps;
    track->steps = calloc(order->n_steps + (size_t)1, sizeof(*track->steps));
    if (!track->steps)
        return -ENOMEM;
    for (uint32_t i = 0; i < order->n_steps; i++) {
        const struct bfs_order_step *step = &order->steps[i];
        uint32_t file = find_file(track, step->inode);
        track->steps[i] = (struct bfs_track_step){
            .offset = step->offset, .size = step->size, .position = track->size, .file = file};
        track->files[file].last = i;
        track->size += step->size; /* no byte twice, so it is no more than the content */
    }
    *ret = bfs_steal(&track);
    return 0;
}

bool bfs_track_begin(struct bfs_track *track, uint32_t inode)
{
    if (track->running || track->n_steps == 0 || track->files[track->steps[0].file].inode != inode)
        return false;
    track->running = true;
    track->near = track->asking = 0;
    track->at = track->asked = track->stored = 0;
    track->moved_ms = bfs_now_ms();
    return true;
}

bool bfs_track_note(struct bfs_track *track, uint32_t inode, uint64_t offset, uint64_t end)
{
    uint32_t file = track->running ? find_file(track, inode) : NO_FILE;
    if (file == NO_FILE)
        return false;
    for (uint32_t i = track->near; i < track->near + STEPS_NEAR && i < track->n_steps; i++) {
        const struct bfs_track_step *step = &track->steps[i];
        if (step->file != file || offset < step->offset || offset - step->offset >= step->size)
            continue;
        uint64_t reached = end - step->offset < step->size ? end - step->offset : step->size;
        track->near = i;
        if (track->at < step->position + reached)
            track->at = step->position + reached;
        track->moved_ms = bfs_now_ms();
        return true;
    }
    return false;
}

bool bfs_track_is_due(const struct bfs_track *track, uint64_t window)
{
    return track->running && track->at + window / 2 >= track->asked;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

bool bfs_track_next(struct bfs_track *track, uint64_t window, uint64_t stored_window,
                    struct bfs_track_wish *ret)
{
    uint64_t decoded_until = track->at + window;
    uint64_t stored_until = decoded_until + stored_window;
    track->asked = later(track->asked, track->at); /* what was passed needs no asking */
    track->stored = later(track->stored, track->asked);
    bool is_stored = track->asked >= decoded_until || track->asked >= track->size;
    uint64_t *mark = is_stored ? &track->stored : &track->asked;
    uint64_t until = is_stored ? stored_until : decoded_until;
    if (*mark >= until || *mark >= track->size)
        return false;
    uint32_t i = track->asking;
    while (i + 1 < track->n_steps && track->steps[i + 1].position <= *mark)
        i++;
    while (i > 0 && track->steps[i].position > *mark)
        i--;
    track->asking = i;
    const struct bfs_track_step *step = &track->steps[i];
    uint64_t from = step->offset + (*mark - step->position), end = step->offset + step->size;
    if (end - from > until - *mark)
        end = from + (until - *mark);
    *ret = (struct bfs_track_wish){
        .file = step->file, .from = from, .end = end, .is_stored = is_stored};
    *mark += end - from;
    return true;
}
