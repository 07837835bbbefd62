/* SPDX-License-Identifier: Apache-2.0
 * The bundles of the tree: each gets a slot, and so node numbers of its own, while a tree or the
 * kernel refers to it; its index is loaded when somebody looks, and dropped when memory is wanted.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_BUNDLES_H
#define BFS_FS_BUNDLES_H

#include "codec/store/bundle.h"
#include "codec/store/catalog.h"
#include "fs/log.h"
#include "fs/metrics.h"
#include "fs/pool.h"
#include "fs/views.h"

enum {
    /* Indexes of bundles that nobody has open are kept up to this much; 10,000 small bundles take
     * about as much. What was listed once is in the kernel, so less would do. */
    BFS_BUNDLES_MEMORY = 24 << 20,
    /* A refusal is believed for so long before the store is asked again. */
    BFS_BUNDLES_RETRY_MS = 1000,
};

/* Slots are 31 bits of a node number (fs/node.h). */
#define BFS_SLOTS_MAX (UINT32_C(0x7fffffff) - 1)

struct bfs_bundles;
/* Everything is borrowed; without `rules`, no view is chosen or hidden. Errors: -ENOMEM. */
int bfs_bundles_new(const struct bfs_store *store, const struct bfs_view_rules *rules,
                    struct bfs_metrics *metrics, const struct bfs_log *log,
                    struct bfs_bundles **ret);
struct bfs_bundles *bfs_bundles_free(struct bfs_bundles *bundles);
BFS_DEFINE_CLEANUP(bfs_bundles, bfs_bundles_free)

/* Calls `gone` for each slot that loses its last reference, without a lock. Set before other
 * threads use the object, or after the last one has; NULL: nobody. */
void bfs_bundles_on_gone(struct bfs_bundles *bundles, void (*gone)(void *context, uint32_t slot),
                         void *context);

/* The slot of a bundle under its name, with a reference: the same for the same name and digest
 * while it is kept, and never another one's. Errors: -ENOMEM, -E2BIG: no slots are left. */
int bfs_bundles_slot(struct bfs_bundles *bundles, const struct bfs_catalog_entry *entry,
                     uint32_t *ret);
/* One more reference to a slot; false: there is no such slot. */
bool bfs_bundles_ref(struct bfs_bundles *bundles, uint32_t slot);
/* Takes n references away. Without one, the slot's index is dropped, and the slot soon. */
void bfs_bundles_unref(struct bfs_bundles *bundles, uint32_t slot, uint64_t n);
/* Does anybody refer to the slot? */
bool bfs_bundles_is_live(struct bfs_bundles *bundles, uint32_t slot);
/* How many slots are kept. */
size_t bfs_bundles_count(struct bfs_bundles *bundles);
/* The inode number of a file, which follows from the bundle's name and digest; of a slot that is
 * gone, the node number. */
uint64_t bfs_bundles_ino(struct bfs_bundles *bundles, uint32_t slot, uint32_t inode);
/* The bundle of a slot, with a reference. Without `may_block`, -EWOULDBLOCK when the store would
 * have to be read. Otherwise -ENOENT (no such slot), or the errors of bfs_bundle_open(); the
 * refusal is remembered. */
int bfs_bundles_get(struct bfs_bundles *bundles, uint32_t slot, bool may_block,
                    struct bfs_bundle **ret);
/* Jobs that need a bundle which is not loaded stand in line behind the first, so that one slow
 * bundle takes one worker and no more. */
enum bfs_turn {
    BFS_TURN_FREE,  /* the bundle is loaded: go on */
    BFS_TURN_LEADS, /* go on, and call bfs_bundles_end() afterwards */
    BFS_TURN_WAITS, /* `job` is in line: whoever leads submits it again */
    BFS_TURN_TAKEN, /* somebody leads, and `job` was NULL */
};
enum bfs_turn bfs_bundles_begin(struct bfs_bundles *bundles, uint32_t slot, struct bfs_job *job);
/* Who stood in line, linked by `next`, to be submitted; NULL: nobody. */
struct bfs_job *bfs_bundles_end(struct bfs_bundles *bundles, uint32_t slot);
/* What this mount shows of its views; of a bundle that bfs_bundles_get() has given. */
struct bfs_views bfs_bundles_views(struct bfs_bundles *bundles, uint32_t slot);
/* Copies "NAME:VERSION" of a slot, or "?", and returns it. */
const char *bfs_bundles_name(struct bfs_bundles *bundles, uint32_t slot,
                             char ret[static BFS_REFERENCE_MAX + 1]);
/* Bytes of all files of the bundle; false: nobody has noted them yet. */
bool bfs_bundles_content_size(struct bfs_bundles *bundles, uint32_t slot, uint64_t *ret);
/* Keeps the size as long as the slot; a loaded bundle notes its own. */
void bfs_bundles_note_content_size(struct bfs_bundles *bundles, uint32_t slot, uint64_t size);
/* What bundle a slot is of; false: there is no such slot. */
bool bfs_bundles_identity(struct bfs_bundles *bundles, uint32_t slot,
                          struct bfs_reference *ret_reference, struct bfs_digest *ret_manifest);
/* A number that grows whenever a bundle may have come to be refused, or served again: who counts
 * refusals counts anew only then. */
uint64_t bfs_bundles_judgements(const struct bfs_bundles *bundles);
/* Somebody else's judgement of a bundle has changed, or other bundles are in the tree. */
void bfs_bundles_note_judgement(struct bfs_bundles *bundles);
/* Is the slot refused at present? Copies the reason. */
bool bfs_bundles_refusal(struct bfs_bundles *bundles, uint32_t slot,
                         char ret[static BFS_ERROR_TEXT_SIZE]);

#endif
