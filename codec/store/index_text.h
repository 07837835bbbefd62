/* SPDX-License-Identifier: Apache-2.0
 * A new text of index.json from the old one: entries are taken out and appended, and every other
 * byte of every other entry and member stays as it is.
 *
 * THREAD SAFETY: an edit belongs to one thread. */
#ifndef BFS_CODEC_INDEX_TEXT_H
#define BFS_CODEC_INDEX_TEXT_H

#include "codec/store/oci.h"

struct bfs_index_edit {
    const char *text; /* the old one; borrowed, like what points into it */
    size_t size;
    struct bfs_json_value root;
    struct bfs_json_value manifests; /* its array of entries */
    size_t n_entries;                /* in that array */
    bool *dropped;                   /* owned; n_entries: which of them go */
    struct bfs_buffer added;         /* texts of new entries, one after another */
    size_t *ends;                    /* owned; n_added: where each of them ends in `added` */
    size_t n_added;
};

/* Errors: those of bfs_json_value_open(); -EBADMSG when there is no array of manifests. */
int bfs_index_edit_begin(const void *text, size_t size, struct bfs_index_edit *ret,
                         struct bfs_error *error);
void bfs_index_edit_done(struct bfs_index_edit *edit);
#define bfs_autoindexedit BFS_CLEANUP(bfs_index_edit_done)

/* Appends an entry with its artifactType and name. Errors: -ENOMEM; -EINVAL (a reader would take it
 * for another one). */
int bfs_index_edit_append(struct bfs_index_edit *edit, const struct bfs_descriptor *manifest,
                          const char *artifact, const char *name, struct bfs_error *error);

/* The i-th entry of the old text gets another artifactType, and is the last one then; all else of it
 * stays. Errors: -ENOMEM; -EINVAL (it has none). */
int bfs_index_edit_retype(struct bfs_index_edit *edit, size_t i, const char *artifact,
                          struct bfs_error *error);

/* Appends the new text to `ret`, which is read again before: it holds exactly the old entries that
 * were not dropped, the new ones, and the other members as they were. Errors: -ENOMEM. */
int bfs_index_edit_write(const struct bfs_index_edit *edit, struct bfs_buffer *ret,
                         struct bfs_error *error);
/* Is `text` what the edit makes of the old one? */
bool bfs_index_edit_check(const struct bfs_index_edit *edit, const void *text, size_t size);

#endif
