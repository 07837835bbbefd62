/* SPDX-License-Identifier: Apache-2.0
 * A small tree to have an order of. Included after cmocka.h and tests/index/samples.h. */
#ifndef BFS_TESTS_TRACE_SAMPLES_H
#define BFS_TESTS_TRACE_SAMPLES_H

enum { SAMPLE_FILE = 2, SAMPLE_EMPTY = 3, SAMPLE_LINK = 4, SAMPLE_FOLDER = 1 };

/* That of samples.h: inode 2, "a/x", has 1000 bytes, a tensor at 100 to 500 and one at 600 to 620.
 */
static inline struct bfs_index *sample_parsed_index(void)
{
    struct bfs_buffer bytes = BFS_BUFFER_INIT;
    struct bfs_index *index = NULL;
    sample_index(&bytes);
    size_t size = bytes.size;
    assert_int_equal(bfs_index_parse(bfs_buffer_steal(&bytes), size, SAMPLE_LAYERS, &index, NULL),
                     0);
    return index;
}

#endif
