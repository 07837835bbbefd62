/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/json_text.h"

#include <inttypes.h>
#include <string.h>

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

static void put_until(struct bfs_json_splice *splice, const char *end)
{
    bfs_buffer_put(splice->out, splice->done, (size_t)(end - splice->done));
    splice->done = end;
}

void bfs_json_splice_replace(struct bfs_json_splice *splice, struct bfs_json_value value,
                             const char *json)
{
    put_until(splice, value.text);
    bfs_buffer_put_text(splice->out, json);
    splice->done = value.text + value.size;
}

void bfs_json_splice_insert(struct bfs_json_splice *splice, struct bfs_json_value object,
                            int indent, const char *name)
{
    const char *end = object.text + object.size - 1;
    while (end > object.text + 1 && strchr(" \t\r\n", end[-1]))
        end--;
    bool is_first = end == object.text + 1 && splice->inserted != end;
    put_until(splice, end);
    bfs_buffer_printf(splice->out, "%s\n%*s", is_first ? "" : ",", indent, "");
    bfs_json_text_put(splice->out, name);
    bfs_buffer_put_text(splice->out, ": ");
    splice->inserted = end;
}

void bfs_json_splice_finish(struct bfs_json_splice *splice, const char *end)
{
    put_until(splice, end);
}
