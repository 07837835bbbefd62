/* SPDX-License-Identifier: Apache-2.0
 * Takes stock of a directory before anything of it is packed, and refuses what a bundle cannot
 * hold. What the packer makes itself is added to the same list: codec/pack/scan_add.h.
 *
 * THREAD SAFETY: a scan is immutable once made. */
#ifndef BFS_CODEC_SCAN_H
#define BFS_CODEC_SCAN_H

#include "codec/pack/made.h"
#include "verify/buffer.h"
#include "verify/cleanup.h"
#include "verify/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Where the bytes of a regular file come from. */
enum bfs_entry_source {
    BFS_ENTRY_DISK,  /* the directory that is packed */
    BFS_ENTRY_SAME,  /* another entry: stored once */
    BFS_ENTRY_BYTES, /* memory */
    BFS_ENTRY_MADE,  /* made while packing, from what is packed */
};

struct bfs_scan_entry {
    char *path;       /* relative to the directory; "" for itself */
    const char *name; /* its last component, inside path */
    uint32_t parent;  /* entry number; parents come before children */
    mode_t mode;      /* type and permission bits */
    uint64_t size;    /* regular files */
    struct timespec mtime;
    struct timespec ctime; /* with mtime and size: has the file changed since? */
    char *target;          /* symlinks */
    uint32_t
        leads_to; /* symlinks: the entry at the end, no link itself; 0: none, or the directory */
    /* Regular files: the name of a link to it that promises a file of tensors where its own name
     * does not; borrowed from that entry. NULL: its own name tells. */
    const char *alias;

    bool generated; /* not in the directory: made by the packer */
    enum bfs_entry_source source;
    uint32_t same_as;        /* SAME: an entry of another source */
    struct bfs_buffer bytes; /* BYTES */
    struct bfs_made *made;   /* MADE; owned */
    uint32_t section;        /* 0: the model itself; k: the k-th view, by bfs_scan_finish() */
};

struct bfs_scan {
    /* [0] is the directory; parents come before children, siblings of the directory that is packed
     * in byte order of their names, then what was added. */
    struct bfs_scan_entry *entries;
    uint32_t n_entries;
    uint32_t n_sections; /* 1 and the number of directories in views/; 0 before bfs_scan_finish() */
    uint64_t total_size; /* bytes of all regular files, added ones included */
    uint64_t work_size;  /* of them, bytes that packing reads or makes: all but of SAME */
    int64_t newest;      /* largest mtime in seconds of what the directory holds */
};

/* The directory may have a folder "views" at its root, for views that are packed as they are: it
 * holds directories only, each with a valid view id as its name and a regular file view.json.
 *
 * With `dereference`, symlinks are replaced by what they point to. Errors: -ENOENT, -ENOTDIR,
 * -EINVAL (empty, a socket or device, an escaping link, a reserved or unusable name: the sentence
 * says what to do), -EACCES, -E2BIG, -ENOMEM, errno of the file system. */
int bfs_scan_directory(const char *path, bool dereference, struct bfs_scan *ret,
                       struct bfs_error *error);

/* Fills `leads_to` and `alias` of what bfs_scan_directory() found, which calls it. Errors: -ENOMEM.
 */
int bfs_scan_follow_links(struct bfs_scan *scan);
/* As bfs_scan_find(), links on the way and at the end followed; the path may have "." and "..".
 * Looks through all entries for each of its components. Errors: -ENOENT, -ELOOP, -ENOMEM. */
int bfs_scan_follow(const struct bfs_scan *scan, const char *path, uint32_t *ret);
/* The name that tells the format of a regular file. */
const char *bfs_scan_format_name(const struct bfs_scan_entry *entry);

/* The entry with this path; false when there is none. Looks through all of them. */
bool bfs_scan_find(const struct bfs_scan *scan, const char *path, uint32_t *ret);

/* The tensors of an entry, where `maps` has those of each entry that is read from the directory. */
const struct bfs_tensor_map *bfs_scan_map(const struct bfs_scan *scan,
                                          const struct bfs_tensor_map *maps, uint32_t number);

/* After the last addition: refuses a name that is in a directory twice (-EEXIST), and gives every
 * entry at or below views/ID its section; views are numbered from 1 in the byte order of their ids.
 * Links in a view must stay in it. Errors: -EEXIST, -EINVAL, -E2BIG (too many views), -ENOMEM. */
int bfs_scan_finish(struct bfs_scan *scan, struct bfs_error *error);

void bfs_scan_done(struct bfs_scan *scan);
#define bfs_autoscan BFS_CLEANUP(bfs_scan_done)

#endif
