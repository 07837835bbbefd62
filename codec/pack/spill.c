/* SPDX-License-Identifier: Apache-2.0
 * A set-associative cache over a file: page p may only be in one of the few frames of set p modulo
 * the number of sets. Finding it takes no table that grows with the file, and consecutive pages
 * fill the whole cache before any of them has to go. */
#include "codec/pack/spill.h"

#include "codec/store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 8 };

#define NO_PAGE UINT64_MAX

struct frame {
    uint8_t *bytes; /* NULL: never used, and so are those after it in its set */
    uint64_t page;  /* NO_PAGE when a page could not be read into it */
    uint64_t used;  /* when, by bfs_spill.clock */
    bool is_changed;
};

struct bfs_spill {
    const char *folder; /* borrowed */
    int fd;             /* -1 while there is no file */
    uint64_t file_size;
    uint64_t clock;
    struct frame *frames;
    size_t n_sets;
};

int bfs_spill_new(const char *folder, size_t memory, struct bfs_spill **ret)
{
    BFS_CLEANUP(bfs_spill_cleanup) struct bfs_spill *spill = calloc(1, sizeof(*spill));
    if (!spill)
        return -ENOMEM;
    spill->folder = folder;
    spill->fd = -1;
    spill->n_sets = memory / ((size_t)WAYS * BFS_SPILL_PAGE_SIZE);
    if (!spill->n_sets)
        spill->n_sets = 1;
    spill->frames = calloc(spill->n_sets * WAYS, sizeof(*spill->frames));
    if (!spill->frames)
        return -ENOMEM;
    *ret = bfs_steal(&spill);
    return 0;
}

struct bfs_spill *bfs_spill_free(struct bfs_spill *spill)
{
    if (!spill)
        return NULL;
    for (size_t i = 0; spill->frames && i < spill->n_sets * WAYS; i++)
        free(spill->frames[i].bytes);
    free(spill->frames);
    bfs_cleanup_close(&spill->fd);
    free(spill);
    return NULL;
}

uint64_t bfs_spill_file_size(const struct bfs_spill *spill)
{
    return spill->file_size;
}

/* Not every file system has files that never had a name: then it loses its name at once. */
static int make_file(struct bfs_spill *spill)
{
    bfs_autofree char *path = NULL;
    int fd = open(spill->folder, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        int r = bfs_create_temporary(spill->folder, &fd, &path, NULL);
        if (r)
            return r;
        (void)unlink(path);
    }
    spill->fd = fd;
    return 0;
}

static int write_back(struct bfs_spill *spill, struct frame *frame)
{
    uint64_t offset = frame->page * BFS_SPILL_PAGE_SIZE;
    int r = spill->fd < 0 ? make_file(spill) : 0;
    if (r == 0)
        r = bfs_pwrite_all(spill->fd, frame->bytes, BFS_SPILL_PAGE_SIZE, offset);
    if (r)
        return r;
    frame->is_changed = false;
    if (offset + BFS_SPILL_PAGE_SIZE > spill->file_size)
        spill->file_size = offset + BFS_SPILL_PAGE_SIZE;
    return 0;
}

static int load(struct bfs_spill *spill, struct frame *frame, uint64_t page)
{
    uint64_t offset = page * BFS_SPILL_PAGE_SIZE;
    int r = 0;
    frame->page = NO_PAGE;
    if (offset < spill->file_size) /* which is whole pages; pages not written yet are holes */
        r = bfs_pread_exact(spill->fd, frame->bytes, BFS_SPILL_PAGE_SIZE, offset);
    else
        memset(frame->bytes, 0, BFS_SPILL_PAGE_SIZE);
    if (r)
        return r;
    frame->page = page;
    return 0;
}

/* The frame that has the page, or the one that gets it: an unused one, or the one that was used
 * longest ago. */
static struct frame *choose(struct bfs_spill *spill, uint64_t page)
{
    struct frame *set = &spill->frames[page % spill->n_sets * WAYS], *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (!set[i].bytes || set[i].page == page)
            return &set[i];
        if (set[i].used < oldest->used)
            oldest = &set[i];
    }
    return oldest;
}

int bfs_spill_page(struct bfs_spill *spill, uint64_t number, bool change, void **ret)
{
    struct frame *frame = choose(spill, number);
    int r = 0;
    if (!frame->bytes) {
        frame->bytes = malloc(BFS_SPILL_PAGE_SIZE);
        if (!frame->bytes)
            return -ENOMEM;
        frame->page = NO_PAGE;
    }
    if (frame->page != number &&
        ((frame->is_changed && (r = write_back(spill, frame))) || (r = load(spill, frame, number))))
        return r;
    frame->used = ++spill->clock;
    frame->is_changed |= change;
    *ret = frame->bytes;
    return 0;
}

/* The part of [offset, offset + size) that lies in one page. */
static int take_part(struct bfs_spill *spill, uint64_t offset, size_t size, bool change,
                     uint8_t **ret, size_t *ret_size)
{
    size_t start = offset % BFS_SPILL_PAGE_SIZE;
    void *page;
    int r = bfs_spill_page(spill, offset / BFS_SPILL_PAGE_SIZE, change, &page);
    if (r)
        return r;
    *ret = (uint8_t *)page + start;
    *ret_size = size < BFS_SPILL_PAGE_SIZE - start ? size : BFS_SPILL_PAGE_SIZE - start;
    return 0;
}

int bfs_spill_read(struct bfs_spill *spill, uint64_t offset, void *ret, size_t size)
{
    for (uint8_t *to = ret; size > 0;) {
        uint8_t *part;
        size_t n;
        int r = take_part(spill, offset, size, false, &part, &n);
        if (r)
            return r;
        memcpy(to, part, n);
        to += n;
        offset += n;
        size -= n;
    }
    return 0;
}

int bfs_spill_write(struct bfs_spill *spill, uint64_t offset, const void *bytes, size_t size)
{
    for (const uint8_t *from = bytes; size > 0;) {
        uint8_t *part;
        size_t n;
        int r = take_part(spill, offset, size, true, &part, &n);
        if (r)
            return r;
        memcpy(part, from, n);
        from += n;
        offset += n;
        size -= n;
    }
    return 0;
}
