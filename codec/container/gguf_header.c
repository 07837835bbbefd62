/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/gguf.h"

#include "codec/container/prefix.h"

static int parse(void *context, const uint8_t *prefix, size_t size, uint64_t file_size,
                 struct bfs_error *error)
{
    return bfs_gguf_header_parse(prefix, size, file_size, context, error);
}

int bfs_gguf_header_read(int fd, uint64_t file_size, const char *file_name,
                         struct bfs_gguf_header *ret, struct bfs_error *error)
{
    bfs_autogguf struct bfs_gguf_header header = {0};
    int r = bfs_prefix_read(fd, file_size, file_name, parse, &header, &header.bytes, error);
    if (r)
        return r;
    *ret = header;
    header = (struct bfs_gguf_header){0};
    return 0;
}

void bfs_gguf_header_done(struct bfs_gguf_header *header)
{
    bfs_tensor_map_done(&header->map);
    free(header->values);
    free(header->bytes);
    *header = (struct bfs_gguf_header){0};
}

const struct bfs_gguf_value *bfs_gguf_find(const struct bfs_gguf_header *header, const char *key)
{
    for (size_t i = 0; i < header->n_values; i++)
        if (bfs_gguf_is_key(&header->values[i], key))
            return &header->values[i];
    return NULL;
}
