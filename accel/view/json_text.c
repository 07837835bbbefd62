/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/json_text.h"

#include "verify/json.h"

#include <inttypes.h>
#include <string.h>

void bfs_json_text_put(struct bfs_buffer *buffer, const char *text)
{
    bfs_json_put_string(buffer, text, strlen(text));
}

void bfs_json_text_put_shape(struct bfs_buffer *buffer, const uint64_t *shape, uint32_t n_dims)
{
    bfs_buffer_put_u8(buffer, '[');
    for (uint32_t i = 0; i < n_dims; i++)
        bfs_buffer_printf(buffer, "%s%" PRIu64, i ? "," : "", shape[i]);
    bfs_buffer_put_u8(buffer, ']');
}
