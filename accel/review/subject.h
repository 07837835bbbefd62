/* SPDX-License-Identifier: Apache-2.0
 * What a check looks at: a bundle in a store, or a directory that is about to be packed. Only
 * headers, contracts and fixtures are read, never weights.
 *
 * THREAD SAFETY: a subject belongs to one thread. */
#ifndef BFS_ACCEL_SUBJECT_H
#define BFS_ACCEL_SUBJECT_H

#include "codec/container/tensor.h"
#include "codec/pack/scan.h"
#include "codec/store/bundle.h"
#include "verify/contract/contract.h"

struct bfs_subject_file {
    char *path; /* owned */
    uint64_t size;
    uint32_t number; /* inode or entry */
    struct bfs_tensor_map map;
};

/* A symbolic link of the model. */
struct bfs_subject_link {
    char *path;   /* owned */
    char *target; /* owned */
};

struct bfs_subject_view {
    char id[BFS_VIEW_ID_MAX + 1];
    uint64_t tensor_size; /* bytes of its tensors; of a view without any, of its files */
};

/* How much a check may still read. */
struct bfs_review_budget {
    uint64_t left; /* bytes; one of a JSON document counts as BFS_REVIEW_JSON_WEIGHT */
};
/* A JSON document takes up to 36 times its size in memory; an array no more than twice. */
enum { BFS_REVIEW_JSON_WEIGHT = 4 };
/* Errors: -EFBIG. */
int bfs_review_spend(struct bfs_review_budget *budget, const char *path, uint64_t size,
                     struct bfs_error *error);

struct bfs_subject {
    struct bfs_reference reference;
    struct bfs_subject_file *files; /* by path; regular files of the model, not of its views */
    size_t n_files;
    struct bfs_subject_link *links; /* by path */
    size_t n_links;
    struct bfs_subject_view *views;
    size_t n_views;
    uint64_t content_size; /* bytes of all files of the model */
    uint64_t tensor_size;  /* bytes of all its tensors */
    bool has_contract;
    struct bfs_contract contract; /* when has_contract */

    struct bfs_bundle *bundle; /* owned; NULL: a directory */
    char *directory;           /* owned; NULL: a bundle */
    bool dereference;
    struct bfs_review_budget *budget; /* borrowed; NULL: there is no limit */
};

/* Reading the contract is the caller's next step: bfs_subject_read_contract(). Errors: -ENOMEM, and
 * of a directory those of bfs_container_read() that say that it cannot be read at all. */
int bfs_subject_of_bundle(const struct bfs_reference *reference, struct bfs_bundle *bundle,
                          struct bfs_subject *ret, struct bfs_error *error);
/* `scan` is finished. */
int bfs_subject_of_scan(const struct bfs_reference *reference, const char *directory,
                        bool dereference, const struct bfs_scan *scan, struct bfs_subject *ret,
                        struct bfs_error *error);
void bfs_subject_done(struct bfs_subject *subject);
#define bfs_autosubject BFS_CLEANUP(bfs_subject_done)

/* Reads contract.json when there is one. Errors: those of bfs_contract_parse() and of reading. */
int bfs_subject_read_contract(struct bfs_subject *subject, struct bfs_error *error);

/* Adds a link. Errors: -ENOMEM. */
int bfs_subject_add_link(struct bfs_subject *subject, const char *path, const char *target,
                         size_t target_length);
/* After it failed with -EBADMSG: reads the file again and reports all that is wrong with it, as
 * bfs_contract_faults(). Errors: those of reading. */
int bfs_subject_contract_faults(const struct bfs_subject *subject,
                                void (*report)(void *context, const struct bfs_error *error),
                                void *context, struct bfs_error *error);

/* Puts files and links into order, once they are all there. */
void bfs_subject_sort(struct bfs_subject *subject);
/* The file that the path leads to, links followed as long as they stay inside. NULL: the model has
 * no such regular file, or no memory is left. */
const struct bfs_subject_file *bfs_subject_find(const struct bfs_subject *subject,
                                                const char *path);
bool bfs_subject_has_view(const struct bfs_subject *subject, const char *id);
/* All of a file, proved when it lies in a bundle; malloc'ed. Errors: -E2BIG (over `limit`), -EFBIG
 * (the budget does not allow it), -ENOMEM, those of reading. */
int bfs_subject_read(const struct bfs_subject *subject, const struct bfs_subject_file *file,
                     uint64_t limit, uint8_t **ret, size_t *ret_size, struct bfs_error *error);

#endif
