/* SPDX-License-Identifier: Apache-2.0
 * Adding what the packer makes itself to a scan: the directories and files of views.
 *
 * Everything added is generated (BFS_INODE_GENERATED), with mode 0555 (directories) or 0444
 * (files). It has the newest time of what is packed, so that it follows from the input; SAME has
 * the time of its source. Names are legal as those in the packed directory are, and at the root
 * only the directory "views" may be added. That a name is in use already is found by
 * bfs_scan_finish().
 *
 * THREAD SAFETY: a scan that is added to belongs to one thread. */
#ifndef BFS_CODEC_SCAN_ADD_H
#define BFS_CODEC_SCAN_ADD_H

#include "codec/pack/scan.h"

/* Each adds an entry under the directory with number `parent`, and gives its number. Adding may
 * move scan->entries. Errors: -EINVAL (no legal name, no directory, too deep), -E2BIG, -ENOMEM. */
int bfs_scan_add_directory(struct bfs_scan *scan, uint32_t parent, const char *name, uint32_t *ret,
                           struct bfs_error *error);
/* The content of the regular file with number `as`, without storing it again. */
int bfs_scan_add_same(struct bfs_scan *scan, uint32_t parent, const char *name, uint32_t as,
                      uint32_t *ret, struct bfs_error *error);
/* A link; `target` must stay inside the bundle, as those that are packed. */
int bfs_scan_add_link(struct bfs_scan *scan, uint32_t parent, const char *name, const char *target,
                      uint32_t *ret, struct bfs_error *error);
/* These bytes, taken over in any case: *bytes is empty afterwards. One that lost a write is
 * -ENOMEM. */
int bfs_scan_add_bytes(struct bfs_scan *scan, uint32_t parent, const char *name,
                       struct bfs_buffer *bytes, uint32_t *ret, struct bfs_error *error);
/* A file that is made while it is packed; taken over in any case: *made is empty afterwards. */
int bfs_scan_add_made(struct bfs_scan *scan, uint32_t parent, const char *name,
                      struct bfs_made *made, uint32_t *ret, struct bfs_error *error);

#endif
