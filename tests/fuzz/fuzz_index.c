/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/index/index.h"
#include "tests/fuzz/fuzz_target.h"

#include <errno.h>
#include <string.h>

enum { N_LAYERS = 3 };

/* Everything that a reader of the index may ask of an inode that was accepted. */
static void walk(const struct bfs_index *index, uint32_t number)
{
    struct bfs_inode inode = bfs_index_inode(index, number);
    fuzz_require(inode.parent <= number, "parents come before children");
    fuzz_require(inode.table_layer < N_LAYERS, "layers are those of the manifest");
    for (uint32_t i = 0; i < inode.n_dirents; i++) {
        struct bfs_dirent entry = bfs_index_dirent(index, &inode, i);
        uint32_t found;
        fuzz_require(entry.inode < bfs_index_n_inodes(index), "names lead to inodes");
        fuzz_require(bfs_index_lookup(index, &inode, entry.name, entry.name_length, &found) &&
                         found == entry.inode,
                     "a name that is listed is found");
    }
    for (uint32_t i = 0; i < inode.n_tensors; i++) {
        struct bfs_index_tensor tensor = bfs_index_tensor(index, &inode, i);
        fuzz_require(tensor.offset <= inode.size && tensor.size <= inode.size - tensor.offset,
                     "tensors lie in their file");
        fuzz_require(tensor.name_length > 0, "tensors have names");
    }
    if (S_ISLNK(inode.mode))
        fuzz_require(memchr(bfs_index_target(index, &inode), 0, (size_t)inode.size) == NULL,
                     "targets have no NUL");
    char *path = bfs_index_path(index, number);
    fuzz_require(path != NULL, "memory for a path");
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bfs_error error = {0};
    struct bfs_index *index = NULL;
    uint8_t *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    int r = bfs_index_parse(copy, size, N_LAYERS, &index, &error);
    fuzz_require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT || r == -E2BIG,
                 "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    fuzz_require((index != NULL) == (r == 0), "an index on success alone");
    if (r)
        free(copy);
    for (uint32_t i = 0; index && i < bfs_index_n_inodes(index); i++)
        walk(index, i);
    (void)bfs_index_free(index);
    return 0;
}
