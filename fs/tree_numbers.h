/* SPDX-License-Identifier: Apache-2.0
 * The node numbers of catalogue directories and links. A number belongs to one path, and is never
 * reused for another one. A number is kept while a tree, a set of links or the kernel refers to it.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_TREE_NUMBERS_H
#define BFS_FS_TREE_NUMBERS_H

#include "verify/cleanup.h"
#include "verify/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bfs_tree_numbers;
int bfs_tree_numbers_new(struct bfs_tree_numbers **ret);
struct bfs_tree_numbers *bfs_tree_numbers_free(struct bfs_tree_numbers *numbers);
BFS_DEFINE_CLEANUP(bfs_tree_numbers, bfs_tree_numbers_free)
/* Calls `gone` for each number that loses its last reference, without a lock. Set before other
 * threads use the object, or after the last one has; NULL: nobody. */
void bfs_tree_numbers_on_gone(struct bfs_tree_numbers *numbers,
                              void (*gone)(void *context, uint64_t node), void *context);

/* The number of a directory, with a reference. 0: no memory, or no numbers are left. */
uint64_t bfs_tree_numbers_directory(struct bfs_tree_numbers *numbers, const char *path);
/* The number of a link in a model's directory, with a reference. It depends on the target, so that
 * the kernel sees another link when the target changes. 0: as above. */
uint64_t bfs_tree_numbers_link(struct bfs_tree_numbers *numbers, const char *model,
                               const char *name, const char *target);
/* One more reference to a number; false: there is no such number. */
bool bfs_tree_numbers_ref(struct bfs_tree_numbers *numbers, uint64_t node);
void bfs_tree_numbers_unref(struct bfs_tree_numbers *numbers, uint64_t node, uint64_t n);
/* Does anybody refer to the number? */
bool bfs_tree_numbers_is_live(struct bfs_tree_numbers *numbers, uint64_t node);

/* The last component of the path that has the number; false: there is none. */
bool bfs_tree_numbers_name(struct bfs_tree_numbers *numbers, uint64_t node,
                           char ret[static BFS_COMPONENT_MAX + 1]);
/* The path of a directory; false: it is none, or does not fit. */
bool bfs_tree_numbers_path(struct bfs_tree_numbers *numbers, uint64_t node, char *ret, size_t size);
/* Where the link of that number points; false: it is no link. */
bool bfs_tree_numbers_target(struct bfs_tree_numbers *numbers, uint64_t node,
                             char ret[static BFS_VERSION_MAX + 1]);
/* The inode number of a directory or link, which follows from its path alone; of a number that is
 * gone, the number itself. */
uint64_t bfs_tree_numbers_ino(struct bfs_tree_numbers *numbers, uint64_t node);
/* How many paths are kept. */
size_t bfs_tree_numbers_count(struct bfs_tree_numbers *numbers);

#endif
