/* SPDX-License-Identifier: Apache-2.0
 * Sizes and limits of the index and of chunk tables. docs/format.md is the specification; the field
 * order is there. */
#ifndef BFS_CODEC_FORMAT_H
#define BFS_CODEC_FORMAT_H

#define BFS_INDEX_MAGIC "BFSINDEX"
#define BFS_TABLE_MAGIC "BFSTABLE"

enum {
    BFS_FORMAT_MAJOR = 1, /* another major cannot be read */
    BFS_FORMAT_MINOR = 0, /* a higher minor adds what older readers may ignore */

    BFS_INDEX_HEADER_SIZE = 64,
    BFS_INODE_RECORD_SIZE = 144,
    BFS_DIRENT_RECORD_SIZE = 16,
    BFS_TENSOR_RECORD_SIZE = 32,

    BFS_TABLE_HEADER_SIZE = 32,
    BFS_TABLE_BLOB_SIZE = 40,
    BFS_CHUNK_RECORD_SIZE = 80,

    BFS_INODES_MAX = 1 << 22,   /* four million files in one bundle: 600 MB of index */
    BFS_TABLE_BLOBS_MAX = 4096, /* 16 TiB of 4 GiB blobs, or a file deduplicated against as many */
    BFS_TABLE_CHUNKS_MAX = 1 << 25, /* 8 TiB at the default chunk size; 2.7 GB of table */
};

#define BFS_INDEX_SIZE_MAX (UINT64_C(1) << 31)

#endif
