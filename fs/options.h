/* SPDX-License-Identifier: Apache-2.0
 * Mount options: -o name=value,...
 *
 * THREAD SAFETY: plain data. */
#ifndef BFS_FS_OPTIONS_H
#define BFS_FS_OPTIONS_H

#include "fs/option_list.h"
#include "verify/buffer.h"
#include "verify/error.h"

#include <stdbool.h>
#include <stdint.h>

/* In the order of the option's words. */
enum bfs_verify_mode {
    BFS_VERIFY_ALWAYS, /* each chunk by SHA-256, at each decode */
    BFS_VERIFY_ONCE,   /* once for as long as its blob stands, then by XXH3 of what is decoded */
    BFS_VERIFY_STRICT, /* the same, and all of a file before it is opened */
};

/* Instead of a file: nothing is replayed. A file of that name is ./off. */
#define BFS_REPLAY_OFF "off"

struct bfs_mount_options {
    uint64_t cache_size; /* bytes; 0: what the memory of the host and the group allows */
    uint64_t workers;    /* 0: as many as there are CPUs */
    uint64_t timeout;    /* seconds */
    uint64_t verify;     /* an enum bfs_verify_mode */
    uint64_t read_ahead_kb;
    uint64_t poll_ms;
    char *view; /* owned; NULL: the best one */
    bool hide_unfit;
    bool hidden; /* show what was packed with --hidden */
    char *host; /* owned; a file; NULL: BUNDLEFS_HOST, or what this host is found to be */
    bool allow_other;
    char *trace;           /* owned; NULL: none */
    char *replay;          /* owned; a trace or BFS_REPLAY_OFF; NULL: what bundles bring */
    char *passthrough;     /* owned; "auto" or "off"; NULL: auto */
    char *backing;         /* owned; a folder or "memory"; NULL: the default folder */
    uint64_t backing_size; /* 0: a quarter of what is free there */
    char *backing_fill;    /* owned; a word of bfs_backing_fill_parse(); NULL: again */
    char *warm;            /* owned; "NAME:VERSION" or "NAME:VERSION/VIEW"; NULL: none */
    char *policy;          /* owned; NULL: BFS_POLICY_DEFAULT_PATH when it exists */
    char *audit;           /* owned; NULL: none */
    char *log_file;        /* owned; NULL: none */
};

/* The defaults of the list. */
void bfs_mount_options_init(struct bfs_mount_options *ret);
void bfs_mount_options_done(struct bfs_mount_options *options);
#define bfs_automountoptions BFS_CLEANUP(bfs_mount_options_done)

/* Applies a comma-separated list. Options that mount(8) passes to every file system (ro, noatime,
 * nofail, _netdev, x-*, ...) are accepted and ignored; rw and unknown ones are refused.
 * Errors: -EINVAL, -ENOMEM. */
int bfs_mount_options_parse(const char *text, struct bfs_mount_options *options,
                            struct bfs_error *error);
/* Appends one line for each option, at most 80 columns wide. */
void bfs_mount_options_help(struct bfs_buffer *ret);

#endif
