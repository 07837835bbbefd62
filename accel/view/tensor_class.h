/* SPDX-License-Identifier: Apache-2.0
 * What a tensor is in its model, by its name and shape: which may be put into 8 bits, and in which
 * class its error is counted. docs/views.md has the rules in words.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_TENSOR_CLASS_H
#define BFS_ACCEL_TENSOR_CLASS_H

#include "codec/container/tensor.h"

enum bfs_tensor_class {
    BFS_CLASS_LINEAR, /* the weight of a linear layer: a matrix [outputs][inputs] */
    BFS_CLASS_EMBEDDING,
    BFS_CLASS_HEAD, /* the matrix that gives logits */
    BFS_CLASS_ROUTER,
    BFS_CLASS_NORM,
    BFS_CLASS_OTHER, /* biases, convolutions, whatever has no ".weight" */
};

/* By the names that PyTorch modules have in Hugging Face checkpoints. */
enum bfs_tensor_class bfs_tensor_class_of(const struct bfs_tensor *tensor);
/* "linear", "embedding", "lm_head", "router", "norm", "other". */
const char *bfs_tensor_class_name(enum bfs_tensor_class class);

#endif
