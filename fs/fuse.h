/* SPDX-License-Identifier: Apache-2.0
 * The one place that chooses libfuse's API version. */
#ifndef BFS_FS_FUSE_H
#define BFS_FS_FUSE_H

#define FUSE_USE_VERSION 314

#include <fuse_lowlevel.h>

#endif
