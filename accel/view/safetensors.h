/* SPDX-License-Identifier: Apache-2.0
 * A safetensors file that is to be made: a list of tensors becomes a header, parts and a tensor
 * map. The header is padded with spaces so that the data begins at a multiple of 4096.
 *
 * THREAD SAFETY: a draft belongs to one thread. */
#ifndef BFS_ACCEL_SAFETENSORS_H
#define BFS_ACCEL_SAFETENSORS_H

#include "accel/view/convert.h"
#include "accel/view/plan.h"

enum { BFS_SAFETENSORS_ALIGNMENT = 4096 };

enum bfs_draft_kind {
    BFS_DRAFT_CAST,   /* floats as `dtype` */
    BFS_DRAFT_COPY,   /* as it is */
    BFS_DRAFT_SCALED, /* 8 bits */
    BFS_DRAFT_SCALES, /* what belongs to a SCALED one */
};

struct bfs_draft {
    char *name; /* owned */
    enum bfs_draft_kind kind;
    enum bfs_dtype dtype; /* in the view */
    uint32_t n_dims;
    uint64_t shape[BFS_TENSOR_DIMS_MAX];
    uint64_t size; /* in the view */
    const struct bfs_tensor *source;
    unsigned tensor_class;
    enum bfs_scaling scaling;
    size_t of;     /* SCALES: its SCALED draft, by order of adding */
    size_t number; /* order of adding */
};

struct bfs_draft_list {
    struct bfs_draft *drafts; /* owned */
    size_t n_drafts;
};

/* Adds the tensor with the class where its error counts; `draft` has kind, dtype and what its kind
 * needs; the rest follows from the source. Errors: -E2BIG, -ENOMEM. */
int bfs_draft_add(struct bfs_draft_list *list, const struct bfs_tensor *source,
                  const struct bfs_draft *draft);
/* Adds the scales of the draft that was added last, with this name (copied) and shape. */
int bfs_draft_add_scales(struct bfs_draft_list *list, const char *name, uint32_t n_dims,
                         const uint64_t *shape);
void bfs_draft_list_done(struct bfs_draft_list *list);
#define bfs_autodrafts BFS_CLEANUP(bfs_draft_list_done)

/* Page-aligned without gaps, which the format forbids: tensors of whole pages first, the rest by
 * falling alignment, then name. */
void bfs_draft_order(struct bfs_draft_list *list);

/* Makes the file from the drafts in their order: fills parts (the header is the first), map and
 * size of *ret. __metadata__ is that of the input. `want_parts` false leaves all parts but the
 * header out. Errors: -EINVAL (a name twice), -E2BIG, -ENOMEM, errno of reading the input. */
int bfs_safetensors_draft(const struct bfs_view_plan *plan, const struct bfs_view_input *input,
                          const struct bfs_draft_list *list, bool want_parts,
                          struct bfs_view_output *ret, struct bfs_error *error);

#endif
