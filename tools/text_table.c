/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/text.h"

#include "verify/buffer.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

enum { COLUMNS_MAX = 12 };

struct bfs_table {
    char alignment[COLUMNS_MAX + 1];
    size_t n_columns;
    size_t widths[COLUMNS_MAX];
    struct bfs_buffer cells; /* NUL-ended strings, row by row */
};

struct bfs_table *bfs_table_new(const char *alignment)
{
    struct bfs_table *table = calloc(1, sizeof(*table));
    if (!table)
        return NULL;
    table->n_columns = strnlen(alignment, COLUMNS_MAX);
    memcpy(table->alignment, alignment, table->n_columns);
    return table;
}

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

void bfs_table_row(struct bfs_table *table, const char *first, ...)
{
    va_list args;
    va_start(args, first);
    const char *cell = first;
    for (size_t i = 0; i < table->n_columns && cell; i++, cell = va_arg(args, const char *)) {
        bfs_autofree char *printable = bfs_text_printable(cell, strlen(cell));
        if (!printable) {
            table->cells.status = -ENOMEM;
            break;
        }
        size_t width = width_of(printable);
        if (width > table->widths[i])
            table->widths[i] = width;
        bfs_buffer_put(&table->cells, printable, strlen(printable) + 1);
    }
    va_end(args);
}

int bfs_table_print(struct bfs_table *table, FILE *file)
{
    int r = bfs_buffer_status(&table->cells);
    const char *cell = (const char *)table->cells.bytes;
    const char *end = cell + table->cells.size;
    while (r == 0 && cell && cell < end) {
        for (size_t i = 0; i < table->n_columns; i++, cell += strlen(cell) + 1) {
            bool last = i + 1 == table->n_columns;
            size_t padding = table->widths[i] - width_of(cell);
            bool right = table->alignment[i] == 'r';
            (void)fprintf(file, "%*s%s%*s%s", right ? (int)padding : 0, "", cell,
                          right || last ? 0 : (int)padding, "", last ? "\n" : "  ");
        }
    }
    bfs_buffer_done(&table->cells);
    free(table);
    return r;
}
