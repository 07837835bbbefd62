/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/json_text.h"

#include <inttypes.h>

/* Not bfs_json_put_string(), which writes "\n" for "\u000a": the headers of views that were packed
 * before would get other bytes. */
void bfs_json_text_put(struct bfs_buffer *buffer, const char *text)
{
    bfs_buffer_put_u8(buffer, '"');
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\')
            bfs_buffer_printf(buffer, "\\%c", byte);
        else if (byte < 0x20)
            bfs_buffer_printf(buffer, "\\u%04x", byte);
        else
            bfs_buffer_put_u8(buffer, byte);
    }
    bfs_buffer_put_u8(buffer, '"');
}

void bfs_json_text_put_shape(struct bfs_buffer *buffer, const uint64_t *shape, uint32_t n_dims)
{
    bfs_buffer_put_u8(buffer, '[');
    for (uint32_t i = 0; i < n_dims; i++)
        bfs_buffer_printf(buffer, "%s%" PRIu64, i ? "," : "", shape[i]);
    bfs_buffer_put_u8(buffer, ']');
}
